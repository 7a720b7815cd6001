"""A file is the old one or the new one, whatever happens in between."""

import os

import pytest

from labkit.security import atomic
from labkit.security.atomic import UNFINISHED, write_atomically


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "file"
    assert write_atomically(path, b"old") == 3
    assert write_atomically(str(path), (each for each in [b"ne", b"w!"])) == 4
    assert path.read_bytes() == b"new!"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


def test_the_old_file_survives_a_failing_source(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def pieces():
        yield b"half of the new"
        raise OSError("the source went away")

    with pytest.raises(OSError, match="went away"):
        write_atomically(path, pieces())
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_the_old_file_survives_a_failure_at_each_step(tmp_path, monkeypatch, step):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fails(*_):
        raise OSError("disk full")

    monkeypatch.setattr(atomic.os, step, fails)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


def test_the_order_is_content_then_rename_then_folder(tmp_path, monkeypatch):
    """A rename that reaches the disk before the content would leave an empty file after a power cut."""
    steps = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(atomic.os, name, lambda *values, real=real, name=name: (steps.append(name), real(*values))[1])
    write_atomically(tmp_path / "file", b"x")
    assert steps == (["fsync", "replace", "fsync"] if os.name == "posix" else ["fsync", "replace"])


def test_names_of_unfinished_files_are_recognisable(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(atomic.os, "replace", lambda source, target: seen.append(str(source)) or os.rename(source, target))
    write_atomically(tmp_path / "file", b"x")
    assert seen[0].endswith(UNFINISHED)


@pytest.mark.parametrize("pieces", ["text", 3, None])
def test_bad_arguments(tmp_path, pieces):
    with pytest.raises(ValueError, match="pieces must be"):
        write_atomically(tmp_path / "file", pieces)
    assert not list(tmp_path.iterdir())
