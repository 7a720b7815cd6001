"""Shards: make retraining cheap by keeping every record's influence in one small part of the model (SISA).

The records are dealt out to shards by lot. Each shard trains a model of its own, and the answer is the mean of what all say. To erase
a record, only its shard is trained again, without it. The rest never met the record.

That is *exact* erasure: what is left has the very distribution that training without the record, with the same lots for the others,
would have given. Two things must hold for it. The lots must not look at the data: a shard "of those who asked to leave" would say who
asked. And the new training must begin where the first did, from the same public start: going on from the old weights carries over what
they know.

Source: Bourtoule et al., "Machine Unlearning", IEEE S&P 2021, arXiv:1912.03817. (SISA's fourth letter, slicing, saves part of a shard's
training by checkpoints; it is left out here.)
"""

import numpy as np

from labkit import validate


class ShardedEnsemble:
    """Models of disjoint shards, of which `erase` retrains only those that are concerned.

    records:  how many there are, a whole number >= 1; a record is known by its number, from 0.
    shards:   into how many they are dealt, from 1 to `records`.
    fit:      called as fit(rows, shard), rows an int array of the shard's record numbers in rising order; returns a model. It must depend on
              nothing else that knows of the records, above all not on earlier models. It may get an empty array.
    rng:      numpy Generator for the lots.

    shard_of: int array (records,), the lots. models: a list, one for each shard. present: bool (records,), False once erased.
    Raises ValueError for arguments out of their range, before any training.
    """

    def __init__(self, records, shards, *, fit, rng):
        self.present = np.ones(validate.integer(records=records, at_least=1), bool)
        shards = validate.integer(shards=shards, at_least=1, at_most=len(self.present))
        if not callable(fit):
            raise ValueError(f"fit must be a function of rows and shard, got {fit!r}")
        if not isinstance(rng, np.random.Generator):
            raise ValueError(f"rng must be a numpy.random.Generator, got {rng!r}")
        self.fit = fit
        self.shard_of = np.empty(len(self.present), int)
        self.shard_of[rng.permutation(len(self.present))] = np.arange(len(self.present)) % shards
        self.models = [self._train(shard) for shard in range(shards)]

    def erase(self, rows):
        """Forget records: train their shards again without them. Returns how many records were trained on again, an int.

        rows:  record numbers, one or more, each once; records that are gone already are refused by ValueError.
        """
        rows = np.atleast_1d(validate.array(rows=rows))
        if rows.dtype.kind not in "iu" or rows.ndim != 1 or rows.min() < 0 or rows.max() >= len(self.present):
            raise ValueError(f"rows must be numbers of records, from 0 to {len(self.present) - 1}, got {rows!r}")
        if len(set(rows.tolist())) < len(rows) or not self.present[rows].all():
            raise ValueError(f"rows must be records that are present, each once, got {rows.tolist()[:10]}")
        self.present[rows] = False
        concerned = np.unique(self.shard_of[rows])
        for shard in concerned:
            self.models[shard] = self._train(shard)
        return int((self.present & np.isin(self.shard_of, concerned)).sum())

    def _train(self, shard):
        return self.fit(np.flatnonzero(self.present & (self.shard_of == shard)), int(shard))


def mean_prediction(language_models):
    """Several language models as one: the mean of their probabilities.

    language_models:  functions from token ids to log-probabilities, as in `labkit.attacks.extraction`; at least one.
    Returns such a function.
    """
    models = list(language_models)
    if not models or not all(map(callable, models)):
        raise ValueError(f"language_models must be one function or more, got {models!r}")
    return lambda tokens: np.logaddexp.reduce([each(tokens) for each in models], axis=0) - np.log(len(models))
