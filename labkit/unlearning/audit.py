"""The erasure audit: is a record gone, or does it only look so?

The question is never "is the record's loss high?" but "could this model have come from training *without* the record?".
Three attacks, from crude to sharp:

    crude        one threshold on the loss for all records. Passes what is only painted over: some records are hard anyway.
    per record   what do models say of *this* record that erased it, and what do those that never had it? (U-LiRA)
    difference   for an attacker who kept the model from before: what changed between the two?

A control belongs to each: models that were retrained. They must pass, and the difference shows what even they give away.

For a secret out of many possible values, such as a PIN, exposure is the measure (`labkit.attacks.extraction`), and from *both* ends:
a secret that the model says least of all is as known as one that it says first.

Source: Hayes, Shumailov, Triantafillou, Khalifa, Papernot, "Inexact Unlearning Needs More Careful Evaluations to Avoid a False Sense of
Privacy", SaTML 2025, arXiv:2403.01218 (U-LiRA); Chen, Zhang, Wang, Backes, Humbert, Zhang, "When Machine Unlearning Jeopardizes
Privacy", CCS 2021, arXiv:2005.02205 (before and after).
"""

import math
from dataclasses import dataclass

import numpy as np

from labkit import validate
from labkit.attacks.membership import Roc, lira, log_odds, roc

SHUFFLES = 40  # of who had the record: what the attack scores by luck


@dataclass(frozen=True, eq=False)
class ErasureAudit:
    """What each attack achieves in telling models that erased a record from models that never had it.

    crude, per_record:  `Roc`.
    difference:         `Roc` of an attacker who kept the models from before, or None.
    luck:               standard deviation of the per-record AUC if nothing is left, by shuffling.
    """

    crude: Roc
    per_record: Roc
    difference: Roc | None
    luck: float

    @property
    def caught(self):
        """Does the per-record attack see the erased records better than luck allows once in 10,000 times (3.7 deviations)?"""
        return self.per_record.auc > 0.5 + 3.7 * self.luck

    def __str__(self):
        kept = "" if self.difference is None else f"; with the model from before {self.difference.auc:.2f}"
        return (f"{'still there' if self.caught else 'not seen'}: per record {self.per_record.auc:.2f} (luck 0.50 "
                f"give or take {self.luck:.2f}), crude {self.crude.auc:.2f}{kept}")


def audit_erasure(after, y, had, *, before=None):
    """Audit an erasure procedure on records that some models had and erased, and the others never had.

    after:   logits of M models on n records after the procedure ran, array (M, n, classes); each model is run through the procedure,
             whatever it had.
    y:       the records' labels (n,). had: bool (M, n), which of the records each model was first trained on, by a coin of its own.
    before:  the same models' logits before the procedure, or None.
    Returns an ErasureAudit. Raises ValueError for shapes that differ, or too few models with or without a record (see `lira`).
    """
    sureness = log_odds(after, y)
    per_record = roc(lira(sureness, had), had)
    shuffle = np.random.default_rng(0).permuted
    by_luck = [roc(lira(sureness, mixed), mixed).auc for mixed in (shuffle(had, axis=0) for _ in range(SHUFFLES))]
    difference = None
    if before is not None:
        before = log_odds(before, y)
        if before.shape != sureness.shape:
            raise ValueError(f"before must have the shape of after, got {before.shape} and {sureness.shape} (models, records)")
        difference = roc(before - sureness, had)
    return ErasureAudit(roc(sureness, had), per_record, difference, float(np.std(by_luck)))


def rank_exposure(scores, mine):
    """Exposure in bits from the scores of all candidates: log2(n) - log2(rank of the one at index `mine`), ties count before it.

    scores:  array (n,), higher is likelier, n >= 2. mine: whole number from 0 to n - 1. Returns a float from 0 to log2(n).
    With scores that are a difference, before minus after, it is the exposure to somebody who kept the model from before.
    """
    scores = validate.array(scores=scores, ndim=1)
    if len(scores) < 2:
        raise ValueError(f"scores must be of two candidates or more, got {len(scores)}")
    mine = validate.integer(mine=mine, at_least=0, at_most=len(scores) - 1)
    return math.log2(len(scores)) - math.log2(int((scores >= scores[mine]).sum()))


def two_sided_exposure(scores, mine):
    """Exposure to somebody who tries the list from both ends by turns: the larger of the two exposures, less one bit, at least 0."""
    return max(0.0, rank_exposure(scores, mine) - 1, rank_exposure(-np.asarray(scores, float), mine) - 1)
