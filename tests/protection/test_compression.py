"""Compression: it cuts, rounds and teaches what it says, leaves the original alone, and hides no members."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

from labkit import datasets
from labkit.models import mlp
from labkit.models.fitting import accuracy, fit, logits_of
from labkit.protection import distil, prune, quantise, size_in_bytes

DIGITS = datasets.digits()
FRESH = DIGITS.X[1200:], DIGITS.y[1200:]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return fit(mlp(64, 64, 10), DIGITS.X[:1200], DIGITS.y[:1200], steps=300, learning_rate=0.01)


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.5, 0.9])
def test_pruning_is_that_of_torch(model, fraction):
    import copy

    theirs, before = copy.deepcopy(model), [each.detach().clone() for each in model.parameters()]
    torch_prune.global_unstructured([(theirs[0], "weight"), (theirs[2], "weight")], torch_prune.L1Unstructured, amount=fraction)
    ours = prune(model, fraction)
    for place in (0, 2):
        assert (ours[place].weight - theirs[place].weight).abs().max() < 1e-6 or \
            ((ours[place].weight != 0) == (theirs[place].weight != 0)).float().mean() > 0.999
        assert torch.equal(ours[place].bias, model[place].bias)
    zeros = sum(int((ours[place].weight == 0).sum()) for place in (0, 2))
    assert zeros == int(fraction * (64 * 64 + 64 * 10))
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters()))


def test_eight_bits_are_off_by_half_a_step_at_most(model):
    small = quantise(model)
    for place in (0, 2):
        scale = model[place].weight.detach().abs().amax(dim=1, keepdim=True) / 127
        assert small[place].integers.dtype == torch.int8 and small[place].integers.abs().max() == 127
        assert ((small[place].weight - model[place].weight).abs() <= scale / 2 + 1e-7).all()
    assert accuracy(small, *FRESH) > accuracy(model, *FRESH) - 0.01
    assert np.abs(logits_of(small, FRESH[0]) - logits_of(model, FRESH[0])).max() < 1
    dead = nn.Sequential(nn.Linear(3, 2))
    nn.init.zeros_(dead[0].weight)
    assert torch.equal(quantise(dead)[0].weight, torch.zeros(2, 3))


def test_sizes_by_hand(model):
    parameters = 64 * 64 + 64 + 64 * 10 + 10
    assert size_in_bytes(model) == 4 * parameters
    assert size_in_bytes(quantise(model)) == (64 * 64 + 640) + 4 * (64 + 10) + 4 * (64 + 10)  # integers, scales, biases
    half = prune(model, 0.5)
    assert size_in_bytes(half, sparse=True) == 4 * (64 * 64 + 640) // 2 + 64 * 8 + 80 + 4 * 74  # half, two bit maps, biases


def test_a_student_learns_from_answers_alone(model):
    torch.manual_seed(1)
    student = distil(model, mlp(64, 16, 10), DIGITS.X[:1200], steps=300, learning_rate=0.01)
    assert accuracy(student, *FRESH) > accuracy(model, *FRESH) - 0.06
    torch.manual_seed(1)
    fooled = distil(nn.Linear(64, 10), mlp(64, 16, 10), DIGITS.X[:1200], steps=300, learning_rate=0.01)
    assert accuracy(fooled, *FRESH) < 0.4  # a teacher who knows nothing teaches nothing


@pytest.mark.parametrize("call, name", [
    *[(lambda bad=bad: prune(mlp(4, 4, 2), bad), "fraction") for bad in (-0.1, 1, 1.5, math.nan, None)],
    *[(lambda bad=bad: quantise(bad), "model") for bad in (nn.Linear(2, 2), nn.Sequential(nn.Conv2d(1, 1, 3)), None)],
    *[(lambda bad=bad: distil(mlp(4, 4, 2), mlp(4, 4, 2), bad, steps=1), "X") for bad in ([], [[math.nan] * 4], [1.0])],
    *[(lambda bad=bad: distil(mlp(4, 4, 2), mlp(4, 4, 2), np.eye(4), steps=bad), "steps") for bad in (0, -1, 1.5)],
])
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()
