"""The audit's statistics: against counting by hand, against scipy, and how often intervals cover. All seeded; false alarms under 1 in 10,000."""

import math

import numpy as np
import pytest
from scipy import stats

from labkit.auditing import findings

RNG = np.random.default_rng(0)


def test_exposure_is_the_rank_and_ties_count_against_the_model():
    assert findings.exposures(np.array([0.1, 0.7, 0.2, 0.0]), 1) == 2.0
    assert findings.exposures(np.ones(8), 3) == 0.0
    assert findings.exposures(np.array([3.0, 2.0, 2.0, 1.0]), 1) == pytest.approx(math.log2(4) - math.log2(3))


def test_the_chance_of_exposure_is_uniform_where_nothing_is_known():
    """2,000 models that know nothing, 20 secrets of 1,000 values each: p is at most as small as chance says, and not far above."""
    ranks = RNG.integers(1, 1001, size=(2000, 20))
    p = np.array([findings.chance_of_exposure(np.log2(1000 / each)) for each in ranks])
    for level in (0.01, 0.1, 0.5):
        error = 4 * math.sqrt(level * (1 - level) / 2000)
        assert level - error - 0.02 < (p <= level).mean() < level + error
    assert findings.chance_of_exposure(np.full(20, math.log2(1000))) < 1e-30


@pytest.mark.parametrize("confidence", [0.9, 0.99])
@pytest.mark.parametrize("count", [8, 15, 34, 101])
def test_the_interval_of_the_median_covers_and_is_the_shortest_of_its_kind(count, confidence):
    values = np.sort(RNG.exponential(size=(4000, count)), axis=1)
    found = np.array([findings.median_interval(each, confidence)[1:] for each in values])
    covered = ((found[:, 0] <= math.log(2)) & (math.log(2) <= found[:, 1])).mean()
    assert covered > confidence - 4 * math.sqrt(confidence * (1 - confidence) / 4000)
    below = int((values[0] < found[0, 0]).sum()) + 1  # one step further in would cover too rarely
    assert 2 * stats.binom.cdf(below, count, 0.5) > 1 - confidence >= 2 * stats.binom.cdf(below - 1, count, 0.5)


def test_with_too_few_values_nothing_is_said_of_the_median():
    assert findings.median_interval(np.array([1.0, 2.0, 3.0]), 0.99) == (2.0, -math.inf, math.inf)


@pytest.mark.parametrize("area, shift", [(0.5, 0.0), (0.76, 1.0), (0.98, 3.0)])
def test_the_interval_of_the_area_covers(area, shift):
    hits = 0
    for _ in range(1000):
        found = findings.area_interval(RNG.normal(shift, size=20), RNG.normal(size=25), 0.95)
        hits += found[1] <= stats.norm.cdf(shift / math.sqrt(2)) <= found[2]
    assert hits > 1000 * (0.95 - 4 * math.sqrt(0.95 * 0.05 / 1000))


def test_the_area_is_counted_and_never_sure():
    inside, outside = np.array([3.0, 2.0, 2.0]), np.array([2.0, 1.0])
    by_hand = np.mean([(a > b) + 0.5 * (a == b) for a in inside for b in outside])
    assert findings.area_interval(inside, outside, 0.95)[0] == pytest.approx(by_hand)
    assert findings.area_interval(np.arange(30) + 100.0, np.arange(30.0), 0.99)[1:] == pytest.approx((0.819, 1.0), abs=0.01)


def test_shares_are_clopper_and_pearsons():
    theirs = stats.binomtest(7, 40).proportion_ci(0.99, method="exact")
    assert findings.share_interval(np.arange(40) < 7, 0.99) == pytest.approx((7 / 40, theirs.low, theirs.high))


def test_samples_needed_is_the_definition():
    for p in (0.9, 0.5, 0.3, 0.01, 1e-4):
        for chance in (0.1, 0.5, 0.9):
            n = int(findings.samples_needed(np.log([p]), chance)[0])
            assert 1 - (1 - p) ** n >= chance - 1e-12 and (n == 1 or 1 - (1 - p) ** (n - 1) < chance + 1e-12)
    assert findings.samples_needed(np.array([0.0, -np.inf, -1e6]), 0.5).tolist() == [1.0, np.inf, np.inf]


def test_p_values_are_those_of_scipy():
    inside, outside = RNG.normal(1, size=12), RNG.normal(size=15)
    assert findings.chance_of_area(inside, outside) == stats.mannwhitneyu(inside, outside, alternative="greater").pvalue
    assert findings.chance_of_hits(np.ones(5, bool), np.zeros(5, bool)) == pytest.approx(1 / math.comb(10, 5))
    assert findings.chance_of_hits(np.zeros(5, bool), np.zeros(5, bool)) == 1
