"""PATE's noisy vote: what it answers, what one person can change, what it costs, and the twins that leak."""

import math

import numpy as np
import pytest
from scipy import stats

from labkit import dp
from labkit.dp.auditing.bounds import audit
from labkit.dp.auditing.gaussian import gaussian_bound
from labkit.dp.mechanisms.voting import SENSITIVITY, noisy_vote, vote_counts, vote_event, vote_sigma

RARE = 1e-6  # each statistical test below fails by chance once in a million seeds
SURE = 0.9999


def seeded():
    return np.random.default_rng(53)


def test_votes_are_counted_question_by_question():
    votes = [[0, 2, 2, 1], [3, 3, 3, 3]]
    assert vote_counts(votes, candidates=4).tolist() == [[1, 1, 2, 0], [0, 0, 0, 4]]
    assert vote_counts(np.zeros((3, 1), np.uint8), candidates=2).tolist() == [[1, 0]] * 3


@pytest.mark.parametrize("rng", [seeded, lambda: None], ids=["seeded", "system"])
def test_the_winner_has_its_exact_distribution(rng):
    """Of two candidates, 6 votes against 4: the lead is normal with the root of two times the deviation."""
    runs, sigma = 20_000, 3.0
    told = noisy_vote(np.tile([0] * 6 + [1] * 4, (runs, 1)), candidates=2, sigma=sigma, rng=rng())
    chance = stats.norm.cdf(2 / (sigma * math.sqrt(2)))
    assert stats.binomtest(int((told == 0).sum()), runs, chance).pvalue > RARE


def test_where_teachers_agree_noise_changes_nothing():
    votes = np.repeat(np.arange(10)[:, None], 250, axis=1)
    told = noisy_vote(votes, candidates=10, sigma=20, rng=seeded())
    assert told.tolist() == list(range(10)) and told.dtype == np.int64  # wrong once in 10^17


def test_a_person_changes_one_vote_and_the_counts_by_the_declared_sensitivity():
    votes = np.array([[0, 1, 1, 2]])
    change = vote_counts(votes, candidates=3) - vote_counts([[0, 1, 1, 0]], candidates=3)
    assert np.linalg.norm(change) == pytest.approx(SENSITIVITY) and np.abs(change).max() == 1


@pytest.mark.parametrize("questions", [1, 100, 5000])
@pytest.mark.parametrize("epsilon, delta", [(1.0, 1e-5), (8.0, 1e-6), (0.2, 1e-3)])
def test_the_deviation_spends_the_budget_and_no_more(questions, epsilon, delta):
    """By dp_accounting's composition, which knows nothing of our formula; its grid is pessimistic by little."""
    sigma = vote_sigma(epsilon=epsilon, delta=delta, questions=questions)
    spent = dp.epsilon_of(vote_event(sigma=sigma, questions=questions), delta=delta)
    assert epsilon * 0.999 < spent < epsilon * 1.02


def test_a_budget_pays_per_answer_and_refuses():
    budget = dp.Budget(epsilon=1, delta=1e-5)
    votes, price = np.zeros((3, 50), int), vote_event(sigma=20, questions=3)
    asked = 0
    with pytest.raises(dp.BudgetExceeded):
        for _ in range(1000):
            budget.ask(noisy_vote, votes, candidates=2, sigma=20, rng=seeded(), price=price)
            asked += 1
    assert 1 <= asked < 1000 and budget.spent <= 1
    assert dp.epsilon_of(vote_event(sigma=20, questions=3 * (asked + 1)), delta=1e-5) > 1


def margins(sigma, runs=20_000, sensitive_noise=True):
    """An auditor who sees more than is told, the noisy counts of both candidates: one vote moves from 1 to 0."""
    rng = seeded()

    def run(votes, runs):
        counts = vote_counts(votes, candidates=2)
        noise = rng.normal(scale=sigma, size=(runs, 2) if sensitive_noise else (runs, 1))
        return (counts + noise) @ [1, -1]

    return audit(run, [[0] * 6 + [1] * 4], [[0] * 5 + [1] * 5], runs=runs, batched=True)


def test_noise_for_one_vote_too_few_is_caught():
    """The twin takes the L2 sensitivity for 1: a lost vote is counted and the won one is forgotten."""
    epsilon, delta = 4, 1e-5
    right = vote_sigma(epsilon=epsilon, delta=delta, questions=1)
    assert gaussian_bound(margins(right), delta=delta, confidence=SURE).epsilon <= epsilon
    assert gaussian_bound(margins(right / math.sqrt(2)), delta=delta, confidence=SURE).epsilon > epsilon


def test_one_noise_for_all_candidates_is_caught():
    """It changes no winner: the vote is told as it is."""
    rng = seeded()

    def run(votes, runs):
        counts = vote_counts(np.tile(votes, (runs, 1)), candidates=2)
        return (counts + rng.normal(scale=20, size=(runs, 1))).argmax(axis=1)

    tested = audit(run, [0, 0, 1], [0, 1, 1], runs=4000, batched=True)
    assert tested.epsilon_lower_bound(delta=1e-5, confidence=SURE) > 4


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("name, bad", [
    *[("votes", bad) for bad in ([], [0, 1], [[0.5]], [[NAN]], None, "text", [[True]], [[[0]]])],
    *[("candidates", bad) for bad in (0, 1, -3, 2.5, NAN, None)],
    *[("sigma", bad) for bad in (0, -1, NAN, INF, None, "much")],
    *[("rng", bad) for bad in (7, "seed", np.random)],
])
def test_bad_arguments_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        noisy_vote(**{"votes": [[0, 1]], "candidates": 2, "sigma": 1, name: bad})


@pytest.mark.parametrize("name, bad", [
    *[("questions", bad) for bad in (0, -1, 1.5, NAN, None)],
    *[("sigma", bad) for bad in (0, -1, NAN, INF, None)],
    *[("epsilon", bad) for bad in (0, -1, NAN, None)],
    *[("delta", bad) for bad in (0, 1, NAN, None)],
])
def test_bad_prices_are_refused_by_name(name, bad):
    if name in ("questions", "sigma"):
        with pytest.raises(ValueError, match=name):
            vote_event(**{"sigma": 1, "questions": 1, name: bad})
    if name != "sigma":
        with pytest.raises(ValueError, match=name):
            vote_sigma(**{"epsilon": 1, "delta": 1e-5, "questions": 1, name: bad})
