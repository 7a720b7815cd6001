"""Whole-number noise without rounding errors: integers and fractions only, from the random bits to the answer.

A computer cannot draw Laplace or Gaussian noise, only floating-point numbers near it, and lab 03 reads a secret off the
difference. Here every random choice comes down to one coin, heads with probability exp(-g) for a fraction g, and tossing
that coin needs nothing but comparing whole numbers.

Source: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020 (arXiv 2004.00010).
The answers are exactly distributed if the random bits are ideal. How long a draw takes still depends on what is drawn:
timing is not protected.
"""

import math
import secrets
from fractions import Fraction

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from labkit import validate

WORD = 62  # random bits per draw, so that a draw fits a signed 64-bit integer
_LARGEST = 1 << 62  # answers beyond this could overflow
_WIDEST = 1 << 40  # noise wider than this leaves nothing of a 64-bit answer


def geometric(value, *, sensitivity, epsilon, rng=None):
    """Answer a counting query under epsilon-differential privacy, in whole numbers (discrete Laplace noise).

    value:        the exact answer, a whole number or an integer array of any shape.
    sensitivity:  largest L1 change of `value` between neighbouring data sets: a whole number, 1 for a count under
                  adding or removing one person.
    epsilon:      privacy loss bound, > 0 (dimensionless); a float means exactly the fraction that it stores.
    rng:          numpy Generator for a repeatable lab; None takes the operating system's random bits.
    Returns `value` plus k, where P(k) is proportional to exp(-|k| epsilon / sensitivity): int, or int64 array.
    Neighbouring: whatever relation `sensitivity` was computed for.
    Raises ValueError for a value that is not whole, for arguments that are not positive, or noise wider than 2^40.
    Source: Ghosh, Roughgarden, Sundararajan, STOC 2009; sampled as in Canonne, Kamath, Steinke, NeurIPS 2020.
    """
    whole, is_scalar = _whole_numbers(value=value)
    sensitivity = validate.integer(at_least=1, sensitivity=sensitivity)
    scale = sensitivity / exact_fraction(epsilon=epsilon)
    noise = sample_discrete_laplace(scale=scale, count=whole.size, rng=rng).reshape(whole.shape)
    return int(whole + noise) if is_scalar else whole + noise


def discrete_gaussian(value, *, sensitivity, epsilon, delta, rng=None):
    """Answer a whole-number query under (epsilon, delta)-differential privacy with discrete Gaussian noise.

    value:        the exact answer, a whole number or an integer array of any shape (one joint answer).
    sensitivity:  largest L2 change of `value` between neighbouring data sets, in the units of `value`.
    epsilon:      privacy loss bound, > 0 (dimensionless).
    delta:        probability mass outside that bound, between 0 and 1; far below 1 / (number of people).
    rng:          numpy Generator for a repeatable lab; None takes the operating system's random bits.
    Returns `value` plus noise of width `discrete_gaussian_sigma(...)`, independent per entry: int, or int64 array.
    Neighbouring: whatever relation `sensitivity` was computed for.
    Raises ValueError for a value that is not whole or a bad epsilon, delta or sensitivity.
    Source: Canonne, Kamath, Steinke, NeurIPS 2020.
    """
    whole, is_scalar = _whole_numbers(value=value)
    sigma = discrete_gaussian_sigma(sensitivity=sensitivity, epsilon=epsilon, delta=delta)
    noise = sample_discrete_gaussian(sigma=sigma, count=whole.size, rng=rng).reshape(whole.shape)
    return int(whole + noise) if is_scalar else whole + noise


def discrete_gaussian_sigma(*, epsilon, delta, sensitivity):
    """Width of discrete Gaussian noise that gives (epsilon, delta)-differential privacy, in the units of `sensitivity`.

    The noise is rho-zero-concentrated private with rho = sensitivity^2 / (2 sigma^2), for answers of any dimension, and
    that is turned into epsilon and delta. A little more than `gaussian_sigma` asks for: the price of one bound that holds
    for every dimension. Neighbouring: as for `sensitivity` (L2).
    Raises ValueError for a bad epsilon, delta or sensitivity.
    Source: Canonne, Kamath, Steinke, NeurIPS 2020, theorem 14 and corollary 13.
    """
    epsilon, delta = validate.positive(epsilon=epsilon), validate.probability(delta=delta)
    sensitivity = validate.positive(sensitivity=sensitivity)

    def excess(log_rho):
        return _zcdp_log_delta(math.exp(log_rho), epsilon) - math.log(delta)

    low, high = math.log(1e-9 * min(epsilon, epsilon**2)), math.log(epsilon)
    while excess(low) > 0:
        low -= 5
    while excess(high) < 0:
        high += 1
    rho = math.exp(brentq(excess, low, high, xtol=1e-12) - 1e-9)  # one part in 10^9 to the safe side
    return sensitivity / math.sqrt(2 * rho)


def _zcdp_log_delta(rho, epsilon):
    """log of the delta that rho-zCDP implies at epsilon. Every alpha > 1 gives a valid bound; take the smallest."""

    def bound(log_excess):
        less = math.exp(log_excess)  # alpha - 1
        alpha = 1 + less
        return less * (alpha * rho - epsilon) + less * log_excess - alpha * math.log1p(less)

    return minimize_scalar(bound, bounds=(-20, 20), method="bounded", options={"xatol": 1e-10}).fun


# --- samplers: noise alone. Privacy needs a scale that fits the query's sensitivity, which is the mechanisms' business.


def sample_discrete_laplace(*, scale, count, rng=None):
    """`count` whole numbers k with probability proportional to exp(-|k| / scale), as int64.

    scale: Fraction, int or float (a float means exactly the fraction that it stores), positive, at most 2^40.
    """
    scale, count = _width(scale=scale), validate.integer(at_least=0, count=count)
    rng = validate.generator(rng=rng)
    loss = 1 / scale  # of moving the answer by one
    block = max(1, int(scale))
    noise, missing = np.empty(count, np.int64), np.arange(count)
    while missing.size:
        # A magnitude is (place within a block) + block * (number of blocks): two independent draws, both cheap.
        place, negative = np.divmod(uniform_below(2 * block, missing.size, rng), 2)
        kept = bernoulli_exp(place, lambda step: step * loss.numerator, loss.denominator, rng)
        missing, left = missing[kept], missing[~kept]
        place, negative = place[kept], negative[kept].astype(bool)
        magnitude = place + block * _heads_in_a_row(block * loss, missing.size, rng)
        twice = negative & (magnitude == 0)  # -0 and +0 are one number: keep one of them
        noise[missing] = np.where(negative, -magnitude, magnitude)
        missing = np.concatenate([left, missing[twice]])
    return noise


def sample_discrete_gaussian(*, sigma, count, rng=None):
    """`count` whole numbers k with probability proportional to exp(-k^2 / (2 sigma^2)), as int64.

    sigma: Fraction, int or float (a float means exactly the fraction that it stores), positive, at most 2^40.
    Discrete Laplace draws, each kept with the probability that turns them Gaussian. Time grows with the number of
    different values drawn: a million draws take about a second up to sigma = 10^5, and several at 10^6.
    """
    sigma, count = _width(sigma=sigma), validate.integer(at_least=0, count=count)
    rng = validate.generator(rng=rng)
    width = int(sigma) + 1
    up, down = (sigma**2).numerator, (sigma**2).denominator
    noise, missing = np.empty(count, np.int64), np.arange(count)
    while missing.size:
        drawn = sample_discrete_laplace(scale=width, count=missing.size, rng=rng)
        # keep with probability exp(-(|k| - sigma^2 / width)^2 / (2 sigma^2)), written over one denominator
        kept = bernoulli_exp(np.abs(drawn), lambda size: (size * down * width - up) ** 2, 2 * up * down * width**2, rng)
        noise[missing[kept]] = drawn[kept]
        missing = missing[~kept]
    return noise


def bernoulli_exp(keys, numerator, denominator, rng=None):
    """One coin per key: True with probability exp(-numerator(key) / denominator), exactly.

    keys:         int64 array (n,).
    numerator:    function of one key (int) that returns an int, zero or more, of any size.
    denominator:  positive int, of any size.
    """
    distinct, which = np.unique(keys, return_inverse=True)
    parts = [divmod(numerator(int(key)), denominator) for key in distinct]
    whole = np.array([min(quotient, _LARGEST) for quotient, _ in parts], np.int64)[which]
    heads = _exp_coin([rest for _, rest in parts], denominator, which, rng)
    tossed, alive = 0, np.flatnonzero(heads & (whole > 0))
    while alive.size:  # exp(-g) is a coin of exp(-1) for each whole unit in g, and all must come up heads
        tossed += 1
        heads[alive] = _exp_coin([1], 1, np.zeros(alive.size, np.intp), rng)
        alive = alive[heads[alive] & (whole[alive] > tossed)]
    return heads


def _exp_coin(numerators, denominator, which, rng):
    """Coins of exp(-g), g = numerators[which] / denominator at most 1.

    Von Neumann's trick: toss coins of g, g/2, g/3, ... until tails. The number of tosses is odd with probability exp(-g).
    A coin of probability p compares WORD random bits with p; only when they agree do more bits decide.
    """
    floors = np.array([(each << WORD) // denominator for each in numerators], np.int64)[which]
    result, tosses, alive = np.empty(len(which), bool), 1, np.arange(len(which))
    while alive.size:
        words, limits = uniform_below(1 << WORD, alive.size, rng), floors[alive] // tosses
        heads = words < limits
        for undecided in np.flatnonzero(words == limits):
            below = (numerators[which[alive[undecided]]] << WORD) % (denominator * tosses)
            heads[undecided] = _one_below(denominator * tosses, rng) < below
        result[alive[~heads]] = tosses % 2 == 1
        alive, tosses = alive[heads], tosses + 1
    return result


def _heads_in_a_row(exponent, count, rng):
    """`count` numbers of heads before the first tails, for a coin of exp(-exponent)."""
    runs, alive = np.zeros(count, np.int64), np.arange(count)
    while alive.size:
        alive = alive[bernoulli_exp(np.zeros(alive.size, np.int64), lambda _: exponent.numerator, exponent.denominator, rng)]
        runs[alive] += 1
    return runs


def uniform_below(bound, count, rng=None):
    """`count` numbers from 0 to bound - 1, all equally likely, as int64; bound at most 2^62."""
    bits = (bound - 1).bit_length()
    drawn = np.empty(count, np.int64)
    missing = np.arange(count)
    while missing.size:
        octets = 8 * missing.size
        raw = secrets.token_bytes(octets) if rng is None else rng.bytes(octets)
        words = np.right_shift(np.frombuffer(raw, "<u8"), np.uint64(64 - bits) if bits else np.uint64(63)).astype(np.int64)
        drawn[missing] = words if bits else 0
        missing = missing[drawn[missing] >= bound]
    return drawn


def _one_below(bound, rng):
    """A number from 0 to bound - 1 for a bound of any size."""
    octets = ((bound - 1).bit_length() + 7) // 8
    while True:
        drawn = int.from_bytes(secrets.token_bytes(octets) if rng is None else rng.bytes(octets))
        drawn >>= 8 * octets - (bound - 1).bit_length()
        if drawn < bound:
            return drawn


def exact_fraction(**argument):
    """A positive number as the Fraction that it is: 0.5 is 1/2, and 0.1 the double nearest to 1/10."""
    ((name, value),) = argument.items()
    validate.positive(**argument)
    return value if isinstance(value, Fraction) else Fraction(*value.as_integer_ratio())


def _width(**argument):
    ((name, value),) = argument.items()
    width = exact_fraction(**argument)
    if width > _WIDEST:
        raise ValueError(f"{name} must be at most 2^40 (beyond it nothing of a 64-bit answer is left), got {value!r}")
    return width


def _whole_numbers(**argument):
    """The value as an int64 array, and whether it was a single number."""
    ((name, value),) = argument.items()
    try:
        values = np.asarray(value)
        fits = values.dtype.kind in "iu" and values.size and max(int(values.max()), -int(values.min())) < _LARGEST
    except (ValueError, TypeError, OverflowError):
        fits = False
    if not fits:
        shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
        raise ValueError(f"{name} must be a whole number or a non-empty integer array within 2^62, got {shown}")
    return values.astype(np.int64), values.ndim == 0
