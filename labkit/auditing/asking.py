"""A model of tokens as the audit asks it: texts in, log-probabilities or texts out.

    score(prefix, continuations)  ->  float array (n,): the log-probability, in nats, of each continuation (str) after the prefix (str)
    sample(prefix, count)         ->  `count` continuations (str), drawn as the model is used

Any function of that form will do: a service that tells log-probabilities, or one that only writes. For a network that is at hand as a
language model in the form of `labkit.attacks.extraction` (token ids in, log-probabilities out), these two make them.
"""

from collections import defaultdict

import numpy as np

from labkit import validate
from labkit.attacks.extraction import candidate_log_probabilities


def token_scorer(log_probabilities, encode):
    """The `score` of a language model of tokens.

    log_probabilities:  language model: int array (batch, time) -> (batch, time, vocabulary), see `labkit.attacks.extraction`.
    encode:             str -> token ids (a row), with the token that begins every text, if there is one.
    Continuations that begin alike share the work: all 1,000 codes of three digits cost 111 texts.
    The function that it returns raises ValueError where a continuation melts into its prefix: encode(prefix + continuation) must begin
    with encode(prefix), so end the prefix where a token ends.
    """
    _callable(log_probabilities=log_probabilities, encode=encode)

    def score(prefix, continuations):
        start, by_length = _row(encode, prefix), defaultdict(list)
        for place, continuation in enumerate(continuations):
            tokens = _row(encode, prefix + continuation)
            if len(tokens) <= len(start) or not np.array_equal(tokens[:len(start)], start):
                raise ValueError(f"prefix must end where a token ends, got one that melts into what follows ({len(prefix)} characters)")
            by_length[len(tokens)].append((place, tokens[len(start):]))
        scores = np.empty(len(continuations))
        for group in by_length.values():
            places, rows = zip(*group)
            scores[list(places)] = candidate_log_probabilities(log_probabilities, start, np.array(rows))
        return scores

    return score


def token_sampler(log_probabilities, encode, decode, *, length, temperature=1.0, top_k=None, together=100,
                  rng: np.random.Generator | None = None):
    """The `sample` of a language model of tokens.

    log_probabilities, encode: as for `token_scorer`. decode: token ids (a row) -> str.
    length:       tokens to draw, >= 1: as many as the longest secret has.
    temperature:  > 0; below 1 makes the likely likelier. top_k: draw among the k likeliest tokens, >= 1; None for all.
    together:     texts asked at once, >= 1. rng: numpy Generator, or None for fresh randomness.
    """
    _callable(log_probabilities=log_probabilities, encode=encode, decode=decode)
    length, together = validate.integer(length=length, at_least=1), validate.integer(together=together, at_least=1)
    temperature = validate.positive(temperature=temperature)
    top_k = None if top_k is None else validate.integer(top_k=top_k, at_least=1)
    rng = np.random.default_rng() if validate.generator(rng=rng) is None else rng

    def sample(prefix, count):
        start, said = _row(encode, prefix), []
        for begun in range(0, count, together):
            texts = np.tile(start, (min(together, count - begun), 1))
            for _ in range(length):
                scaled = np.asarray(log_probabilities(texts))[:, -1].astype(float) / temperature
                if top_k is not None and top_k < scaled.shape[1]:
                    least = np.partition(scaled, -top_k, axis=1)[:, -top_k, None]
                    scaled = np.where(scaled >= least, scaled, -np.inf)
                luck = scaled + rng.gumbel(size=scaled.shape)  # the largest is a draw from the softmax
                texts = np.column_stack([texts, luck.argmax(1)])
            said += [decode(text[len(start):]) for text in texts]
        return said

    return sample


def _row(encode, text):
    tokens = np.asarray(encode(text))
    tokens = tokens[0] if tokens.ndim == 2 and len(tokens) == 1 else tokens
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
        raise ValueError(f"encode must give a row of token ids, got shape {tokens.shape}, dtype {tokens.dtype}")
    return tokens


def _callable(**functions):
    for name, each in functions.items():
        if not callable(each):
            raise ValueError(f"{name} must be a function, got {each!r}")
