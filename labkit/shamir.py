"""Shamir's threshold sharing over any prime field, used for arrays of numbers and for keys of 32 bytes alike.

The secret is the value at 0 of a random polynomial, its shares are the values at 1, 2, ...; a polynomial of degree
threshold - 1 is fixed by that many points, and fewer fit every secret equally well. Values are Python ints, or numpy
arrays of them (dtype object), so that no product overflows. Below 2^31 they may be int64 arrays of shape (words,), which
are shared by matrix products, some fifty times as fast. Source: Shamir, "How to share a secret", CACM 1979.
"""

import secrets
from functools import lru_cache

import numpy as np


def shares_of(secret, randomness, parties, *, prime):
    """{point: share} for points 1 ... parties, each of the shape of `secret`.

    randomness: threshold - 1 independent, uniform field elements of that shape: the coefficients of x, x^2, ...
    prime:      above `parties` and above every value.
    """
    if _is_words(secret):
        return dict(enumerate(_product(_powers(parties, len(randomness) + 1, prime), np.stack([secret, *randomness]), prime), 1))
    shares = {}
    for point in range(1, parties + 1):
        value = 0
        for each in [*reversed(randomness), secret]:  # Horner: the last coefficient is the value at 0
            value = (value * point + each) % prime
        shares[point] = value
    return shares


@lru_cache(maxsize=4096)
def weights_at(where, points, prime):
    """Lagrange's weights: the value at `where` of any polynomial of degree below len(points) is the sum of
    weight * value over the points, a tuple of different field elements."""
    found = []
    for point in points:
        above = below = 1
        for other in points:
            if other != point:
                above, below = above * (where - other) % prime, below * (point - other) % prime
        found.append(above * pow(below, -1, prime) % prime)
    return found


def secret_of(shares, threshold, *, prime):
    """The secret in {point: share}, of which `threshold` or more are given.

    Shares beyond the threshold are a check: ValueError when they do not lie on the polynomial of the others, that is
    when somebody changed a share. With exactly `threshold` of them, a changed share goes unnoticed. (int64 arrays are
    checked against one random word of the dual code, which misses a change once in `prime` times.)
    """
    points = tuple(shares)
    if _is_words(shares[points[0]]):
        return _secret_of_words(points, np.stack(list(shares.values())), threshold, prime)
    first, surplus = points[:threshold], points[threshold:]

    def at(where):
        return sum(weight * shares[point] for weight, point in zip(weights_at(where, first, prime), first)) % prime

    if any(np.any(at(point) != shares[point]) for point in surplus):
        raise ValueError(f"shares must lie on one polynomial of degree {threshold - 1}, got a share that was changed")
    return at(0)


def _is_words(values):
    return isinstance(values, np.ndarray) and values.dtype == np.int64


def _product(left, right, prime):
    """left @ right modulo a prime below 2^31; exact in float64, for up to 2^11 terms, because left goes in parts of 11 bits."""
    right, total = right.astype(float), 0
    for shift in (22, 11, 0):
        part = ((left >> shift) & 2047).astype(float) @ right
        total = ((total << 11) + part.astype(np.int64)) % prime
    return total


@lru_cache(maxsize=64)
def _powers(parties, threshold, prime):
    """Points 1 ... parties to the powers 0 ... threshold - 1, int64 (parties, threshold)."""
    found, points = np.ones((parties, threshold), np.int64), np.arange(1, parties + 1)
    for power in range(1, threshold):
        found[:, power] = found[:, power - 1] * points % prime
    return found


def _secret_of_words(points, values, threshold, prime):
    at_zero, dual = _rows(points, threshold, prime)
    if dual is not None and _product(dual[None], values, prime).any():
        raise ValueError(f"shares must lie on one polynomial of degree {threshold - 1}, got a share that was changed")
    return _product(at_zero[None], values[:threshold], prime)[0]


@lru_cache(maxsize=4096)
def _rows(points, threshold, prime):
    """Lagrange's weights at 0 of the first `threshold` points; and weights of all points with which every polynomial of a
    degree below `threshold` adds up to 0, drawn at random (None when there is no surplus)."""
    x = np.array(points, np.int64)
    outward, drop = _slopes(x[:threshold], prime), [int(-each) % prime for each in points[:threshold]]
    whole = 1
    for each in drop:
        whole = whole * each % prime
    at_zero = outward * np.array([whole * pow(each, -1, prime) % prime for each in drop], np.int64) % prime
    if len(points) == threshold:
        return at_zero, None
    random = np.zeros(len(points), np.int64)
    for _ in range(len(points) - threshold):  # a random polynomial of degree below the surplus, by Horner
        random = (random * x + secrets.randbelow(prime)) % prime
    return at_zero, random * _slopes(x, prime) % prime


def _slopes(x, prime):
    """1 / product of (x_i - x_j) over the other j, for each i: int64."""
    apart, found = (x[:, None] - x) % prime, np.ones(len(x), np.int64)
    np.fill_diagonal(apart, 1)
    for column in apart.T:
        found = found * column % prime
    return np.array([pow(int(each), -1, prime) for each in found], np.int64)
