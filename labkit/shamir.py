"""Shamir's threshold sharing over any prime field, used for arrays of numbers and for keys of 32 bytes alike.

The secret is the value at 0 of a random polynomial, its shares are the values at 1, 2, ...; a polynomial of degree
threshold - 1 is fixed by that many points, and fewer fit every secret equally well. Values are Python ints, or numpy
arrays of them (dtype object), so that no product overflows. Source: Shamir, "How to share a secret", CACM 1979.
"""

from functools import lru_cache

import numpy as np


def shares_of(secret, randomness, parties, *, prime):
    """{point: share} for points 1 ... parties, each of the shape of `secret`.

    randomness: threshold - 1 independent, uniform field elements of that shape: the coefficients of x, x^2, ...
    prime:      above `parties` and above every value.
    """
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
    when somebody changed a share. With exactly `threshold` of them, a changed share goes unnoticed.
    """
    points = tuple(shares)
    first, surplus = points[:threshold], points[threshold:]

    def at(where):
        return sum(weight * shares[point] for weight, point in zip(weights_at(where, first, prime), first)) % prime

    if any(np.any(at(point) != shares[point]) for point in surplus):
        raise ValueError(f"shares must lie on one polynomial of degree {threshold - 1}, got a share that was changed")
    return at(0)
