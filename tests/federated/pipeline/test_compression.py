"""Top-k and quantisation: by hand, unbiased where they claim to be, and their bytes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.federated import (
    Clip,
    FedAvg,
    Quantise,
    Setting,
    Sum,
    TopK,
    Update,
    partition,
    simulate,
    vector_of,
)
from labkit.federated.pipeline.step import Pipeline, message_bytes


def pipeline(*steps, length):
    return Pipeline(Setting(FedAvg(), 1, 1, "fixed", 1, length, steps), seed=0)


def there_and_back(change, *steps, number=1, through=None):
    """What the server makes of one client's change, and the bytes that travelled."""
    model = torch.zeros_like(change)
    through = through or pipeline(*steps, length=len(change))
    sent, memory = through.client(Update(0, 1, 1, {"change": change}), 1.0, through.configure(number, model), number, model)
    through.remember(0, memory)
    (received,), _ = through.server([sent], number, model)
    return received.message["change"], message_bytes(sent.message)


def test_top_k_by_hand():
    change = torch.tensor([0.1, -3.0, 0.2, 2.0, -0.5])
    received, size = there_and_back(change, TopK(fraction=0.4))
    assert received.tolist() == [0, -3.0, 0, 2.0, 0]
    assert size == 2 * (4 + 4)


def test_what_top_k_did_not_send_is_sent_later():
    change = torch.tensor([0.4, -3.0, 0.3])
    through = pipeline(TopK(fraction=1 / 3), length=3)
    sent = [there_and_back(change, number=number, through=through)[0] for number in range(1, 9)]
    assert [each.nonzero().item() for each in sent[:2]] == [1, 1]  # 0.4, then 0.8 against 3
    assert sent[0].tolist() == [0, -3, 0]
    # nothing is lost: what was sent and what waits add up to what was learned
    waiting = through.memories[0][0]["unsent"]
    assert torch.allclose(sum(sent) + waiting, 8 * change, atol=1e-5)
    assert sum(sent)[0] > 3  # after eight rounds the first number has had its turn
    forgetful = pipeline(TopK(fraction=1 / 3, remember=False), length=3)
    sent = [there_and_back(change, number=number, through=forgetful)[0] for number in range(1, 9)]
    assert sum(sent).tolist() == [0, -24, 0] and not forgetful.memories


def test_top_k_of_everything_changes_nothing():
    change = torch.randn(7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(there_and_back(change, TopK(fraction=1.0))[0], change)
    assert there_and_back(change, TopK(fraction=1e-9))[0].count_nonzero() == 1


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8])
def test_quantise_is_right_on_average_and_never_off_by_a_level(bits):
    change = torch.tensor([-1.0, -0.7, 0.0, 0.123, 0.5, 2.0], dtype=torch.float64)
    rounds, level = 1500, 3 / (2 ** bits - 1)
    through = pipeline(Quantise(bits=bits), length=6)
    draws = torch.stack([there_and_back(change, number=number, through=through)[0] for number in range(1, rounds + 1)])
    assert float((draws - change).abs().max()) <= level * (1 + 1e-9)
    # rounding has a standard deviation of at most level / 2: five standard errors, 6 numbers x 5 cases, fails once in 60,000 seeds
    assert float((draws.mean(0) - change).abs().max()) < 5 * level / 2 / math.sqrt(rounds)
    assert torch.equal(draws[:, 0], change[0].expand(rounds)) and torch.allclose(draws[:, 5], change[5])  # the ends are levels


def test_rounding_to_the_nearest_level_would_fail_that_test():
    change = torch.tensor([-1.0, 0.123, 2.0], dtype=torch.float64)
    nearest = -1 + torch.round((change + 1) / 3) * 3
    assert float((nearest - change).abs().max()) > 5 * 3 / 2 / math.sqrt(1500)


@given(st.integers(1, 8), st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40))
@settings(deadline=None, max_examples=150)
def test_packing_keeps_every_code(bits, values):
    change = torch.tensor(values, dtype=torch.float32)
    received, size = there_and_back(change, Quantise(bits=bits))
    level = (max(values) - min(values)) / (2 ** bits - 1)
    assert float((received - change).abs().max()) <= level + 1e-6 * max(map(abs, values))
    assert size == math.ceil(len(values) * bits / 8) + 2 * 4 + 4


def test_both_together_and_in_a_run():
    rng = np.random.default_rng(0)
    x = rng.random((300, 20), dtype=np.float32)
    y = (x @ rng.normal(size=(20, 3))).argmax(1)
    clients = [(x[part], y[part]) for part in partition.iid(200, clients=5)]
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(20, 3))

    def run(*steps):
        return simulate(model, clients, FedAvg(), rounds=40, local_steps=3, learning_rate=0.5, pipeline=steps, evaluate=(x[200:], y[200:]),
                        evaluate_every=40)

    plain, both = run(), run(Clip(5.0), TopK(fraction=0.2), Quantise(bits=4))
    assert plain.bytes_up == 40 * 5 * 63 * 4
    assert both.bytes_up == 40 * 5 * (math.ceil(13 * 4 / 8) + 12 + 13 * 4)
    assert both.accuracy[-1] > plain.accuracy[-1] - 0.08
    assert both.bytes_down == plain.bytes_down
    assert torch.equal(vector_of(run(TopK(0.2), Quantise(4)).model), vector_of(run(TopK(0.2), Quantise(4)).model))


@pytest.mark.parametrize("call, named", [
    (lambda: TopK(fraction=0), "fraction"),
    (lambda: TopK(fraction=1.1), "fraction"),
    (lambda: TopK(fraction=math.nan), "fraction"),
    (lambda: TopK(fraction=0.5, remember="yes"), "remember"),
    (lambda: Quantise(bits=0), "bits"),
    (lambda: Quantise(bits=9), "bits"),
    (lambda: Quantise(bits=2.0), "bits"),
    (lambda: pipeline(Quantise(), Clip(1.0), length=2), "Quantise must be the last step"),
    (lambda: pipeline(Quantise(), Quantise(), length=2), "Quantise must be the last step"),
    (lambda: pipeline(TopK(), TopK(0.5), length=2), "TopK must come before other compression"),
    (lambda: pipeline(TopK(), Sum(), length=2), "Sum adds up what the clients send, and what TopK makes"),
    (lambda: pipeline(Sum(), Quantise(), length=2), "pipeline must end with Sum"),
])
def test_bad_arguments_are_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
