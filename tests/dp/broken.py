"""Mechanisms with one common mistake each. An audit must catch every one of them.

Each takes exact answers for many independent runs at once, like the mechanism it imitates, and claims the same epsilon.
"""

import numpy as np

from labkit import dp
from labkit.dp.mechanisms.exact import sample_discrete_gaussian, sample_discrete_laplace


def laplace_half_noise(value, *, sensitivity, epsilon, rng):
    """The scale is halved."""
    return value + rng.laplace(scale=sensitivity / epsilon / 2, size=np.shape(value))


def laplace_forgets_sensitivity(value, *, sensitivity, epsilon, rng):
    """The noise is right for a sensitivity of 1, whatever the query."""
    return value + rng.laplace(scale=1 / epsilon, size=np.shape(value))


def laplace_inverted(value, *, sensitivity, epsilon, rng):
    """Multiplies by epsilon where it should divide; harmless at epsilon 1, and not below."""
    return value + rng.laplace(scale=sensitivity * epsilon, size=np.shape(value))


def laplace_seeded(value, *, sensitivity, epsilon, rng):
    """A fixed seed: the same noise in every run."""
    return value + np.random.default_rng(7).laplace(scale=sensitivity / epsilon) * np.ones(np.shape(value))


def sum_clipped_after(rows, runs, *, bound, epsilon, rng):
    """Adds noise for values up to `bound`, and clips the answer instead of the values."""
    return np.clip(np.sum(rows) + rng.laplace(scale=bound / epsilon, size=runs), 0, bound * len(rows))


def sum_clipped_before(rows, runs, *, bound, epsilon, rng):
    """The same done right: clips the values, then adds noise."""
    total = np.sum(dp.clamp(rows, low=0, high=bound))
    return dp.laplace(np.full(runs, total), sensitivity=bound, epsilon=epsilon, rng=rng)


def geometric_one_sided(value, *, sensitivity, epsilon, rng):
    """Only ever adds, so that an answer below the true count with the person rules the person out."""
    return value + np.abs(sample_discrete_laplace(scale=sensitivity / epsilon, count=np.size(value), rng=rng))


def geometric_half_noise(value, *, sensitivity, epsilon, rng):
    """The scale is halved."""
    return value + sample_discrete_laplace(scale=sensitivity / epsilon / 2, count=np.size(value), rng=rng)


def gaussian_variance_for_deviation(value, *, sensitivity, epsilon, delta, rng):
    """Passes the standard deviation where the root of it belongs (a variance taken for a deviation)."""
    sigma = dp.gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=sensitivity)
    return value + rng.normal(scale=np.sqrt(sigma), size=np.shape(value))


def discrete_gaussian_half_noise(value, *, sensitivity, epsilon, delta, rng):
    """The width is halved."""
    sigma = dp.discrete_gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=sensitivity) / 2
    return value + sample_discrete_gaussian(sigma=sigma, count=np.size(value), rng=rng)


def randomised_response_any_lie(answers, *, epsilon, categories, rng):
    """Draws the lie from all answers, the true one too, without allowing for it: it tells the truth too often."""
    honest = rng.random(np.shape(answers)) < np.exp(epsilon) / (np.exp(epsilon) + categories - 1)
    return np.where(honest, answers, rng.integers(0, categories, np.shape(answers)))


def exponential_without_two(scores, *, sensitivity, epsilon, rng):
    """Weights of exp(epsilon score / sensitivity): the factor 2 is missing."""
    weights = np.exp(epsilon * (np.asarray(scores) - np.max(scores)) / sensitivity)
    return int(rng.choice(len(weights), p=weights / weights.sum()))


def noisy_max_without_two(scores, *, sensitivity, epsilon, rng):
    """Exponential noise of mean sensitivity / epsilon: half of what the lead can change by."""
    return int(np.argmax(scores + rng.exponential(scale=sensitivity / epsilon, size=len(scores))))


def noisy_max_without_noise(scores, *, sensitivity, epsilon, rng):
    """Adds one draw of noise to all scores alike, which changes no winner."""
    return int(np.argmax(np.asarray(scores) + rng.exponential(scale=2 * sensitivity / epsilon)))
