"""Mechanisms that add noise to a number. What bounds a person's share of that number is in `labkit.dp.mechanisms.bounding`.

Whole numbers: `geometric` and `discrete_gaussian`, whose noise is exact; use these. Real numbers: `laplace` and `gaussian`,
the textbook ones in floating point, which lab 03 breaks. Discrete answers can be rounded or rescaled afterwards at will:
work on a released answer never costs privacy.

Every `sensitivity` belongs to a neighbouring relation, and the guarantee is for that relation: for adding or removing one
person a count has 1; for replacing one person a histogram has 2 (L1) or sqrt(2) (L2).
`rng` is a numpy Generator, for a lab that must repeat; None takes the operating system's randomness.
"""

import secrets

import numpy as np

from labkit import validate
from labkit.dp.mechanisms.calibration import discrete_gaussian_sigma, gaussian_sigma
from labkit.dp.mechanisms.exact import exact_fraction, sample_discrete_gaussian, sample_discrete_laplace

WIDEST = 1e300  # noise wider than that would overflow
LARGEST = np.finfo(float).max


def laplace(value, *, sensitivity: float, epsilon: float, rng: np.random.Generator | None = None):
    """Answer a numeric query with Laplace noise: epsilon-differential privacy on paper.

    value:        the exact answer, scalar or array of any shape.
    sensitivity:  largest L1 change of `value` between neighbouring data sets, in the units of `value`, > 0.
    epsilon:      privacy loss bound, > 0 (dimensionless); delta is 0.
    Returns `value` plus independent Laplace(sensitivity / epsilon) noise: float, or float64 array of the same shape.
    This is the textbook mechanism in floating point. The last bits of its answer can give the exact one away (Mironov,
    CCS 2012), as lab 03 shows: to publish, use `geometric`, or a library.
    Neighbouring: whatever relation `sensitivity` was computed for.
    Raises ValueError for a value that is not finite, or sensitivity or epsilon that is not positive and finite.
    Source: Dwork, McSherry, Nissim, Smith, TCC 2006.
    """
    value = validate.array(value=value)
    scale = validate.positive(sensitivity=sensitivity) / validate.positive(epsilon=epsilon)
    if not 0 < scale <= WIDEST:
        raise ValueError(f"sensitivity / epsilon must be positive and at most {WIDEST:g}, got {sensitivity!r} / {epsilon!r}")
    return _released(value, scale * _generator(rng).laplace(size=value.shape))


def geometric(value, *, sensitivity: float, epsilon: float, rng: np.random.Generator | None = None):
    """Answer a counting query under epsilon-differential privacy, in whole numbers (discrete Laplace noise, exact).

    value:        the exact answer, a whole number or an integer array of any shape.
    sensitivity:  largest L1 change of `value` between neighbouring data sets: a whole number, 1 or more.
    epsilon:      privacy loss bound, > 0 (dimensionless; a float means exactly the fraction that it stores); delta is 0.
    Returns `value` plus k, where P(k) is proportional to exp(-|k| epsilon / sensitivity): int, or int64 array.
    Neighbouring: whatever relation `sensitivity` was computed for; 1 for a count when one person is added or removed.
    Raises ValueError for a value that is not whole, arguments that are not positive, or noise wider than 2^40.
    Source: Ghosh, Roughgarden, Sundararajan, STOC 2009; sampled as in Canonne, Kamath, Steinke, NeurIPS 2020.
    """
    value = _whole_numbers(value=value)
    scale = validate.integer(sensitivity=sensitivity, at_least=1) / exact_fraction(epsilon=epsilon)
    noise = sample_discrete_laplace(scale=scale, count=value.size, rng=rng)
    return _as_given(value + noise.reshape(value.shape))


def gaussian(value, *, sensitivity: float, epsilon: float, delta: float, rng: np.random.Generator | None = None):
    """Answer a numeric query with Gaussian noise: (epsilon, delta)-differential privacy on paper.

    value:        the exact answer, scalar or array of any shape (an array is one joint answer).
    sensitivity:  largest L2 change of `value` between neighbouring data sets, in the units of `value`, > 0.
    epsilon:      privacy loss bound, > 0 (dimensionless), any size.
    delta:        probability mass outside that bound, between 0 and 1; far below 1 / (number of people).
    Returns `value` plus normal noise of standard deviation `gaussian_sigma(...)`: float, or float64 array.
    Floating point, with the weakness told at `laplace`: to publish, use `discrete_gaussian`, or a library.
    Neighbouring: whatever relation `sensitivity` was computed for.
    Raises ValueError for a value that is not finite, or a bad sensitivity, epsilon or delta.
    Source: Balle, Wang, ICML 2018.
    """
    value = validate.array(value=value)
    sigma = gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=sensitivity)
    if sigma > WIDEST:
        raise ValueError(f"sensitivity must be so small that the noise is at most {WIDEST:g} wide, got {sensitivity!r}")
    return _released(value, _generator(rng).normal(scale=sigma, size=value.shape))


def discrete_gaussian(value, *, sensitivity: float, epsilon: float, delta: float, rng: np.random.Generator | None = None):
    """Answer a whole-number query under (epsilon, delta)-differential privacy with discrete Gaussian noise, exact.

    value:        the exact answer, a whole number or an integer array of any shape (an array is one joint answer).
    sensitivity:  largest L2 change of `value` between neighbouring data sets, in the units of `value`, > 0.
    epsilon:      privacy loss bound, > 0 (dimensionless).
    delta:        probability mass outside that bound, between 0 and 1; far below 1 / (number of people).
    Returns `value` plus noise of width `discrete_gaussian_sigma(...)`, independent per entry: int, or int64 array.
    Neighbouring: whatever relation `sensitivity` was computed for.
    Raises ValueError for a value that is not whole, a bad sensitivity, epsilon or delta, or noise wider than 2^40.
    Source: Canonne, Kamath, Steinke, NeurIPS 2020.
    """
    value = _whole_numbers(value=value)
    sigma = discrete_gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=sensitivity)
    noise = sample_discrete_gaussian(sigma=sigma, count=value.size, rng=rng)
    return _as_given(value + noise.reshape(value.shape))


def _generator(rng):
    """The caller's generator, or a fresh one seeded by the operating system."""
    rng = validate.generator(rng=rng)
    return np.random.default_rng(secrets.randbits(256)) if rng is None else rng


def _released(value, noise):
    """Their sum; one beyond the largest float becomes that float, so that nobody's value makes it infinite."""
    with np.errstate(over="ignore"):
        return _as_given(np.clip(value + noise, -LARGEST, LARGEST))


def _as_given(values):
    """A Python number for a scalar, else the array."""
    return values if np.ndim(values) else np.asarray(values).item()


def _whole_numbers(**argument):
    """The value as an int64 array, with room left for the noise."""
    ((name, value),) = argument.items()
    try:
        values = np.asarray(value)
        fits = values.dtype.kind in "iu" and values.size and max(int(values.max()), -int(values.min())) <= 1 << 62
    except (ValueError, TypeError):
        fits = False
    if not fits:
        shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
        raise ValueError(f"{name} must be a whole number or a non-empty integer array, within 2^62, got {shown}")
    return values.astype(np.int64)
