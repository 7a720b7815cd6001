"""Whole-number noise without rounding: integers and fractions only, from the random bits to the answer.

A computer cannot draw Laplace or Gaussian noise, only floating-point numbers near it, and lab 03 reads a secret off the
difference. Here every random choice comes down to one coin, heads with probability exp(-g) for a fraction g, and tossing
that coin needs nothing but comparing whole numbers. The draws are exactly distributed if the random bits are ideal; how
long they take still depends on what is drawn, so timing is not protected.

This is noise alone. Privacy needs a scale that fits the query's sensitivity: see `labkit.dp.mechanisms.numeric`.
`rng` is a numpy Generator, for a lab that must repeat; None takes the operating system's random bits.
Source: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020 (arXiv 2004.00010).
"""

import numbers
import secrets
from fractions import Fraction

import numpy as np

from labkit import validate

WORD = 62  # random bits per draw, so that a draw fits a signed 64-bit integer
WIDEST = 1 << 40  # noise wider than this leaves nothing of a 64-bit answer
_ENDLESS = 1 << 62  # more heads in a row than anybody will ever see


def sample_discrete_laplace(*, scale, count, rng: np.random.Generator | None = None):
    """`count` whole numbers k with probability proportional to exp(-|k| / scale), as int64.

    scale: Fraction, int or float (a float means exactly the fraction that it stores), positive, at most 2^40.
    Raises ValueError for a scale outside that, or a negative count.
    """
    scale, count = _width(scale=scale), validate.integer(count=count, at_least=0)
    rng = validate.generator(rng=rng)
    loss = 1 / scale  # of one step away from zero
    block = max(1, int(scale))
    noise, missing = np.empty(count, np.int64), np.arange(count)
    while missing.size:
        # A magnitude is a place within a block plus block times a number of blocks: two independent, cheap draws.
        place, negative = np.divmod(uniform_below(2 * block, missing.size, rng), 2)
        kept = bernoulli_exp(place, lambda steps: steps * loss.numerator, loss.denominator, rng)
        filled, missing = missing[kept], missing[~kept]
        magnitude = place[kept] + block * _heads_in_a_row(block * loss, filled.size, rng)
        noise[filled] = np.where(negative[kept], -magnitude, magnitude)
        minus_zero = (negative[kept] == 1) & (magnitude == 0)  # the same number as plus zero: count it once
        missing = np.concatenate([missing, filled[minus_zero]])
    return noise


def sample_discrete_gaussian(*, sigma: float, count, rng: np.random.Generator | None = None):
    """`count` whole numbers k with probability proportional to exp(-k^2 / (2 sigma^2)), as int64.

    sigma: Fraction, int or float (a float means exactly the fraction that it stores), positive, at most 2^40.
    Discrete Laplace draws, each kept with the probability that makes the kept ones Gaussian. Beyond sigma = 10^5 time
    grows with the number of different values drawn.
    Raises ValueError for a sigma outside that, or a negative count.
    """
    sigma, count = _width(sigma=sigma), validate.integer(count=count, at_least=0)
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
    """One coin per key: True with probability exp(-numerator(key) / denominator).

    keys:         int64 array (n,).
    numerator:    function of one key (int) to an int, zero or more, of any size.
    denominator:  positive int, of any size.
    """
    distinct, which = np.unique(keys, return_inverse=True)
    parts = [divmod(numerator(int(key)), denominator) for key in distinct]
    whole = np.array([min(quotient, _ENDLESS) for quotient, _ in parts], np.int64)[which]
    heads = _exp_coin([rest for _, rest in parts], denominator, which, rng)
    tossed, alive = 0, np.flatnonzero(heads & (whole > 0))
    while alive.size:  # exp(-g): one coin of exp(-1) for each whole unit in g, and all of them heads
        tossed += 1
        heads[alive] = _exp_coin([1], 1, np.zeros(alive.size, np.intp), rng)
        alive = alive[heads[alive] & (whole[alive] > tossed)]
    return heads


def _exp_coin(numerators, denominator, which, rng):
    """Coins of exp(-g), where g = numerators[which] / denominator is at most 1.

    Von Neumann's trick: toss coins of g, g/2, g/3, ... until tails. The number of tosses is odd with probability exp(-g).
    A coin of probability p compares WORD random bits with those of p; only where all agree do further bits decide.
    """
    floors = np.array([(each << WORD) // denominator for each in numerators], np.int64)[which]
    result, tosses, alive = np.empty(len(which), bool), 1, np.arange(len(which))
    while alive.size:
        words, limits = uniform_below(1 << WORD, alive.size, rng), floors[alive] // tosses
        heads = words < limits
        for tie in np.flatnonzero(words == limits):
            rest = (numerators[which[alive[tie]]] << WORD) % (denominator * tosses)
            heads[tie] = big_uniform_below(denominator * tosses, rng) < rest
        result[alive[~heads]] = tosses % 2 == 1
        alive, tosses = alive[heads], tosses + 1
    return result


def _heads_in_a_row(exponent, count, rng):
    """`count` numbers of heads before the first tails, with a coin of exp(-exponent)."""
    runs, alive = np.zeros(count, np.int64), np.arange(count)
    while alive.size:
        keys = np.zeros(alive.size, np.int64)
        alive = alive[bernoulli_exp(keys, lambda _: exponent.numerator, exponent.denominator, rng)]
        runs[alive] += 1
    return runs


def uniform_below(bound, count, rng=None):
    """`count` numbers from 0 to bound - 1, all equally likely, as int64; bound from 1 to 2^62."""
    drawn, missing = np.zeros(count, np.int64), np.arange(count)
    bits = (bound - 1).bit_length()
    while missing.size and bits:
        words = np.frombuffer(random_bytes(8 * missing.size, rng), "<u8")
        drawn[missing] = words >> np.uint64(64 - bits)
        missing = missing[drawn[missing] >= bound]
    return drawn


def big_uniform_below(bound, rng):
    """One number from 0 to bound - 1, all equally likely, for a bound of any size."""
    bits = (bound - 1).bit_length()
    octets = (bits + 7) // 8
    if not bits:
        return 0
    while True:
        drawn = int.from_bytes(random_bytes(octets, rng)) >> (8 * octets - bits)
        if drawn < bound:
            return drawn


def random_bytes(count, rng):
    """`count` random bytes, from the generator or, without one, from the operating system."""
    return secrets.token_bytes(count) if rng is None else rng.bytes(count)


def exact_fraction(**argument):
    """A positive number as the fraction that it is: 0.5 is 1/2, and 0.1 is the double nearest to 1/10."""
    ((_, value),) = argument.items()
    validate.positive(**argument)
    if isinstance(value, numbers.Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    return Fraction(*value.as_integer_ratio())


def _width(**argument):
    ((name, value),) = argument.items()
    width = value if isinstance(value, Fraction) and value > WIDEST else exact_fraction(**argument)
    if width > WIDEST:
        bits = width.numerator.bit_length() - width.denominator.bit_length()
        shown = f"2^{bits}" if isinstance(value, Fraction) else repr(value)
        raise ValueError(f"{name} must be at most 2^40 (wider noise leaves nothing of a 64-bit answer), got {shown:.80}")
    return width
