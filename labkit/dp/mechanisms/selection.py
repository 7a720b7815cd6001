"""Mechanisms whose answer is a choice: picking the best of several candidates.

Both are exact: whole numbers only between the random bits and the choice (`labkit.dp.mechanisms.enclosure`). And both take the
same time whatever the scores are, to a few parts in a hundred: the same array operations on the same number of candidates. No
promise of constant time: about once in 100,000 choices among a thousand, one candidate needs a closer look.
`rng` is a numpy Generator, for a lab that must repeat; None takes the operating system's random bits.
"""

from fractions import Fraction
from functools import lru_cache

import numpy as np

from labkit import validate
from labkit.dp.mechanisms.enclosure import BITS, enclosed, settled
from labkit.dp.mechanisms.exact import big_uniform_below, exact_fraction, random_bytes


def exponential(scores, *, sensitivity: float, epsilon: float, rng: np.random.Generator | None = None):
    """Pick a candidate with a high score under epsilon-differential privacy.

    scores:       how good each candidate is on the data, array (k,) of finite numbers of at most 64 bits, taken as exact.
    sensitivity:  largest change of any one score between neighbouring data sets, in the units of `scores`, > 0.
    epsilon:      privacy loss bound, > 0 (dimensionless); delta is 0.
    Returns the index of one candidate, drawn with probability proportional to exp(epsilon score / (2 sensitivity)).
    The candidates must be fixed without looking at the data. Only the index is paid for: the winner's score is not.
    Neighbouring: whatever relation `sensitivity` was computed for.
    Raises ValueError for scores that are no finite list, or a bad sensitivity or epsilon.
    Source: McSherry, Talwar, FOCS 2007.
    """
    scores, unit, rng = _checked(scores, sensitivity, epsilon, rng)
    low, high = enclosed(scores, unit)
    ends = np.cumsum(high)
    while True:  # suggest a candidate by the upper bound of its weight, and keep it with probability weight / upper bound
        place = big_uniform_below(int(ends[-1]), rng)
        winner = int(np.searchsorted(ends, place, side="right"))
        place -= int(ends[winner] - high[winner])
        if place < low[winner] or settled(place, _gap(scores, winner), unit, _bits_from(rng)):
            return winner


def report_noisy_max(scores, *, sensitivity: float, epsilon: float, rng: np.random.Generator | None = None):
    """Pick the candidate whose score plus noise is largest, under epsilon-differential privacy.

    The noise is exponential with mean 2 sensitivity / epsilon. Why that is private: hold the others' noise still; then a
    candidate wins if its own noise exceeds some threshold. On a neighbouring data set the threshold moves by at most
    2 sensitivity, and so the chance of exceeding it changes by a factor of at most exp(epsilon).
    It is sampled by permute-and-flip, which chooses with the same probabilities: in random order each candidate tosses a
    coin of exp(-epsilon (best - score) / (2 sensitivity)), and the first head wins. On average that is never worse than
    `exponential`, which weighs by the same coins.

    scores, sensitivity, epsilon, neighbouring relation, errors: as for `exponential`. Returns the index of the winner.
    Source: McKenna, Sheldon, NeurIPS 2020; its noise: Ding et al., arXiv 2105.07260, 2021.
    """
    scores, unit, rng = _checked(scores, sensitivity, epsilon, rng)
    low, high = enclosed(scores, unit)
    drawn = (np.frombuffer(random_bytes(4 * len(scores), rng), "<u4") >> (32 - BITS)).astype(np.int64)
    heads = drawn < low
    for each in np.flatnonzero((drawn < high) & ~heads):
        heads[each] = settled(int(drawn[each]), _gap(scores, each), unit, _bits_from(rng))
    heads = np.flatnonzero(heads)  # the best is always among them
    return int(heads[big_uniform_below(len(heads), rng)])  # the first head in a random order is a random head


def _checked(scores, sensitivity, epsilon, rng):
    """The scores as float64, int64 or uint64, and epsilon / (2 sensitivity) as a Fraction."""
    given, scores = scores, validate.array(scores=scores, ndim=1)
    if scores.dtype.itemsize > 8:
        raise ValueError(f"scores must be numbers of at most 64 bits, got {scores.dtype}: {given!r:.60}")
    if scores.dtype != np.uint64:
        scores = scores.astype(np.float64 if scores.dtype.kind == "f" else np.int64)
    validate.positive(epsilon=epsilon), validate.positive(sensitivity=sensitivity)
    return scores, _unit(epsilon, sensitivity), validate.generator(rng=rng)


@lru_cache(maxsize=256, typed=True)
def _unit(epsilon, sensitivity):
    return exact_fraction(epsilon=epsilon) / (2 * exact_fraction(sensitivity=sensitivity))


def _gap(scores, place):
    return Fraction(scores.max().item()) - Fraction(scores[place].item())


def _bits_from(rng):
    return lambda count: int.from_bytes(random_bytes(count // 8, rng))
