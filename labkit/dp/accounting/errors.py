"""What an epsilon does to a number: the error to expect, before any data are looked at, and the epsilon for an error one can bear.

Noise is one part of the error, and known exactly. Clamping is the other: values outside the bounds are moved to the nearer end, which
shifts sums and means by an amount that no error bar of the noise shows. It depends on the data, so it is worked out for a `population`
that resembles them: public or made-up values, never the private ones.

The mechanisms are Laplace noise, in whole numbers for counts (Ghosh, Roughgarden, Sundararajan, STOC 2009), and for quantiles
`labkit.dp.private_quantile`. OpenDP's accuracy functions say the same of Laplace noise; tests/dp/accounting/test_errors.py compares.
"""

import math
from dataclasses import dataclass

import numpy as np

from labkit import validate
from labkit.dp.relations import ADD_OR_REMOVE, REPLACE

STATISTICS = ("count", "sum", "mean", "histogram", "quantile")
LEAST, MOST = 1e-6, 1e3  # epsilons that `epsilon_for_error` tries
FAR = 45.0  # scales of Laplace noise beyond which less than 1e-19 of it lies


@dataclass(frozen=True)
class ExpectedError:
    """What error to expect, in the units of the statistic.

    noise:   root mean square of what the noise does, with the values as clamped.
    within:  half the width of the interval that holds the private answer with probability `share`, around the one without noise; for a
             histogram of each single bin.
    bias:    how far clamping moves the statistic of the population; 0 where nothing is clamped, None where no population was given.
    total:   root mean square error against the statistic of the values as they were: noise and bias together.
    """

    statistic: str
    epsilon: float
    relation: str
    noise: float
    within: float
    share: float
    bias: float | None

    @property
    def total(self):
        return math.hypot(self.noise, self.bias or 0.0)


def error_of(*, statistic, epsilon, n, bounds=None, population=None, relation=ADD_OR_REMOVE, contributions=1, share=0.95,
             quantile=0.5, points=10_001):
    """The ExpectedError of one private answer.

    statistic:      "count", "sum", "mean", "histogram" (of people, one bin each) or "quantile".
    epsilon:        for this answer, > 0; delta is 0.
    n:              about how many records there are, a public number, at least 1.
    bounds:         (low, high) to which values are clamped, needed for sums, means and quantiles.
    population:     values that look like the data (public or made up), for the bias, the mean and the quantile's neighbourhood. Without it
                    no bias is given, a mean is taken to lie at an end of its bounds (the worst), and values for a quantile to be spread evenly.
    relation:       "add or remove one record", or "replace one record". With the first the number of records is private too: a mean is
                    a noisy sum (around the middle of the bounds) over a noisy count, half of epsilon each. With the second n is public.
    contributions:  records that one person may have, at least 1; the relation is then about that person.
    share:          for `within`, strictly between 0 and 1.
    quantile:       strictly between 0 and 1, 0.5 for the median; points: possible answers, as in `private_quantile`.
    Raises ValueError for an argument out of its range.
    """
    validate.one_of(statistic=statistic, options=STATISTICS)
    validate.one_of(relation=relation, options=(ADD_OR_REMOVE, REPLACE))
    epsilon = validate.positive(epsilon=epsilon)
    n, share = validate.integer(n=n, at_least=1), validate.probability(share=share)
    each = epsilon / validate.integer(contributions=contributions, at_least=1)
    low, high = _bounds(statistic, bounds)
    values = None if population is None else np.sort(validate.array(population=population, ndim=1).astype(float))
    replaced = relation == REPLACE
    if statistic in ("count", "histogram"):
        # A replaced record leaves the number of records as it is; a count is then of those with some property, and moves by 1.
        noise, tail = _whole(each / 2 if replaced and statistic == "histogram" else each)
        return ExpectedError(statistic, epsilon, relation, noise, _whole_within(tail, share), share, 0.0)
    clamped = None if values is None else np.clip(values, low, high)
    if statistic == "quantile":
        noise, within, bias = _quantile(each, n, low, high, values, quantile, points, share)
    elif statistic == "sum":
        scale = (high - low if replaced else max(abs(low), abs(high))) / each
        noise, within = math.sqrt(2) * scale, -scale * math.log1p(-share)
        bias = None if values is None else n * float(clamped.mean() - values.mean())
    elif replaced:
        scale = (high - low) / n / each
        noise, within = math.sqrt(2) * scale, -scale * math.log1p(-share)
        bias = None if values is None else float(clamped.mean() - values.mean())
    else:
        off = (high - low) / 2 if values is None else abs(float(clamped.mean()) - (low + high) / 2)
        noise, within = _mean(each, n, high - low, off, share)
        bias = None if values is None else float(clamped.mean() - values.mean())
    return ExpectedError(statistic, epsilon, relation, noise, within, share, bias)


def epsilon_for_error(*, error, statistic, n, **more):
    """The least epsilon (to four digits, rounded up) with which the private answer is within `error` with probability `share`.

    error:  in the units of the statistic, > 0: half the width of the interval. Noise alone counts: no epsilon mends the bias.
    more:   as for `error_of`, which this function inverts.
    Raises ValueError for an argument out of its range, or an error that no epsilon up to 1,000 reaches.
    """
    error = validate.positive(error=error)

    def enough(power):
        return error_of(statistic=statistic, epsilon=math.exp(power), n=n, **more).within <= error

    low, high = math.log(LEAST), math.log(MOST)
    if not enough(high):
        least = error_of(statistic=statistic, epsilon=MOST, n=n, **more).within
        raise ValueError(f"error must be one that an epsilon up to {MOST:g} reaches, at least {least:.3g} here, got {error!r}")
    while high - low > 2e-5:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    step = 10.0 ** (math.floor(high / math.log(10)) - 3)
    return float(f"{math.ceil(math.exp(high) / step) * step:.4g}")


def _bounds(statistic, bounds):
    if statistic in ("count", "histogram"):
        if bounds is not None:
            raise ValueError(f"bounds must be None for a {statistic}, in which nothing is clamped, got {bounds!r}")
        return 0.0, 1.0
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise ValueError(f"bounds must be a pair (low, high) for a {statistic}, got {bounds!r}")
    low, high = validate.finite(low=bounds[0]), validate.finite(high=bounds[1])
    if low >= high:
        raise ValueError(f"bounds must be a pair (low, high) with low below high, got {bounds!r}")
    return low, high


def _whole(epsilon):
    """Discrete Laplace noise: its root mean square, and a function t -> P(|noise| > t) for whole t."""
    less = math.exp(-epsilon)
    return math.sqrt(2 * less) / -math.expm1(-epsilon), lambda t: 2 * math.exp(-epsilon * (t + 1)) / (1 + less)


def _whole_within(tail, share):
    """The least whole number t with P(|noise| > t) <= 1 - share."""
    high = 1
    while tail(high) > 1 - share:
        high *= 2
    low = -1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if tail(middle) <= 1 - share else (middle, high)
    return float(high)


def _mean(epsilon, n, width, off, share):
    """(root mean square, within) of mid + (noisy sum around mid) / (noisy count, at least 1), where the mean is `off` from mid."""
    rate = epsilon / 2
    reach = min(int(FAR / rate) + 1, 5_000_000)
    extra = np.unique(np.rint(np.linspace(-reach, reach, 4_001)))  # every whole number, or a grid of them
    weight = np.exp(-rate * np.abs(extra)) * np.gradient(extra)
    weight /= weight.sum()
    scale = width / 2 / rate
    count = np.maximum(n + extra, 1)
    shift = off * n / count - off  # of the answer, if the sum had no noise
    noise = math.sqrt(float(weight @ (2 * (scale / count) ** 2 + shift**2)))

    def outside(t):  # P(|shift + Laplace / count| > t)
        up, down = (t - shift) * count / scale, (t + shift) * count / scale
        beyond = [np.where(each > 0, 0.5 * np.exp(-np.abs(each)), 1 - 0.5 * np.exp(-np.abs(each))) for each in (up, down)]
        return float(weight @ (beyond[0] + beyond[1]))

    return noise, _solved(outside, 1 - share, noise)


def _solved(outside, least, guess):
    high = guess
    while outside(high) > least:
        high *= 2
    low = 0.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if outside(middle) <= least else (middle, high)
    return high


def _quantile(epsilon, n, low, high, values, quantile, points, share):
    """(root mean square, within, bias) of the exponential mechanism of `private_quantile` on n people spread as the population is."""
    quantile, points = validate.probability(quantile=quantile), validate.integer(points=points, at_least=2, at_most=1_000_000)
    grid = np.linspace(low, high, points)
    if values is None:
        counts, truth, bias = np.full(points, n / points), low + quantile * (high - low), None
    else:
        places = np.rint((np.clip(values, low, high) - low) / (high - low) * (points - 1)).astype(int)
        counts = np.bincount(places, minlength=points) * (n / len(values))
        real = float(np.quantile(values, quantile, method="inverted_cdf"))
        truth = min(max(real, low), high)
        bias = truth - real
    at_most = np.cumsum(counts)
    score = np.maximum(0, np.maximum(at_most - counts - quantile * n, quantile * n - at_most))
    chance = np.exp(-epsilon / 2 * (score - score.min()))
    chance /= chance.sum()
    away = np.abs(grid - truth)
    order = np.argsort(away)
    place = min(int(np.searchsorted(np.cumsum(chance[order]), share * (1 - 1e-12))), points - 1)
    return math.sqrt(float(chance @ away**2)), float(away[order][place]), bias
