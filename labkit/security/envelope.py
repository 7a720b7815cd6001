"""A key in an envelope: a random master key, wrapped under a key made from a passphrase.

Nothing is encrypted with the passphrase's own key but the 32 bytes of the master key. So the passphrase can change
without touching the data, and every guess at it costs what scrypt costs: time and memory.

Sources: Percival, "Stronger key derivation via sequential memory-hard functions", BSDCan 2009 (scrypt, RFC 7914);
NIST SP 800-57 part 1 (key wrapping and rotation).
"""

import os
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from labkit import validate

MAGIC = b"labvault1"
SALT, NONCE, WRAPPED = 16, 12, 48
PRELUDE = len(MAGIC) + 1 + SALT  # magic, work factor, salt: what the wrapping key is derived from, with the passphrase
ENVELOPE_BYTES = PRELUDE + NONCE + WRAPPED
LEAST_WORK, MOST_WORK = 10, 20  # 1 MiB to 1 GiB of memory a guess; a forged envelope must not ask for more
WORK_FACTOR = 17


class VaultError(Exception):
    """The vault cannot be opened, or was changed by somebody else while open."""


def derive_key(passphrase, salt, *, work_factor=WORK_FACTOR):
    """A 32-byte key from a passphrase, by scrypt with r = 8 and p = 1.

    passphrase:   non-empty text; the ways of typing an accent give one key (Unicode NFKC).
    salt:         16 bytes, random for each envelope and not secret: it makes a table of guesses useless elsewhere.
    work_factor:  log2 of N, 10 to 20. One derivation takes 2**work_factor KiB of memory.
    Raises ValueError otherwise; the passphrase is never part of the message.
    """
    if not isinstance(salt, bytes) or len(salt) != SALT:
        raise ValueError(f"salt must be {SALT} bytes, got {salt!r}")
    n = 2 ** validate.integer(work_factor=work_factor, at_least=LEAST_WORK, at_most=MOST_WORK)
    return Scrypt(salt=salt, length=32, n=n, r=8, p=1).derive(secret_bytes(passphrase))


def wrap_key(master, passphrase, *, work_factor=WORK_FACTOR):
    """The envelope (86 bytes) of a 32-byte master key; other arguments as in `derive_key`."""
    if not isinstance(master, bytes) or len(master) != 32:
        raise ValueError(f"master must be 32 bytes, got {type(master).__name__}")
    salt, nonce = os.urandom(SALT), os.urandom(NONCE)
    key = derive_key(passphrase, salt, work_factor=work_factor)
    prelude = MAGIC + bytes([work_factor]) + salt
    return prelude + nonce + AESGCM(key).encrypt(nonce, master, prelude)


def unwrap_key(envelope, passphrase):
    """The master key. Raises VaultError for a wrong passphrase or an altered envelope: which, cannot be told."""
    if not isinstance(envelope, bytes):
        raise ValueError(f"envelope must be bytes, got {type(envelope).__name__}")
    prelude, nonce, wrapped = envelope[:PRELUDE], envelope[PRELUDE:PRELUDE + NONCE], envelope[PRELUDE + NONCE:]
    if (len(envelope) != ENVELOPE_BYTES or not prelude.startswith(MAGIC)
            or not LEAST_WORK <= prelude[len(MAGIC)] <= MOST_WORK):
        raise VaultError("the head of this vault is damaged")
    key = derive_key(passphrase, prelude[len(MAGIC) + 1:], work_factor=prelude[len(MAGIC)])
    try:
        return AESGCM(key).decrypt(nonce, wrapped, prelude)
    except InvalidTag:
        raise VaultError("wrong passphrase, or the head was altered") from None


def secret_bytes(passphrase):
    """The passphrase as bytes. Raises ValueError, without its value, when it is not non-empty text."""
    if not isinstance(passphrase, str) or not passphrase:
        shown = "none" if passphrase == "" else type(passphrase).__name__
        raise ValueError(f"passphrase must be non-empty text, got {shown}")
    try:
        return unicodedata.normalize("NFKC", passphrase).encode()
    except UnicodeEncodeError:
        raise ValueError("passphrase must be valid Unicode, got half a surrogate pair in it") from None
