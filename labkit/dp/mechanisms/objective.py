"""Objective perturbation: private logistic regression by adding a random *linear* term to the loss.

Adding a number to a loss moves no minimum. Adding b.w / n for a random vector b does, and with conditions it makes the minimum
private:

    w = argmin  mean(log(1 + exp(-y_i w.x_i)))  +  strength / 2 |w|^2  +  b.w / n

Why: every w is the minimum for exactly one b, namely b(w) = -n * gradient of the rest at w. So how likely w is follows from how likely
b(w) is, times how b(w) stretches space (its Jacobian). Replacing one record moves b(w) by at most 2, because each record's gradient
has length at most 1: the noise hides that. It changes the Jacobian by a factor of at most (1 + curvature / (n strength))^2: that is
set aside from epsilon first.

Source: Chaudhuri, Monteleoni, Sarwate, "Differentially Private Empirical Risk Minimization", JMLR 2011, algorithm 2 and theorem 9.
"""

import math
from dataclasses import dataclass

import numpy as np

from labkit import validate
from labkit.dp.mechanisms.bounding import numbers_in
from labkit.dp.mechanisms.records import LEAST_ODD, numbers_of
from labkit.dp.relations import REPLACE

CURVATURE = 0.25  # most that the second derivative of log(1 + exp(-t)) can be
CLOSE = 1e-11  # length of the gradient, per record, at which a minimum counts as found
MOST_STEPS = 200
LEAST_EPSILON = 1e-100


@dataclass(frozen=True)
class ObjectiveNoise:
    """How the random term is drawn: |b| from Gamma(d, scale), its direction uniform; and the quadratic term beside it."""

    scale: float
    strength: float


def noise_for(*, epsilon, records, strength):
    """The noise for a budget: theorem 9's constants.

    From epsilon the Jacobian's 2 log(1 + curvature / (records strength)) is set aside; where that leaves nothing, the quadratic
    term is made stronger until it takes half.
    """
    epsilon, strength = validate.positive(epsilon=epsilon), validate.positive(strength=strength)
    if epsilon < LEAST_EPSILON:
        raise ValueError(f"epsilon must be at least {LEAST_EPSILON:g}, so that the noise stays finite, got {epsilon!r}")
    records = validate.integer(records=records, at_least=1)
    left = epsilon - 2 * math.log1p(CURVATURE / (records * strength))
    if left > 0:
        return ObjectiveNoise(2 / left, strength)
    return ObjectiveNoise(2 / (epsilon / 2), CURVATURE / (records * math.expm1(epsilon / 4)))


def objective_perturbation(X, y, *, epsilon: float, strength, rng: np.random.Generator | None = None):
    """Weights of a logistic regression under epsilon-differential privacy.

    X:         records, array (n, d). Rows longer than 1 are scaled down to length 1, each by itself, so that this is free.
               There is no intercept: append a constant to each row (before scaling) if you want one.
    y:         the two classes as -1 and 1, array (n,). A record with another label, or with a missing or infinite number, teaches
               nothing and is no error; if that is so for more than a tenth of the labels, the encoding is refused.
    epsilon:   privacy loss bound, > 0; delta is 0.
    strength:  of the quadratic term, > 0, fixed without looking at the data. It may be raised (see `noise_for`) for a small epsilon.
    rng:       numpy Generator, or None for one seeded by the operating system.
    Returns the weights, array (d,): classify x by the sign of x.w, as often as you like.
    Neighbouring: one record is *replaced* by another; n is public. Not adding or removing: n stands in the formula.
    The theorem is about the exact minimum and real numbers. Here the gradient ends below 1e-11 per record, and noise is floating
    point: for high stakes take a method that proves what an approximate minimum costs (Iyengar et al., IEEE S&P 2019).
    Raises ValueError for arguments out of range, and RuntimeError if the minimum was not found.
    """
    X, y = _checked(X, y)
    noise = noise_for(epsilon=epsilon, records=len(X), strength=strength)
    return perturbed_minima(X, y, random_terms(noise, X.shape[1], 1, rng), noise.strength)[0]


objective_perturbation.relation = REPLACE


def random_terms(noise, dimensions, count, rng=None):
    """`count` vectors b with density proportional to exp(-|b| / scale), array (count, dimensions)."""
    rng = validate.generator(rng=rng) or np.random.default_rng()
    direction = rng.normal(size=(count, dimensions))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return direction * rng.gamma(dimensions, noise.scale, size=(count, 1))


def perturbed_minima(X, y, terms, strength):
    """The minimum for each random term, array (count, d), by Newton's method with step halving, all at once."""
    n, d = X.shape
    signed = X * y[:, None]

    def loss(w, b):
        return np.logaddexp(0, -w @ signed.T).mean(axis=1) + strength / 2 * (w * w).sum(axis=1) + (b * w).sum(axis=1) / n

    w, active = np.zeros((len(terms), d)), np.arange(len(terms))
    for _ in range(MOST_STEPS):
        here, b = w[active], terms[active]
        gradient = -(inverted(X, y, here, strength) - b) / n
        open_ = np.linalg.norm(gradient, axis=1) > CLOSE * (1 + np.linalg.norm(b, axis=1))
        active, here, b, gradient = active[open_], here[open_], b[open_], gradient[open_]
        if not active.size:
            return w
        step = np.linalg.solve(hessian(X, here, strength), gradient[:, :, None])[:, :, 0]
        share, before, slope = np.ones((len(active), 1)), loss(here, b), (gradient * step).sum(axis=1)
        for _ in range(40):  # halve a step that does not lower the loss; the last ones are beyond rounding
            worse = loss(here - share * step, b) > before - 1e-4 * share[:, 0] * slope + 1e-13 * (1 + abs(before))
            if not worse.any():
                break
            share[worse] /= 2
        w[active] = here - share * step
    raise RuntimeError(f"the minimum was not found in {MOST_STEPS} steps: raise strength ({strength:g})")


def inverted(X, y, w, strength):
    """The one random term b whose minimum is w: arrays (count, d) to (count, d)."""
    signed = X * y[:, None]
    return (1 / (1 + np.exp(np.clip(w @ signed.T, -700, 700)))) @ signed - len(X) * strength * w


def hessian(X, w, strength):
    """Second derivatives of the mean loss at each w, array (count, d, d); -1/n times the Jacobian of `inverted`."""
    p = 1 / (1 + np.exp(np.clip(w @ X.T, -700, 700)))
    return np.einsum("kn,ni,nj->kij", p * (1 - p), X, X, optimize=True) / len(X) + strength * np.eye(X.shape[1])


def _checked(X, y):
    """Rows of length at most 1 and classes; a record with a number or class that is none is a row of zeros, of the first class."""
    X = numbers_in(X=X)
    if X.ndim != 2 or not X.size:
        raise ValueError(f"X must be a non-empty array of numbers with 2 dimensions, got {X!r:.80}")
    y = numbers_of(y=y)
    validate.same_length(X=X, y=y)
    X, known = X.astype(float), np.isin(y, (-1, 1))
    if (~known).sum() >= LEAST_ODD and (~known).mean() > 0.1:  # no person's oddity but the wrong encoding
        raise ValueError(f"y must hold -1 and 1 only, got {np.unique(y)[:5].tolist()!r}")
    good = known & np.isfinite(X).all(axis=1)
    X = np.where(good[:, None], X, 0.0)
    with np.errstate(over="ignore"):
        return X / np.maximum(1, np.linalg.norm(X, axis=1, keepdims=True)), np.where(good, y, -1).astype(float)
