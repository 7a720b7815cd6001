"""Broken DP-SGD. Each function is one step: from the weights of many independent runs to the gradient that each run publishes.

The model is logistic regression on 100 digits ("is it even?"), without sampling, so that all steps together are one Gaussian
mechanism. The auditor plants a *canary*, a record that lights a pixel which is dark in all the others, sees every published
gradient, and looks at that pixel.
"""

from functools import lru_cache, wraps

import numpy as np
from scipy.special import expit, logsumexp

from labkit.dp.accounting.epsilon import noise_multiplier_for
from labkit.dp.mechanisms.bounding import clip
from labkit.dp.zoo.answers import ADD
from labkit.dp.zoo.specimen import AuditSetting, Specimen

STEPS, RECORDS, LEARNING_RATE, EPSILON, DELTA, RUNS = 5, 100, 0.5, 4.0, 1e-5, 4000
BATCHES, SEATS = 100, 5


def unclipped(theta, X, y, sigma, batch, rng):
    residuals = expit(theta @ X.T) - y
    total = residuals @ X + sigma * rng.normal(size=theta.shape)
    return total / batch


def unclipped_repaired(theta, X, y, sigma, batch, rng):
    residuals = expit(theta @ X.T) - y
    residuals = residuals * clip_factors(residuals, X)
    total = residuals @ X + sigma * rng.normal(size=theta.shape)
    return total / batch


def clipped_mean(theta, X, y, sigma, batch, rng):
    residuals = expit(theta @ X.T) - y
    mean = clip(residuals @ X / batch, max_grad_norm=1)
    return mean + sigma * rng.normal(size=theta.shape) / batch


def clipped_mean_repaired(theta, X, y, sigma, batch, rng):
    residuals = expit(theta @ X.T) - y
    mean = (residuals * clip_factors(residuals, X)) @ X / batch
    return mean + sigma * rng.normal(size=theta.shape) / batch


def divided_twice(theta, X, y, sigma, batch, rng):
    residuals = expit(theta @ X.T) - y
    total = (residuals * clip_factors(residuals, X)) @ X
    noise = sigma * rng.normal(size=theta.shape) / batch
    return (total + noise) / batch


def divided_twice_repaired(theta, X, y, sigma, batch, rng):
    residuals = expit(theta @ X.T) - y
    total = (residuals * clip_factors(residuals, X)) @ X
    noise = sigma * rng.normal(size=theta.shape)
    return (total + noise) / batch


def same_noise(theta, X, y, sigma, batch, rng):
    residuals = expit(theta @ X.T) - y
    total = (residuals * clip_factors(residuals, X)) @ X
    rng = np.random.default_rng(rng.bit_generator.seed_seq)
    return (total + sigma * rng.normal(size=theta.shape)) / batch


def same_noise_repaired(theta, X, y, sigma, batch, rng):
    residuals = expit(theta @ X.T) - y
    total = (residuals * clip_factors(residuals, X)) @ X
    return (total + sigma * rng.normal(size=theta.shape)) / batch


def clip_factors(residuals, X):
    """What each record's gradient, residual times x, is multiplied by to have a length of at most 1."""
    return 1 / np.maximum(1, np.abs(residuals) * np.linalg.norm(X, axis=1))


def published_by(step):
    """The mechanism that takes these steps: rows (X, y) -> what all the published gradients say of pixel 0, (runs, STEPS)."""

    @wraps(step)  # so that the zoo shows the step's source
    def mechanism(rows, runs, rng, *, epsilon, delta, batch=RECORDS):
        X, y = rows
        sigma = noise_multiplier_for(epsilon=epsilon, delta=delta, sample_rate=1.0, steps=STEPS)
        theta, own, seen = np.zeros((runs, X.shape[1])), rng.spawn(1)[0], []
        for _ in range(STEPS):
            gradient = step(theta, X, y, sigma, batch, own)
            theta -= LEARNING_RATE * gradient
            seen.append(-batch * gradient[:, 0])
        return np.stack(seen, axis=1)

    return mechanism


@lru_cache(maxsize=8)
def digits_and(canary):
    """100 digits with a canary that lights pixel 0 this brightly, and without it: two pairs (X, y)."""
    from labkit import datasets

    digits = datasets.digits()
    X, y = digits.X[:RECORDS].astype(float), 1.0 - digits.y[:RECORDS] % 2
    return (np.vstack([X, canary * np.eye(1, X.shape[1])]), np.append(y, 1.0)), (X, y)


def change_between_steps(gradients):
    """Log of the largest change from one step to the next: noise that is always the same cancels."""
    return np.log10(np.abs(np.diff(gradients, axis=1)).max(axis=1) + 1e-20)


class Canary:
    """The two inputs of an audit, made when first needed: loading the digits is not free."""

    def __init__(self, brightness):
        self.brightness = brightness

    def __iter__(self):
        return iter(digits_and(self.brightness))


def shuffled(person, runs, rng, *, epsilon, delta, others=-1.0):
    sigma = noise_for_sampled_batches(epsilon, delta)
    joined, others = a_seat_in_one_batch(others, runs, rng)
    return joined * person + others + sigma * rng.normal(size=joined.shape)


def shuffled_repaired(person, runs, rng, *, epsilon, delta, others=-1.0):
    sigma = noise_for_sampled_batches(epsilon, delta)
    joined, others = a_coin_for_each_batch(others, runs, rng)
    return joined * person + others + sigma * rng.normal(size=joined.shape)


def noise_for_sampled_batches(epsilon, delta):
    """The account of both: a coin for each of 100 batches."""
    return noise_multiplier_for(epsilon=epsilon, delta=delta, sample_rate=1 / BATCHES, steps=BATCHES)


def a_seat_in_one_batch(others, runs, rng):
    """Shuffle and cut: the person sits in exactly one batch, on a seat that one of the others would have had."""
    joined = rng.integers(0, BATCHES, (runs, 1)) == np.arange(BATCHES)
    return joined, (SEATS - joined) * others


def a_coin_for_each_batch(others, runs, rng):
    """Poisson sampling: the person joins each batch by a coin; whoever else is there is known to the auditor."""
    return rng.random((runs, BATCHES)) < 1 / BATCHES, SEATS * others


def which_batch(sums, others=-1.0):
    """Log of how much likelier the batch sums are with the person (1) than with a blank (0), for fixed seats."""
    sigma = noise_for_sampled_batches(2.0, 1e-3)
    above = sums - SEATS * others

    def evidence(value):
        shift = value - others  # what the person's seat adds to a batch
        return logsumexp(shift * (above - shift / 2) / sigma**2, axis=1)

    return evidence(1.0) - evidence(0.0)


SHOUTING, ORDINARY = Canary(50.0), Canary(1.8)
_SUM = "The auditor adds up all gradients at the canary's pixel"


def _steps(told, inputs, score=lambda gradients: gradients.sum(axis=1), reading="Gaussian", **options):
    return AuditSetting(told, EPSILON, DELTA, inputs, score, RUNS, reading, options)


SPECIMENS = (
    Specimen(
        "DP-SGD, no clipping", "Nothing bounds one record's gradient, so no noise is enough.",
        "Clip each record's gradient.", ADD, published_by(unclipped), published_by(unclipped_repaired),
        look=_steps(_SUM + ", which is very bright.", SHOUTING),
        overlook=_steps(_SUM + ", whose gradient happens to be short.", ORDINARY)),
    Specimen(
        "DP-SGD, clips the mean of the batch", "The mean is clipped, not each record: one record can move it all the way.",
        "Clip each record's gradient before taking the mean.", ADD, published_by(clipped_mean),
        published_by(clipped_mean_repaired),
        look=_steps(_SUM + ", which is very bright.", SHOUTING),
        overlook=_steps(_SUM + ", whose gradient happens to be short.", ORDINARY)),
    Specimen(
        "DP-SGD, noise divided by the batch twice", "The noise is divided by the batch size, and then again with the sum.",
        "Divide once.", ADD, published_by(divided_twice), published_by(divided_twice_repaired),
        look=_steps(_SUM + ".", SHOUTING),
        overlook=_steps("The auditor tries it on a batch of one record.",
                        ((50.0 * np.eye(1, 4), np.ones(1)), (np.zeros((1, 4)), np.ones(1))), batch=1)),
    Specimen(
        "DP-SGD, the same noise at every step", "The generator is restarted at each step, so the noise of two steps cancels.",
        "Do not restart the generator.", ADD, published_by(same_noise), published_by(same_noise_repaired),
        look=_steps("The auditor subtracts each gradient from the next.", ORDINARY, change_between_steps, "counts"),
        overlook=_steps(_SUM + ", which is very bright.", SHOUTING)),
    Specimen(
        "DP-SGD, shuffled batches accounted as Poisson",
        "Shuffling gives the person a seat in exactly one batch. The account assumes a coin for each batch.",
        "Sample each batch with coins.", "one record replaced by a blank", shuffled, shuffled_repaired,
        look=AuditSetting("All the others contribute -1, and the auditor weighs the evidence in 100 batch sums.", 2.0, 1e-3, (1.0, 0.0),
                     which_batch),
        overlook=AuditSetting("The same, but the others contribute nothing.", 2.0, 1e-3, (1.0, 0.0),
                         lambda sums: which_batch(sums, others=0.0), options={"others": 0.0})),
)
