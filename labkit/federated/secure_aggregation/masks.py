"""Masks: vectors of numbers modulo 2^k that look random to everybody who does not know their seed.

Two clients agree on a key over a line that everybody reads (X25519, RFC 7748), derive a seed from it (HKDF, RFC 5869)
and stretch the seed into a vector (ChaCha20, RFC 8439). All 256 bits of a seed are used.
"""

import hmac
import struct

import numpy as np
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from labkit.federated.secure_aggregation.agreement import MessageRefused

KEY = 32  # bytes of a key, and of a seed
TAG = 16  # bytes of a voucher


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
    numbers = np.frombuffer(stream.update(bytes(size * length)), np.dtype(kind).newbyteorder("<")).astype(kind, copy=False)
    return numbers if bits == 8 * size else numbers & mask


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


def derive(secret, session, purpose, length=KEY):
    """Bytes from an agreed secret; `session` and `purpose` (bytes) separate them from all others of the same pair."""
    return HKDF(hashes.SHA256(), length, salt=session, info=purpose).derive(secret)


def pair_seed(key, public, one, other, session):
    """The seed of the mask between clients `one` and `other`; either may compute it, with the other's public key."""
    return seed_from(agree(key, public), one, other, session)


def seed_from(secret, one, other, session):
    """The same from what `agree` returned for the two mask keys."""
    return derive(secret, session, struct.pack(">4sII", b"mask", min(one, other), max(one, other)))


def pair_keys(secret, one, other, session):
    """Three keys that `one` and `other` share: for letters from `one`, for letters from `other`, and for vouching.

    secret: what `agree` returned for the two letter keys. Either of the two may ask, in either order.
    """
    low, high = min(one, other), max(one, other)
    keys = derive(secret, session, struct.pack(">4sII", b"pair", low, high), 3 * KEY)
    up, down, vouch = keys[:KEY], keys[KEY:2 * KEY], keys[2 * KEY:]
    return (up, down, vouch) if one == low else (down, up, vouch)


def letter_cipher(key):
    """Authenticated encryption from one client to another, for a single letter: one of `pair_keys` serves in one
    direction and session only, which is why `NONCE` may be constant."""
    return ChaCha20Poly1305(key)


def voucher(key, sender, survivors):
    """16 bytes by which `sender` vouches for a list of survivors to the one other owner of the vouching key.

    The paper signs the list. Each client checks only what its own neighbours say, with whom it has an authenticated
    key, and need not convince a third party: a tag does, and costs a fiftieth of a signature.
    """
    return hmac.digest(key, struct.pack(">4sI", b"list", sender) + survivors, "sha256")[:TAG]


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
