"""A memory outside the vault: a small file that knows the newest version, so that an older folder put back is noticed.

It only helps where whoever can write to the vault's folder cannot write to it.
Source: Parno et al., "Memoir: practical state continuity for protected modules", IEEE S&P 2011.
"""

import json
from contextlib import contextmanager
from pathlib import Path

from labkit.security.atomic import write_atomically
from labkit.security.envelope import VaultError
from labkit.security.locks import WAIT, Busy, locked


class RollbackError(VaultError):
    """The vault is genuine but older than one that was already acknowledged."""


def places(folder, anchor, log):
    """(folder, anchor) as paths. Raises ValueError for what is none, or for an anchor inside the folder."""
    for name, value in [("folder", folder), ("anchor", anchor)]:
        if (not isinstance(value, (str, Path)) and not (name == "anchor" and value is None)) or value == "":
            raise ValueError(f"{name} must be a path, got {value!r}")
    if log is not None and not callable(log):
        raise ValueError(f"log must be a function of one sentence, got {log!r}")
    folder, anchor = Path(folder), None if anchor is None else Path(anchor)
    if anchor is not None and folder.resolve() in anchor.resolve().parents:
        raise ValueError("anchor must lie outside the folder: inside, it would be put back together with it")
    return folder, anchor


def check_new(folder, anchor):
    """Raises ValueError unless a vault can be made here."""
    if anchor is not None and anchor.exists():
        raise ValueError(f"anchor must not exist yet, got {str(anchor)!r}: it may be another vault's")
    if anchor is not None and not anchor.parent.is_dir():
        raise ValueError(f"anchor must lie in a folder that exists, got {str(anchor)!r}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"folder must be new or empty, got {str(folder)!r}")


@contextmanager
def alone(folder):
    """Hold the lock on a vault's folder. Raises VaultError when somebody else keeps it, or there is no folder."""
    try:
        with locked(folder, wait=WAIT):
            yield
    except Busy:
        raise VaultError(f"another process is writing to the vault in {str(folder)!r}: try again when it is done") from None
    except (FileNotFoundError, NotADirectoryError):
        if folder.is_dir():
            raise  # something inside is missing
        raise VaultError(f"there is no vault in {str(folder)!r}") from None


def is_behind(anchor, version, digest):
    """Is the anchor behind this version? Raises RollbackError when it is ahead, VaultError when it tells nothing."""
    try:
        seen = json.loads(anchor.read_bytes())
        newest, head = int(seen["version"]), str(seen["head"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise VaultError(f"the anchor {str(anchor)!r} is missing or unreadable: whether the vault is the newest is unknown") from None
    if version < newest or (version == newest and digest != head):
        raise RollbackError(f"this vault is at version {version}, but version {newest} was acknowledged: it was put back")
    return version > newest


def remember(anchor, version, digest):
    """Write the newest version down."""
    write_atomically(anchor, json.dumps({"version": version, "head": digest}).encode())
