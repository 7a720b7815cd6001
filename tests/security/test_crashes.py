"""Few runs of crashes.py; and a vault that two hold at once."""

import os

import pytest

from labkit.security import IntegrityError, Vault, VaultError, anchor
from labkit.security.locks import Busy, locked
from tests.security.crashes import runs

if os.name != "posix":
    pytest.skip("the writers are forked", allow_module_level=True)


def test_nothing_acknowledged_is_lost_in_runs_that_are_killed_or_meet_another_writer():
    found = runs(15, first=10_000)
    for more in range(1, 5):  # on a busy machine a writer may be done before it is killed, or meets the other: then there are more runs
        if found["two writers"]["refused"] and all("killed in the middle" in seen for kind, seen in found.items() if "killed" in kind):
            break
        for kind, seen in runs(15, first=10_000 + 15 * more).items():
            found[kind] += seen
    for kind, seen in found.items():
        assert seen["lost"] == 0 and seen["acknowledged by the vault"] and seen["acknowledged by the ledger"], (kind, seen)
        assert ("killed in the middle" in seen) == ("killed" in kind), (kind, seen)
    assert found["two writers"]["refused"] > 0, "they never met, so nothing was tested"


def test_a_lock_is_taken_once_and_let_go(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        with locked(path):
            with pytest.raises(Busy), locked(path, wait=0.02):
                raise AssertionError("taken twice")
        with locked(path):
            pass
    child = os.fork()
    if not child:
        with locked(tmp_path):
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    with locked(tmp_path):  # the dead hold none
        pass


@pytest.fixture
def vault(tmp_path, monkeypatch):
    monkeypatch.setattr(anchor, "WAIT", 0.05)
    made = Vault.create(tmp_path / "vault", "x", work_factor=10, anchor=tmp_path / "anchor")
    made.put("file", b"1")
    return made


def test_while_another_writes_every_change_is_refused_and_nothing_is_stored(tmp_path, vault):
    before = sorted(tmp_path.rglob("*"))
    changes = [lambda: vault.put("file", b"2"), lambda: vault.remove("file"), vault.sweep,
               lambda: vault.change_passphrase("y", work_factor=10), lambda: Vault.open(tmp_path / "vault", "x", anchor=tmp_path / "anchor")]
    with locked(tmp_path / "vault"):
        for change in changes:
            with pytest.raises(VaultError, match="another process is writing"):
                change()
        assert vault.get("file") == b"1" and Vault.open(tmp_path / "vault", "x").get("file") == b"1"  # reading goes on
    assert sorted(tmp_path.rglob("*")) == before and vault.put("file", b"3")


def test_who_opened_earlier_can_destroy_nothing(tmp_path, vault):
    stale = Vault.open(tmp_path / "vault", "x", anchor=tmp_path / "anchor")
    vault.put("new", b"acknowledged")
    for change in (stale.sweep, lambda: stale.put("mine", b"x"), lambda: stale.remove("file"),
                   lambda: stale.change_passphrase("y", work_factor=10)):
        with pytest.raises(VaultError, match="changed by somebody else"):
            change()
    again = Vault.open(tmp_path / "vault", "x", anchor=tmp_path / "anchor")
    assert again.get("new") == b"acknowledged" and again.sweep() == 0


def test_an_open_vault_never_puts_the_anchor_back(tmp_path, vault):
    """Opening writes the anchor only when it is behind, and under the lock."""
    newest = (tmp_path / "anchor").read_bytes()
    Vault.open(tmp_path / "vault", "x", anchor=tmp_path / "anchor")
    assert (tmp_path / "anchor").read_bytes() == newest
    with pytest.raises(VaultError), locked(tmp_path / "vault"):
        Vault.open(tmp_path / "vault", "x", anchor=tmp_path / "anchor")


def test_reading_what_another_has_replaced_is_no_alarm(tmp_path, vault):
    log = []
    reader = Vault.open(tmp_path / "vault", "x", log=log.append)
    vault.put("file", b"2")
    with pytest.raises(VaultError, match="changed by somebody else"):
        reader.get("file")
    assert not any("refused" in each for each in log)
    reader = Vault.open(tmp_path / "vault", "x", log=log.append)
    next((tmp_path / "vault" / "objects").iterdir()).unlink()
    with pytest.raises(IntegrityError, match="missing"):
        reader.get("file")
    assert "missing" in log[-1]


def test_two_who_make_a_vault_in_one_place(tmp_path):
    Vault.create(tmp_path / "a" / "deep" / "vault", "x", work_factor=10)
    with pytest.raises(ValueError, match="folder must be new or empty"):
        Vault.create(tmp_path / "a" / "deep" / "vault", "x", work_factor=10)
    (tmp_path / "empty").mkdir()
    with locked(tmp_path / "empty"), pytest.raises(VaultError, match="another process is writing"):
        anchor_wait, anchor.WAIT = anchor.WAIT, 0.05
        try:
            Vault.create(tmp_path / "empty", "x", work_factor=10)
        finally:
            anchor.WAIT = anchor_wait
    with pytest.raises(ValueError, match="anchor must lie in a folder that exists"):
        Vault.create(tmp_path / "other", "x", work_factor=10, anchor=tmp_path / "nowhere" / "anchor")
    assert not (tmp_path / "other").exists()


def test_the_folders_of_a_new_vault_reach_the_disk(tmp_path, monkeypatch):
    forced, real = [], os.fsync

    def fsync(handle):
        forced.append(os.readlink(f"/proc/self/fd/{handle}"))
        real(handle)

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("only Linux tells which folder a handle is")
    monkeypatch.setattr(os, "fsync", fsync)
    Vault.create(tmp_path / "a" / "b" / "vault", "x", work_factor=10)
    wanted = [tmp_path, tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "vault"]
    assert {str(each) for each in wanted} <= set(forced)


def test_an_old_head_and_the_old_passphrase_read_todays_file_until_it_is_put_again(tmp_path, vault):
    """The limit that `change_passphrase` tells."""
    head = (tmp_path / "vault" / "head").read_bytes()
    vault.change_passphrase("new", work_factor=10)
    vault.put("later", b"x")
    today = (tmp_path / "vault" / "head").read_bytes()
    (tmp_path / "vault" / "head").write_bytes(head)
    assert Vault.open(tmp_path / "vault", "x").get("file") == b"1"
    (tmp_path / "vault" / "head").write_bytes(today)
    vault.put("file", b"1")
    (tmp_path / "vault" / "head").write_bytes(head)
    with pytest.raises(IntegrityError):
        Vault.open(tmp_path / "vault", "x").get("file")


def test_a_name_typed_in_two_ways_is_one_file(vault):
    vault.put("Zoe\u0308", b"1"), vault.put("Zo\u00eb", b"2")
    assert vault.names == ["Zo\u00eb", "file"] and vault.get("Zoe\u0308") == b"2"
    vault.remove("Zoe\u0308")
    for bad in ("\ud800", "", None):
        with pytest.raises(ValueError, match="name must be non-empty text"):
            vault.put(bad, b"x")
