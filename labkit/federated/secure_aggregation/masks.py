"""Masks: vectors of numbers modulo 2^k that look random to everybody who does not know their seed.

Two clients agree on a key over a line that everybody reads (X25519, RFC 7748), derive a seed from it (HKDF, RFC 5869)
and stretch the seed into a vector (ChaCha20, RFC 8439). All 256 bits of a seed are used.
"""

import struct

import numpy as np
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from labkit.federated.secure_aggregation.agreement import MessageRefused

KEY = 32  # bytes of a key, and of a seed


def words(bits):
    """The numpy type that holds numbers modulo 2^bits, and the mask that takes one modulo 2^bits."""
    kind = np.uint32 if bits <= 32 else np.uint64
    return kind, kind(2**bits - 1)


def expand(seed, length, bits):
    """`length` numbers modulo 2^bits from a seed of 32 bytes: uint32 up to 32 bits, uint64 above.

    Each number is uniform as far as anybody can tell without the seed. A seed must serve once: the same one gives
    the same numbers.
    """
    kind, mask = words(bits)
    stream = Cipher(algorithms.ChaCha20(seed, bytes(16)), mode=None).encryptor()
    size = np.dtype(kind).itemsize
    return np.frombuffer(stream.update(bytes(size * length)), np.dtype(kind).newbyteorder("<")).astype(kind) & mask


def load(private):
    """32 private bytes as a key object. Loading costs as much as an agreement, so load once."""
    return X25519PrivateKey.from_private_bytes(private)


def public_bytes(key):
    """The 32 public bytes of a key object."""
    return key.public_key().public_bytes_raw()


def agree(key, public):
    """The 32 bytes that only two people can compute: the owner of `key`, and the one whose public bytes these are."""
    try:
        return key.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:  # a point of small order: the "shared" secret would be known to all
        raise MessageRefused(f"public key must be a point of Curve25519 of large order, got {public.hex()}") from error


def derive(secret, session, purpose):
    """32 bytes from an agreed secret; `session` and `purpose` (bytes) separate them from all others of the same pair."""
    return HKDF(hashes.SHA256(), KEY, salt=session, info=purpose).derive(secret)


def pair_seed(key, public, one, other, session):
    """The seed of the mask between clients `one` and `other`; either may compute it, with the other's public key."""
    return derive(agree(key, public), session, struct.pack(">4sII", b"mask", min(one, other), max(one, other)))


def letter_cipher(secret, sender, receiver, session):
    """Authenticated encryption from one client to another, for a single letter: its key serves in this direction and
    session only, which is why `NONCE` may be constant. secret: what `agree` returned for the two letter keys."""
    return ChaCha20Poly1305(derive(secret, session, struct.pack(">4sII", b"mail", sender, receiver)))


NONCE = bytes(12)


def pack(numbers, bits):
    """Numbers modulo 2^bits as bytes, ceil(bits / 8) for each, little end first."""
    kind, mask = words(bits)
    raw = (np.asarray(numbers, kind) & mask).astype(np.dtype(kind).newbyteorder("<"))
    return raw.view(np.uint8).reshape(len(raw), -1)[:, :-(-bits // 8)].tobytes()


def unpack(message, bits):
    """The numbers in bytes made by `pack`. MessageRefused when one is not below 2^bits."""
    kind, mask = words(bits)
    width = -(-bits // 8)
    raw = np.zeros((len(message) // width, np.dtype(kind).itemsize), np.uint8)
    raw[:, :width] = np.frombuffer(message, np.uint8).reshape(-1, width)
    numbers = raw.view(np.dtype(kind).newbyteorder("<"))[:, 0].astype(kind)
    if (numbers > mask).any():
        raise MessageRefused(f"message must hold numbers below 2^{bits}, got one that is not: it is damaged")
    return numbers
