"""The vault: everything that somebody without the passphrase can do to its folder is noticed."""

import io
import json
import pickle
import shutil

import numpy as np
import pytest

from labkit.security import atomic
from labkit.security import vault as module
from labkit.security.stream import IntegrityError
from labkit.security.vault import RollbackError, Vault, VaultError

PASS = "correct horse"
FAST = {"work_factor": 10}  # scrypt as cheap as it gets: these tests derive thousands of keys


@pytest.fixture
def vault(tmp_path):
    made = Vault.create(tmp_path / "vault", PASS, anchor=tmp_path / "anchor", **FAST)
    made.put("salaries", b"ann 50\nbob 40\n")
    return made


def opened(tmp_path, **more):
    return Vault.open(tmp_path / "vault", PASS, anchor=tmp_path / "anchor", **more)


def object_of(vault, name):
    return vault.folder / "objects" / vault._index["files"][name]["object"]


def test_put_get_remove_and_reopen(tmp_path, vault):
    assert vault.get("salaries") == b"ann 50\nbob 40\n"
    assert vault.put("big", io.BytesIO(b"x" * 600_000)) == 3
    assert vault.put("pieces", [b"a", b"bc"]) == 4
    again = opened(tmp_path)
    assert again.names == ["big", "pieces", "salaries"] and again.version == 4
    assert again.get("big") == b"x" * 600_000 and b"".join(again.chunks("pieces")) == b"abc"
    gone = object_of(again, "big")
    assert again.remove("big") == 5 and not gone.exists()
    assert opened(tmp_path).names == ["pieces", "salaries"]
    assert again.put("empty", b"") == 6 and again.get("empty") == b""


def test_replacing_takes_a_fresh_key_and_leaves_no_old_object(vault):
    before = dict(vault._index["files"]["salaries"])
    vault.put("salaries", b"new")
    after = vault._index["files"]["salaries"]
    assert before["key"] != after["key"] and before["object"] != after["object"]
    assert [each.name for each in (vault.folder / "objects").iterdir()] == [after["object"]]


def test_nothing_readable_lies_in_the_folder(vault):
    everything = b"".join(each.read_bytes() for each in vault.folder.rglob("*") if each.is_file())
    for secret in [b"ann", b"bob", b"salaries", PASS.encode(), vault._master, vault._index["files"]["salaries"]["key"].encode()]:
        assert secret not in everything
    assert "salaries" not in " ".join(each.name for each in vault.folder.rglob("*"))


def test_every_flipped_bit_of_every_file_is_noticed(tmp_path, vault):
    """All positions: the head (envelope, index) and the object."""
    files = [each for each in vault.folder.rglob("*") if each.is_file()]
    assert len(files) == 2
    tried = 0
    for file in files:
        genuine = file.read_bytes()
        for bit in range(8 * len(genuine)):
            forged = bytearray(genuine)
            forged[bit // 8] ^= 1 << bit % 8
            file.write_bytes(forged)
            with pytest.raises((VaultError, IntegrityError)):
                (opened(tmp_path) if file.name == "head" else vault).get("salaries")
            tried += 1
        file.write_bytes(genuine)
    assert tried == 8 * sum(len(file.read_bytes()) for file in files)
    assert opened(tmp_path).get("salaries") == b"ann 50\nbob 40\n"


def test_every_truncation_is_noticed(tmp_path, vault):
    for file in [each for each in vault.folder.rglob("*") if each.is_file()]:
        genuine = file.read_bytes()
        for length in range(len(genuine)):
            file.write_bytes(genuine[:length])
            with pytest.raises((VaultError, IntegrityError)):
                (opened(tmp_path) if file.name == "head" else vault).get("salaries")
        file.unlink()
        with pytest.raises((VaultError, IntegrityError)):
            opened(tmp_path).get("salaries")
        file.write_bytes(genuine)


def test_swapped_files_are_noticed(tmp_path, vault):
    names = ["salaries", "bonuses", "pensions"]
    for name in names[1:]:
        vault.put(name, b"ann 50\nbob 40\n")
    for one in names:
        for other in names:
            if one != other:
                first, second = object_of(vault, one), object_of(vault, other)
                keep = first.read_bytes()
                first.write_bytes(second.read_bytes())
                with pytest.raises(IntegrityError):
                    vault.get(one)
                first.write_bytes(keep)
    other = Vault.create(tmp_path / "other", PASS, **FAST)
    other.put("salaries", b"ann 50\nbob 40\n")
    shutil.copy(other.folder / "head", vault.folder / "head")
    with pytest.raises((VaultError, IntegrityError)):
        opened(tmp_path).get("salaries")


def test_one_old_object_put_back_is_noticed(vault):
    old = object_of(vault, "salaries").read_bytes()
    vault.put("salaries", b"ann 60\nbob 40\n")
    object_of(vault, "salaries").write_bytes(old)
    with pytest.raises(IntegrityError):
        vault.get("salaries")


def test_every_older_state_of_the_whole_folder_is_noticed_with_an_anchor_and_not_without(tmp_path, vault):
    states = []
    for number in range(5):
        states.append(shutil.copytree(vault.folder, tmp_path / f"state{number}"))
        vault.put("salaries", f"ann {number}".encode())
    for number, state in enumerate(states):
        shutil.rmtree(vault.folder)
        shutil.copytree(state, vault.folder)
        with pytest.raises(RollbackError, match="version 7 was acknowledged"):
            opened(tmp_path)
        old = Vault.open(tmp_path / "vault", PASS).get("salaries")  # the honest limit: nothing inside can tell
        assert old == (b"ann 50\nbob 40\n" if number == 0 else f"ann {number - 1}".encode())


def test_two_histories_of_one_version_are_told_apart(tmp_path, vault):
    copy = shutil.copytree(vault.folder, tmp_path / "copy")
    vault.put("salaries", b"ann 60")
    fork = Vault.open(copy, PASS)
    fork.put("salaries", b"ann 70")
    assert fork.version == vault.version
    shutil.rmtree(vault.folder)
    shutil.copytree(copy, vault.folder)
    with pytest.raises(RollbackError):
        opened(tmp_path)


def test_an_anchor_that_is_gone_or_damaged_is_not_ignored(tmp_path, vault):
    for content in [None, b"", b"{}", b"[1]", b'{"version": "x", "head": ""}', b'{"version": null, "head": ""}']:
        (tmp_path / "anchor").unlink(missing_ok=True)
        if content is not None:
            (tmp_path / "anchor").write_bytes(content)
        with pytest.raises(VaultError, match="anchor"):
            opened(tmp_path)


def test_a_crash_between_head_and_anchor_is_forgiven(tmp_path, vault, monkeypatch):
    monkeypatch.setattr(Vault, "_remember", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        vault.put("salaries", b"new")
    monkeypatch.undo()
    assert json.loads((tmp_path / "anchor").read_bytes())["version"] == 2
    assert opened(tmp_path).get("salaries") == b"new"
    assert json.loads((tmp_path / "anchor").read_bytes())["version"] == 3


@pytest.mark.parametrize("call", range(12))
def test_a_failure_at_any_disk_operation_keeps_old_or_new(tmp_path, vault, monkeypatch, call):
    """The call-th fsync or rename fails: what can be read afterwards is the old content or the new, whole."""
    count = [0]

    def counted(real):
        def operation(*values):
            count[0] += 1
            if count[0] == call + 1:
                raise OSError("disk gone")
            return real(*values)
        return operation

    for name in ("fsync", "replace"):
        monkeypatch.setattr(atomic.os, name, counted(getattr(atomic.os, name)))
    failed = False
    try:
        vault.put("salaries", b"new")
    except OSError:
        failed = True
    monkeypatch.undo()
    again = opened(tmp_path)
    assert again.get("salaries") in ([b"ann 50\nbob 40\n", b"new"] if failed else [b"new"])
    again.sweep()
    assert again.put("salaries", b"newer") and opened(tmp_path).get("salaries") == b"newer"
    assert failed == (call < 9)  # three files (object, head, anchor), three operations each


def test_a_change_behind_the_back_of_an_open_vault_is_noticed(tmp_path, vault):
    other = opened(tmp_path)
    other.put("bonuses", b"ann 5")
    with pytest.raises(VaultError, match="changed by somebody else"):
        vault.put("salaries", b"lost update")
    assert opened(tmp_path).get("salaries") == b"ann 50\nbob 40\n"
    assert opened(tmp_path).sweep() == 0  # the refused object was taken away again


def test_changing_the_passphrase_touches_no_data(tmp_path, vault):
    vault.put("big", bytes(300_000))
    before = {each: each.read_bytes() for each in (vault.folder / "objects").iterdir()}
    old_head, old_master = (vault.folder / "head").read_bytes(), vault._master
    vault.change_passphrase("battery staple", **FAST)
    assert {each: each.read_bytes() for each in (vault.folder / "objects").iterdir()} == before
    assert vault._master != old_master and (vault.folder / "head").read_bytes()[:86] != old_head[:86]
    with pytest.raises(VaultError, match="wrong passphrase"):
        opened(tmp_path)
    assert Vault.open(vault.folder, "battery staple", anchor=tmp_path / "anchor").get("big") == bytes(300_000)
    assert vault.put("after", b"x") and vault.get("salaries")


def test_a_failed_change_of_passphrase_leaves_the_old_one(tmp_path, vault, monkeypatch):
    monkeypatch.setattr(module, "write_atomically", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError):
        vault.change_passphrase("battery staple", **FAST)
    monkeypatch.undo()
    assert vault.put("after", b"x") == 3
    assert opened(tmp_path).get("after") == b"x"


def test_a_passphrase_that_was_changed_stays_changed_when_only_the_anchor_fails(tmp_path, vault, monkeypatch):
    """The head already holds the new key: going on with the old one would bring the old passphrase back in silence."""
    monkeypatch.setattr(module, "remember", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError):
        vault.change_passphrase("battery staple", **FAST)
    monkeypatch.undo()
    vault.put("after", b"x")
    with pytest.raises(VaultError, match="wrong passphrase"):
        opened(tmp_path)
    assert Vault.open(vault.folder, "battery staple", anchor=tmp_path / "anchor").get("after") == b"x"


def test_a_wrong_passphrase_is_refused_logged_and_tells_nothing(tmp_path, vault, caplog):
    log = []
    with pytest.raises(VaultError) as refused:
        Vault.open(tmp_path / "vault", "wrong guess", log=log.append)
    assert log == ["vault: refused: wrong passphrase, or the head was altered"]
    for text in [str(refused.value), repr(refused.value), *log, caplog.text]:
        assert "wrong guess" not in text and PASS not in text and "salaries" not in text
    assert refused.value.__cause__ is None and refused.value.__suppress_context__


def test_what_is_logged(tmp_path, vault):
    log = []
    again = opened(tmp_path, log=log.append)
    object_of(again, "salaries").write_bytes(b"forged")
    with pytest.raises(IntegrityError):
        again.get("salaries")
    again.change_passphrase("battery staple", **FAST)
    object_of(again, "salaries").unlink()
    with pytest.raises(IntegrityError, match="missing"):
        again.get("salaries")
    assert [each.split(":")[1].strip() for each in log] == ["opened at version 2", "refused", "passphrase and master key changed", "refused"]
    assert not any("salaries" in each or "battery" in each for each in log)


def test_keys_do_not_show_and_do_not_pickle(vault):
    shown = repr(vault) + str(vault)
    assert "version 2" in shown and "salaries" not in shown and vault._master.hex() not in shown and repr(vault._master) not in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(vault)


def test_sweep_takes_only_what_nobody_needs(vault):
    (vault.folder / "objects" / "0123.unfinished").write_bytes(b"half")
    (vault.folder / "objects" / ("a" * 32)).write_bytes(b"orphan")
    (vault.folder / "head.12345678.unfinished").write_bytes(b"half")
    assert vault.sweep() == 3 and vault.sweep() == 0
    assert vault.get("salaries") == b"ann 50\nbob 40\n"


@pytest.mark.parametrize("change, name", [
    ({"folder": 3}, "folder"), ({"folder": ""}, "folder"), ({"folder": None}, "folder"), ({"passphrase": ""}, "passphrase"),
    ({"passphrase": b"secret"}, "passphrase"), ({"passphrase": None}, "passphrase"), ({"work_factor": 9}, "work_factor"),
    ({"work_factor": 99}, "work_factor"), ({"work_factor": float("inf")}, "work_factor"), ({"anchor": 5}, "anchor"), ({"log": "print"}, "log"),
    ({"anchor": "vault/inside"}, "anchor")])
def test_bad_arguments_of_create(tmp_path, monkeypatch, change, name):
    monkeypatch.chdir(tmp_path)
    given = {"folder": "vault", "passphrase": "x", "work_factor": 10, "anchor": None} | change
    with pytest.raises(ValueError, match=f"{name} must") as refused:
        Vault.create(given.pop("folder"), given.pop("passphrase"), **given)
    assert "secret" not in str(refused.value) and not list(tmp_path.iterdir())


def test_bad_arguments_of_the_rest(tmp_path, vault):
    with pytest.raises(ValueError, match="folder must be new or empty"):
        Vault.create(vault.folder, PASS, **FAST)
    with pytest.raises(ValueError, match="anchor must not exist yet"):
        Vault.create(tmp_path / "second", PASS, anchor=tmp_path / "anchor", **FAST)
    with pytest.raises(ValueError, match="log must be a function"):
        Vault.open(vault.folder, PASS, log=[])
    for passphrase in ("", None, b"x", 7):
        with pytest.raises(ValueError, match="passphrase must be"):
            Vault.open(vault.folder, passphrase)
        with pytest.raises(ValueError, match="passphrase must be"):
            vault.change_passphrase(passphrase)
    for name in ("", None, 3, b"x"):
        with pytest.raises(ValueError, match="name must be"):
            vault.put(name, b"x")
    for data in ("text", 3, None, np.array(5), [np.array(5)]):
        with pytest.raises(ValueError, match="data must be"):
            vault.put("x", data)
    for call in (vault.get, vault.chunks, vault.remove):
        with pytest.raises(ValueError, match="name must be one of 'salaries', got 'nothing'"):
            call("nothing")
    with pytest.raises(VaultError, match="there is no vault"):
        Vault.open(tmp_path / "nowhere", PASS)
    assert vault.version == 2 and vault.sweep() == 0
