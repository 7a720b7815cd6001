"""Model inversion: it draws the classes that the model learnt, gives back a class of one, and draws nothing of a class never seen."""

import math

import numpy as np
import pytest
import torch

from labkit import datasets
from labkit.attacks.class_inversion import invert_class
from labkit.models import mlp, softmax_regression
from labkit.models.fitting import fit, logits_of

DIGITS = datasets.digits()
MEANS = np.stack([DIGITS.X[DIGITS.y == digit].mean(axis=0) for digit in range(10)])
SEVENS = np.flatnonzero(DIGITS.y == 7)
SETTINGS = {"features": 64, "steps": 100, "step_size": 0.02, "decay": 0.01}


def model_without(rows, layer=softmax_regression):
    torch.manual_seed(0)
    model = softmax_regression(64, 10) if layer is softmax_regression else mlp(64, 64, 10)
    return fit(model, DIGITS.X[rows], DIGITS.y[rows], steps=300, learning_rate=0.01)


def nearest(image):
    return int(np.argmax([np.corrcoef(image, mean)[0, 1] for mean in MEANS]))


@pytest.mark.parametrize("layer", [softmax_regression, mlp])
def test_it_draws_every_class_that_was_learnt(layer):
    model = model_without(np.arange(len(DIGITS)), layer)
    images = invert_class(model, range(10), **SETTINGS)
    assert images.shape == (10, 64) and images.min() >= 0 and images.max() <= 1
    assert [nearest(image) for image in images] == list(range(10))
    assert (logits_of(model, images).argmax(axis=1) == np.arange(10)).all()


@pytest.mark.parametrize("layer", [softmax_regression, mlp])
def test_it_draws_nothing_of_a_class_never_seen(layer):
    image = invert_class(model_without(np.flatnonzero(DIGITS.y != 7), layer), 7, **SETTINGS)
    assert np.corrcoef(image, MEANS[7])[0, 1] < 0.1


def test_a_class_of_one_gives_back_its_record_and_an_untrained_model_does_not():
    rest = np.flatnonzero(DIGITS.y != 7)
    alike = []
    for record in SEVENS[:3]:
        image = invert_class(model_without(np.append(rest, np.repeat(record, 180))), 7, **SETTINGS)
        order = np.corrcoef(image, DIGITS.X[SEVENS])[0, 1:].argsort()[::-1]
        alike.append(int(np.flatnonzero(SEVENS[order] == record)[0]))
    assert np.mean(alike) < 5  # among 179 sevens; by chance the mean rank is 89
    blank = invert_class(softmax_regression(64, 10), 7, **SETTINGS)
    assert not blank.any()  # a blank model has no slope to follow


@pytest.mark.parametrize("name, bad", [
    *[("target", bad) for bad in (-1, 1.5, [], [[1]], math.nan, None)],
    *[("features", bad) for bad in (0, -1, 1.5)], *[("steps", bad) for bad in (0, -1, 1.5)],
    *[("step_size", bad) for bad in (0, -1, math.nan, math.inf)], *[("decay", bad) for bad in (-1, math.nan)],
    *[("start", bad) for bad in (-0.1, 1.1, math.nan)], *[("high", bad) for bad in (0.0, -1, math.nan)],
])
def test_bad_arguments_are_named(name, bad):
    arguments = {"target": 7, "features": 64, name: bad}
    with pytest.raises(ValueError, match=name):
        invert_class(softmax_regression(64, 10), arguments.pop("target"), **arguments)
