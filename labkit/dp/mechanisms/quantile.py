"""A private median, or any other quantile: the exponential mechanism over a grid of possible answers.

The median itself may jump from one end of the range to the other when a single person leaves, so noise that covers its sensitivity
would bury it. But *how many people would have to change for c to be the median* moves by at most 1. So score each possible answer
c by that number, and draw c with probability proportional to exp(-epsilon score / 2): near the median if it is clear, spread out
where it is not.

The range and the grid come from the caller, never from the data: the smallest or largest value is a person's.

Sources: Smith, STOC 2011 (drawing by intervals); Asi, Duchi, NeurIPS 2020 (that score, the inverse sensitivity); McSherry, Talwar,
FOCS 2007 (the mechanism).
"""

from bisect import bisect_right
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np

from labkit import validate
from labkit.dp.mechanisms.exact import big_uniform_below, exact_fraction
from labkit.dp.mechanisms.records import numbers_of

BITS = 200  # to which weights are computed: the answer is distributed as it should, up to one part in 2^130
MOST_POINTS = 1 << 40
WIDEST = 1e150  # ends of the range beyond that leave no room for products


def private_quantile(values, *, quantile, low, high, epsilon: float, points=10_001, rng: np.random.Generator | None = None):
    """A value with about the share `quantile` of the records below it, under epsilon-differential privacy.

    values:    one number per person, a list, array or table column of n >= 0. Values outside [low, high], infinite ones too, count as
               the nearer end; a missing value, or one that is no number, counts for nobody.
    quantile:  strictly between 0 and 1; 0.5 asks for the median.
    low, high: the range of possible answers, in the units of `values`, known without looking at the data.
    epsilon:   privacy loss bound, > 0; delta is 0, but for the 2^-130 by which weights are cut.
    points:    how many possible answers there are, equally spaced from low to high, both included, from 2 to 2^40. Each value is
               rounded to the nearest one; 101 points from 0 to 100 are the whole numbers.
    rng:       numpy Generator, or None for the operating system's random bits.
    Returns one of the points, a float. Where many people share one value, as 40 hours a week, that value is found.
    Neighbouring: one record is added or removed, or one is replaced; the score's sensitivity is at most 1 for both.
    Raises ValueError for arguments out of range.
    """
    values = numbers_of(values=values)
    values = values[~np.isnan(values)]
    quantile = validate.probability(quantile=quantile)
    low, high = validate.finite(low=low), validate.finite(high=high)
    if low >= high or max(abs(low), abs(high)) > WIDEST:
        raise ValueError(f"high must be above low ({low!r}), and both within {WIDEST:g}, got {high!r}")
    points = validate.integer(points=points, at_least=2, at_most=MOST_POINTS)
    half, rng = exact_fraction(epsilon=epsilon) / 2, validate.generator(rng=rng)
    places = np.rint((np.clip(values, low, high) - low) / (high - low) * (points - 1)).astype(np.int64)
    starts, lengths, scores = stretches(places, points, quantile)
    return low + (high - low) * draw(starts, lengths, cumulative_weights(lengths, scores, half), rng) / (points - 1)


def stretches(places, points, quantile):
    """The grid cut into stretches of points that score alike.

    places:  int64 array (n,), each person's point, 0 ... points - 1.
    Returns three lists, first point, length and score of each stretch. The score of a point is how far quantile * n is outside
    the interval from the number of people below it to the number of people at or below it, as a Fraction.
    """
    occupied, counts = np.unique(places, return_counts=True)
    target = Fraction(quantile) * len(places)
    starts, lengths, scores = [], [], []
    free, below = 0, 0  # the first point not yet dealt with, and the people below it
    for point, count in zip([*occupied.tolist(), points], [*counts.tolist(), 0]):
        if point > free:
            starts.append(free), lengths.append(point - free), scores.append(abs(below - target))
        if point < points:
            starts.append(point), lengths.append(1), scores.append(max(Fraction(0), below - target, target - below - count))
        free, below = point + 1, below + count
    return starts, lengths, scores


def cumulative_weights(lengths, scores, half_epsilon):
    """Running sums of length * exp(-half_epsilon * score), as whole numbers of 2^-BITS of the best score's exp."""
    best, total, sums = min(scores), 0, []
    with localcontext(prec=70) as context:
        for length, score in zip(lengths, scores):
            gap = (score - best) * half_epsilon
            if gap < BITS:  # exp(-BITS) is far below 2^-BITS
                total += length * int(2**BITS * context.exp(-Decimal(gap.numerator) / gap.denominator))
            sums.append(total)
    return sums


def draw(starts, lengths, sums, rng=None):
    """One point: a stretch is as likely as its weight, and its points are alike, so one random number picks both."""
    drawn = big_uniform_below(sums[-1], rng)
    stretch = bisect_right(sums, drawn)
    before = sums[stretch - 1] if stretch else 0
    return starts[stretch] + (drawn - before) * lengths[stretch] // (sums[stretch] - before)
