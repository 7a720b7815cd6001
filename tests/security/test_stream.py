"""Chunked authenticated encryption: opens what was sealed, and nothing else."""

import io
import secrets

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.security import stream
from labkit.security.stream import CHUNK_BYTES, TAG_BYTES, IntegrityError, new_key, seal, sealed_size, unseal

SEALED = CHUNK_BYTES + TAG_BYTES


def sealed(data, key, **context):
    return b"".join(seal(data, key, **context))


def unsealed(data, key, **context):
    return b"".join(unseal(data, key, **context))


@pytest.mark.parametrize("size", [0, 1, 5, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7])
def test_round_trip_and_size(size):
    key, data = new_key(), secrets.token_bytes(size)
    coded = sealed(data, key)
    assert unsealed(coded, key) == data
    assert len(coded) == sealed_size(size)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=12))
def test_how_the_data_arrives_does_not_matter(sizes):
    """Pieces of any sizes, a file, or one block: the same sealed bytes (here with chunks of 16 bytes)."""
    pieces = [secrets.token_bytes(size) for size in sizes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "CHUNK_BYTES", 16)
        key, whole = new_key(), b"".join(pieces)
        coded = sealed(whole, key)
        assert sealed(pieces, key) == sealed(io.BytesIO(whole), key) == sealed(bytearray(whole), key) == coded
        assert len(coded) == sealed_size(len(whole))
        assert unsealed([coded[at:at + 7] for at in range(0, len(coded), 7)], key) == whole


def test_every_flipped_bit_is_detected():
    key = new_key()
    coded = bytearray(sealed(b"one small record", key))
    for bit in range(8 * len(coded)):
        coded[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError):
            unsealed(coded, key)
        coded[bit // 8] ^= 1 << bit % 8
    assert unsealed(coded, key) == b"one small record"


def test_every_truncation_and_every_extension_is_detected(monkeypatch):
    monkeypatch.setattr(stream, "CHUNK_BYTES", 16)
    key = new_key()
    coded = sealed(bytes(50), key)  # four chunks
    for length in range(len(coded)):
        with pytest.raises(IntegrityError):
            unsealed(coded[:length], key)
    for extra in (b"\0", bytes(16), coded[:32], coded):
        with pytest.raises(IntegrityError):
            unsealed(coded + extra, key)


def test_chunks_moved_repeated_or_taken_from_elsewhere_are_detected(monkeypatch):
    monkeypatch.setattr(stream, "CHUNK_BYTES", 16)
    key = new_key()
    chunks = list(seal(secrets.token_bytes(64), key))
    other = list(seal(secrets.token_bytes(64), new_key()))
    assert len(chunks) == 4
    for order in [(1, 0, 2, 3), (0, 1, 3, 2), (0, 0, 1, 2, 3), (0, 2, 3), (1, 2, 3), (0, 1, 2), (3,)]:
        with pytest.raises(IntegrityError):
            unsealed([chunks[each] for each in order], key)
    with pytest.raises(IntegrityError):
        unsealed([chunks[0], other[1], chunks[2], chunks[3]], key)


def test_another_key_or_context_does_not_open():
    key = new_key()
    coded = sealed(b"x", key, context=b"salaries")
    assert unsealed(coded, key, context=b"salaries") == b"x"
    for other, context in [(new_key(), b"salaries"), (key, b"bonuses"), (key, b"")]:
        with pytest.raises(IntegrityError):
            unsealed(coded, other, context=context)


def test_nothing_comes_out_before_its_own_chunk_was_checked():
    key = new_key()
    coded = bytearray(sealed(bytes(3 * CHUNK_BYTES), key))
    coded[SEALED + 5] ^= 1  # in the second chunk
    received = []
    with pytest.raises(IntegrityError, match="chunk 1"):
        for piece in unseal(coded, key):
            received.append(piece)
    assert b"".join(received) == bytes(CHUNK_BYTES)


def test_the_last_chunk_is_marked_in_the_nonce():
    assert stream._nonce(3, False) != stream._nonce(3, True) != stream._nonce(4, True)
    assert len(stream._nonce(2**80, True)) == 12


@pytest.mark.parametrize("function", [seal, unseal])
@pytest.mark.parametrize("data, key, context, name", [
    ("text", b"k" * 32, b"", "data"), (7, b"k" * 32, b"", "data"), (np.array(5), b"k" * 32, b"", "data"), (None, b"k" * 32, b"", "data"),
    (b"x", b"k" * 31, b"", "key"), (b"x", b"", b"", "key"), (b"x", "k" * 32, b"", "key"), (b"x", None, b"", "key"),
    (b"x", b"k" * 32, "name", "context"), (b"x", b"k" * 32, None, "context")])
def test_bad_arguments_before_any_work(function, data, key, context, name):
    with pytest.raises(ValueError, match=f"{name} must be") as refused:
        function(data, key, context=context)
    assert "kkk" not in str(refused.value)


def test_memory_with_gaps_is_sealed_as_what_it_shows():
    view = memoryview(bytes(range(10)))[::2]
    for data in (view, [view]):
        key = new_key()
        assert b"".join(unseal(list(seal(data, key)), key)) == bytes(range(0, 10, 2))


def test_bad_pieces():
    with pytest.raises(ValueError, match="data must be bytes, got str"):
        list(seal(["text"], new_key()))
    with pytest.raises(ValueError, match="data must be bytes, got str"):
        list(seal(io.StringIO("text"), new_key()))
    for bad in (-1, 1.5, float("nan"), "3", None):
        with pytest.raises(ValueError, match="plain_bytes must be"):
            sealed_size(bad)
