"""Authenticated encryption of something long, in chunks.

AES-GCM authenticates one message, and releases nothing of it before all of it has been checked. A large file is
therefore cut into chunks, each sealed on its own. Sealing chunks independently would let an attacker drop the last
ones, swap two or repeat one. The STREAM construction stops this by putting into each chunk's nonce its position and
whether it is the last: a chunk opens only where it was sealed.

Source: Hoang, Reyhanitabar, Rogaway, Vizar, "Online authenticated-encryption and its nonce-reuse
misuse-resistance", CRYPTO 2015.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from labkit import validate

KEY_BYTES = 32
TAG_BYTES = 16
CHUNK_BYTES = 256 * 1024  # large enough that Python's cost per chunk vanishes, small enough for a processor's cache
READ_BYTES = 8 * (CHUNK_BYTES + TAG_BYTES)  # from a file at once


class IntegrityError(Exception):
    """What was read is not what was sealed: altered, cut short, swapped, or opened with another key."""


def new_key():
    """A fresh 256-bit key from the operating system, as bytes."""
    return AESGCM.generate_key(bit_length=8 * KEY_BYTES)


def seal(data, key, *, context=b""):
    """Encrypt and authenticate a stream.

    data:     bytes, an open binary file, or an iterable of bytes of any sizes.
    key:      32 bytes, used for this one stream and no other: see `new_key`.
    context:  bytes that are not stored but must be the same at opening, such as the name of the file.
    Returns an iterator over sealed chunks: CHUNK_BYTES plus 16 bytes of tag each, the last one shorter.
    Raises ValueError for a key that is not 32 bytes (without showing it), for data or context that is not bytes.
    """
    return _seal(_pieces(data), _cipher(key), _bytes(context=context))


def unseal(data, key, *, context=b""):
    """Check and decrypt what `seal` made; arguments as there.

    Returns an iterator over plain chunks, each yielded only after its own check. Such a chunk is genuine and in its
    place; that the *end* is genuine is known only when the iterator ends without an error, so do not act on a
    beginning as if it were the whole.
    Raises IntegrityError at the first chunk that is altered, missing, out of place, or under another key or context.
    """
    return _unseal(_pieces(data), _cipher(key), _bytes(context=context))


def sealed_size(plain_bytes):
    """Bytes that `seal` makes of `plain_bytes`: 16 more for each chunk begun (an empty stream is one chunk)."""
    plain_bytes = validate.integer(plain_bytes=plain_bytes, at_least=0)
    return plain_bytes + TAG_BYTES * max(1, -(-plain_bytes // CHUNK_BYTES))


def _seal(pieces, cipher, context):
    for position, (chunk, last) in enumerate(_recut(pieces, CHUNK_BYTES)):
        yield cipher.encrypt(_nonce(position, last), chunk, context)


def _unseal(pieces, cipher, context):
    for position, (chunk, last) in enumerate(_recut(pieces, CHUNK_BYTES + TAG_BYTES)):
        try:
            plain = cipher.decrypt(_nonce(position, last), chunk, context)
        except InvalidTag:
            raise IntegrityError(f"chunk {position} is altered, missing or out of place, or the key is another") from None
        yield plain


def _nonce(position, last):
    """Eleven bytes of position and one that says whether this is the end.

    No random part: a key seals a single stream, so no nonce comes twice under it.
    """
    return position.to_bytes(11, "big") + bytes([last])


def _recut(pieces, size):
    """Cut a stream at every `size` bytes: pairs (chunk, is it the last), looking ahead to know the last."""
    held = bytearray()  # at most one chunk, of which it is not yet known whether more will follow
    for piece in pieces:
        taken = 0
        while len(piece) - taken > size - len(held):
            upto = taken + size - len(held)
            if held:
                held += piece[taken:upto]
                yield held, False
                held = bytearray()
            else:
                yield piece[taken:upto], False
            taken = upto
        held += piece[taken:]
    yield held, True


def _pieces(data):
    """`data` as an iterator of memoryviews, with a wrong type refused before anything is encrypted."""
    if hasattr(data, "read"):
        return (memoryview(_bytes(data=piece)) for piece in iter(lambda: data.read(READ_BYTES), b""))
    if isinstance(data, (bytes, bytearray, memoryview)):
        return iter([_flat(data)])
    try:
        pieces = None if isinstance(data, str) else iter(data)
    except TypeError:
        pieces = None
    if pieces is None:
        raise ValueError(f"data must be bytes, an open binary file or an iterable of bytes, got {type(data).__name__}")
    return (_flat(piece) for piece in pieces)


def _flat(piece):
    view = memoryview(_bytes(data=piece))
    return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())


def _bytes(**argument):
    ((name, value),) = argument.items()
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise ValueError(f"{name} must be bytes, got {type(value).__name__}")
    return value


def _cipher(key):
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:  # never the value: messages end up in logs
        raise ValueError(f"key must be {KEY_BYTES} bytes, got {type(key).__name__}"
                         + (f" of {len(key)}" if isinstance(key, bytes) else ""))
    return AESGCM(key)
