"""Objective perturbation: the inversion that its proof rests on, its exact distribution, its conditions, and twins that leak."""

import math

import numpy as np
import pytest
from scipy import stats

from labkit import datasets
from labkit.dp import objective_perturbation
from labkit.dp.auditing.bounds import Audit
from labkit.dp.mechanisms.objective import (
    ObjectiveNoise,
    hessian,
    inverted,
    noise_for,
    perturbed_minima,
    random_terms,
)

RARE = 1e-6  # each statistical test below fails by chance once in a million seeds
SURE = 0.9999


def seeded():
    return np.random.default_rng(54)


def records(n, d, rng):
    X = rng.normal(size=(n, d))
    return X / np.maximum(1, np.linalg.norm(X, axis=1, keepdims=True)), rng.choice([-1.0, 1.0], n)


# --- the identity


@pytest.mark.parametrize("n, d, strength", [(2, 1, 0.5), (30, 3, 0.1), (400, 20, 0.01), (5, 8, 1e-3)])
def test_each_minimum_gives_its_random_term_back(n, d, strength):
    """Stationarity: the gradient is zero where b = inverted(w), and w is found from b."""
    rng = seeded()
    X, y = records(n, d, rng)
    terms = random_terms(ObjectiveNoise(2.0, strength), d, 200, rng)
    w = perturbed_minima(X, y, terms, strength)
    assert np.abs(inverted(X, y, w, strength) - terms).max() < 1e-8 * n * (1 + np.abs(terms).max())


def test_the_inverse_has_the_declared_jacobian():
    rng, n, d = seeded(), 12, 3
    X, y = records(n, d, rng)
    w = rng.normal(size=(1, d))
    numeric = [(inverted(X, y, w + step, 0.1) - inverted(X, y, w - step, 0.1))[0] / 2e-6 for step in 1e-6 * np.eye(d)[:, None]]
    assert np.array(numeric) == pytest.approx(-n * hessian(X, w, 0.1)[0], abs=1e-6)


def log_density(X, y, w, noise):
    """Of the released weights, by change of variables; up to a constant that no record enters."""
    b = inverted(X, y, w, noise.strength)
    return -np.linalg.norm(b, axis=1) / noise.scale + np.linalg.slogdet(len(X) * hessian(X, w, noise.strength))[1]


@pytest.mark.parametrize("n, d, epsilon, strength", [(1, 1, 1, 0.5), (2, 1, 3, 0.1), (3, 2, 1, 0.05), (20, 4, 0.5, 0.02), (2, 2, 8, 1e-3)])
def test_no_weights_are_likelier_on_a_neighbour_by_more_than_exp_epsilon(n, d, epsilon, strength):
    """The guarantee itself, at thousands of weights, for random neighbours and for the worst ones we know."""
    rng, noise, worst = seeded(), noise_for(epsilon=epsilon, records=n, strength=strength), 0
    for trial in range(30):
        X, y = records(n, d, rng)
        other, label = X.copy(), y.copy()
        other[0], label[0] = (-X[0], y[0]) if trial % 2 else (records(1, d, rng)[0][0], rng.choice([-1, 1]))
        X[0] /= np.linalg.norm(X[0]) if trial % 3 else 1
        w = rng.normal(size=(300, d)) * 10.0 ** rng.uniform(-2, 3, size=(300, 1))
        worst = max(worst, np.abs(log_density(X, y, w, noise) - log_density(other, label, w, noise)).max())
    assert 0.2 * epsilon < worst <= epsilon * (1 + 1e-9)


def test_in_one_dimension_it_has_its_exact_distribution():
    """w falls as b rises, and b is a Laplace variable: so P(W <= w) = P(B >= inverted(w))."""
    X, y = np.array([[1.0], [-0.3], [0.8]]), np.array([1.0, 1.0, -1.0])
    noise = noise_for(epsilon=2, records=3, strength=0.2)
    drawn = [objective_perturbation(X, y, epsilon=2, strength=0.2, rng=rng)[0] for rng in seeded().spawn(300)]

    def below(w):
        return stats.laplace.sf(inverted(X, y, np.reshape(w, (-1, 1)), noise.strength)[:, 0], scale=noise.scale)

    assert stats.kstest(drawn, below).pvalue > RARE


def test_the_random_term_has_its_length_and_no_direction():
    terms = random_terms(ObjectiveNoise(1.5, 0.1), 3, 20_000, seeded())
    lengths = np.linalg.norm(terms, axis=1)
    assert stats.kstest(lengths, stats.gamma(3, scale=1.5).cdf).pvalue > RARE
    assert stats.kstest(terms[:, 0] / lengths, stats.uniform(-1, 2).cdf).pvalue > RARE  # Archimedes: uniform on a sphere's axis


# --- the constants


@pytest.mark.parametrize("epsilon, records, strength", [(1, 1000, 0.01), (0.5, 3, 0.5), (0.1, 2, 1e-3), (4, 1, 1e-6)])
def test_the_constants_are_the_papers(epsilon, records, strength):
    noise, c = noise_for(epsilon=epsilon, records=records, strength=strength), 0.25 / records
    left = epsilon - math.log(1 + 2 * c / strength + (c / strength) ** 2)
    if left > 0:
        assert noise.strength == strength and 2 / noise.scale == pytest.approx(left)
    else:
        assert noise.strength == pytest.approx(c / (math.exp(epsilon / 4) - 1)) and noise.strength > strength
        assert 2 / noise.scale == pytest.approx(epsilon / 2)
        assert 2 * math.log(1 + c / noise.strength) == pytest.approx(epsilon / 2)  # half of the budget, as promised


# --- audits: all records are alike, and one of them is turned around


def distinguished(noise, reach=1.0, records=8, runs=20_000):
    """The best attacker: scores each outcome by its likelihood ratio, whose density we know."""
    X, y, rng = np.full((records, 1), reach), np.ones(records), seeded()
    other = np.vstack([-X[:1], X[1:]])
    drawn = [perturbed_minima(rows, y, random_terms(noise, 1, runs, rng), noise.strength) for rows in (X, other)]
    return Audit(*[log_density(X, y, w, noise) - log_density(other, y, w, noise) for w in drawn])


def test_the_right_noise_passes_and_noise_divided_by_n_twice_is_caught():
    """In one dimension turning a record around moves b by 1, half of what the theorem allows: a half is all there is to find."""
    noise = noise_for(epsilon=1, records=8, strength=1.0)
    found = [distinguished(each).epsilon_lower_bound(confidence=SURE)
             for each in (noise, ObjectiveNoise(noise.scale / 8, noise.strength))]
    assert 0.25 < found[0] <= 0.5 and found[1] > 2


def turned_to_nothing(noise, runs=100_000):
    """A record of length 1 is replaced by an empty one: near w = 0 only the first bends the loss, and far away neither does."""
    X, y, rng = np.array([[1.0]]), np.array([1.0]), seeded()
    other = np.array([[0.0]])
    drawn = [perturbed_minima(rows, y, random_terms(noise, 1, runs, rng), noise.strength) for rows in (X, other)]
    return Audit(*[log_density(X, y, w, noise) - log_density(other, y, w, noise) for w in drawn])


def test_forgetting_the_jacobian_is_caught():
    """All of epsilon is spent on the random term, with a weak quadratic term."""
    epsilon, strength = 1, 0.05
    assert turned_to_nothing(noise_for(epsilon=epsilon, records=1, strength=strength)).epsilon_lower_bound(confidence=SURE) <= epsilon
    careless = ObjectiveNoise(2 / epsilon, strength)
    assert turned_to_nothing(careless).epsilon_lower_bound(confidence=SURE) > epsilon


def test_a_number_added_to_the_loss_is_caught():
    """The article's version: no linear term, so the weights are the data's."""
    X, y = np.array([[1.0], [1.0]]), np.array([1.0, 1.0])
    w = [perturbed_minima(rows, y, np.zeros((500, 1)), 1.0)[:, 0] for rows in (X, X * [[-1], [1]])]
    assert Audit(*w).epsilon_lower_bound(confidence=SURE) > 2


def test_rows_longer_than_one_would_leak_and_are_scaled_down():
    X, y = np.array([[100.0, 0.0], [0.3, 0.4]]), np.array([1, -1])
    weights = [objective_perturbation(rows, y, epsilon=1, strength=0.1, rng=seeded()) for rows in (X, [[1.0, 0.0], [0.3, 0.4]])]
    assert np.array_equal(*weights)
    noise = noise_for(epsilon=1, records=8, strength=1.0)
    assert distinguished(noise, reach=20.0).epsilon_lower_bound(confidence=SURE) > 1


# --- use


def test_it_learns_and_more_epsilon_learns_more():
    train, test = datasets.breast_cancer().split(test_size=0.2, seed=0)
    rows, test_rows = ((part.X - 0.3) / 2 for part in (train, test))
    right = [np.mean([((test_rows @ objective_perturbation(rows, 2 * train.y - 1, epsilon=epsilon, strength=0.01, rng=rng) > 0)
                       == test.y).mean() for rng in seeded().spawn(20)]) for epsilon in (0.01, 10)]
    assert right[1] > 0.75 > right[0] + 0.1


def test_it_does_not_give_up_on_a_hard_minimum():
    X, y = records(50, 4, seeded())
    weights = objective_perturbation(X, y, epsilon=50, strength=1e-6, rng=seeded())
    assert np.isfinite(weights).all()


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("name, bad", [
    *[("X", bad) for bad in ([], [1.0], None, "text", [["a"]])],
    *[("y", bad) for bad in ([], [0, 2], [2, 3], [[1, -1]], [NAN, NAN], None, "text", [0.5, -0.5], [1])],
    *[("epsilon", bad) for bad in (0, -1, NAN, INF, None, "one")],
    *[("strength", bad) for bad in (0, -1, NAN, INF, None, "weak")],
    *[("rng", bad) for bad in (7, "seed", np.random)],
])
def test_bad_arguments_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        objective_perturbation(**{"X": [[1.0], [0.5]], "y": [1, -1], "epsilon": 1, "strength": 0.1, name: bad})
