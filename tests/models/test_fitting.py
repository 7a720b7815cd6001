"""The shared training loop: it learns, it is reproducible, and it refuses what does not fit."""

import math

import numpy as np
import pytest
import torch

from labkit import datasets
from labkit.models import mlp, softmax_regression
from labkit.models.fitting import accuracy, fit, logits_of, probabilities_of

DIGITS = datasets.digits()
X, Y = DIGITS.X[:600], DIGITS.y[:600]
FRESH = DIGITS.X[600:], DIGITS.y[600:]


def blank(seed=0):
    torch.manual_seed(seed)
    return mlp(64, 32, 10)


def test_it_learns_digits_and_not_labels_by_lot():
    assert accuracy(fit(blank(), X, Y, steps=200, learning_rate=0.01), *FRESH) > 0.85
    by_lot = np.random.default_rng(0).integers(0, 10, len(Y))
    assert accuracy(fit(blank(), X, by_lot, steps=200, learning_rate=0.01), *FRESH) < 0.3


def test_probabilities_teach_what_labels_teach():
    taught = fit(blank(), X, np.eye(10)[Y], steps=50)
    labelled = fit(blank(), X, Y, steps=50)
    assert np.allclose(logits_of(taught, X), logits_of(labelled, X), atol=1e-4)


def test_the_seed_fixes_the_batches():
    one, same, other = (fit(blank(), X, Y, steps=20, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(logits_of(one, X), logits_of(same, X)) and not np.array_equal(logits_of(one, X), logits_of(other, X))


def test_penalty_and_disturbance_take_part():
    small = fit(blank(), X, Y, steps=100, penalty=lambda model: model[0].weight.square().sum())
    assert small[0].weight.norm() < 0.5 * fit(blank(), X, Y, steps=100)[0].weight.norm()
    seen = []
    fit(blank(), X, Y, steps=3, batch_size=7, disturb=lambda model, x, y: seen.append((x.shape, y.shape)) or x)
    assert seen == [((7, 64), (7,))] * 3


def test_read_only_arrays_are_welcome_and_probabilities_sum_to_one():
    model = softmax_regression(64, 10)
    assert not DIGITS.X.flags.writeable
    assert np.allclose(probabilities_of(model, DIGITS.X), 0.1) and probabilities_of(model, X).shape == (600, 10)
    huge = torch.nn.Linear(64, 10)
    with torch.no_grad():
        huge.weight.mul_(1e4)
    assert np.allclose(probabilities_of(huge, X).sum(axis=1), 1)


@pytest.mark.parametrize("change, name", [
    *[({"X": bad}, "X") for bad in ([], [[math.nan]], X[:5], "digits", X[0])],
    *[({"targets": bad}, "targets") for bad in (Y[:5], Y.astype(float), -Y - 1, np.full((600, 10), 0.5), np.full(600, math.nan), None)],
    *[({"steps": bad}, "steps") for bad in (0, -1, 1.5, None)],
    *[({"batch_size": bad}, "batch_size") for bad in (0, -1, 1.5)],
    *[({"learning_rate": bad}, "learning_rate") for bad in (0, -1, math.inf, math.nan)],
    *[({"seed": bad}, "seed") for bad in (-1, 0.5, None)],
    ({"targets": np.eye(10)[Y], "disturb": lambda model, x, y: x}, "targets"),
])
def test_bad_arguments_are_named(change, name):
    arguments = {"X": X, "targets": Y, "steps": 1, **change}
    with pytest.raises(ValueError, match=name):
        fit(blank(), arguments.pop("X"), arguments.pop("targets"), **arguments)


def test_accuracy_wants_labels():
    with pytest.raises(ValueError, match="y"):
        accuracy(blank(), X, np.eye(10)[Y])
