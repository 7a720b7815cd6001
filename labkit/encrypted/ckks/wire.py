"""How ciphertexts travel: a public header, the ciphertext padded to a public length, a checksum of both.

SEAL compresses ciphertexts, so that their lengths differ by a few bytes. Padded, a message's length follows from the
parameters alone: nobody can read anything off it. The checksum finds damage. It is no signature: whoever changes a
message on purpose can make a new one, so the connection must authenticate who speaks (lab 02).
"""

import hashlib
import math
import tempfile
from pathlib import Path

# Bytes that one coefficient takes on the wire, for primes of 20, 21, ... 60 bits. SEAL stores 8-byte words and
# compresses them (zstd), which does not reach bits / 8. Measured with TenSEAL 0.3.18.
SMALLEST_PRIME = 20
WORD_BYTES = (3.29, 3.39, 3.45, 3.43, 3.37, 3.86, 4.06, 4.21, 4.35, 4.43, 4.42, 4.34, 4.24, 4.86, 5.12, 5.32, 5.52,
              5.71, 5.86, 5.96, 6.02, 6.22, 6.40, 6.54, 6.66, 6.73, 6.78, 6.80, 6.85, 7.05, 7.20, 7.32, 7.43, 7.49,
              7.53, 7.54, 7.57, 7.67, 7.77, 7.86, 8.00)
DIGEST = 16  # bytes of SHA-256: damage goes unnoticed once in 2^128
PAD = b"\x80"  # marks the end of what is padded, as in ISO 7816-4


def word_bytes(prime_bits):
    """Bytes of one coefficient, all primes together: an average."""
    return sum(WORD_BYTES[bits - SMALLEST_PRIME] for bits in prime_bits)


def padded_length(poly_modulus_degree, prime_bits, polynomials=2):
    """Bytes to which a ciphertext under these primes is padded; the table's averages are met to within 3 percent."""
    average = polynomials * poly_modulus_degree * word_bytes(prime_bits)
    return 512 * math.ceil((1.04 * average + 512) / 512)


def padded(content, length):
    """`content` and zeros, `length` bytes in all (twice, four times ... as many where it does not fit)."""
    while len(content) + len(PAD) > length:
        length *= 2
    return content + PAD + bytes(length - len(content) - len(PAD))


def unpadded(content):
    """What `padded` was given; ValueError when the mark is missing."""
    stripped = content.rstrip(b"\0")
    if not stripped.endswith(PAD):
        raise ValueError("message must end as it was padded, got one that does not: it is damaged")
    return stripped[: -len(PAD)]


def checked(*parts):
    """The parts, joined, with their checksum behind them."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return b"".join([*parts, digest.digest()[:DIGEST]])


def unchecked(message, name="message"):
    """What `checked` was given; ValueError naming the argument for anything that is not undamaged bytes."""
    return bytes(verified(message, name))


def verified(message, name="message"):
    """The same as a memoryview, without a copy: keys may have a hundred megabytes."""
    if not isinstance(message, bytes):
        raise ValueError(f"{name} must be bytes, got {type(message).__name__}")
    content = memoryview(message)[:-DIGEST]
    if len(message) <= DIGEST or hashlib.sha256(content).digest()[:DIGEST] != message[-DIGEST:]:
        raise ValueError(f"{name} must be undamaged, got {len(message)} bytes whose checksum is wrong")
    return content


def saved(thing):
    """The bytes of one of SEAL's objects, which saves itself to files only. Nothing secret may be passed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "public"
        thing.save(str(path))
        return path.read_bytes()


def loaded(thing, context, content, name="message"):
    """`thing`, an empty object of SEAL, filled from bytes. ValueError when they are not its bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "public"
        path.write_bytes(content)
        try:
            thing.load(context, str(path))
        except Exception as failure:  # SEAL raises many types for bytes that are cut short or changed
            raise ValueError(f"{name} must be undamaged, got bytes that do not load: {failure}") from None
    return thing
