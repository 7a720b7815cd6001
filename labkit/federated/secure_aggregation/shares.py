"""A key of 32 bytes in pieces, of which `threshold` give it back and fewer say nothing (Shamir 1979).

`labkit.shamir` does the sharing. A key has 256 bits; it goes in nine words of 30, each shared modulo 2^31 - 1, where
products fit into a machine's words.
"""

import os

import numpy as np

from labkit import shamir, validate
from labkit.federated.secure_aggregation.agreement import MessageRefused

PRIME = 2**31 - 1
WORDS, BITS = 9, 30
SIZE = 4 * WORDS  # bytes of a share


def split(secret, holders, threshold, rng=None):
    """Shares of `secret`, 32 bytes: the list of `holders` pieces of 36 bytes, for points 1, 2, ...

    threshold: how many of them give the secret back; threshold - 1 of them are independent of it (but for 2^-33, by which
               a random word modulo the prime is not even).
    rng:       None for the operating system's randomness; a numpy Generator for teaching.
    """
    holders = validate.integer(holders=holders, at_least=1, at_most=PRIME - 1)
    threshold = validate.integer(threshold=threshold, at_least=1, at_most=min(holders, 2**11))
    validate.generator(rng=rng)
    if not isinstance(secret, bytes) or len(secret) != 32:
        raise ValueError(f"secret must be 32 bytes, got {type(secret).__name__} of length {len(secret)}")
    number = int.from_bytes(secret, "big")
    words = np.array([number >> BITS * place & 2**BITS - 1 for place in range(WORDS)], np.int64)
    drawn = np.frombuffer((os.urandom if rng is None else rng.bytes)(8 * (threshold - 1) * WORDS), np.uint64)
    pieces = shamir.shares_of(words, (drawn % PRIME).astype(np.int64).reshape(-1, WORDS), holders, prime=PRIME)
    return [piece.astype("<u4").tobytes() for piece in pieces.values()]


def combine(shares, threshold):
    """The secret in {point: share}, of which at least `threshold` are given.

    Shares beyond the threshold are a check. MessageRefused for too few of them, for a piece that is no share, and when the
    surplus shows that somebody changed one (it fails to show once in 2^31 times). With exactly `threshold` shares a change
    goes unnoticed, but for one that gives no secret of 32 bytes.
    """
    if len(shares) < threshold:
        raise MessageRefused(f"shares must be at least {threshold}, got {len(shares)}: fewer say nothing")
    if any(not isinstance(piece, bytes) or len(piece) != SIZE for piece in shares.values()):
        raise MessageRefused(f"shares must be {WORDS} numbers below 2^31 - 1 in {SIZE} bytes, got one that is not")
    points = sorted(shares)
    values = np.frombuffer(b"".join(shares[each] for each in points), "<u4").reshape(len(points), WORDS).astype(np.int64)
    if values.max() >= PRIME:
        raise MessageRefused(f"shares must be {WORDS} numbers below 2^31 - 1 in {SIZE} bytes, got one that is not")
    try:
        words = shamir.secret_of(dict(zip(points, values)), threshold, prime=PRIME).tolist()
    except ValueError as error:
        raise MessageRefused(str(error)) from error
    secret = sum(word << BITS * place for place, word in enumerate(words))
    if max(words) >= 2**BITS or secret >= 2**256:
        raise MessageRefused("shares must give a secret of 32 bytes, got another: one was changed")
    return secret.to_bytes(32, "big")
