"""One-run audits: right as often as they say against the worst mechanism there is, and not blind."""

import math

import numpy as np
import pytest
from scipy import stats

from labkit import dp
from labkit.dp.auditing.one_run import chance_of_as_many, one_run_bound


def answered(m, epsilon, rng):
    """The worst mechanism for a pure claim: each canary's coin goes through randomised response."""
    members = rng.random(m) < 0.5
    return dp.randomised_response(members, epsilon=epsilon, rng=rng) + rng.random(m) / 2, members


def by_the_book(m, r, v, epsilon, delta):
    """Theorem 5.2 written out with sums, for comparison."""
    q = 1 / (1 + math.exp(-epsilon))

    def mass(k):
        return math.comb(r, k) * q**k * (1 - q) ** (r - k) if k >= 0 else 0.0

    beta = sum(mass(k) for k in range(v, r + 1))
    alpha = max([sum(mass(k) for k in range(v - i, v)) / i for i in range(1, v + 1)], default=0)
    return min(1.0, beta + 2 * m * delta * alpha)


@pytest.mark.parametrize("m, r, v", [(10, 4, 3), (10, 10, 10), (50, 20, 15), (50, 20, 0), (7, 1, 1)])
@pytest.mark.parametrize("epsilon", [0.0, 0.7, 3.0])
@pytest.mark.parametrize("delta", [0.0, 1e-4, 0.01])
def test_the_p_value_is_that_of_the_theorem(m, r, v, epsilon, delta):
    assert chance_of_as_many(v, guesses=r, canaries=m, epsilon=epsilon, delta=delta) == \
        pytest.approx(by_the_book(m, r, v, epsilon, delta), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("epsilon", [0.0001, 1.0, 3.0])
@pytest.mark.parametrize("guesses", [None, 100])
def test_a_bound_is_wrong_no_more_often_than_its_confidence_says(epsilon, guesses):
    rng, audits, wrong = np.random.default_rng(12), 200, 0
    for _ in range(audits):
        scores, members = answered(200, epsilon, rng)
        wrong += one_run_bound(scores, members, confidence=0.8, guesses=guesses).epsilon > epsilon
    assert stats.binomtest(wrong, audits, 0.2, alternative="greater").pvalue > 1e-5  # fails by chance once in 100,000


def test_delta_is_allowed_for():
    """Everything is published one time in twenty: (0, 0.05)-private. At that delta nothing may be refuted more often than 1 - confidence."""
    rng, audits, wrong = np.random.default_rng(13), 400, 0
    for _ in range(audits):
        members = rng.random(100) < 0.5
        scores = members + rng.random(100) if rng.random() < 0.05 else rng.random(100)
        wrong += one_run_bound(scores, members, delta=0.05, confidence=0.9).epsilon > 0
    assert stats.binomtest(wrong, audits, 0.1, alternative="greater").pvalue > 1e-5


def test_it_is_not_blind():
    scores, members = answered(4000, 2.0, np.random.default_rng(14))
    assert 1.7 < one_run_bound(scores, members).epsilon <= 2
    assert 1.5 < one_run_bound(scores, members, confidence=0.9999).epsilon <= 2
    assert one_run_bound(1 - scores, members).epsilon == 0  # guesses the wrong way round


def test_perfect_guesses_show_what_their_number_can():
    members = np.arange(100) < 50
    found = one_run_bound(members.astype(float), members, guesses=100)
    assert (found.correct, found.guesses) == (100, 100)
    assert (1 / (1 + math.exp(-found.epsilon))) ** 100 == pytest.approx(0.05, rel=1e-6)


def test_no_information_shows_nothing():
    members = np.random.default_rng(15).random(1000) < 0.5
    assert one_run_bound(np.zeros(1000), members, confidence=0.9999).epsilon == 0
    in_order = np.sort(members)  # ties may not be broken in the order of the members
    assert one_run_bound(np.zeros(1000), in_order, confidence=0.9999).epsilon == 0


def test_skipping_the_doubtful_helps():
    """Most canaries tell nothing, a few are obvious: guessing about all would hide them."""
    rng = np.random.default_rng(16)
    members = rng.random(2000) < 0.5
    scores = np.where(rng.random(2000) < 0.05, np.where(members, 10.0, -10.0), rng.normal(size=2000))
    few, all_of_them = (one_run_bound(scores, members, guesses=guesses).epsilon for guesses in (80, 2000))
    assert few > 2 > 1 > all_of_them


def test_it_tells_what_it_saw():
    scores, members = answered(500, 1.0, np.random.default_rng(17))
    told = str(one_run_bound(scores, members, guesses=[100, 200]))
    assert "guesses right" in told and "500 canaries, one run" in told and "95 % confidence" in told


NAN, INF = float("nan"), float("inf")
SCORES, MEMBERS = [0.1, 0.2, 0.3, 0.4], [True, False, True, False]


@pytest.mark.parametrize("name, change", [
    *[("scores", dict(scores=bad)) for bad in ([], [NAN] * 4, [INF] * 4, None, "scores", [[1, 2]], 4)],
    *[("members", dict(members=bad)) for bad in ([], [1, 0, 1, 0], [0.5] * 4, None, "members", [MEMBERS])],
    ("same length", dict(members=[True, False])), ("scores", dict(scores=[1.0], members=[True])),
    *[("delta", dict(delta=bad)) for bad in (-1, 1, 2, NAN, INF, None, "small")],
    *[("confidence", dict(confidence=bad)) for bad in (0, 1, -1, NAN, INF, None, "high")],
    *[("guesses", dict(guesses=bad)) for bad in (0, 1, 5, -2, 2.0, [], [2, 5], "two", [None], True)],
])
def test_bad_arguments_are_refused_by_name(name, change):
    arguments = {"scores": SCORES, "members": MEMBERS, **change}
    with pytest.raises(ValueError, match=name):
        one_run_bound(**arguments)


@pytest.mark.parametrize("name, change", [
    *[("correct", dict(correct=bad)) for bad in (-1, 11, 1.5, None)],
    *[("guesses", dict(guesses=bad)) for bad in (0, 21, 2.5, None)],
    *[("canaries", dict(canaries=bad)) for bad in (0, -1, 2.5, None)],
    *[("epsilon", dict(epsilon=bad)) for bad in (-1, NAN, INF, None, "one")],
    *[("delta", dict(delta=bad)) for bad in (-1, 1, NAN, INF, None)],
])
def test_bad_counts_are_refused_by_name(name, change):
    arguments = {"correct": 5, "guesses": 10, "canaries": 20, "epsilon": 1, **change}
    with pytest.raises(ValueError, match=name):
        chance_of_as_many(arguments.pop("correct"), **arguments)
