"""The attack on floating-point noise: it must read the textbook mechanism, and must fail on whole numbers."""

import numpy as np
import pytest

from labkit import dp
from labkit.attacks.floating_point import could_come_from, guess_count

RUNS = 10_000


def seeded():
    return np.random.default_rng(24)


def answers_of(mechanism, epsilon, count, rng):
    """Answers from the count (first half) and from one more (second half)."""
    truth = np.repeat([count, count + 1], RUNS // 2)
    return truth, mechanism(truth, sensitivity=1, epsilon=epsilon, rng=rng)


def right(mechanism, epsilon, count=0):
    rng = seeded()
    truth, answers = answers_of(mechanism, epsilon, count, rng)
    return np.mean(guess_count(answers, first=count, second=count + 1, scale=1 / epsilon, rng=rng) == truth)


# Each accuracy below has a standard error of at most 0.005; the limits are 10 or more of them away.


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 1.0])
def test_the_attack_reads_a_count_of_0_or_1_far_above_what_epsilon_allows(epsilon):
    allowed = np.exp(epsilon) / (1 + np.exp(epsilon))
    assert right(dp.laplace, epsilon) > max(0.85, allowed + 0.1)


def test_the_last_bits_of_a_large_count_are_rounded_away():
    assert right(dp.laplace, 1.0, count=100_000) < 0.55


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 1.0])
def test_on_whole_number_noise_the_attack_stays_within_what_epsilon_allows(epsilon):
    assert 0.45 < right(dp.geometric, epsilon) < np.exp(epsilon) / (1 + np.exp(epsilon)) + 0.05


def test_rounding_the_answer_stops_this_attack():
    rounded = lambda *given, **claim: np.round(dp.laplace(*given, **claim), 3)
    assert 0.45 < right(rounded, 0.1) < 0.55


def test_a_true_count_is_hardly_ever_ruled_out():
    answers = dp.laplace(np.full(RUNS, 5), sensitivity=1, epsilon=0.2, rng=seeded())
    assert could_come_from(answers, count=5, scale=5).mean() > 0.9
    assert could_come_from(answers, count=6, scale=5).mean() < 0.5


@pytest.mark.parametrize("name, bad", [
    *[("answers", bad) for bad in ([], [np.nan], 5, None, "text", [[1.0]])],
    *[("count", bad) for bad in (np.nan, np.inf, None, "1")],
    *[("scale", bad) for bad in (0, -1, np.nan, np.inf, None)],
])
def test_bad_arguments_are_refused_by_name(name, bad):
    arguments = {"answers": [1.0], "count": 0, "scale": 1, name: bad}
    with pytest.raises(ValueError, match=name):
        could_come_from(arguments.pop("answers"), **arguments)
