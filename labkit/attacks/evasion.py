"""Adversarial examples: change an input by less than anybody would notice, and the model's answer changes.

Every attack here may move each number of an input by at most `epsilon` (an L-infinity ball; nothing to do with the epsilon of
differential privacy) and keeps it between `low` and `high`. `fgsm` and `pgd` know the model and follow its gradient. `square_attack`
knows nothing and only asks: it needs the scores that the model answers with. `random_noise` is the control, which must fail.
For real work: the Adversarial Robustness Toolbox (tests compare with it) and AutoAttack.
"""

import math

import numpy as np
import torch

from labkit import validate
from labkit.threads import torch_threads

HALVE_AT = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)  # shares of the queries after which the squares' area halves


def fgsm(model, X, y, *, epsilon, low=0.0, high=1.0):
    """The fast gradient sign method: one step of size epsilon in the direction that raises the loss most.

    model:      torch module from (..., n, d) to (..., n, classes) logits.
    X, y:       inputs (..., n, d) within [low, high], and their labels (n,), whole numbers from 0.
    epsilon:    > 0, the most that any number may change, in the units of X.
    low, high:  what an input may hold, low < high.
    Returns inputs like X, float32. Raises ValueError for arguments that do not fit.
    Source: Goodfellow, Shlens, Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015.
    """
    X, y = _checked(X, y, epsilon, low, high)
    return _step(model, X, X, y, epsilon, epsilon, low, high)


def pgd(model, X, y, *, epsilon, steps=20, step_size=None, random_start=False, rng=None, low=0.0, high=1.0):
    """Projected gradient descent: many small steps of `fgsm`, each brought back into the ball around X.

    steps:         whole number >= 1.
    step_size:     > 0, or None for 2.5 * epsilon / steps: enough to cross the ball.
    random_start:  begin at a random point of the ball, drawn from rng (a numpy Generator, or None for fresh randomness).
    The other arguments, the result and the errors are those of `fgsm`.
    Source: Madry, Makelov, Schmidt, Tsipras, Vladu, "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018.
    """
    X, y = _checked(X, y, epsilon, low, high)
    validate.integer(steps=steps, at_least=1)
    step_size = 2.5 * epsilon / steps if step_size is None else validate.positive(step_size=step_size)
    rng, now = validate.generator(rng=rng), X
    if random_start:
        rng = np.random.default_rng() if rng is None else rng
        now = (X + rng.uniform(-epsilon, epsilon, X.shape).astype(np.float32)).clip(low, high)
    for _ in range(steps):
        now = _step(model, now, X, y, step_size, epsilon, low, high)
    return now


def random_noise(X, *, epsilon, rng=None, low=0.0, high=1.0):
    """The control: each number of X moved by epsilon up or down by the toss of a coin. As large as an attack, and aimless."""
    X = _inputs(X, epsilon, low, high)
    rng = validate.generator(rng=rng) or np.random.default_rng()
    return (X + rng.choice(np.array([-epsilon, epsilon], np.float32), X.shape)).clip(low, high)


def square_attack(predict, X, y, *, epsilon, queries, rng=None, low=0.0, high=1.0):
    """A black-box attack: paint squares of random colour at random places, and keep those that make the right answer less sure.

    predict:    function from inputs (m, d) to scores (m, classes), higher for likelier: probabilities or logits.
    X, y:       square images (n, d) within [low, high], and their labels (n,).
    epsilon:    as for `fgsm`. queries: whole number >= 1, how often each image may be asked about.
    rng:        numpy Generator, or None for fresh randomness.
    Returns images like X, float32. Source: Andriushchenko, Croce, Flammarion, Hein, "Square Attack", ECCV 2020 (L-infinity).
    """
    X, y = _checked(X, y, epsilon, low, high)
    if X.ndim != 2 or math.isqrt(X.shape[1]) ** 2 != X.shape[1]:
        raise ValueError(f"X must hold square images, shape (n, side * side), got {X.shape}")
    if not callable(predict):
        raise ValueError(f"predict must be a function of inputs that returns scores, got {predict!r}")
    validate.integer(queries=queries, at_least=1)
    rng = validate.generator(rng=rng) or np.random.default_rng()
    n, side = len(X), math.isqrt(X.shape[1])
    sign = np.array([-epsilon, epsilon], np.float32)
    change = np.repeat(rng.choice(sign, (n, 1, side)), side, axis=1)  # vertical stripes to begin with
    best = _margin(predict, _painted(X, change, low, high), y)
    for query in range(1, queries):
        area = 0.8 / 2 ** sum(query / queries > share for share in HALVE_AT)
        edge = min(side, max(1, round(side * area**0.5)))
        top, left = rng.integers(0, side - edge + 1, (2, n, 1))
        rows, columns = (np.abs(2 * (np.arange(side) - start) - edge + 1) < edge for start in (top, left))
        square = rows[:, :, None] & columns[:, None, :]
        trial = np.where(square, rng.choice(sign, (n, 1, 1)), change)
        margin = _margin(predict, _painted(X, trial, low, high), y)
        change[margin < best] = trial[margin < best]
        best = np.minimum(best, margin)
    return _painted(X, change, low, high)


def _painted(X, change, low, high):
    return (X + change.reshape(X.shape)).clip(low, high)


def _margin(predict, X, y):
    """By how much the right answer leads the next one; below 0 the image fools the model."""
    scores = np.array(predict(X), dtype=float)
    right = scores[np.arange(len(y)), y].copy()
    scores[np.arange(len(y)), y] = -np.inf
    return right - scores.max(axis=1)


def _step(model, now, X, y, step_size, epsilon, low, high):
    """One step up the loss from `now`, then back into the ball around X and into [low, high]."""
    up = np.float32(step_size) * np.sign(_loss_gradient(model, now, y))
    return (X + (now + up - X).clip(-np.float32(epsilon), np.float32(epsilon))).clip(low, high)


def _loss_gradient(model, X, y):
    """The gradient of each input's cross-entropy with respect to that input, an array like X (..., n, d)."""
    with torch_threads(1):
        inputs = torch.from_numpy(X).requires_grad_()
        logits = model(inputs)
        labels = torch.tensor(y).expand(logits.shape[:-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="sum")
        return torch.autograd.grad(loss, inputs)[0].numpy()


def _inputs(X, epsilon, low, high):
    validate.positive(epsilon=epsilon)
    if not validate.finite(low=low) < validate.finite(high=high):
        raise ValueError(f"high must be above low, got low={low!r}, high={high!r}")
    X = validate.array(X=X)
    if X.ndim < 2 or X.min() < low or X.max() > high:
        raise ValueError(f"X must have the shape (n, inputs) and hold numbers from {low} to {high}, got shape {X.shape}, "
                         f"numbers from {X.min():g} to {X.max():g}")
    return np.array(X, np.float32)


def _checked(X, y, epsilon, low, high):
    X, y = _inputs(X, epsilon, low, high), validate.array(y=y, ndim=1)
    if y.dtype.kind not in "iu" or y.min() < 0 or len(y) != X.shape[-2]:
        raise ValueError(f"y must hold {X.shape[-2]} whole numbers from 0, one for each input, got {y!r}")
    return X, y.astype(np.int64)
