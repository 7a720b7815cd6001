"""Secrets that follow from a seed, so that nobody can choose them: commit to the seed, and the whole mark is fixed.

A dated hash of a *chosen* key proves nothing. Keys can be made that models carry which were never marked: pictures of ordinary digits
with their true labels, say, which every digit reader "knows" (Liu, Zhang, Xu, Pan, "False Claims against Model Ownership
Resolution", USENIX Security 2024, arXiv:2304.06607). Here a mark is computed from 32 random bytes by SHAKE-256, and whoever checks it
computes it again. What is left to a cheat is trying seeds: t of them make a p-value t times smaller, so ask for one below 1e-12.
"""

import hashlib
import secrets

import numpy as np

from labkit import validate


def new_seed(rng):
    """32 bytes from a numpy Generator, or from the operating system for None."""
    rng = validate.generator(rng=rng)
    return secrets.token_bytes(32) if rng is None else rng.bytes(32)


def checked_seed(seed):
    """The seed, if it is 16 to 64 bytes; ValueError, which does not show it, if not."""
    if not isinstance(seed, bytes) or not 16 <= len(seed) <= 64:
        raise ValueError("seed must be 16 to 64 bytes")
    return seed


def stream(seed, purpose, count):
    """`count` bytes that follow from seed and purpose (a str) and look random to whoever lacks the seed; uint8 array."""
    label = purpose.encode()
    return np.frombuffer(hashlib.shake_256(len(label).to_bytes(2, "big") + label + checked_seed(seed)).digest(count), np.uint8)


def commitment(seed, purpose):
    """SHA-256 of purpose and seed, in hex: to be published, with a date, before the model is."""
    label = purpose.encode()
    return hashlib.sha256(b"commitment" + len(label).to_bytes(2, "big") + label + checked_seed(seed)).hexdigest()
