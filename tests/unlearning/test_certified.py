"""Certified removal: the bound on what a step leaves, the noise's distribution, the promise itself, and twins that break it."""

import numpy as np
import pytest
from scipy import stats

from labkit import datasets
from labkit.dp import Audit, gaussian_bound, gaussian_mu
from labkit.dp.mechanisms.objective import inverted, perturbed_minima
from labkit.unlearning import CertifiedClassifier, RemovalBudgetSpent

SURE = 0.9999  # a right mechanism is accused by one audit in 10,000 seeds
CLAIM = dict(epsilon=1.0, delta=0.01)


def seeded():
    return np.random.default_rng(154)


def records(n, d, rng):
    X = rng.normal(size=(n, d))
    return X / np.maximum(1, np.linalg.norm(X, axis=1, keepdims=True)), rng.choice([-1.0, 1.0], n)


# --- the bound


@pytest.mark.parametrize("n, d, strength", [(20, 1, 0.01), (30, 3, 0.1), (200, 10, 0.001), (60, 20, 0.01)])
@pytest.mark.parametrize("bound", ["paper", "sharper"])
def test_what_a_step_leaves_is_never_more_than_what_it_is_charged(n, d, strength, bound):
    rng = seeded()
    for _ in range(5):
        ours = CertifiedClassifier(*records(n, d, rng), strength=strength, sigma=1.0, rng=rng, bound=bound, **CLAIM)
        ours.budget, before = np.inf, ours.residual()
        for record in rng.permutation(n)[:8].tolist():
            charge = ours.remove(record)
            assert abs(ours.residual() - before) <= charge + 1e-9
            before = ours.residual()
        assert before <= ours.spent


def hard(n=400):
    """All records alike and 79 % of one class: the minimum lies where the loss bends fastest, so the sharper bound is nearly reached."""
    return np.ones((n, 1)), np.where(np.arange(n) < 0.79 * n, 1.0, -1.0)


def on_hard(rng, **settings):
    """On the hard data, with noise such that one removal takes a little under half of the budget."""
    return CertifiedClassifier(*hard(), **{"strength": 1e-6, "sigma": 0.013, "rng": rng, "bound": "sharper", **CLAIM, **settings})


def test_the_sharper_bound_is_nearly_reached_and_below_the_papers():
    ours, papers = on_hard(seeded(), sigma=1.0), on_hard(seeded(), sigma=1.0, bound="paper")
    charge = ours.remove(399)
    assert 0.7 * charge < ours.residual() <= charge < papers.remove(399) / 4
    assert np.array_equal(ours.weights, papers.weights)  # the same step, another price


def test_a_step_is_exact_to_first_order():
    """Newton's error falls with the square of what is removed: with ten times the records, about a tenth as much is left (a hundredth
    for each, ten times the records that feel it)."""
    left = []
    for n in (400, 4000):
        ours = CertifiedClassifier(*hard(n), strength=1e-6, sigma=1.0, rng=seeded(), **CLAIM)
        ours.remove(n - 1)
        left.append(ours.residual())
    assert left[0] / left[1] == pytest.approx(10, rel=0.2)


# --- the distribution


def test_the_secret_term_is_normal_with_the_stated_sigma():
    """What the published weights imply about it, by stationarity; Kolmogorov and Smirnov, once in a million."""
    X, y = records(40, 3, seeded())
    implied = [inverted(X, y, CertifiedClassifier(X, y, strength=0.05, sigma=2.5, rng=rng, **CLAIM).weights[None], 0.05)[0]
               for rng in seeded().spawn(300)]
    assert stats.kstest(np.ravel(implied), stats.norm(scale=2.5).cdf).pvalue > 1e-6
    assert np.abs(np.corrcoef(np.transpose(implied))[np.triu_indices(3, 1)]).max() < 0.3


def test_training_again_draws_a_fresh_term_and_forgets_the_removed():
    X, y = records(40, 3, seeded())
    ours = CertifiedClassifier(X, y, strength=0.1, sigma=50.0, rng=seeded(), **CLAIM)
    ours.remove(5)
    ours.retrain()
    rng = seeded()
    rng.normal(scale=50.0, size=3)  # the first term
    expected = perturbed_minima(np.delete(X, 5, 0), np.delete(y, 5), rng.normal(scale=50.0, size=3)[None], 0.1)[0]
    assert ours.removals == 0 and ours.spent < 1e-6 and ours.weights == pytest.approx(expected, abs=1e-9)


# --- the promise


def test_no_set_of_weights_is_too_likely_even_as_the_residual_turns_with_the_noise():
    """With densities, in two dimensions. Seen in b's place, retraining gives z = b and removal z = b - u(b), whose density at z is that
    of b over det(I - du/db). The mean of what exceeds exp(epsilon) must be at most delta, in both directions."""
    rng, sigma, strength, n = seeded(), 0.08, 1e-4, 60
    X = np.column_stack([np.ones(n), np.where(np.arange(n) % 3, 0.5, -0.5)])
    X, y = X / np.linalg.norm(X, axis=1, keepdims=True), np.where(np.arange(n) < 0.79 * n, 1.0, -1.0)
    ours = CertifiedClassifier(X, y, strength=strength, sigma=sigma, rng=rng, bound="sharper", **CLAIM)
    gone, rest = n - 1, np.arange(n) < n - 1

    def seen(term):
        """z for a term b, by the class's own step."""
        ours.present[:], ours.spent, ours._term = True, 0.0, term
        ours.budget = np.inf
        ours.weights = perturbed_minima(X, y, term[None], strength)[0]
        ours.remove(gone)
        return inverted(X[rest], y[rest], ours.weights[None], strength)[0]

    budget, excess, lengths, small = sigma * gaussian_mu(**CLAIM), [], [], 1e-5
    for term in rng.normal(scale=sigma, size=(150, 2)):
        z = seen(term)
        jacobian = np.column_stack([(seen(term + step) - z) / small for step in small * np.eye(2)])
        removed = -term @ term / (2 * sigma**2) - np.log(abs(np.linalg.det(jacobian)))
        retrained = -z @ z / (2 * sigma**2)
        excess.append((max(0, 1 - np.exp(CLAIM["epsilon"] + retrained - removed)), max(0, np.exp(retrained - removed) - np.exp(CLAIM["epsilon"]))))
        lengths.append(np.linalg.norm(z - term))
    assert 0.1 * budget < max(lengths) <= budget  # so there is something to hide
    assert np.mean(excess, axis=0).max() <= CLAIM["delta"]


def audited(removed, runs=250):
    """A lower bound on mu: weights after removals against weights retrained, as what they imply about the secret term. (1 dimension.)"""
    X, y = hard()
    scores = {True: [], False: []}
    for rng in seeded().spawn(2 * runs):
        ours, kind = removed(rng), len(scores[True]) < runs
        if not kind:
            ours.retrain()
        scores[kind].append(inverted(X[ours.present], y[ours.present], ours.weights[None], 1e-6)[0, 0])
    return gaussian_bound(Audit(scores[True], scores[False]), delta=CLAIM["delta"], confidence=SURE).mu


def test_the_certificate_holds_to_the_end_of_the_budget():
    def removed(rng):
        ours, record = on_hard(rng), 399
        try:
            while True:
                ours.remove(record)
                record -= 1
        except RemovalBudgetSpent:
            return ours

    assert 2 <= removed(seeded()).removals <= 4
    assert audited(removed) <= gaussian_mu(**CLAIM)


def test_a_budget_that_is_not_added_up_is_caught():
    """The twin compares each removal alone with the whole budget."""
    def removed(rng):
        ours = on_hard(rng)
        for record in range(399, 383, -1):
            ours.spent = 0.0
            ours.remove(record)
        return ours

    assert audited(removed) > gaussian_mu(**CLAIM)


def test_deleting_the_record_without_a_step_is_caught():
    def removed(rng):
        ours = on_hard(rng)
        ours.present[399] = False
        return ours

    assert audited(removed) > 2 * gaussian_mu(**CLAIM)


def test_a_tenth_of_the_noise_is_caught():
    def removed(rng):
        ours = on_hard(rng, sigma=0.0013)
        ours.budget = 0.013 * gaussian_mu(**CLAIM)  # of the noise that was promised
        for record in (399, 398):
            ours.remove(record)
        return ours

    assert audited(removed) > gaussian_mu(**CLAIM)


# --- use


def test_the_budget_refuses_and_leaves_everything_as_it_was():
    ours = on_hard(seeded())
    with pytest.raises(RemovalBudgetSpent, match="retrain"):
        for record in range(100):
            before = ours.weights.copy(), ours.spent, ours.removals, ours.present.copy()
            ours.remove(record)
    assert all(np.array_equal(a, b) for a, b in zip(before, (ours.weights, ours.spent, ours.removals, ours.present)))
    assert ours.removals > 0 and str(ours.removals) in str(ours) and "epsilon 1" in str(ours)


def test_it_learns_and_long_rows_are_scaled_down():
    train, test = datasets.breast_cancer().split(test_size=0.2, seed=0)
    rows, other = ((part.X - 0.3) / 2 for part in (train, test))
    ours = CertifiedClassifier(rows, 2 * train.y - 1, strength=0.001, sigma=1.0, epsilon=1, delta=1e-4, rng=seeded())
    assert (ours.predict(other) == 2 * test.y - 1).mean() > 0.85
    assert np.linalg.norm(CertifiedClassifier([[100.0, 0], [0.3, 0.4]], [1, -1], strength=1, sigma=1, rng=seeded(), **CLAIM).X, axis=1).max() <= 1


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("name, bad", [
    *[("X", bad) for bad in ([], [1.0], None, "text", [[NAN], [1.0]])], *[("y", bad) for bad in ([], [0, 2], [1], "text", [0.5, -0.5])],
    *[(name, bad) for name in ("strength", "sigma", "epsilon") for bad in (0, -1, NAN, INF, None, "one")],
    *[("delta", bad) for bad in (0, 1, -1, NAN, "small")], ("rng", 7), ("bound", "loose")])
def test_bad_arguments_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        CertifiedClassifier(**{"X": [[1.0], [0.5]], "y": [1, -1], "strength": 0.1, "sigma": 1.0, **CLAIM, name: bad})


@pytest.mark.parametrize("bad", [-1, 400, 0.5, None, True, 7])
def test_records_that_are_none_or_gone_are_refused(bad):
    ours = on_hard(seeded(), sigma=1.0)
    ours.remove(7)
    with pytest.raises(ValueError, match="record"):
        ours.remove(bad)
    with pytest.raises(ValueError, match="X"):
        ours.predict([[1.0, 2.0]])
