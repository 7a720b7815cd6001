"""The replay before private fine-tuning: models in which records meet are refused in words, ordinary ones are not."""

import dataclasses

import numpy as np
import pytest
import torch
from opacus.layers import DPGRU, DPLSTM, DPMultiheadAttention
from torch import nn

from labkit.dp.training.dp_sgd import Plan
from labkit.models.blocks import Classifier, Embeddings, EncoderBlock
from labkit.models.transformer import Transformer
from labkit.protection import finetuning
from labkit.protection.adapters import add_lora
from labkit.protection.finetuning import fine_tune
from labkit.protection.independence import check_independence

N = 120
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(N, 6, 8)).astype(np.float32)
PICTURES = RNG.random((N, 1, 8, 8), dtype=np.float32)
IDS = RNG.integers(0, 20, (N, 6)).astype(np.float32)
Y = np.arange(N) % 2
PLAN = Plan(sample_rate=0.5, batch_size=60, steps=2, noise_multiplier=1.0, max_grad_norm=1.0, learning_rate=0.1)


class Flat(nn.Module):
    """A linear layer on the numbers of a record, and `after`, which is handed the whole batch."""

    def __init__(self, after=lambda x: x):
        super().__init__()
        self.layer, self.head, self.after = nn.Linear(48, 9), nn.Linear(9, 2), after

    def forward(self, x):
        return self.head(self.after(torch.tanh(self.layer(x.flatten(1)))))


class Words(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.words, self.head = nn.Embedding(20, 8, **options), nn.Linear(8, 2)

    def forward(self, x):
        return self.head(torch.tanh(self.words(x.long())).mean(1))


class Attention(nn.Module):
    def __init__(self, heads, batch_first):
        super().__init__()
        self.attention, self.head = DPMultiheadAttention(8, heads, batch_first=batch_first), nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.attention(x, x, x)[0].mean(1))


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.cells, self.head = kind(8, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x):
        return self.head(self.cells(x)[0][:, -1])


class Tied(Flat):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(48, 48)
        self.head = nn.Linear(48, 2)

    def forward(self, x):
        return self.head(torch.tanh(self.layer(torch.tanh(self.layer(x.flatten(1))))))


class LastLogits(nn.Module):
    """The course's own transformer as a classifier: what it says after the last token."""

    def __init__(self):
        super().__init__()
        self.transformer = Transformer(6)

    def forward(self, x):
        return self.transformer(x.long())[:, -1, :2]


def frozen_normalisation():
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 9), nn.BatchNorm1d(9).requires_grad_(False), nn.ReLU(), nn.Linear(9, 2))


def convolution(padding_mode):
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, padding_mode=padding_mode), nn.ReLU(), nn.Flatten(), nn.Linear(256, 2))


class Counter(nn.Module):
    """Records meet in a buffer only: it remembers the largest number that it has seen."""

    def __init__(self):
        super().__init__()
        self.register_buffer("largest", torch.zeros(()))

    def forward(self, x):
        self.largest = torch.maximum(self.largest, x.detach().max())
        return x


def shift(x):
    return x + 0.1 * x.roll(1, 0)


BOTH = ("hooks", "ghost")
REFUSED = {
    "subtracts the batch's mean": (lambda: Flat(lambda x: x - x.mean(0)), ROWS, BOTH, "model must treat each record by itself"),
    "looks at the neighbour": (lambda: Flat(shift), ROWS, BOTH, "model must treat each record by itself"),
    "divides by the batch's size": (lambda: Flat(lambda x: 4 * x / len(x)), ROWS, BOTH, "model must treat each record by itself"),
    "sums along the batch": (lambda: Flat(lambda x: x.cumsum(0)), ROWS, BOTH, "model must treat each record by itself"),
    "attention along the batch": (lambda: Attention(2, False), ROWS, BOTH, "model must treat each record by itself"),
    "on records of zeros": (lambda: Flat(lambda x: x - x.mean(0)), 0 * ROWS, BOTH, "model must treat each record by itself"),
    "batch-first attention": (lambda: Attention(2, True), ROWS, BOTH, "model must have layers that compute what they say"),
    "frozen batch normalisation": (frozen_normalisation, ROWS, BOTH, "model must not keep anything of the records"),
    "a buffer that remembers": (lambda: nn.Sequential(Counter(), Flat()), ROWS, BOTH, "model must not keep anything of the records"),
    "an embedding with max_norm": (lambda: Words(max_norm=1.0), IDS, BOTH, "model must not change its weights in the forward pass"),
    "scale_grad_by_freq": (lambda: Words(scale_grad_by_freq=True), IDS, BOTH, "model must "),
    "a tied layer": (Tied, ROWS, ("ghost",), "model must be one that Opacus can train, got NotImplementedError in ghost mode"),
    **{f"{mode} padding": (lambda mode=mode: convolution(mode), PICTURES, BOTH, "model must have layers whose single gradients")
       for mode in ("circular", "reflect", "replicate")},
    "a weight no record reaches": (lambda: Flat(lambda x: 0 * x), ROWS, BOTH, "model must have trainable weights that the records reach"),
    "other records": (Flat, PICTURES, BOTH, "X must be what the model takes, got RuntimeError"),
    "an answer for each token": (lambda: nn.Linear(8, 2), ROWS, BOTH, "model must answer 4 records with shape"),
    "one class": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(48, 1)), ROWS, BOTH, "y must hold whole numbers from 0 to 0"),
}
CASES = [pytest.param(make, X, mode, message, id=f"{name}-{mode}") for name, (make, X, modes, message) in REFUSED.items()
         for mode in modes]


def lora():
    torch.manual_seed(0)
    return Classifier([add_lora(EncoderBlock(width=8, heads=2, inner=16), names=("query", "value"), rank=2, alpha=4.0)], width=8)


def encoder():
    parts = [Embeddings(width=8, words=20, places=8), EncoderBlock(width=8, heads=2, inner=16)]
    parts[1].key.bias.requires_grad_(False)
    return Classifier(parts, width=8)


ORDINARY = {
    "linear": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), ROWS, BOTH),
    "a head that starts at zero": (lambda: Classifier([], width=8), ROWS, BOTH),
    "perceptron with dropout": (lambda: Flat(nn.Dropout(0.5)), ROWS, BOTH),
    "dropout as a function": (lambda: Flat(lambda x: nn.functional.dropout(x, 0.5)), ROWS, BOTH),
    "layer norm": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(48, 9), nn.LayerNorm(9), nn.GELU(), nn.Linear(9, 2)), ROWS, BOTH),
    "convolution": (lambda: convolution("zeros"), PICTURES, BOTH),
    "group norm": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
                                         nn.Linear(36, 2)), PICTURES, BOTH),
    "instance norm": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.InstanceNorm2d(4, affine=True), nn.Flatten(),
                                            nn.Linear(144, 2)), PICTURES, BOTH),
    "embedding": (Words, IDS, BOTH),
    "embedding with a padding row": (lambda: Words(padding_idx=0), IDS, BOTH),
    "LSTM": (lambda: Recurrent(DPLSTM), ROWS, BOTH),
    "GRU": (lambda: Recurrent(DPGRU), ROWS, BOTH),
    "one attention head, batch first": (lambda: Attention(1, True), ROWS, BOTH),
    "LoRA": (lora, ROWS, BOTH),
    "an encoder with its embeddings": (encoder, IDS, BOTH),
    "the course's transformer": (LastLogits, IDS, BOTH),
    "a tied layer": (Tied, ROWS, ("hooks",)),
    "a frozen layer": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(48, 9).requires_grad_(False), nn.Linear(9, 2)), ROWS, BOTH),
}


@pytest.mark.parametrize("make, X, mode, message", CASES)
def test_models_in_which_records_meet_are_refused_before_any_work(monkeypatch, make, X, mode, message):
    monkeypatch.setattr(finetuning, "_with_opacus", lambda *_: pytest.fail("it began to train"))
    torch.manual_seed(0)
    with pytest.raises(ValueError, match=f"^{message}"):
        fine_tune(make(), X, Y, plan=PLAN, delta=1e-3, seed=0, mode=mode)


@pytest.mark.parametrize("make, X, mode", [pytest.param(make, X, mode, id=f"{name}-{mode}")
                                           for name, (make, X, modes) in ORDINARY.items() for mode in modes])
def test_ordinary_models_are_accepted(make, X, mode):
    for seed in range(3):
        torch.manual_seed(seed)
        model = make()
        before = [each.clone() for each in model.state_dict().values()]
        check_independence(model, torch.tensor(X), torch.tensor(Y), loss=nn.CrossEntropyLoss(), mode=mode, seed=seed)
        assert all(torch.equal(*pair) for pair in zip(before, model.state_dict().values()))  # a copy was looked at


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("loss, allowed", [
    (nn.CrossEntropyLoss(), True), (nn.CrossEntropyLoss(label_smoothing=0.1), True),
    (nn.CrossEntropyLoss(weight=torch.tensor([1.0, 100.0])), False), (nn.CrossEntropyLoss(ignore_index=0), False),
    (nn.CrossEntropyLoss(reduction="sum"), False), (nn.functional.cross_entropy, False), ("cross-entropy", False),
])
def test_a_loss_that_mixes_records_is_refused(monkeypatch, mode, loss, allowed):
    began = []
    monkeypatch.setattr(finetuning, "_with_opacus", lambda *_: began.append(True))
    monkeypatch.setattr(finetuning, "assert_moved", lambda *_: None)
    arguments = dict(plan=PLAN, delta=1e-3, seed=0, mode=mode, loss=loss)
    if allowed:
        fine_tune(Flat(), ROWS, Y, **arguments)
    else:
        with pytest.raises(ValueError, match="^loss must be"):
            fine_tune(Flat(), ROWS, Y, **arguments)
    assert bool(began) == allowed


def test_the_check_costs_under_a_twentieth_of_a_run():
    """In records that go through the model, forwards: a run of 40 batches of 60 expected, with ghost clipping."""
    seen = []
    model = Flat(lambda x: seen.append(len(x)) or x)
    check_independence(model, torch.tensor(ROWS), torch.tensor(Y), loss=nn.CrossEntropyLoss(), mode="ghost")
    price = sum(seen)
    fine_tune(model, ROWS, Y, plan=dataclasses.replace(PLAN, steps=40), delta=1e-3, seed=0)
    assert 0 < price < 0.05 * (sum(seen) - 2 * price)
