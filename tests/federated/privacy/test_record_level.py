"""Training together with noise for a patient: the gradient, the noise, the promise, and a twin that breaks
it."""

import numpy as np
import pytest
from scipy.special import expit

from labkit import dp
from labkit.federated import noisy_gradient, train_logistic

SURE = 0.9999  # confidence of audits: a correct mechanism fails one once in 10,000 seeds, and seeds are fixed
RNG = np.random.default_rng
DELTA = 1e-4


def hospitals(seed=0, sizes=(30, 5, 0, 12)):
    rng = RNG(seed)
    rows = [rng.normal(size=(each, 3)) for each in sizes]
    return [(X, (X[:, 0] > 0).astype(int)) for X in rows]


def gradient(clients, weights=np.zeros(3), max_grad_norm=1.0, noise_multiplier=0.0, seed=0):
    return noisy_gradient(weights, clients, max_grad_norm=max_grad_norm, noise_multiplier=noise_multiplier,
                          rng=RNG(seed))


def test_the_sum_by_hand():
    weights, clients = np.array([0.3, -0.2, 0.1]), hospitals()
    rows = [(expit(x @ weights) - y) * x for X, Y in clients for x, y in zip(X, Y)]
    assert np.allclose(gradient(clients, weights, 1e9), np.sum(rows, 0))
    cut = [row * min(1, 0.4 / np.linalg.norm(row)) for row in rows]
    assert np.allclose(gradient(clients, weights, 0.4), np.sum(cut, 0))


def test_a_patient_moves_the_sum_by_the_bound_at_most():
    clients = hospitals()
    for x in (np.array([1e6, 0, 0]), np.array([1e-3, 2, -5])):
        more = [(np.vstack([clients[0][0], x]), np.r_[clients[0][1], 1]), *clients[1:]]
        assert np.linalg.norm(gradient(more) - gradient(clients)) <= 1 + 1e-9


def test_the_parts_of_the_noise_add_up():
    """Standard deviation 2.0 x 0.5 whatever the number of hospitals: 20,000 draws, so 1 % is two standard
    errors, and 3 % six."""
    for count in (1, 4):
        clients = [(np.zeros((1, 20_000)), [0])] * count
        noise = noisy_gradient(np.zeros(20_000), clients, max_grad_norm=0.5, noise_multiplier=2.0, rng=RNG(3))
        assert abs(noise.std() - 1) < 0.03 and abs(noise.mean()) < 0.05


def test_without_noise_it_learns_and_every_split_learns_the_same():
    clients = hospitals(sizes=(200, 50, 50))
    merged = [(np.concatenate([X for X, _ in clients]), np.concatenate([y for _, y in clients]))]
    one, many = (train_logistic(each, patients=300, rounds=100, learning_rate=2.0, max_grad_norm=5.0,
                                noise_multiplier=0.0) for each in (merged, clients))
    assert np.allclose(one, many)
    assert np.mean((merged[0][0] @ one > 0) == merged[0][1]) > 0.95


def trained(noise_multiplier):
    """Three rounds with or without a patient who pulls one weight as far as she may; scored by that
    weight."""
    def run(with_her, rng):
        X = np.zeros((3 + with_her, 2))
        X[:3, 1], X[3:, 0] = 1, 50
        clients = [(X[:2], np.array([1, 0])), (X[2:], np.ones(len(X) - 2))]
        return train_logistic(clients, patients=4, rounds=3, learning_rate=1e-3, max_grad_norm=1.0,
                              noise_multiplier=noise_multiplier, ridge=0.0, rng=rng)[0]

    rng = RNG(5)
    return dp.audit(lambda with_her: run(with_her, rng), 1, 0, runs=2000)


def test_a_patient_is_hidden_and_too_little_noise_is_caught():
    needed = dp.noise_multiplier_for(epsilon=4.0, delta=DELTA, sample_rate=1.0, steps=3)
    kept = dp.gaussian_bound(trained(needed), delta=DELTA, confidence=SURE).epsilon
    for_one_round = dp.noise_multiplier_for(epsilon=4.0, delta=DELTA, sample_rate=1.0, steps=1)
    broken = dp.gaussian_bound(trained(for_one_round), delta=DELTA, confidence=SURE).epsilon
    assert 2 < kept <= 4 < broken


@pytest.mark.parametrize("name, bad", [
    ("max_grad_norm", 0), ("max_grad_norm", None), ("noise_multiplier", -1), ("rng", 7),
    ("noise_multiplier", float("nan")),
    ("rounds", 0), ("patients", 0), ("learning_rate", 0), ("ridge", -1), ("clients", []),
    ("clients", [(np.ones((2, 3)), [1])]),
])
def test_bad_arguments_are_refused_by_name(name, bad):
    given = {"clients": hospitals(), "patients": 47, "rounds": 2, "learning_rate": 1.0, "max_grad_norm": 1.0,
             "noise_multiplier": 1.0, "ridge": 0.1, "rng": None, name: bad}
    with pytest.raises(ValueError, match=name):
        train_logistic(given.pop("clients"), **given)


def test_weights_of_another_length_are_refused():
    with pytest.raises(ValueError, match="clients"):
        noisy_gradient(np.zeros(4), hospitals(), max_grad_norm=1.0, noise_multiplier=1.0)
