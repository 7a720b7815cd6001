"""Gradients give records away, exactly; and where there is nothing to be read, nothing is."""

import copy

import numpy as np
import pytest
import torch

from labkit import datasets
from labkit.attacks import inversion
from labkit.attacks.inversion import (
    best_readings,
    gradients,
    psnr,
    read_label,
    read_records,
    read_trapped,
    set_trap,
)
from labkit.attacks.inversion_by_search import search_record, small_cnn
from labkit.models import mlp

NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def digits():
    return datasets.digits()


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return mlp(64, 128, 10)


def test_single_records_and_labels_are_exact(digits, network):
    for row in range(60):
        found = gradients(network, digits.X[[row]], digits.y[[row]])
        assert psnr(read_records(found[0], found[1])[0], digits.X[row]) > 100
        assert read_label(found[3]) == digits.y[row]


def share_read(digits, model, clients, *, trials=20, read=read_records, noise=0.0, max_grad_norm=None, others=False, seed=0):
    """Mean share of records over 30 dB read from sums over `clients` single records."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(trials):
        rows = rng.choice(len(digits), clients, replace=False)
        if max_grad_norm is None:
            total = [clients * each for each in gradients(model, digits.X[rows], digits.y[rows])]
        else:
            parts = [gradients(model, digits.X[[row]], digits.y[[row]]) for row in rows]
            lengths = [float(torch.sqrt(sum((each**2).sum() for each in part))) for part in parts]
            total = [sum(each * min(1, max_grad_norm / length) for each, length in zip(piece, lengths)) for piece in zip(*parts)]
        total = [each + noise * torch.from_numpy(rng.normal(size=each.shape)).float() for each in total[:2]]
        targets = rng.choice(len(digits), clients, replace=False) if others else rows
        found.append((best_readings(read(*total), digits.X[targets])[0] > 30).mean())
    return float(np.mean(found))


def test_sums_leak_less_and_less(digits, network):
    """Measured .95, .63, .26, .04 for 5, 10, 20, 100 clients; a band of .12 is over four standard errors."""
    found = {clients: share_read(digits, network, clients) for clients in (2, 5, 10, 20, 100)}
    for clients, expected in {2: 1.0, 5: 0.95, 10: 0.63, 20: 0.26, 100: 0.04}.items():
        assert abs(found[clients] - expected) < 0.12, found
    assert found[2] > found[10] > found[20] > found[100]


def test_a_trained_network_leaks_less(digits, network):
    trained = copy.deepcopy(network)
    optimiser = torch.optim.Adam(trained.parameters(), 3e-3)
    for _ in range(100):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(trained(torch.tensor(digits.X)), torch.tensor(digits.y)).backward()
        optimiser.step()
    assert 0.02 < share_read(digits, trained, 10) < share_read(digits, network, 10) - 0.2


def test_trap_weights_leak_more_than_an_honest_model(digits, network):
    trapped = set_trap(copy.deepcopy(network), digits.X.mean(axis=1))
    assert share_read(digits, trapped, 10, read=read_trapped) > 0.8
    assert share_read(digits, trapped, 50, read=read_trapped) > share_read(digits, network, 50) + 0.2


def test_clip_and_noise_stop_division(digits, network):
    trapped = set_trap(copy.deepcopy(network), digits.X.mean(axis=1))
    assert share_read(digits, network, 10, max_grad_norm=1.0, trials=5) > 0.4  # clipping alone does not
    assert share_read(digits, network, 10, max_grad_norm=1.0, noise=0.1, trials=5) == 0
    assert share_read(digits, trapped, 10, max_grad_norm=1.0, noise=0.1, read=read_trapped, trials=5) == 0


def test_control_sums_of_other_people_s_records_say_nothing(digits, network):
    """Digits of 8 x 8 are so alike that a nearest other may come near 30 dB; none of these does."""
    assert share_read(digits, network, 10, others=True, trials=10) < 0.02


def test_control_a_network_whose_neurons_all_wake_up_mixes_everything(digits):
    torch.manual_seed(0)
    linear = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.Identity(), torch.nn.Linear(128, 10))
    assert share_read(digits, linear, 10) < 0.05


def test_a_network_where_nothing_wakes_up_gives_no_reading(digits, network):
    dead = copy.deepcopy(network)
    with torch.no_grad():
        dead[0].bias.fill_(-100)
    found = gradients(dead, digits.X[:1], digits.y[:1])
    readings = read_records(found[0], found[1])
    assert readings.shape == (0, 64)
    decibels, nearest = best_readings(readings, digits.X[:1])
    assert decibels[0] == 0 and not nearest.any()


def test_readings_come_strongest_first():
    readings = read_records(np.array([[2.0, 4.0], [9.0, 3.0], [1.0, 1.0]]), np.array([2.0, -3.0, 0.0]))
    assert readings.tolist() == [[-3.0, -1.0], [1.0, 2.0]]


def test_psnr():
    assert psnr([0.5, 0.5], [0.5, 0.5]) == inversion.MOST
    assert psnr([0.1, 0.1], [0.0, 0.0]) == pytest.approx(20)
    assert psnr([[2.0, 2.0], [0.0, 0.0]], [1.0, 1.0]).tolist() == [inversion.MOST, 0.0]  # cut to 0 ... 1


# By search

@pytest.fixture(scope="module")
def scan():
    _, images = datasets.mnist().split()
    return images.X[[5007]], images.y[[5007]]


def test_search_finds_the_record_of_a_convolutional_network(scan):
    model = small_cnn(generator=torch.Generator().manual_seed(3))
    X, y = scan
    sent = gradients(model, X, y)
    seen = []
    guess, distance = search_record(model, sent, [read_label(sent[-1])], (784,), evaluations=250, watch=seen.append)
    assert psnr(guess[0], X[0]) > 60 and distance < 1e-6
    assert psnr(seen[0][0], X[0]) < 10 < psnr(seen[-1][0], X[0])  # it began with snow


def test_search_fails_where_it_must(scan):
    model, other = (small_cnn(generator=torch.Generator().manual_seed(seed)) for seed in (3, 4))
    X, y = scan
    sent = gradients(model, X, y)
    noise = torch.Generator().manual_seed(5)
    noisy = [each + 0.05 * torch.randn(each.shape, generator=noise) for each in sent]
    for wrong_model, gradient in ((other, sent), (model, noisy)):
        guess, _ = search_record(wrong_model, gradient, y, (784,), evaluations=60)
        assert psnr(guess[0], X[0]) < 12  # the mean picture gives 11.7 dB on average


# Bad arguments

MODEL = mlp(4, 3, 2)
GOOD = [torch.zeros(each.shape) for each in MODEL.parameters()]


@pytest.mark.parametrize("call, name", [
    (lambda: gradients(MODEL, np.zeros((0, 4), "float32"), np.zeros(0, int)), "X"),
    (lambda: gradients(MODEL, np.full((1, 4), NAN, "float32"), np.zeros(1, int)), "X"),
    (lambda: gradients(MODEL, np.full((1, 4), INF, "float32"), np.zeros(1, int)), "X"),
    (lambda: gradients(MODEL, "text", np.zeros(1, int)), "X"), (lambda: gradients(MODEL, np.zeros((1, 4), "float32"), None), "y"),
    (lambda: gradients(MODEL, np.zeros((2, 4), "float32"), np.zeros(1, int)), "same length"),
    (lambda: read_records(np.zeros(3), np.zeros(3)), "weights"), (lambda: read_records(np.zeros((3, 2)), np.zeros(2)), "same length"),
    (lambda: read_records(np.full((3, 2), NAN), np.zeros(3)), "weights"), (lambda: read_records(np.zeros((3, 2)), [INF, 0, 0]), "biases"),
    (lambda: read_records(np.zeros((3, 2)), np.zeros(3), smallest=-1), "smallest"),
    (lambda: read_trapped(np.zeros((0, 2)), np.zeros(0)), "weights"), (lambda: read_label([]), "biases"), (lambda: read_label([NAN]), "biases"),
    (lambda: set_trap(torch.nn.Linear(4, 2), [0.1]), "model"), (lambda: set_trap(MODEL, []), "brightness"),
    (lambda: set_trap(MODEL, [NAN]), "brightness"),
    (lambda: psnr([], []), "guess"), (lambda: psnr([0.1], [0.1, 0.2]), "as many pixels"), (lambda: psnr([NAN], [0.1]), "guess"),
    (lambda: best_readings(np.zeros((1, 2)), []), "truth"), (lambda: best_readings(np.full((1, 2), NAN), np.zeros((1, 2))), "readings"),
    (lambda: small_cnn(spread=0), "spread"),
    (lambda: search_record(MODEL, GOOD, [], (4,)), "labels"), (lambda: search_record(MODEL, GOOD[:2], [0], (4,)), "gradient"),
    (lambda: search_record(MODEL, [each + NAN for each in GOOD], [0], (4,)), "gradient"),
    (lambda: search_record(MODEL, GOOD, [0], (4,), evaluations=0), "evaluations"), (lambda: search_record(MODEL, GOOD, [0], (4,), seed=-1), "seed")])
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()
