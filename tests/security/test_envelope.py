"""Keys from passphrases, and a key wrapped under one."""

import hashlib
import os
import time

import pytest

from labkit.security import envelope
from labkit.security.envelope import ENVELOPE_BYTES, VaultError, derive_key, unwrap_key, wrap_key

SALT = bytes(range(16))
MASTER = b"m" * 32


def test_the_key_is_scrypts():
    """Against another implementation, the one in Python's standard library."""
    for work_factor in (10, 12):
        other = hashlib.scrypt(b"a passphrase", salt=SALT, n=2**work_factor, r=8, p=1, dklen=32, maxmem=2**26)
        assert derive_key("a passphrase", SALT, work_factor=work_factor) == other


def test_two_ways_of_typing_an_accent_give_one_key():
    assert derive_key("caf\u00e9", SALT, work_factor=10) == derive_key("cafe\u0301", SALT, work_factor=10)
    assert derive_key("cafe", SALT, work_factor=10) != derive_key("caf\u00e9", SALT, work_factor=10)


def test_each_step_of_the_work_factor_doubles_the_work():
    """Processor time, 2 ** 15 against 2 ** 11: sixteen-fold; half of that is asked, for a machine under load."""
    def seconds(work_factor):
        best = 1.0
        for _ in range(3):
            began = time.process_time()
            derive_key("x", SALT, work_factor=work_factor)
            best = min(best, time.process_time() - began)
        return best

    assert seconds(15) > 8 * seconds(11)


def test_wrap_and_unwrap():
    wrapped = wrap_key(MASTER, "right", work_factor=10)
    assert len(wrapped) == ENVELOPE_BYTES and MASTER not in wrapped
    assert unwrap_key(wrapped, "right") == MASTER
    with pytest.raises(VaultError, match="wrong passphrase"):
        unwrap_key(wrapped, "wrong")
    assert wrap_key(MASTER, "right", work_factor=10) != wrapped  # fresh salt and nonce


def test_every_flipped_bit_and_every_truncation_is_refused():
    wrapped = bytearray(wrap_key(MASTER, "right", work_factor=10))
    for bit in range(8 * len(wrapped)):
        wrapped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VaultError):
            unwrap_key(bytes(wrapped), "right")
        wrapped[bit // 8] ^= 1 << bit % 8
    for length in range(len(wrapped)):
        with pytest.raises(VaultError):
            unwrap_key(bytes(wrapped[:length]), "right")


def test_a_forged_work_factor_cannot_eat_the_memory(monkeypatch):
    wrapped = bytearray(wrap_key(MASTER, "right", work_factor=10))
    wrapped[len(envelope.MAGIC)] = 30
    monkeypatch.setattr(envelope, "Scrypt", None)  # would raise TypeError, were it reached
    with pytest.raises(VaultError, match="damaged"):
        unwrap_key(bytes(wrapped), "right")


@pytest.mark.parametrize("change, name", [
    ({"passphrase": ""}, "passphrase"), ({"passphrase": b"secret"}, "passphrase"), ({"passphrase": None}, "passphrase"),
    ({"passphrase": 1234}, "passphrase"), ({"passphrase": "secret\ud800"}, "passphrase"), ({"salt": b"short"}, "salt"), ({"salt": "x" * 16}, "salt"),
    ({"work_factor": 9}, "work_factor"), ({"work_factor": 21}, "work_factor"), ({"work_factor": 12.0}, "work_factor"),
    ({"work_factor": float("nan")}, "work_factor"), ({"work_factor": True}, "work_factor")])
def test_bad_arguments_of_derive_key(change, name):
    given = {"passphrase": "x", "salt": SALT, "work_factor": 10} | change
    with pytest.raises(ValueError, match=f"{name} must be") as refused:
        derive_key(given["passphrase"], given["salt"], work_factor=given["work_factor"])
    assert "secret" not in str(refused.value) and "1234" not in str(refused.value)
    assert not hasattr(refused.value, "object")  # where a UnicodeEncodeError keeps the whole text


@pytest.mark.parametrize("call, name", [
    (lambda: wrap_key(b"short secret", "x", work_factor=10), "master"), (lambda: wrap_key("m" * 32, "x"), "master"),
    (lambda: wrap_key(MASTER, "", work_factor=10), "passphrase"), (lambda: wrap_key(MASTER, "x", work_factor=3), "work_factor"),
    (lambda: unwrap_key("text", "x"), "envelope"), (lambda: unwrap_key(wrap_key(MASTER, "x", work_factor=10), 5), "passphrase")])
def test_bad_arguments_of_wrapping(call, name):
    with pytest.raises(ValueError, match=f"{name} must be") as refused:
        call()
    assert "secret" not in str(refused.value)


def test_keys_come_from_the_operating_system(monkeypatch):
    asked = []
    real = os.urandom
    monkeypatch.setattr(envelope.os, "urandom", lambda size: asked.append(size) or real(size))
    wrap_key(MASTER, "x", work_factor=10)
    assert asked == [16, 12]
