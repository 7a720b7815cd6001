"""A folder of encrypted files: readable with the passphrase, unaltered or refused, whole after a crash.

    passphrase --scrypt--> key-encryption key --unwraps--> master key --opens--> index --holds--> one data key per file

`head` is the only file that ever changes: the scrypt parameters, the wrapped master key, and the sealed index (names,
data keys, versions, and the vault's version counter). Everything else is written once, under a random name and a fresh
data key. Hence a new passphrase or master key rewrites `head` alone and no data; and a change takes effect at one
instant, when `head` is renamed into place.

A counter inside the folder cannot notice that the *whole folder* was put back to an older state. That needs a memory
outside, which the attacker cannot put back: the `anchor`.

Sources: NIST SP 800-38D (AES-GCM); NIST SP 800-57 part 1 (key hierarchies and rotation); for the anchor, Parno et al.,
"Memoir: practical state continuity for protected modules", IEEE S&P 2011.
"""

import base64
import hashlib
import io
import json
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from labkit.security.atomic import UNFINISHED, write_atomically
from labkit.security.envelope import ENVELOPE_BYTES, NONCE, WORK_FACTOR, VaultError, secret_bytes, unwrap_key, wrap_key
from labkit.security.stream import IntegrityError, new_key, seal, unseal


class RollbackError(VaultError):
    """The vault is genuine but older than one that was already acknowledged."""


class Vault:
    """An open vault; made by `Vault.create` and `Vault.open`. One process at a time may write to it."""

    def __init__(self, folder, anchor, log, envelope, master, index, head):
        self.folder, self.anchor = folder, anchor
        self._log, self._envelope, self._master, self._index = log, envelope, master, index
        self._head_digest = hashlib.sha256(head).digest()

    def __repr__(self):  # neither keys nor the files' names
        return f"<Vault {str(self.folder)!r}: version {self.version}, {len(self._index['files'])} files>"

    def __reduce__(self):
        raise TypeError("a Vault holds keys and is not pickled: open it where it is needed")

    @classmethod
    def create(cls, folder, passphrase, *, work_factor=WORK_FACTOR, anchor=None, log=None):
        """Make an empty vault.

        folder:       a path that does not exist yet, or an empty folder.
        passphrase:   non-empty text.
        work_factor:  log2 of scrypt's N, 10 to 20; deriving the key takes 2**work_factor KiB of memory.
        anchor:       None, or the path of a small file *outside* the folder that remembers the newest version. It only
                      helps where whoever can write to the folder cannot write to it.
        log:          None, or a function that takes one sentence, such as `Ledger.append`.
        Raises ValueError for a bad argument (the passphrase is never shown) or a folder that holds something.
        """
        folder, anchor = _places(folder, anchor, log)
        if anchor is not None and anchor.exists():
            raise ValueError(f"anchor must not exist yet, got {str(anchor)!r}: it may be another vault's")
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(f"folder must be new or empty, got {str(folder)!r}")
        master = new_key()
        envelope = wrap_key(master, passphrase, work_factor=work_factor)  # checks both, before anything is made
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "objects").mkdir(mode=0o700)
        vault = cls(folder, anchor, log or _silent, envelope, master, {"version": 0, "files": {}}, b"")
        vault._commit({}, first=True)
        return vault

    @classmethod
    def open(cls, folder, passphrase, *, anchor=None, log=None):
        """Open a vault; arguments as in `create`.

        Raises VaultError for a wrong passphrase or an altered head (which of the two cannot be told, and is not),
        RollbackError when the anchor has seen a newer version, ValueError for a bad argument.
        """
        folder, anchor = _places(folder, anchor, log)
        secret_bytes(passphrase)  # a bad argument is refused before the folder is looked at
        log = log or _silent
        try:
            head = (folder / "head").read_bytes()
        except OSError:
            raise VaultError(f"there is no vault in {str(folder)!r}") from None
        try:
            master = unwrap_key(head[:ENVELOPE_BYTES], passphrase)
            index = _open_index(head, master)
            digest = hashlib.sha256(head).hexdigest()
            if anchor is not None:
                _check_anchor(anchor, index["version"], digest)
        except VaultError as refusal:
            log(f"vault: refused: {refusal}")
            raise
        log(f"vault: opened at version {index['version']}")
        vault = cls(folder, anchor, log, head[:ENVELOPE_BYTES], master, index, head)
        vault._remember()  # a crash may have come between head and anchor
        return vault

    @property
    def version(self):
        """How many changes this vault has seen."""
        return self._index["version"]

    @property
    def names(self):
        """The names of the files, sorted."""
        return sorted(self._index["files"])

    def put(self, name, data):
        """Store `data` (bytes, an open binary file, or an iterable of bytes) as `name`, replacing what was there.

        When this returns the vault's new version, the data is on the disk and survives any crash.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(f"name must be non-empty text, got {name!r}")
        key, identity = new_key(), secrets.token_hex(16)
        path = self._path(identity)
        write_atomically(path, seal(data, key, context=_context(name, identity)))
        entry = {"object": identity, "key": base64.b64encode(key).decode()}
        try:
            self._commit({**self._index["files"], name: entry})
        except VaultError:
            path.unlink()
            raise
        return self.version

    def get(self, name):
        """The content of `name`, as bytes, released only when all of it has been checked.

        Raises IntegrityError when the stored file is altered, cut, swapped or missing; ValueError for an unknown name.
        """
        content = io.BytesIO()  # faster than joining: the pieces are not all held until the end
        for chunk in self.chunks(name):
            content.write(chunk)
        return content.getvalue()

    def chunks(self, name):
        """The content piece by piece, for what does not fit into memory; see `stream.unseal` on acting too early."""
        entry = self._entry(name)
        return self._read(entry["object"], base64.b64decode(entry["key"]), _context(name, entry["object"]))

    def remove(self, name):
        """Forget a file and its data key; without the key, what may be left of it on the disk is unreadable.

        It is readable again to someone who kept an old copy of the folder *and* learns the passphrase.
        """
        self._entry(name)
        self._commit({each: entry for each, entry in self._index["files"].items() if each != name})
        return self.version

    def change_passphrase(self, passphrase, *, work_factor=WORK_FACTOR):
        """Protect the vault by another passphrase, with a new master key. No data is encrypted again.

        A copy of the old folder still opens with the old passphrase. Where that copy is in the wrong hands, `put` each
        file again: only then does it get a new data key.
        """
        master, before = new_key(), (self._master, self._envelope)
        self._master, self._envelope = master, wrap_key(master, passphrase, work_factor=work_factor)
        try:
            self._commit(self._index["files"])
        except BaseException:
            self._master, self._envelope = before
            raise
        self._log("vault: passphrase and master key changed")

    def sweep(self):
        """Delete what a crash left behind; returns how many files. Not while another process writes."""
        wanted = {entry["object"] for entry in self._index["files"].values()}
        unwanted = [each for each in (self.folder / "objects").iterdir() if each.name not in wanted]
        unwanted += [each for each in self.folder.iterdir() if each.name.endswith(UNFINISHED)]
        for each in unwanted:
            each.unlink()
        return len(unwanted)

    def _commit(self, files, *, first=False):
        """Make `files` the vault's content, in one step."""
        path = self.folder / "head"
        if not first and (not path.exists() or hashlib.sha256(path.read_bytes()).digest() != self._head_digest):
            raise VaultError("the vault was changed by somebody else since it was opened: open it again")
        old = {entry["object"] for entry in self._index["files"].values()}
        index = {"version": self.version + 1, "files": files}
        # The nonce is random and not the version: after a roll-back the counter would repeat, and with it the nonce.
        nonce = os.urandom(NONCE)
        head = self._envelope + nonce + AESGCM(self._master).encrypt(nonce, json.dumps(index).encode(), self._envelope)
        write_atomically(path, head)
        self._index, self._head_digest = index, hashlib.sha256(head).digest()
        self._remember()
        for identity in old - {entry["object"] for entry in files.values()}:
            self._path(identity).unlink(missing_ok=True)

    def _remember(self):
        if self.anchor is not None:
            write_atomically(self.anchor, json.dumps({"version": self.version, "head": self._head_digest.hex()}).encode())

    def _path(self, identity):
        return self.folder / "objects" / identity

    def _entry(self, name):
        if name not in self._index["files"]:
            raise ValueError(f"name must be one of {', '.join(map(repr, self.names)) or 'none yet'}, got {name!r}")
        return self._index["files"][name]

    def _read(self, identity, key, context):
        try:
            with open(self._path(identity), "rb") as file:
                yield from unseal(file, key, context=context)
        except FileNotFoundError:
            self._log(f"vault: refused: object {identity} is missing")
            raise IntegrityError(f"object {identity} is missing") from None
        except IntegrityError as problem:
            self._log(f"vault: refused: object {identity}: {problem}")
            raise


def _silent(_sentence):
    pass


def _context(name, identity):
    return f"{identity} {name}".encode()


def _places(folder, anchor, log):
    for name, value in [("folder", folder), ("anchor", anchor)]:
        if not isinstance(value, (str, Path)) and not (name == "anchor" and value is None) or value == "":
            raise ValueError(f"{name} must be a path, got {value!r}")
    if log is not None and not callable(log):
        raise ValueError(f"log must be a function of one sentence, got {log!r}")
    folder, anchor = Path(folder), None if anchor is None else Path(anchor)
    if anchor is not None and folder.resolve() in anchor.resolve().parents:
        raise ValueError("anchor must lie outside the folder: inside, it would be put back together with it")
    return folder, anchor


def _open_index(head, master):
    envelope, nonce, sealed = (head[:ENVELOPE_BYTES], head[ENVELOPE_BYTES:ENVELOPE_BYTES + NONCE],
                               head[ENVELOPE_BYTES + NONCE:])
    try:
        return json.loads(AESGCM(master).decrypt(nonce, sealed, envelope))
    except (InvalidTag, ValueError):
        raise VaultError("the index in the head was altered") from None


def _check_anchor(anchor, version, digest):
    try:
        seen = json.loads(anchor.read_bytes())
        newest, head = int(seen["version"]), str(seen["head"])
    except (OSError, ValueError, KeyError, TypeError):
        raise VaultError(f"the anchor {str(anchor)!r} is missing or unreadable: whether the vault is the newest is unknown") from None
    if version < newest or (version == newest and digest != head):
        raise RollbackError(f"this vault is at version {version}, but version {newest} was acknowledged: it was put back")
