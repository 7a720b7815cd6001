"""Shadow models: dozens of small networks on dozens of samples of the same records, trained in one go.

A network with one hidden layer is two matrix products, and M of them are two batched products. For such layers a record's gradient
is an outer product, whose length needs no gradient to be formed (Goodfellow 2015, arXiv:1510.01799): so clipping each record's
gradient, as DP-SGD must, is nearly free. 64 models of 500 records take seconds on one thread.
"""

from dataclasses import dataclass

import numpy as np
import torch

from labkit import validate
from labkit.threads import torch_threads


@dataclass(frozen=True, eq=False)
class Shadows:
    """M trained networks, d inputs -> hidden ReLU units -> classes. `weights`: four tensors with a leading axis M."""

    weights: tuple

    def logits(self, X):
        """What each model says of each record: X (n, d) -> float32 array (M, n, classes)."""
        X = validate.array(X=X, ndim=2)
        if X.shape[1] != self.weights[0].shape[1]:
            raise ValueError(f"X must have {self.weights[0].shape[1]} columns, got {X.shape[1]}")
        with torch_threads(1), torch.no_grad():
            return _forward(self.weights, torch.from_numpy(X.astype(np.float32)))[1].numpy()


def train_shadows(X, y, members, *, classes, hidden=64, steps=150, learning_rate=0.5, momentum=0.9, max_grad_norm=None,
                  noise_multiplier=0.0, seed=0):
    """Train one network per row of `members`, by gradient descent on all the records that it has.

    X, y:              records (n, d) and labels (n,), whole numbers from 0 to classes - 1.
    members:           bool (M, n): which records each model is trained on.
    classes:           known in advance.
    hidden, steps:     whole numbers >= 1. learning_rate > 0, momentum in [0, 1).
    max_grad_norm:     > 0 clips each record's gradient (over all weights together) to that L2 norm; None does not clip.
    noise_multiplier:  0 or more: standard deviation of the noise on each step's sum of gradients, over max_grad_norm, which it needs.
    seed:              whole number >= 0, for the starting weights and the noise, both independent between models.
    The sum is divided by n / 2, a public number, and not by how many records a model has. With noise z each model is
    private for adding or removing one record: `labkit.dp.dp_sgd_event(noise_multiplier=z, sample_rate=1, steps=steps)`.
    Returns Shadows. Raises ValueError before any work for arguments that do not fit.
    """
    X, y, members = _checked(X, y, members, classes)
    for name, value in [("hidden", hidden), ("steps", steps)]:
        validate.integer(**{name: value}, at_least=1)
    validate.positive(learning_rate=learning_rate)
    if validate.non_negative(momentum=momentum) >= 1:
        raise ValueError(f"momentum must be at least 0 and below 1, got {momentum!r}")
    if max_grad_norm is not None:
        validate.positive(max_grad_norm=max_grad_norm)
    elif validate.non_negative(noise_multiplier=noise_multiplier):
        raise ValueError(f"max_grad_norm must be given with noise_multiplier {noise_multiplier!r}: it is the noise's unit")
    sigma = validate.non_negative(noise_multiplier=noise_multiplier) * (max_grad_norm or 0)
    source = torch.Generator().manual_seed(validate.integer(seed=seed, at_least=0))
    (M, n), d = members.shape, X.shape[1]
    weights = (torch.randn(M, d, hidden, generator=source) * (2 / d) ** 0.5, torch.zeros(M, hidden),
               torch.randn(M, hidden, classes, generator=source) * (1 / hidden) ** 0.5, torch.zeros(M, classes))
    velocity = [torch.zeros_like(each) for each in weights]
    targets = torch.nn.functional.one_hot(y, classes).to(X.dtype)
    with torch_threads(1), torch.no_grad():
        for _ in range(steps):
            for each, speed, gradient in zip(weights, velocity, _gradient_sums(weights, X, targets, members, max_grad_norm)):
                if sigma:
                    add_noise(gradient, sigma, source)
                speed.mul_(momentum).add_(gradient, alpha=2 / n)
                each.sub_(speed, alpha=learning_rate)
    return Shadows(weights)


def train_further(shadows, X, targets, members, *, steps, learning_rate, momentum=0.9, ascend=False):
    """Go on training each network, by gradient descent on all the records that it has, or ascent; returns new Shadows.

    shadows:  Shadows, left as they are. X: records (n, d).
    targets:  labels (n,), whole numbers below the number of classes.
    members:  bool (M, n): which records each network learns from now; a network without one stays as it is.
    steps:    whole number >= 1. learning_rate > 0, of the mean over a network's records. momentum in [0, 1).
    ascend:   True goes up the loss.
    Raises ValueError before any work for arguments that do not fit.
    """
    if not isinstance(shadows, Shadows):
        raise ValueError(f"shadows must be Shadows, as train_shadows returns them, got {shadows!r:.80}")
    classes = shadows.weights[3].shape[1]
    X, y, members = _checked(X, targets, members, classes, labels="targets")
    validate.integer(steps=steps, at_least=1)
    validate.positive(learning_rate=learning_rate)
    if validate.non_negative(momentum=momentum) >= 1:
        raise ValueError(f"momentum must be at least 0 and below 1, got {momentum!r}")
    if len(members) != len(shadows.weights[0]) or X.shape[1] != shadows.weights[0].shape[1]:
        raise ValueError(f"members must have a row for each of the {len(shadows.weights[0])} networks, and X "
                         f"{shadows.weights[0].shape[1]} columns, got {len(members)} and {X.shape[1]}")
    weights = tuple(each.clone() for each in shadows.weights)
    velocity = [torch.zeros_like(each) for each in weights]
    targets = torch.nn.functional.one_hot(y, classes).to(X.dtype)
    counts = members.sum(1).clamp(min=1)
    with torch_threads(1), torch.no_grad():
        for _ in range(steps):
            for each, speed, gradient in zip(weights, velocity, _gradient_sums(weights, X, targets, members, None)):
                speed.mul_(momentum).add_(gradient / counts.view(-1, *[1] * (gradient.dim() - 1)))
                each.add_(speed, alpha=learning_rate if ascend else -learning_rate)
    return Shadows(weights)


def add_noise(gradient, sigma, source):
    """Add independent Gaussian noise of this standard deviation to every entry, in place."""
    gradient.add_(torch.randn(gradient.shape, generator=source), alpha=sigma)


def _forward(weights, X):
    """Hidden activations (M, n, hidden) and logits (M, n, classes)."""
    W1, b1, W2, b2 = weights
    hidden = torch.baddbmm(b1[:, None], X.expand(len(W1), *X.shape), W1).relu_()
    return hidden, torch.baddbmm(b2[:, None], hidden, W2)


def _gradient_sums(weights, X, targets, members, max_grad_norm):
    """Each model's sum over its records of their (clipped) gradients, in the order of the weights."""
    hidden, logits = _forward(weights, X)
    upper = torch.softmax(logits, dim=-1).sub_(targets)  # gradients of the loss by the logits
    lower = (upper @ weights[2].transpose(1, 2)).mul_(hidden > 0)  # and by the hidden units, before their ReLU
    share = members
    if max_grad_norm is not None:
        # A layer's gradient is the outer product of its inputs (with a 1 for the bias) and these: its norm is the product of theirs.
        squares = (hidden.square().sum(-1) + 1) * upper.square().sum(-1) + (X.square().sum(1) + 1) * lower.square().sum(-1)
        finite = squares.isfinite()
        if not finite.all():  # a gradient that cannot be bounded counts as zero: one NaN would tell that its record was there
            hidden, upper, lower = (each.nan_to_num_(0, 0, 0) for each in (hidden, upper, lower))
        share = members * torch.where(finite, (max_grad_norm / squares.sqrt()).clamp_(max=1), 0)
    upper.mul_(share[..., None])
    lower.mul_(share[..., None])
    return X.T.expand(len(members), -1, -1) @ lower, lower.sum(1), hidden.transpose(1, 2) @ upper, upper.sum(1)


def _checked(X, y, members, classes, labels="y"):
    X, y, members = validate.array(X=X, ndim=2), validate.array(**{labels: y}, ndim=1), validate.array(members=members, ndim=2)
    classes = validate.integer(classes=classes, at_least=2)
    validate.same_length(**{"X": X, labels: y})
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= classes:
        raise ValueError(f"{labels} must hold whole numbers from 0 to {classes - 1}, got {y!r}")
    if members.dtype != bool or members.shape[1] != len(X):
        raise ValueError(f"members must be bool of shape (models, {len(X)}), got {members.dtype} of shape {members.shape}")
    return torch.from_numpy(X.astype(np.float32)), torch.from_numpy(y.astype(np.int64)), torch.from_numpy(members)
