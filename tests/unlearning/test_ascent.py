"""Ascent goes up, stops where told, touches the part that is named, and holds the rest where asked."""

import numpy as np
import pytest
import torch

from labkit.models.transformer import Transformer, encode, next_token_loss, train
from labkit.unlearning import ascend

SECRET, OTHERS = encode(["pin 4921"]), encode(["sell cow", "buy milk", "red door"])


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return train(Transformer(8, width=16, heads=2), np.concatenate([SECRET, OTHERS]), epochs=60, batch_size=4, learning_rate=0.01, seed=0)


def loss(model, tokens, part=slice(None)):
    tokens = torch.from_numpy(tokens)
    with torch.no_grad():
        return next_token_loss(model(tokens[:, :-1])[:, part], tokens[:, 1:][:, part]).item()


def test_the_loss_goes_up_and_the_model_itself_stays(model):
    before = [each.clone() for each in model.parameters()]
    changed, taken = ascend(model, SECRET, learning_rate=0.05, steps=20)
    assert taken == 20 and loss(changed, SECRET) > loss(model, SECRET) + 1
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters()))


@pytest.mark.parametrize("part", [slice(None), slice(4, 8)])
def test_one_step_is_plain_gradient_ascent_on_the_part_that_is_named(model, part):
    tokens = torch.from_numpy(SECRET)
    said = next_token_loss(model(tokens[:, :-1])[:, part], tokens[:, 1:][:, part])
    gradients = torch.autograd.grad(said, list(model.parameters()))
    changed, _ = ascend(model, SECRET, learning_rate=0.01, steps=1, part=part)
    for old, gradient, new in zip(model.parameters(), gradients, changed.parameters()):
        assert torch.allclose(new, old + 0.01 * gradient, atol=1e-7)


def test_it_stops_as_soon_as_the_loss_is_reached(model):
    changed, taken = ascend(model, SECRET, learning_rate=0.02, steps=500, until=3.0)
    one_less, _ = ascend(model, SECRET, learning_rate=0.02, steps=taken - 1)
    assert 1 < taken < 500 and loss(changed, SECRET) >= 3 > loss(one_less, SECRET)
    assert ascend(model, SECRET, learning_rate=1.0, steps=5, until=1e-6)[1] == 0


def test_the_loss_that_stops_it_is_that_of_the_part(model):
    digits = slice(4, 8)
    changed, taken = ascend(model, SECRET, learning_rate=0.02, steps=500, until=2.0, part=digits)
    assert 1 < taken < 500 and loss(changed, SECRET, digits) >= 2 and loss(model, SECRET, digits) < 0.5


def test_what_is_kept_is_held(model):
    held, _ = ascend(model, SECRET, learning_rate=0.05, steps=20, keep=OTHERS)
    loose, _ = ascend(model, SECRET, learning_rate=0.05, steps=20)
    assert loss(held, OTHERS) < loss(loose, OTHERS) - 0.05 and loss(held, SECRET) > loss(model, SECRET) + 0.5


@pytest.mark.parametrize("name, bad", [
    ("model", "gpt"), ("tokens", [1, 2]), ("tokens", [[1]]), ("tokens", [[0.5, 1.0]]), ("tokens", [[-1, 2]]), ("learning_rate", 0),
    ("learning_rate", float("nan")), ("steps", 0), ("steps", 1.5), ("until", 0), ("until", float("nan")), ("until", "high"),
    ("part", slice(9, 12)), ("part", 3), ("keep", [[1.5, 2]]), ("keep", [])])
def test_bad_arguments_are_refused_by_name(model, name, bad):
    with pytest.raises(ValueError, match=name):
        ascend(**{"model": model, "tokens": SECRET, "learning_rate": 0.1, "steps": 1, name: bad})
