"""A key of 32 bytes in pieces, of which `threshold` give it back and fewer say nothing (Shamir 1979).

`labkit.shamir` does the sharing. A key has 256 bits, so the field is larger than that of `labkit.encrypted.sharing`: the
numbers modulo the first prime above 2^256.
"""

import secrets

from labkit import shamir, validate
from labkit.federated.secure_aggregation.agreement import MessageRefused

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
    randomness = [_element(rng) for _ in range(threshold - 1)]
    pieces = shamir.shares_of(int.from_bytes(secret, "big"), randomness[::-1], holders, prime=PRIME)
    return [value.to_bytes(SIZE, "big") for value in pieces.values()]


def _element(rng):
    if rng is None:
        return secrets.randbelow(PRIME)
    return int.from_bytes(rng.bytes(48), "big") % PRIME  # 128 bits more than needed: even to 2^-128


def combine(shares, threshold):
    """The secret in {point: share}, of which at least `threshold` are given.

    Shares beyond the threshold are a check. MessageRefused for too few of them, for a piece that is no share, and when the
    surplus shows that somebody changed one. With exactly `threshold` shares a change goes unnoticed.
    """
    if len(shares) < threshold:
        raise MessageRefused(f"shares must be at least {threshold}, got {len(shares)}: fewer say nothing")
    values = {point: int.from_bytes(piece, "big") for point, piece in shares.items()}
    if any(not isinstance(piece, bytes) or len(piece) != SIZE for piece in shares.values()) or max(values.values()) >= PRIME:
        raise MessageRefused(f"shares must be numbers below 2^256 + 297 in {SIZE} bytes, got one that is not")
    try:
        secret = shamir.secret_of(dict(sorted(values.items())), threshold, prime=PRIME)
    except ValueError as error:
        raise MessageRefused(str(error)) from error
    if secret >= 2**256:
        raise MessageRefused(f"shares must give a secret of 32 bytes, got {secret.bit_length()} bits: one was changed")
    return secret.to_bytes(32, "big")
