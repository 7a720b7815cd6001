"""Votes for candidates: who votes for what, the noise on every cell, what one person changes, and the twins that leak."""

import math

import numpy as np
import pytest
from scipy import stats

from labkit import dp
from labkit.dp.auditing.bounds import audit
from labkit.dp.auditing.gaussian import gaussian_bound
from labkit.synthetic import ClassVotes, class_votes, nearest_candidate, private_class_votes
from labkit.synthetic.voting import RELATION, TOGETHER

RARE = 1e-6  # each statistical test below fails by chance once in a million seeds
SURE = 0.9999
BUDGET = dict(epsilon=1.0, delta=1e-5)


def seeded():
    return np.random.default_rng(142)


def test_everybody_votes_for_the_nearest_by_angle():
    candidates = np.array([[1.0, 0.0], [0.0, 3.0], [-1.0, -1.0]])
    points = [[5.0, 1.0], [0.1, 0.2], [-4.0, -3.0], [0.0, 1.0]]
    assert nearest_candidate(points, candidates).tolist() == [0, 1, 2, 1]  # the length of a candidate does not attract
    many = seeded().normal(size=(TOGETHER + 7, 2))
    assert nearest_candidate(many, candidates).tolist() == [int(nearest_candidate(row[None], candidates)[0]) for row in many]


def test_who_cannot_be_placed_votes_for_nobody_and_no_error_tells():
    points = [[1.0, 0.0], [math.nan, 1.0], [0.0, 0.0], [math.inf, 0.0]]
    choices = nearest_candidate(points, np.eye(2))
    assert choices.tolist() == [0, -1, -1, -1]
    counts = class_votes([*choices, 9, 1], [0, 0, 0, 0, 0, 7], candidates=2, classes=2)
    assert counts.tolist() == [[1, 0], [0, 0]]
    assert class_votes([], [], candidates=2, classes=1).tolist() == [[0], [0]]
    assert nearest_candidate(np.empty((0, 2)), np.eye(2)).shape == (0,)


def test_votes_are_counted_by_candidate_and_label():
    assert class_votes([0, 0, 2, 2, 2], [1, 1, 0, 1, 1], candidates=3, classes=2).tolist() == [[0, 2], [0, 0], [1, 2]]


@pytest.mark.parametrize("rng", [seeded, lambda: None], ids=["seeded", "system"])
@pytest.mark.parametrize("rounds", [1, 4])
def test_every_cell_has_discrete_gaussian_noise(rng, rounds):
    """Chi-square against the exact probabilities, also on the cells where nobody voted."""
    votes = private_class_votes([3] * 50, [1] * 50, candidates=3000, classes=2, rounds=rounds, rng=rng(), **BUDGET)
    sigma = votes.sigma
    assert sigma == pytest.approx(dp.discrete_gaussian_sigma(sensitivity=rounds**0.5, **BUDGET))
    noise = votes.counts.ravel() - np.eye(1, 6000, 7).ravel().astype(int) * 50
    reach = int(3 * sigma)
    values = np.arange(-reach, reach + 1)
    chances = np.exp(-(values.astype(float) ** 2) / (2 * sigma**2)) / np.exp(-(np.arange(-900, 901.0) ** 2) / (2 * sigma**2)).sum()
    seen = np.append([(noise == value).sum() for value in values], (np.abs(noise) > reach).sum())
    assert stats.chisquare(seen, np.append(chances, 1 - chances.sum()) * noise.size).pvalue > RARE


def test_a_person_changes_one_cell_by_one():
    rng = seeded()
    choices, labels = rng.integers(5, size=200), rng.integers(2, size=200)
    whole = class_votes(choices, labels, candidates=5, classes=2)
    for person in range(200):
        change = whole - class_votes(np.delete(choices, person), np.delete(labels, person), candidates=5, classes=2)
        assert np.linalg.norm(change) == 1 and change[choices[person], labels[person]] == 1


@pytest.mark.parametrize("rounds", [1, 3, 20])
def test_all_rounds_together_stay_within_the_budget(rounds):
    """By dp_accounting's composition of Gaussian mechanisms of that width, which knows nothing of our formula."""
    from dp_accounting import dp_event

    sigma = private_class_votes([0], [0], candidates=2, classes=1, rounds=rounds, rng=seeded(), **BUDGET).sigma
    spent = dp.epsilon_of(dp_event.SelfComposedDpEvent(dp_event.GaussianDpEvent(sigma), rounds), delta=1e-5)
    assert 0.8 < spent < 1.0


def test_the_cut_leaves_little_of_empty_cells_and_most_of_full_ones():
    votes = private_class_votes([0] * 400, [0] * 400, candidates=2000, classes=1, rng=seeded(), **BUDGET)
    weights = votes.weights
    assert weights.min() == 0 and 400 - 8 * votes.sigma < weights[0, 0] < 400 + 6 * votes.sigma
    assert np.mean(weights[1:] > 0) == pytest.approx(stats.norm.sf(1), abs=0.06)  # 0.16, give or take 7 deviations and the steps
    assert "epsilon 1 at delta 1e-05" in repr(votes) and RELATION in repr(votes)


def told(runs, *, most=1, everywhere=True, sigma=None, seed=3):
    """An audit of a critic who wrote 16 texts, against the same people without them; the score is their favourite cell.

    most: votes that one person has. everywhere: whether cells without a vote get noise. Runs at epsilon 1, delta 1e-5.
    """
    rng, right = np.random.default_rng(seed), dp.discrete_gaussian_sigma(sensitivity=1, **BUDGET)
    others = [2] * 30

    def run(mine, runs):
        choices = [*others, *([7] * min(len(mine), most))]
        exact = class_votes(choices, [0] * len(choices), candidates=10, classes=1).ravel()
        noise = dp.sample_discrete_gaussian(sigma=sigma or right, count=runs, rng=rng)
        return exact[7] + noise if everywhere or exact[7] else np.zeros(runs)

    return audit(run, ["a text"] * 16, [], runs=runs, batched=True)


def test_one_vote_a_person_keeps_its_epsilon():
    """The real mechanism, one cell a run (the noise of cells is independent): the critic's vote stands in it, or does not."""
    rng = np.random.default_rng(4)

    def run(mine, runs):
        choices = np.tile(np.arange(runs), 3 + mine)  # three others, and the critic
        return private_class_votes(choices, np.zeros_like(choices), candidates=runs, classes=1, rng=rng, **BUDGET).counts[:, 0]

    tested = audit(run, 1, 0, runs=20_000, batched=True)
    assert 0.4 < gaussian_bound(tested, delta=1e-5, confidence=SURE).epsilon <= 1
    assert gaussian_bound(told(20_000), delta=1e-5, confidence=SURE).epsilon <= 1


@pytest.mark.parametrize("broken", [dict(most=16), dict(everywhere=False), dict(sigma=0.9)],
                         ids=["sixteen votes of one critic", "no noise where nobody voted", "noise for epsilon 5"])
def test_broken_twins_are_caught(broken):
    tested = told(20_000, **broken)
    bounds = [gaussian_bound(tested, delta=1e-5, confidence=SURE).epsilon, tested.epsilon_lower_bound(delta=1e-5, confidence=SURE)]
    assert max(bounds) > 1


def test_a_budget_pays_for_a_vote_states_it_and_refuses_the_next():
    budget = dp.Budget(epsilon=1, delta=1e-5, relation=RELATION)
    asked = dict(candidates=3, classes=2, epsilon=1, delta=1e-5, rng=seeded())
    votes = budget.ask(private_class_votes, [0, 1, 2], [0, 1, 1], **asked)
    said = budget.statement(unit="person", records=4000, reused=False, tuning="none")
    assert votes.counts.shape == (3, 2) and (said.epsilon, said.relation) == (pytest.approx(1), RELATION)
    with pytest.raises(dp.BudgetExceeded):
        budget.ask(private_class_votes, [0, 1, 2], [0, 1, 1], **asked)
    with pytest.raises(ValueError, match="^relation must be"):
        dp.Budget(epsilon=9, delta=1e-5, relation="add or remove one record").ask(private_class_votes, [0], [0], **asked)


NAN, INF = float("nan"), float("inf")
GOOD = dict(choices=[0, 1], labels=[0, 1], candidates=2, classes=2, epsilon=1, delta=1e-5)


@pytest.mark.parametrize("name, bad", [
    *[("choices", bad) for bad in ([0.5, 1.0], [[0, 1]], "01", None, [True, False])],
    *[("labels", bad) for bad in ([0.5, 1.0], None)],
    *[("candidates", bad) for bad in (0, -1, 2.5, None)], *[("classes", bad) for bad in (0, 1.5)],
    *[("epsilon", bad) for bad in (0, -1, NAN, INF)], *[("delta", bad) for bad in (0, 1, NAN)],
    *[("rounds", bad) for bad in (0, 1.5)], *[("rng", bad) for bad in (7, "seed")],
])
def test_bad_arguments_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        private_class_votes(**{**GOOD, name: bad})


@pytest.mark.parametrize("points, candidates, name", [
    ([[1.0, 2.0]], [[0.0, 0.0]], "candidates"), ([[1.0, 2.0]], [[1.0, NAN]], "candidates"), ([[1.0]], np.eye(2), "points"),
    ([1.0, 2.0], np.eye(2), "points"), ([["a", "b"]], np.eye(2), "points"), ([[1.0, 2.0]], [], "candidates"),
])
def test_bad_points_are_refused_by_name(points, candidates, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        nearest_candidate(points, candidates)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="choices has 2, labels has 1"):
        private_class_votes(**{**GOOD, "labels": [0]})
    assert ClassVotes(np.zeros((1, 1), np.int64), 1.0, 1.0, 1e-5).weights.tolist() == [[0.0]]
