"""Fit a classifier, and ask what it says: the one training loop that the labs on protecting models share.

It is *not* private training (that is `labkit.dp.train_private`). A watermark comes in as `penalty`, adversarial training as
`disturb`, a thief or a student as targets that are probabilities.
"""

import numpy as np
import torch

from labkit import validate
from labkit.models.modes import evaluating
from labkit.threads import torch_threads


def fit(model, X, targets, *, steps, batch_size=128, learning_rate=2e-3, penalty=None, disturb=None, seed=0):
    """Train a classifier in place with Adam on random batches, and return it.

    model:      torch module from (m, d) to (m, classes) logits.
    X:          records (n, d), finite.
    targets:    labels (n,), whole numbers from 0; or probabilities (n, classes), each row summing to 1.
    steps, batch_size: whole numbers >= 1. learning_rate: > 0. seed: whole number >= 0, for the batches.
    penalty:    None, or a function of the model that returns a scalar tensor, added to each step's loss.
    disturb:    None, or a function (model, X, labels) -> X that replaces each batch before the step; it needs labels.
    Raises ValueError before any work for arguments that do not fit.
    """
    X, targets = records_and_targets(X, targets)
    for name, value in [("steps", steps), ("batch_size", batch_size)]:
        validate.integer(**{name: value}, at_least=1)
    validate.positive(learning_rate=learning_rate)
    if disturb is not None and targets.ndim != 1:
        raise ValueError(f"targets must be labels where disturb is given, got probabilities of shape {targets.shape}")
    source = np.random.default_rng(validate.integer(seed=seed, at_least=0))
    optimiser = torch.optim.Adam(model.parameters(), learning_rate)
    with torch_threads(1):
        for _ in range(steps):
            batch = source.integers(0, len(X), min(batch_size, len(X)))
            x, y = X[batch], targets[batch]
            if disturb is not None:
                x = disturb(model, x, y)
            loss = torch.nn.functional.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(y))
            if penalty is not None:
                loss = loss + penalty(model)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return model


def logits_of(model, X):
    """What a model says of records X (n, d), as a float32 array (n, classes) of logits."""
    X = validate.array(X=X, ndim=2)
    with torch_threads(1), torch.no_grad(), evaluating(model):
        return model(torch.from_numpy(np.array(X, np.float32))).numpy()


def probabilities_of(model, X):
    """The same as probabilities (n, classes), each row summing to 1."""
    logits = logits_of(model, X).astype(np.float64)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def accuracy(model, X, y):
    """The share of records X (n, d) to which the model gives their label y (n,)."""
    X, y = records_and_targets(X, y)
    if y.ndim != 1:
        raise ValueError(f"y must hold labels, got shape {y.shape}")
    return float((logits_of(model, X).argmax(axis=1) == y).mean())


def records_and_targets(X, targets):
    """X as float32 (n, d), and labels as int64 (n,) or probabilities as float32 (n, classes); ValueError if neither."""
    X, targets = validate.array(X=X, ndim=2), validate.array(targets=targets)
    validate.same_length(X=X, targets=targets)
    if targets.ndim == 1 and targets.dtype.kind in "iu" and targets.min() >= 0:
        return np.array(X, np.float32), targets.astype(np.int64)
    if targets.ndim == 2 and targets.min() >= 0 and np.allclose(targets.sum(axis=1), 1, atol=1e-3):
        return np.array(X, np.float32), targets.astype(np.float32)
    raise ValueError("targets must be labels, whole numbers from 0, or rows of probabilities that sum to 1, got "
                     f"{targets.dtype} of shape {targets.shape}")
