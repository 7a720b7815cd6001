"""The log: whoever keeps one signed head notices any later change to what it covers."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.security import ledger as module
from labkit.security.ledger import Ledger, LedgerError, TreeHead, check_entry, check_extension
from labkit.security.locks import locked


def filled(count, path=None, key=None):
    ledger = Ledger(path, key=key)
    for number in range(count):
        assert ledger.append(f"entry {number}") == number
    return ledger


LOG = filled(2)


def test_append_read_and_reopen(tmp_path):
    key = Ed25519PrivateKey.generate()
    ledger = filled(7, tmp_path / "log", key)
    ledger.append('quotes ", new\nlines and ünïcode')
    again = Ledger(tmp_path / "log", key=key)
    assert len(again) == 8 and list(again) == list(ledger) and again[7] == ledger[7]
    assert again.head() == ledger.head()  # Ed25519 signatures are deterministic
    again.append("one more")
    assert len(Ledger(tmp_path / "log")) == 9 and repr(again) == "<Ledger of 9 entries>"


def test_heads_are_signed():
    ledger, head = filled(3), filled(3).head()
    with pytest.raises(LedgerError, match="not signed by that key"):
        head.check(ledger.public_key)
    genuine = ledger.head()
    genuine.check(ledger.public_key)
    for forged in [TreeHead(2, genuine.root, genuine.signature), TreeHead(3, bytes(32), genuine.signature), TreeHead(3, genuine.root, bytes(64))]:
        with pytest.raises(LedgerError):
            forged.check(ledger.public_key)
    assert repr(genuine).startswith("TreeHead(size=3, root=") and len(repr(genuine)) < 60


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5), min_size=1, max_size=12), st.data())
def test_any_change_in_the_file_is_noticed(tmp_path_factory, entries, data):
    """Alter, remove, add or move a line, or cut the file: the head kept from before tells."""
    path, key = tmp_path_factory.mktemp("ledger") / "log", Ed25519PrivateKey.generate()
    ledger = Ledger(path, key=key)
    for entry in entries:
        ledger.append(entry)
    head, lines = ledger.head(), path.read_text().split("\n")[:-1]
    kind = data.draw(st.sampled_from(["alter", "remove", "add", "move"]))
    at = data.draw(st.integers(0, len(lines) - 1))
    changed = list(lines)
    if kind == "alter":
        changed[at] = json.dumps(entries[at] + "!")
    elif kind == "remove":
        del changed[at]
    elif kind == "add":
        changed.insert(at, json.dumps("made up"))
    else:
        changed.insert(data.draw(st.integers(0, len(lines) - 1)), changed.pop(at))
    path.write_text("".join(line + "\n" for line in changed))
    again = Ledger(path, key=key)
    if [json.loads(line) for line in changed] == entries:
        again.check(head)
    else:
        with pytest.raises(LedgerError):
            again.check(head)


def test_a_witness_reopens_the_file_without_the_signing_key(tmp_path):
    ledger = filled(5, tmp_path / "log")
    head = ledger.head()
    Ledger(tmp_path / "log").check(head, ledger.public_key)
    with pytest.raises(LedgerError, match="not signed by that key"):
        Ledger(tmp_path / "log").check(head)
    with pytest.raises(ValueError, match="public_key must be"):
        Ledger(tmp_path / "log").check(head, "key")


def test_what_it_cannot_notice():
    """What was appended after the head that the witness holds, and an entry that was false from the start."""
    ledger = filled(3)
    head = ledger.head()
    ledger.append("a lie")
    ledger.check(head), ledger.check(ledger.head())


def test_a_witness_needs_only_heads_and_proofs():
    ledger = filled(13)
    old = ledger.head()
    for number in range(13, 40):
        ledger.append(f"entry {number}")
    new = ledger.head()
    check_extension(old, new, ledger.consistency_proof(13), ledger.public_key)
    check_entry("entry 20", 20, ledger.inclusion_proof(20), new, ledger.public_key)
    check_entry("entry 5", 5, ledger.inclusion_proof(5, 13), old, ledger.public_key)
    with pytest.raises(LedgerError, match="entry 20 is not the one"):
        check_entry("entry 21", 20, ledger.inclusion_proof(20), new, ledger.public_key)
    rewritten = Ledger(key=ledger._key)  # the log's owner, who holds the key, rewrites history
    for number in range(40):
        rewritten.append("something else" if number == 4 else f"entry {number}")
    with pytest.raises(LedgerError, match="rewritten between its heads of 13 and 40"):
        check_extension(old, rewritten.head(), rewritten.consistency_proof(13), ledger.public_key)
    with pytest.raises(LedgerError):
        check_extension(new, old, [], ledger.public_key)
    empty = Ledger(key=ledger._key).head()
    check_extension(empty, new, [], ledger.public_key)
    with pytest.raises(LedgerError):
        check_extension(new, empty, [], ledger.public_key)


def test_a_line_cut_by_a_crash_was_never_acknowledged(tmp_path):
    path, key = tmp_path / "log", Ed25519PrivateKey.generate()
    head = filled(4, path, key).head()
    whole = path.read_bytes()
    last = whole[:-1].rfind(b"\n") + 1
    for cut in range(last, len(whole) + 1):
        path.write_bytes(whole[:cut])
        again, kept = Ledger(path, key=key), 4 if cut >= len(whole) - 1 else 3
        assert len(again) == kept and path.read_bytes() == whole[:cut], "opening changes nothing"
        again.append("after")
        assert list(Ledger(path))[-1] == "after" and len(Ledger(path)) == kept + 1
        beside = path.with_name(f"log.{last}.torn")
        assert beside.exists() == (last < cut < len(whole) - 1)
        if beside.exists():
            assert beside.read_bytes() == whole[last:cut]
            beside.unlink()
        if kept == 4:
            Ledger(path, key=key).check(head)
        else:
            with pytest.raises(LedgerError):  # were it acknowledged and gone, the head would tell
                Ledger(path, key=key).check(head)


def test_a_lost_last_newline_loses_no_acknowledged_entry(tmp_path):
    path, key = tmp_path / "log", Ed25519PrivateKey.generate()
    head = filled(3, path, key).head()
    path.write_bytes(path.read_bytes()[:-1])
    again = Ledger(path, key=key)
    again.check(head)
    assert again.append("next") == 3 and again.append("and next") == 4
    assert list(Ledger(path)) == ["entry 0", "entry 1", "entry 2", "next", "and next"]


def test_the_second_writer_meets_an_error_and_loses_nothing(tmp_path, monkeypatch):
    one, other = Ledger(tmp_path / "log"), Ledger(tmp_path / "log")
    one.append("from one")
    with pytest.raises(LedgerError, match="changed by somebody else"):
        other.append("from the other")
    monkeypatch.setattr(module, "WAIT", 0.05)
    with locked(tmp_path / "log"), pytest.raises(LedgerError, match="another process is writing"):
        one.append("while it is locked")
    assert len(one) == 1 and len(other) == 0 and list(Ledger(tmp_path / "log")) == ["from one"]
    assert one.append("again") == 1


def test_a_new_file_and_its_folder_reach_the_disk(tmp_path, monkeypatch):
    forced = []
    monkeypatch.setattr(module, "force_folder", lambda folder: forced.append(folder))
    ledger = Ledger(tmp_path / "log")
    ledger.append("first"), ledger.append("second")
    assert forced == [tmp_path]


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    ledger = filled(2, tmp_path / "log")

    def full(_handle):
        raise OSError("disk full")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError):
        ledger.append("lost")
    monkeypatch.undo()
    assert len(ledger) == 2
    ledger.append("kept")
    assert list(Ledger(tmp_path / "log")) == ["entry 0", "entry 1", "kept"]


@pytest.mark.parametrize("line", [b"not json", b"3", b"null", b'""', b"[1]", b"\xff", b"", b'"\\ud800"',
                                  b"[" * 100_000, b"9" * 5000, b'"a" ', b'"a"\r', b' "a"', b'"\\u0061"'])
def test_a_file_that_is_no_log(tmp_path, line):
    (tmp_path / "log").write_bytes(b'"fine"\n' + line + b"\n")
    with pytest.raises(LedgerError, match="holds a line that no log wrote"):
        Ledger(tmp_path / "log")


@pytest.mark.parametrize("call, name", [
    (lambda: Ledger(3), "path"), (lambda: Ledger(""), "path"), (lambda: Ledger("nowhere/at/all"), "path"), (lambda: Ledger("."), "path"),
    (lambda: Ledger(key="secret"), "key"), (lambda: Ledger(key=generate_private_key(SECP256R1())), "key"),
    (lambda: Ledger().append(""), "entry"), (lambda: Ledger().append(None), "entry"), (lambda: Ledger().append(b"x"), "entry"),
    (lambda: Ledger().append(3), "entry"), (lambda: Ledger().append("\ud800"), "entry"),
    (lambda: Ledger().head().check("key"), "public_key"), (lambda: Ledger().head().check(None), "public_key"),
    (lambda: filled(2).inclusion_proof(2), "index"), (lambda: filled(2).consistency_proof(3), "old_size"),
    (lambda: filled(2).inclusion_proof(float("nan")), "index"), (lambda: check_entry(3, 0, [], filled(1).head(), None), "public_key"),
    (lambda: LOG.check(None), "head"), (lambda: check_entry("a", 0, [], None, LOG.public_key), "head"),
    (lambda: check_extension("head", LOG.head(), [], LOG.public_key), "head"),
    (lambda: check_extension(LOG.head(), None, [], LOG.public_key), "head"),
    (lambda: check_entry("entry 0", 0, None, LOG.head(), LOG.public_key), "proof"), (lambda: TreeHead(2**70, b"", b"").check(LOG.public_key), "size"),
    (lambda: TreeHead(-1, b"", b"").check(LOG.public_key), "size"), (lambda: TreeHead(1, "root", b"").check(LOG.public_key), "root"),
    (lambda: TreeHead(1, bytes(32), "signature").check(LOG.public_key), "signature")])
def test_bad_arguments(call, name):
    with pytest.raises(ValueError, match=f"{name} must be") as refused:
        call()
    assert "secret" not in str(refused.value)
