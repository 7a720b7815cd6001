"""Weights are enclosed, rare cases are settled exactly, and a choice takes the same steps whatever the scores are."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from labkit import dp
from labkit.dp.mechanisms import enclosure, selection
from labkit.dp.mechanisms.enclosure import BITS, enclosed, exp_between, settled

RARE = 1e-6  # a correct mechanism fails once in a million seeds


def seeded(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("g", [Fraction(0), Fraction(1, 3), Fraction(7, 2), Fraction(1, 10**30), Fraction(40), Fraction(10**6)])
def test_the_exponential_is_enclosed(g):
    low, high = exp_between(g, 60)
    assert low <= 2**60 * math.exp(-g) * (1 + 1e-12) + 1 and high >= 2**60 * math.exp(-g) * (1 - 1e-12) - 1 and high - low <= 2
    finer, upper = exp_between(g, 200)
    assert low <= Fraction(upper, 2**140) and high >= Fraction(finer, 2**140)


@pytest.mark.parametrize("scores", [
    seeded().random(300) * 80, seeded().random(300) * 1e-6, seeded().integers(0, 100, 300), np.r_[0, 2.0 ** -np.arange(60)] * 30,
    np.array([-(2**63), 2**63 - 1, 0, 2**63 - 5]), np.array([2**64 - 1, 2**64 - 3, 0], np.uint64), np.array([1.7e308, -1.7e308, 0.0]),
    np.array([5e-324, 0.0, 1e-310])])
@pytest.mark.parametrize("unit", [Fraction(1, 2), Fraction(0.05), Fraction(73, 20), Fraction(1, 10**300), Fraction(10**320)])
def test_every_weight_lies_between_its_bounds(scores, unit):
    low, high = enclosed(scores, unit)
    best = max(map(Fraction, scores.tolist()))
    assert (high - low).max() <= 17
    for score, below, above in zip(scores.tolist(), low.tolist(), high.tolist()):
        exact = exp_between(min((best - Fraction(score)) * unit, Fraction(400)), BITS + 20)
        if Fraction(score) == best:
            assert below == above == 1 << BITS
        else:
            assert below << 20 <= exact[0] and exact[1] <= above << 20


def permute_and_flip(scores, epsilon):
    heads, won = np.exp((scores - scores.max()) * epsilon / 2), np.zeros(len(scores))
    for each in range(len(scores)):
        others = np.array([1.0])
        for other in np.delete(heads, each):
            others = np.convolve(others, [1 - other, other])
        won[each] = heads[each] * (others / np.arange(1, len(others) + 1)).sum()
    return won


SCORES = np.array([0, 1, 1.5, 2, 3, 3, 4.25, 5, 6, 6])
WEIGHTS = np.exp(SCORES / 2) / np.exp(SCORES / 2).sum()


@pytest.mark.parametrize("pick, chances", [(dp.exponential, WEIGHTS), (dp.report_noisy_max, permute_and_flip(SCORES, 1.0))])
@pytest.mark.parametrize("wider, runs", [(0, 10_000), (1 << 29, 4_000)], ids=["as it is", "settled every other time"])
def test_choices_are_exact_also_where_the_enclosure_decides_nothing(pick, chances, wider, runs, monkeypatch):
    def widened(scores, unit):
        low, high = enclosed(scores, unit)
        return np.maximum(low - wider, 0), high + wider

    monkeypatch.setattr(selection, "enclosed", widened)
    rng = seeded(7)
    won = np.bincount([pick(SCORES, sensitivity=1, epsilon=1.0, rng=rng) for _ in range(runs)], minlength=len(SCORES))
    assert stats.chisquare(won, runs * chances).pvalue > RARE


def test_a_weight_that_is_off_is_caught(monkeypatch):
    """The broken twin forgets all tables but the first, that of whole units."""
    monkeypatch.setattr(enclosure, "TABLES", enclosure.TABLES[:1])
    low, high = enclosed(np.array([0.0, 0.7]), Fraction(1))
    exact, _ = exp_between(Fraction(0.7), BITS)
    assert not low[0] <= exact <= high[0]


def test_settling_has_the_right_chance():
    rng = seeded(3)
    weight = 2**BITS * math.exp(-1.0)
    draws = [settled(int(weight), Fraction(1), Fraction(1), lambda count: int.from_bytes(rng.bytes(count // 8))) for _ in range(4000)]
    assert stats.binomtest(sum(draws), 4000, weight % 1).pvalue > RARE


def test_the_same_steps_are_taken_for_a_tie_and_for_a_clear_winner(monkeypatch):
    """What could take longer for some scores is `settled`, and among a thousand candidates it is needed less than once in 10,000."""
    calls = []
    monkeypatch.setattr(selection, "settled", lambda *given, real=settled: calls.append(1) or real(*given))
    for scores in (np.full(1000, 7), np.r_[1000, np.zeros(999, int)], seeded().random(1000) * 20):
        for pick in (dp.exponential, dp.report_noisy_max):
            for _ in range(200):
                pick(scores, sensitivity=1, epsilon=1.0)
    assert len(calls) <= 2  # expected .006; more than two of 1,200 once in 20 million


def test_wide_floats_are_refused():
    with pytest.raises(ValueError, match="^scores must be numbers of at most 64 bits"):
        dp.exponential(np.array([1, 2], np.longdouble), sensitivity=1, epsilon=1)
