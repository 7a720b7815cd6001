"""Private quantiles: their exact probabilities, ties, values out of bounds, and the twins that leak."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from labkit.dp import private_quantile
from labkit.dp.auditing.bounds import audit
from labkit.dp.mechanisms.quantile import cumulative_weights, draw, stretches

RARE = 1e-6  # each statistical test below fails by chance once in a million seeds
SURE = 0.9999


def seeded():
    return np.random.default_rng(52)


def score(values, candidate, quantile):
    """By its definition: how far the wanted rank is outside [people below, people at or below]."""
    below, at_most = np.sum(np.array(values) < candidate), np.sum(np.array(values) <= candidate)
    return max(0, below - quantile * len(values), quantile * len(values) - at_most)


def probabilities(values, points, quantile, epsilon):
    weights = np.exp([-epsilon / 2 * score(values, each, quantile) for each in range(points)])
    return weights / weights.sum()


CASES = {
    "spread": ([1, 4, 6, 9], 0.5), "ties": ([3, 3, 3, 3, 8], 0.5), "low": ([2, 5, 7], 0.1), "high": ([2, 5, 7], 0.9),
    "ends": ([0, 10, 10], 0.5), "one": ([5], 0.25), "all points": (list(range(11)), 0.5),
}


@pytest.mark.parametrize("values, quantile", CASES.values(), ids=CASES)
def test_stretches_cover_the_grid_and_score_as_defined(values, quantile):
    starts, lengths, scores = stretches(np.array(values), 11, quantile)
    assert sum(lengths) == 11 and starts == np.cumsum([0, *lengths[:-1]]).tolist() and min(lengths) > 0
    spelled_out = np.repeat([float(each) for each in scores], lengths)
    assert spelled_out == pytest.approx([score(values, each, quantile) for each in range(11)])


@pytest.mark.parametrize("values, quantile", CASES.values(), ids=CASES)
def test_a_record_changes_no_score_by_more_than_one(values, quantile):
    """Added, removed or replaced: the sensitivity that the mechanism uses."""
    def all_scores(rows):
        _, lengths, scores = stretches(np.array(rows), 11, quantile)
        return np.repeat([float(each) for each in scores], lengths)

    for new in (0, 5, 10):
        neighbours = [[*values, new], [*values[1:], new]] + ([values[1:]] if len(values) > 1 else [])
        for other in neighbours:
            assert np.abs(all_scores(values) - all_scores(other)).max() <= 1 + 1e-12


@pytest.mark.parametrize("values, quantile", CASES.values(), ids=CASES)
@pytest.mark.parametrize("rng", [seeded, lambda: None], ids=["seeded", "system"])
def test_it_has_its_exact_distribution(values, quantile, rng):
    runs, generator = 1000, rng()
    told = [private_quantile(values, quantile=quantile, low=0, high=10, points=11, epsilon=1.5, rng=generator) for _ in range(runs)]
    seen = np.bincount(np.array(told).astype(int), minlength=11)
    assert stats.chisquare(seen, probabilities(values, 11, quantile, 1.5) * runs).pvalue > RARE


def test_weights_are_right_to_more_digits_than_a_float_has():
    sums = cumulative_weights([3, 2, 1], [Fraction(0), Fraction(1), Fraction(1000)], Fraction(1, 2))
    assert sums[0] == 3 * 2**200 and (sums[1] - sums[0]) / 2**201 == math.exp(-0.5) and sums[2] == sums[1]


def test_draw_takes_each_point_of_a_stretch_alike():
    rng = seeded()
    drawn = [draw([0, 4, 6], [4, 2, 1], [8, 12, 12], rng) for _ in range(6000)]
    assert stats.chisquare(np.bincount(drawn, minlength=6)).pvalue > RARE  # weights 8, 4 and 0 over 4, 2 and 1 points


def test_it_is_near_the_truth_and_finds_a_value_that_many_share():
    values = np.random.default_rng(0).normal(50, 10, 2000)
    told = [private_quantile(values, quantile=each, low=0, high=100, epsilon=1, rng=seeded()) for each in (0.1, 0.5, 0.9)]
    assert told == pytest.approx(np.quantile(values, [0.1, 0.5, 0.9]), abs=3)  # ranks off by 30 of 2,000: once in 10^6
    hours = np.array([40] * 500 + list(range(20, 61)) * 5)
    assert private_quantile(hours, quantile=0.5, low=0, high=100, points=101, epsilon=1, rng=seeded()) == 40


def test_values_out_of_bounds_count_as_the_nearer_end():
    inside, outside = [0, 0, 5, 10], [-1e300, 0, 5, 1e9]
    draws = [[private_quantile(rows, quantile=0.5, low=0, high=10, points=11, epsilon=2, rng=rng) for _ in range(50)]
             for rows, rng in ((inside, seeded()), (outside, seeded()))]
    assert draws[0] == draws[1]
    everybody_above = [private_quantile([99.0] * 200, quantile=0.5, low=0, high=10, epsilon=1, rng=seeded()) for _ in range(5)]
    assert everybody_above == [10] * 5


def test_the_answer_is_a_point_of_the_grid_whatever_the_data():
    values = np.random.default_rng(1).uniform(size=50)
    told = np.array([private_quantile(values, quantile=0.5, low=-1, high=2, epsilon=0.5, points=7, rng=seeded()) for _ in range(99)])
    assert np.allclose(told * 2, np.rint(told * 2)) and told.min() >= -1 and told.max() <= 2


def leak_of(median, epsilon=1.0):
    """One person with a large income joins four others."""
    tested = audit(median, [10, 20, 30, 40, 900], [10, 20, 30, 40], runs=1500)
    return tested.epsilon_lower_bound(confidence=SURE) / epsilon


def test_bounds_from_the_data_are_caught_and_public_bounds_pass():
    rng = seeded()

    def median(values, high):
        return private_quantile(values, quantile=0.5, low=0, high=high, epsilon=1, points=11, rng=rng)

    assert leak_of(lambda values: median(values, 1000)) <= 1
    assert leak_of(lambda values: median(values, max(values))) > 2


def test_adding_noise_to_the_median_itself_is_caught():
    """Laplace noise that takes the median's sensitivity for 1, because its rank moves by 1."""
    rng = seeded()
    assert leak_of(lambda values: np.median(values) + rng.laplace()) > 2


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("name, bad", [
    *[("values", bad) for bad in (None, "text", 5, np.ones((2, 2)))],
    *[("quantile", bad) for bad in (0, 1, -1, NAN, None, "half", 50)],
    *[("low", bad) for bad in (NAN, -INF, None, "a")],
    *[("high", bad) for bad in (NAN, INF, None, 0, -1, "a")],
    *[("epsilon", bad) for bad in (0, -1, NAN, INF, None, "one")],
    *[("points", bad) for bad in (0, 1, -5, 2.5, NAN, None, 2**41)],
    *[("rng", bad) for bad in (7, "seed", np.random)],
])
def test_bad_arguments_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        private_quantile(**{"values": [1, 2], "quantile": 0.5, "low": 0, "high": 10, "epsilon": 1, name: bad})


def test_a_range_wider_than_a_float_is_refused():
    with pytest.raises(ValueError, match="high"):
        private_quantile([1], quantile=0.5, low=-1.7e308, high=1.7e308, epsilon=1)
