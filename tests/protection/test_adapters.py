"""LoRA adapters: they start as nothing, train alone, fold away, and training that moves nothing is noticed."""

import copy

import pytest
import torch
from torch import nn

from labkit.models.blocks import Classifier, EncoderBlock
from labkit.protection.adapters import LoRA, add_lora, assert_moved, merge_lora, snapshot, trainable


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Classifier([EncoderBlock(width=32, heads=4, inner=64), EncoderBlock(width=32, heads=4, inner=64)], width=32)


@pytest.fixture
def x():
    torch.manual_seed(1)
    return torch.randn(6, 5, 32)


def train(model, x, steps=3):
    model.head.requires_grad_(True)
    nn.init.normal_(model.head.weight, std=0.5)
    optimiser = torch.optim.SGD(trainable(model).values(), lr=0.5)
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), torch.arange(6) % 2).backward()
        optimiser.step()
    return model


def test_fresh_adapters_change_no_answer(model, x):
    before = model.blocks(x)
    assert torch.equal(add_lora(model, names=("query", "value")).blocks(x), before)


def test_only_adapters_and_what_is_asked_for_are_trained(model, x):
    frozen = {name: each.detach().clone() for name, each in model.named_parameters()}
    add_lora(model, names=("query", "value"), rank=3)
    assert sum(each.numel() for each in trainable(model).values()) == 2 * 2 * 2 * 3 * 32  # blocks, layers, up and down
    before = snapshot(train(copy.deepcopy(model), x, steps=0))
    trained = train(model, x)
    assert_moved(before, trained)
    for name, each in trained.named_parameters():
        original = name.replace(".layer.", ".")
        if original in frozen and not name.startswith("head"):
            assert torch.equal(each, frozen[original]), name


def test_a_trained_adapter_is_what_its_formula_says(x):
    torch.manual_seed(2)
    layer = nn.Linear(32, 16)
    lora = LoRA(copy.deepcopy(layer), rank=4, alpha=6.0)
    nn.init.normal_(lora.up.weight)
    by_hand = x @ (layer.weight + 6.0 / 4 * lora.up.weight @ lora.down.weight).T + layer.bias
    assert torch.allclose(lora(x), by_hand, atol=1e-5)


def test_merging_keeps_the_answers_and_removes_the_detour(model, x):
    train(add_lora(model, names=("query", "down"), rank=2), x)
    before = model(x)
    merged = merge_lora(model)
    assert torch.allclose(merged(x), before, atol=1e-5)
    assert not any(isinstance(each, LoRA) for each in merged.modules())
    assert type(merged.blocks[0].query) is nn.Linear
    bare = LoRA(nn.Linear(4, 4, bias=False), rank=1, alpha=1.0)
    assert bare.merged().bias is None


def test_adapters_that_the_optimiser_does_not_hold_are_noticed(model, x):
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    add_lora(model, names=("query", "value"))
    model.head.requires_grad_(True)
    before = snapshot(model)
    nn.functional.cross_entropy(model(x), torch.arange(6) % 2).backward()
    optimiser.step()
    with pytest.raises(RuntimeError, match="did not move . of 10 trainable weights: blocks.0.query.down.weight.*optimiser hold"):
        assert_moved(before, model)


def test_a_change_of_what_is_trainable_is_noticed(model):
    before = snapshot(model)
    model.head.requires_grad_(False)
    with pytest.raises(RuntimeError, match="other weights are trainable than before training: head.bias, head.weight"):
        assert_moved(before, model)


@pytest.mark.parametrize("changed, message", [
    ({"model": None}, "model must be a torch.nn.Module"), ({"model": "bert"}, "model must be a torch.nn.Module"),
    ({"names": ()}, "names must be a non-empty sequence"), ({"names": "query"}, "names must be a non-empty sequence"),
    ({"names": ("query", "no such")}, "names must be those of linear layers in the model, got no such"),
    ({"names": ("first_norm",)}, "names must be those of linear layers in the model, got first_norm"),
    ({"rank": 0}, "rank must be a whole number, at least 1"), ({"rank": 1.5}, "rank must be a whole number"),
    ({"rank": float("nan")}, "rank must be a whole number"), ({"rank": 33}, "rank must be at most 32"),
    ({"alpha": 0}, "alpha must be positive"), ({"alpha": -1.0}, "alpha must be positive"),
    ({"alpha": float("inf")}, "alpha must be positive and finite"), ({"alpha": float("nan")}, "alpha must be positive"),
])
def test_bad_arguments_are_refused_and_nothing_is_changed(model, changed, message):
    before = repr(model), {name: each.requires_grad for name, each in model.named_parameters()}
    arguments = {"model": model, "names": ("query",), "rank": 4, "alpha": 8.0} | changed
    with pytest.raises(ValueError, match=f"^{message}"):
        add_lora(arguments.pop("model"), **arguments)
    assert before == (repr(model), {name: each.requires_grad for name, each in model.named_parameters()})


@pytest.mark.parametrize("function", [merge_lora, trainable, snapshot])
def test_no_module_is_refused(function):
    with pytest.raises(ValueError, match="^model must be a torch.nn.Module, got 3"):
        function(3)
