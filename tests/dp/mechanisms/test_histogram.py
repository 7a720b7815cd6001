"""Private histograms: noise, sensitivity for both relations, what is shown and what is not, and the tables that leak."""

import math

import numpy as np
import pytest
from scipy import stats

from labkit import dp
from labkit.dp.auditing.bounds import Audit, audit
from labkit.dp.mechanisms.histogram import (
    SENSITIVITY,
    private_histogram,
    release_threshold,
    thresholded_histogram,
)

RARE = 1e-6  # each statistical test below fails by chance once in a million seeds
SURE = 0.9999  # confidence of audits: a correct mechanism fails one once in 10,000 seeds, and seeds are fixed


def seeded():
    return np.random.default_rng(51)


def counts_of(values, bins):
    """With so large an epsilon noise is zero."""
    return private_histogram(values, bins=bins, epsilon=1000, rng=seeded()).tolist()


@pytest.mark.parametrize("values, bins, counts", [
    (["a", "b", "b"], ["b", "a", "c"], [2, 1, 0]),
    ([3, 1, 3, 3], [1, 2, 3], [1, 0, 3]),
    (np.array([3, 1, 3], np.int8), np.array([3], np.int64), [2]),
    (["ab", "abc"], ["abc", "a"], [1, 0]),
    ([2**62, -(2**62)], [-(2**62), 0], [1, 0]),
    (np.array([2**62 + 1], np.uint64), [2**62, 2**62 + 1], [0, 1]),
])
def test_it_counts(values, bins, counts):
    assert counts_of(values, bins) == counts


@pytest.mark.parametrize("values", [["z"], ["a", "z", "b"], ["", "a"]])
def test_a_value_in_no_bin_is_left_out_and_does_not_show(values):
    assert counts_of(values, ["a", "b"]) == [values.count("a"), values.count("b")]


@pytest.mark.parametrize("neighbours, change", SENSITIVITY.items())
@pytest.mark.parametrize("rng", [seeded, lambda: None], ids=["seeded", "system"])
def test_the_noise_has_its_exact_distribution(neighbours, change, rng):
    epsilon, runs = 0.7, 20_000
    bins = np.arange(runs)  # empty bins: noise alone
    noise = private_histogram([-1], bins=bins, epsilon=epsilon, relation=neighbours, rng=rng())
    reach = np.arange(-8, 9)
    chance = np.tanh(epsilon / change / 2) * np.exp(-epsilon / change * np.abs(reach))
    seen = [(noise == k).sum() for k in reach]
    assert stats.chisquare([*seen, runs - sum(seen)], [*chance * runs, (1 - chance.sum()) * runs]).pvalue > RARE


@pytest.mark.parametrize("neighbours, other", [("add or remove one record", ["a", "b"]), ("replace one record", ["a", "b", "b"])])
def test_the_declared_sensitivity_is_what_one_record_does(neighbours, other):
    change = np.abs(np.array(counts_of(["a", "b", "a"], ["a", "b"])) - counts_of(other, ["a", "b"])).sum()
    assert change == SENSITIVITY[neighbours]


def replaced(neighbours, epsilon, runs=6000):
    """One of ten people moves from the first bin to the second; runs stand side by side, each with two bins of its own."""
    def run(in_first, runs):
        values = (2 * np.arange(runs)[:, None] + (np.arange(10) >= in_first)).ravel()
        told = private_histogram(values, bins=np.arange(2 * runs), epsilon=epsilon, relation=neighbours, rng=rng).reshape(runs, 2)
        return (told[:, 0] >= 6) & (told[:, 1] <= 4)

    rng = seeded()
    return audit(run, 6, 5, runs=runs, batched=True).epsilon_lower_bound(confidence=SURE)


def test_noise_for_the_wrong_relation_is_caught():
    """Noise made for adding or removing, where records are replaced, loses twice its epsilon."""
    assert replaced("replace one record", 1.5) <= 1.5
    assert replaced("add or remove one record", 1.5) > 1.5


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0, 50.0])
@pytest.mark.parametrize("delta", [0.4, 1e-3, 1e-6, 1e-12])
def test_the_threshold_is_the_smallest_that_keeps_delta(epsilon, delta):
    least = release_threshold(epsilon=epsilon, delta=delta)

    def chance(noise):  # that the noise is at least so much
        return math.exp(-epsilon * noise) / (1 + math.exp(-epsilon))

    assert isinstance(least, int) and least >= 2
    assert chance(least - 1) <= delta * (1 + 1e-9)
    assert least == 2 or chance(least - 2) > delta * (1 - 1e-9)


def test_a_lonely_value_is_shown_as_rarely_as_delta_says():
    delta, runs = 0.05, 20_000
    shown = len(thresholded_histogram(range(runs), epsilon=1, delta=delta, rng=seeded()))
    exact = math.exp(-(release_threshold(epsilon=1, delta=delta) - 1)) / (1 + math.exp(-1))
    assert exact <= delta
    assert stats.binomtest(shown, runs, exact).pvalue > RARE


def test_common_values_are_shown_sorted_with_counts_near_the_truth():
    told = thresholded_histogram(["w"] * 50 + ["b"] * 90 + ["z"], epsilon=2, delta=1e-9, rng=seeded())
    assert list(told) == ["b", "w"] and abs(told["b"] - 90) < 15 and abs(told["w"] - 50) < 15  # each within 15 but once in 10^13
    backwards = thresholded_histogram(["z"] + ["b"] * 90 + ["w"] * 50, epsilon=2, delta=1e-9, rng=seeded())
    assert backwards == told and list(backwards) == list(told)
    assert thresholded_histogram([7] * 99, epsilon=2, delta=1e-9, rng=seeded()).keys() == {7}


def shown(histogram, runs):
    """Whether the table has a line for a value that one person alone has: so many such people side by side, and nobody."""
    common = [-1] * 30
    tables = histogram([*common, *range(runs)]), histogram(common)
    return Audit(*[np.isin(np.arange(runs), list(table)) for table in tables])


def test_bins_from_the_data_are_caught_and_the_threshold_repairs_them():
    """The broken twin counts the values that occur: its noise is right and its list of lines is not."""
    rng = seeded()

    def bins_from_the_data(values):
        bins = sorted(set(values))
        return dict(zip(bins, private_histogram(values, bins=bins, epsilon=1, rng=rng)))

    leak = shown(bins_from_the_data, 8000).epsilon_lower_bound(delta=0.01, confidence=SURE)
    kept = shown(lambda values: thresholded_histogram(values, epsilon=1, delta=0.01, rng=rng), 8000)
    assert leak > 5 and kept.epsilon_lower_bound(delta=0.01, confidence=SURE) <= 1


def test_a_threshold_that_is_too_low_is_caught(monkeypatch):
    """A person who stands alone is then shown far more often than delta."""
    monkeypatch.setattr("labkit.dp.mechanisms.histogram.release_threshold", lambda **_: 2)
    rng = seeded()
    tested = shown(lambda values: thresholded_histogram(values, epsilon=1, delta=0.01, rng=rng), 8000)
    assert tested.epsilon_lower_bound(delta=0.01, confidence=SURE) > 1


NAN, INF = float("nan"), float("inf")
NOT_A_LIST = (None, 5, "text", np.ones((2, 2)))
NOT_BINS = (*NOT_A_LIST, [], [0.5], [NAN], [[1]], [1, None], [[1], [2, 3]], [b"a"], [2**63], [2**70], [1, "a"])


@pytest.mark.parametrize("name, bad", [
    *[("values", bad) for bad in NOT_A_LIST], *[("bins", bad) for bad in NOT_BINS], ("bins", [1, 1]),
    *[("epsilon", bad) for bad in (0, -1, NAN, INF, None, "one", True)],
    *[("relation", bad) for bad in (None, "", "add", 1)],
    *[("rng", bad) for bad in (7, "seed", np.random)],
])
def test_bad_arguments_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        private_histogram(**{"values": [1, 2], "bins": [1, 2], "epsilon": 1, name: bad})


@pytest.mark.parametrize("name, bad", [
    *[("values", bad) for bad in NOT_A_LIST],
    *[("epsilon", bad) for bad in (0, -1, NAN, INF, None)],
    *[("delta", bad) for bad in (0, 1, -1, NAN, INF, None, "small")],
    *[("rng", bad) for bad in (7, "seed")],
])
def test_bad_arguments_of_the_thresholded_one_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        thresholded_histogram(**{"values": [1, 2], "epsilon": 1, "delta": 1e-6, name: bad})
    if name in ("epsilon", "delta"):
        with pytest.raises(ValueError, match=name):
            release_threshold(**{"epsilon": 1, "delta": 1e-6, name: bad})


def test_an_unknown_value_is_no_error():
    """An error would tell that somebody has it."""
    assert len(dp.private_histogram(["nobody expected this"], bins=["a"], epsilon=1)) == 1
