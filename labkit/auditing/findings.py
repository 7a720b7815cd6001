"""The statistics of a release audit: intervals and p-values that hold for any model.

Each canary is one draw. A secret by lot that the model never saw has an exposure of x bits or more with probability 2^-x at most, so
that exposures add up to a gamma variable; medians and shares have exact intervals; and the area under a curve has one from the largest
variance that two distributions can give it.
"""

import math

import numpy as np
from scipy import stats

from labkit.dp.auditing.bounds import clopper_pearson


def exposures(scores, secret):
    """log2(candidates) - log2(rank of the secret), in bits; equal scores count as guessed before it. scores: (n,); secret: index."""
    return math.log2(len(scores)) - math.log2(int((scores >= scores[secret]).sum()))


def chance_of_exposure(bits):
    """The p-value of these exposures, array (n,): how often models that never saw the secrets show as much in all, or more.

    -ln(rank / candidates) is at most exponential, whatever the model, so that the sum is at most a gamma variable (Fisher's method).
    """
    return float(stats.gamma.sf(math.log(2) * float(np.sum(bits)), len(bits)))


def median_interval(values, confidence):
    """(median, low, high): the interval between two order statistics holds the true median with this confidence or more.

    Exact for independent values of any distribution; (-inf, inf) where there are too few.
    """
    ordered, count = np.sort(values), len(values)
    below = int(stats.binom.ppf((1 - confidence) / 2, count, 0.5))  # the most with P(Binomial < below) <= half the error
    while below > 0 and stats.binom.cdf(below - 1, count, 0.5) > (1 - confidence) / 2:
        below -= 1
    low, high = (ordered[below - 1], ordered[count - below]) if below else (-math.inf, math.inf)
    return float(np.median(ordered)), float(low), float(high)


def share_interval(hits, confidence):
    """(share, low, high) of True among bool (n,), by Clopper and Pearson: exact."""
    low, high = clopper_pearson(int(np.sum(hits)), len(hits), (1 - confidence) / 2)
    return float(np.mean(hits)), float(low), float(high)


def area_interval(inside, outside, confidence):
    """(area, low, high): the chance that one of `inside` scores higher than one of `outside`, ties by a coin; with an interval.

    Wilson's interval with the largest variance that any two distributions give the area, A (1 - A) / min(n, m).
    Source: Birnbaum, Klose, "Bounds for the Variance of the Mann-Whitney Statistic", Annals of Mathematical Statistics 1957.
    """
    area = float(stats.mannwhitneyu(inside, outside).statistic) / (len(inside) * len(outside))
    fewer, z = min(len(inside), len(outside)), float(stats.norm.ppf((1 + confidence) / 2))
    middle = (area + z**2 / (2 * fewer)) / (1 + z**2 / fewer)
    half = z / (1 + z**2 / fewer) * math.sqrt(area * (1 - area) / fewer + z**2 / (4 * fewer**2))
    return area, max(0.0, middle - half), min(1.0, middle + half)


def chance_of_area(inside, outside):
    """The p-value of scores being higher inside, if the labels were coins (Mann and Whitney)."""
    return float(stats.mannwhitneyu(inside, outside, alternative="greater").pvalue)


def chance_of_hits(inside, outside):
    """The p-value of so many more hits inside (bool arrays), if the labels were coins (Fisher's exact test)."""
    table = [[int(np.sum(each)), len(each) - int(np.sum(each))] for each in (inside, outside)]
    return float(stats.fisher_exact(table, alternative="greater").pvalue)


def samples_needed(log_probability, chance):
    """How many samples say a secret at least once with this chance, when each does with that log-probability: n of (n, p).

    log_probability: nats, array (n,), at most 0. Returns floats; infinity where the model never says it.
    Source: Hayes, Swanberg, Chaudhari, Yona, Shumailov and others, "Measuring memorization in language models via probabilistic
    extraction", NAACL 2025 (arXiv:2410.19482).
    """
    p = np.exp(np.minimum(np.asarray(log_probability, float), 0.0))
    with np.errstate(divide="ignore"):
        return np.where(p < 1, np.maximum(1.0, np.ceil(math.log1p(-chance) / np.log1p(-np.minimum(p, 1 - 1e-16)))), 1.0)
