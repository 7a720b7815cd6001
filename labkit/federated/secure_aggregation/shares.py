"""A key of 32 bytes in pieces, of which `threshold` give it back and fewer say nothing (Shamir 1979).

`labkit.encrypted.sharing.sums` shares arrays of numbers below 2^61. A key has 256 bits, so here the field is larger: the
numbers modulo the first prime above 2^256.
"""

import secrets
from functools import lru_cache

from labkit import validate
from labkit.federated.secure_aggregation.agreement import Refused

PRIME = 2**256 + 297
SIZE = 33  # bytes of a share


def split(secret, holders, threshold, rng=None):
    """Shares of `secret`, 32 bytes: the list of `holders` pieces of 33 bytes, for points 1, 2, ...

    threshold: how many of them give the secret back; threshold - 1 of them are independent of it.
    rng:       None for the operating system's randomness; a numpy Generator for teaching.
    """
    holders = validate.integer(holders=holders, at_least=1)
    threshold = validate.integer(threshold=threshold, at_least=1, at_most=holders)
    validate.generator(rng=rng)
    if not isinstance(secret, bytes) or len(secret) != 32:
        raise ValueError(f"secret must be 32 bytes, got {type(secret).__name__} of length {len(secret)}")
    coefficients = [_element(rng) for _ in range(threshold - 1)] + [int.from_bytes(secret, "big")]
    pieces = []
    for point in range(1, holders + 1):
        value = 0
        for each in coefficients:  # Horner: the last coefficient is the value at 0
            value = (value * point + each) % PRIME
        pieces.append(value.to_bytes(SIZE, "big"))
    return pieces


def _element(rng):
    if rng is None:
        return secrets.randbelow(PRIME)
    return int.from_bytes(rng.bytes(48), "big") % PRIME  # 128 bits more than needed: even to 2^-128


def combine(shares, threshold):
    """The secret in {point: share}, of which at least `threshold` are given.

    Shares beyond the threshold are a check. Refused for too few of them, for a piece that is no share, and when the
    surplus shows that somebody changed one. With exactly `threshold` shares a change goes unnoticed.
    """
    if len(shares) < threshold:
        raise Refused(f"shares must be at least {threshold}, got {len(shares)}: fewer say nothing")
    values = {point: int.from_bytes(piece, "big") for point, piece in shares.items()}
    if any(not isinstance(piece, bytes) or len(piece) != SIZE for piece in shares.values()) or max(values.values()) >= PRIME:
        raise Refused(f"shares must be numbers below 2^256 + 297 in {SIZE} bytes, got one that is not")
    points = tuple(sorted(values))
    first, surplus = points[:threshold], points[threshold:]

    def at(where):
        return sum(weight * values[point] for weight, point in zip(_weights(where, first), first)) % PRIME

    secret = at(0)
    if any(at(point) != values[point] for point in surplus) or secret >= 2**256:
        raise Refused("shares must lie on one polynomial, got one that was changed")
    return secret.to_bytes(32, "big")


@lru_cache(maxsize=4096)
def _weights(where, points):
    """Lagrange: the polynomial's value at `where` is the sum of weight * value over the points."""
    found = []
    for point in points:
        above = below = 1
        for other in points:
            if other != point:
                above, below = above * (where - other) % PRIME, below * (point - other) % PRIME
        found.append(above * pow(below, -1, PRIME) % PRIME)
    return found
