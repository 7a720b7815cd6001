"""Adversarial training: attack every batch before learning from it, so that the model learns to withstand the attack.

`train_adversarially` does it for one model. `train_population` does it for many small networks at once, on samples of the same
records, to measure what the defence costs in *membership* privacy.

Sources: Madry, Makelov, Schmidt, Tsipras, Vladu, ICLR 2018; Song, Shokri, Mittal, "Privacy Risks of Securing Machine
Learning Models against Adversarial Examples", CCS 2019 (the leakage).
"""


import numpy as np
import torch
from torch import nn

from labkit import validate
from labkit.models.fitting import fit
from labkit.threads import torch_threads


def train_adversarially(model, X, y, *, attack, steps: int, **options):
    """Train `model` in place on attacked batches, and return it.

    X, y:    inputs (n, d) and their labels (n,).
    attack:  function (model, X, y) -> X' of the same shape, run against the model as it is at each step; such as
             functools.partial(labkit.attacks.evasion.pgd, epsilon=0.1, steps=3, random_start=True).
    steps, options: as for `labkit.models.fitting.fit`. Each step costs one gradient more for each step of the attack.
    Raises ValueError for arguments that do not fit.
    """
    if not callable(attack):
        raise ValueError(f"attack must be a function of (model, X, y) that returns changed inputs, got {attack!r}")
    return fit(model, X, y, steps=steps, disturb=attack, **options)


class PopulationOfNetworks(nn.Module):
    """M networks of one shape, d inputs -> hidden ReLU units -> classes; weights have a leading axis M."""

    def __init__(self, M, features, hidden, classes, seed=0):
        super().__init__()
        source = torch.Generator().manual_seed(seed)
        self.W1 = nn.Parameter(torch.randn(M, features, hidden, generator=source) * (2 / features) ** 0.5)
        self.b1 = nn.Parameter(torch.zeros(M, 1, hidden))
        self.W2 = nn.Parameter(torch.randn(M, hidden, classes, generator=source) * hidden**-0.5)
        self.b2 = nn.Parameter(torch.zeros(M, 1, classes))

    def forward(self, X):
        """Logits (M, n, classes) of inputs (n, d), shown to all, or (M, n, d), to each its own."""
        hidden = torch.relu(torch.baddbmm(self.b1, X.expand(len(self.W1), *X.shape[-2:]), self.W1))
        return torch.baddbmm(self.b2, hidden, self.W2)

    def logits(self, X):
        """What each model says of inputs X, (n, d) or (M, n, d), as a float32 array (M, n, classes)."""
        X = validate.array(X=X)
        if X.ndim not in (2, 3) or X.shape[-1] != self.W1.shape[1]:
            raise ValueError(f"X must have {self.W1.shape[1]} columns, got shape {X.shape}")
        with torch_threads(1), torch.no_grad():
            return self(torch.from_numpy(np.array(X, np.float32))).numpy()

    def member(self, number):
        """One of the networks as an nn.Sequential of its own, number from 0 to M - 1."""
        number = validate.integer(number=number, at_least=0, at_most=len(self.W1) - 1)
        _, features, hidden = self.W1.shape
        model = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, self.W2.shape[2]))
        with torch.no_grad():
            for layer, weight, bias in [(model[0], self.W1, self.b1), (model[2], self.W2, self.b2)]:
                layer.weight.copy_(weight[number].T)
                layer.bias.copy_(bias[number, 0])
        return model


def train_population(X, y, members, *, classes, attack=None, hidden=64, steps: int = 100,
                     learning_rate: float = 0.5, momentum: float = 0.9, seed: int = 0):
    """Train one network for each row of `members`, on the records that it has, by full-batch gradient descent.

    X:              records (n, d).
    y:              labels (n,), whole numbers from 0 to classes - 1; or, to teach pupils, probabilities (M, n, classes).
    members:        bool (M, n): which records each network is trained on.
    attack:         None, or a function (models, X, y) -> X', run before each step; X and X' are (M, n, d).
    hidden, steps:  whole numbers >= 1. learning_rate > 0, momentum in [0, 1). seed: whole number >= 0.
    Returns a PopulationOfNetworks. Raises ValueError before any work for arguments that do not fit.
    """
    X, members = validate.array(X=X, ndim=2), validate.array(members=members, ndim=2)
    classes = validate.integer(classes=classes, at_least=2)
    if members.dtype != bool or members.shape[1] != len(X) or not members.any(axis=1).all():
        raise ValueError(f"members must be bool of shape (models, {len(X)}) with a record for each model, got {members.dtype} of shape "
                         f"{members.shape}")
    y = _targets(y, len(members), len(X), classes)
    if attack is not None and (not callable(attack) or y.ndim != 1):
        raise ValueError(f"attack must be None or a function of (models, X, y), with labels for y, got {attack!r}")
    for name, value in [("hidden", hidden), ("steps", steps)]:
        validate.integer(**{name: value}, at_least=1)
    validate.positive(learning_rate=learning_rate)
    if validate.non_negative(momentum=momentum) >= 1:
        raise ValueError(f"momentum must be at least 0 and below 1, got {momentum!r}")
    M = len(members)
    models = PopulationOfNetworks(M, X.shape[1], hidden, classes, validate.integer(seed=seed, at_least=0))
    shown = np.broadcast_to(X.astype(np.float32), (M, *X.shape)).copy()
    targets = torch.from_numpy(y).expand(M, -1).flatten() if y.ndim == 1 else torch.from_numpy(y).flatten(0, 1)
    share = torch.from_numpy(members / members.sum(axis=1, keepdims=True)).float().flatten()
    optimiser = torch.optim.SGD(models.parameters(), learning_rate, momentum=momentum)
    with torch_threads(1):
        for _ in range(steps):
            inputs = shown if attack is None else attack(models, shown, y)
            losses = nn.functional.cross_entropy(models(torch.from_numpy(inputs)).flatten(0, 1), targets, reduction="none")
            optimiser.zero_grad()
            (losses * share).sum().backward()
            optimiser.step()
    return models


def _targets(y, M, n, classes):
    """Labels as int64 (n,), or probabilities as float32 (M, n, classes)."""
    y = validate.array(y=y)
    if y.shape == (n,) and y.dtype.kind in "iu" and 0 <= y.min() and y.max() < classes:
        return y.astype(np.int64)
    if y.shape == (M, n, classes) and y.min() >= 0 and np.allclose(y.sum(axis=2), 1, atol=1e-3):
        return y.astype(np.float32)
    raise ValueError(f"y must hold {n} whole numbers from 0 to {classes - 1}, or probabilities of shape {(M, n, classes)}, got "
                     f"{y.dtype} of shape {y.shape}")
