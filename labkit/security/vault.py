"""A folder of encrypted files: readable with the passphrase, unaltered or refused, whole after a crash.

    passphrase --scrypt--> key-encryption key --unwraps--> master key --opens--> index --holds--> one data key per file

`head` is the only file that ever changes: the scrypt parameters, the wrapped master key, and the sealed index (names,
data keys, versions, and the vault's version counter). Everything else is written once, under a random name and a fresh
data key. Hence a new passphrase or master key rewrites `head` alone and no data; and a change takes effect at one
instant, when `head` is renamed into place.

One writer at a time: a change holds a lock on the folder, and is refused when somebody else changed the vault since it was
opened. So of two processes one meets a clear error, and nothing that was acknowledged is lost.

A counter inside the folder cannot notice that the *whole folder* was put back to an older state. That needs a memory
outside, which the attacker cannot put back: the `anchor` (anchor.py).

Sources: NIST SP 800-38D (AES-GCM); NIST SP 800-57 part 1 (key hierarchies and rotation).
"""

import base64
import hashlib
import io
import json
import os
import secrets
import unicodedata
from contextlib import contextmanager

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from labkit.security.anchor import RollbackError as RollbackError
from labkit.security.anchor import alone, check_new, is_behind, places, remember
from labkit.security.atomic import UNFINISHED, make_folder, write_atomically
from labkit.security.envelope import (
    ENVELOPE_BYTES,
    NONCE,
    WORK_FACTOR,
    VaultError,
    secret_bytes,
    unwrap_key,
    wrap_key,
)
from labkit.security.stream import IntegrityError, new_key, seal, unseal


class Vault:
    """An open vault; made by `Vault.create` and `Vault.open`."""

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
        Raises ValueError for a bad argument (the passphrase is never shown) or a folder that holds something, VaultError
        when somebody else is making a vault there.
        """
        folder, anchor = places(folder, anchor, log)
        check_new(folder, anchor)
        master = new_key()
        envelope = wrap_key(master, passphrase, work_factor=work_factor)  # checks both, before anything is made
        if not folder.exists():
            make_folder(folder)
        with alone(folder):
            check_new(folder, anchor)  # again: somebody else may have been quicker
            make_folder(folder / "objects")
            vault = cls(folder, anchor, log or _silent, envelope, master, {"version": 0, "files": {}}, b"")
            try:
                vault._commit({})
            except BaseException:
                if not (folder / "head").exists():
                    (folder / "objects").rmdir()  # no vault: leave the folder as it was
                raise
        return vault

    @classmethod
    def open(cls, folder, passphrase, *, anchor=None, log=None):
        """Open a vault; arguments as in `create`.

        Raises VaultError for a wrong passphrase or an altered head (which of the two cannot be told, and is not), and with
        an anchor also when somebody else goes on writing; RollbackError when the anchor has seen a newer version; ValueError
        for a bad argument.
        """
        folder, anchor = places(folder, anchor, log)
        secret_bytes(passphrase)  # a bad argument is refused before the folder is looked at
        log = log or _silent
        try:
            head = _head(folder)
            master = unwrap_key(head[:ENVELOPE_BYTES], passphrase)  # takes its time, and so stays outside the lock
            if anchor is None:
                return cls._opened(folder, anchor, log, head, master)
            with alone(folder):  # or an older version could be written over the anchor of one just acknowledged
                newest = _head(folder)
                if newest[:ENVELOPE_BYTES] != head[:ENVELOPE_BYTES]:
                    raise VaultError("the passphrase was changed while the vault was being opened: open it again")
                return cls._opened(folder, anchor, log, newest, master)
        except VaultError as refusal:
            log(f"vault: refused: {refusal}")
            raise

    @classmethod
    def _opened(cls, folder, anchor, log, head, master):
        index = _open_index(head, master)
        behind = anchor is not None and is_behind(anchor, index["version"], hashlib.sha256(head).hexdigest())
        log(f"vault: opened at version {index['version']}")
        vault = cls(folder, anchor, log, head[:ENVELOPE_BYTES], master, index, head)
        if behind:  # a crash came between head and anchor
            vault._remember()
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
        Raises VaultError, with nothing stored, when somebody else is writing or has changed the vault since it was opened.
        """
        name = _name(name)
        key, identity = new_key(), secrets.token_hex(16)
        context, entry = _context(name, identity), {"object": identity, "key": base64.b64encode(key).decode()}
        pieces = seal(data, key, context=context)  # checks the data before anything is written
        with self._writing():
            write_atomically(self._path(identity), pieces)
            self._commit({**self._index["files"], name: entry})
        return self.version

    def get(self, name):
        """The content of `name`, as bytes, released only when all of it has been checked.

        Raises IntegrityError when the stored file is altered, cut, swapped or missing; VaultError when that is because
        somebody else has changed the vault since it was opened; ValueError for an unknown name.
        """
        content = io.BytesIO()  # faster than joining: the pieces are not all held until the end
        for chunk in self.chunks(name):
            content.write(chunk)
        return content.getvalue()

    def chunks(self, name):
        """The content piece by piece, for what does not fit into memory; see `stream.unseal` on acting too early."""
        name, entry = self._entry(name)
        return self._read(entry["object"], base64.b64decode(entry["key"]), _context(name, entry["object"]))

    def remove(self, name):
        """Forget a file and its data key; without the key, what may be left of it on the disk is unreadable.

        It is readable again to someone who kept an old copy of the folder *and* learns the passphrase.
        """
        name, _ = self._entry(name)
        with self._writing():
            self._commit({each: entry for each, entry in self._index["files"].items() if each != name})
        return self.version

    def change_passphrase(self, passphrase, *, work_factor=WORK_FACTOR):
        """Protect the vault by another passphrase, with a new master key. No data is encrypted again.

        So who kept a copy of the old `head` (no data, a few hundred bytes) and learns the old passphrase has the data keys of
        every file of that day, and reads them in today's folder too, as long as they are not replaced. Where that may have
        happened, `put` each file again: only then does it get a new data key.
        """
        master = new_key()
        envelope = wrap_key(master, passphrase, work_factor=work_factor)
        before, digest = (self._master, self._envelope), self._head_digest
        with self._writing():
            self._master, self._envelope = master, envelope
            try:
                self._commit(self._index["files"])
            except BaseException:
                if self._head_digest == digest:  # else the head holds the new key, and only the anchor failed
                    self._master, self._envelope = before
                raise
        self._log("vault: passphrase and master key changed")

    def sweep(self):
        """Delete what a crash left behind; returns how many files. Raises VaultError as `put` does."""
        with self._writing():
            wanted = {entry["object"] for entry in self._index["files"].values()}
            unwanted = [each for each in (self.folder / "objects").iterdir() if each.name not in wanted]
            unwanted += [each for each in self.folder.iterdir() if each.name.endswith(UNFINISHED)]
            for each in unwanted:
                each.unlink()
        return len(unwanted)

    @contextmanager
    def _writing(self):
        """Hold the lock for one change to the vault as it was read."""
        with alone(self.folder):
            self._check_unchanged()
            if not (self.folder / "objects").is_dir():
                raise VaultError(f"the folder {str(self.folder / 'objects')!r} is missing: this is no whole vault")
            yield

    def _check_unchanged(self):
        if hashlib.sha256(_head(self.folder)).digest() != self._head_digest:
            raise VaultError("the vault was changed by somebody else since it was opened: open it again")

    def _commit(self, files):
        """Make `files` the vault's content, in one step; the caller holds the lock."""
        old = {entry["object"] for entry in self._index["files"].values()}
        index = {"version": self.version + 1, "files": files}
        # The nonce is random and not the version: after a roll-back the counter would repeat, and with it the nonce.
        nonce = os.urandom(NONCE)
        head = self._envelope + nonce + AESGCM(self._master).encrypt(nonce, json.dumps(index).encode(), self._envelope)
        write_atomically(self.folder / "head", head)
        self._index, self._head_digest = index, hashlib.sha256(head).digest()
        self._remember()
        for identity in old - {entry["object"] for entry in files.values()}:
            self._path(identity).unlink(missing_ok=True)

    def _remember(self):
        if self.anchor is not None:
            remember(self.anchor, self.version, self._head_digest.hex())

    def _path(self, identity):
        return self.folder / "objects" / identity

    def _entry(self, name):
        """(name as stored, entry)."""
        files = self._index["files"]
        if isinstance(name, str) and name not in files:
            name = _composed(name)
        if not isinstance(name, str) or name not in files:
            raise ValueError(f"name must be one of {', '.join(map(repr, self.names)) or 'none yet'}, got {name!r}")
        return name, files[name]

    def _read(self, identity, key, context):
        try:
            with open(self._path(identity), "rb") as file:
                yield from unseal(file, key, context=context)
        except (OSError, IntegrityError) as problem:
            self._check_unchanged()  # replaced by somebody else meanwhile: no attack, and not to be logged as one
            if isinstance(problem, OSError):
                self._log(f"vault: refused: object {identity} is missing or cannot be read")
                raise IntegrityError(f"object {identity} is missing or cannot be read") from None
            self._log(f"vault: refused: object {identity}: {problem}")
            raise


def _silent(_sentence):
    pass


def _name(name):
    if not isinstance(name, str) or not name or any("\ud800" <= each <= "\udfff" for each in name):
        raise ValueError(f"name must be non-empty text in valid Unicode, got {name!r}")
    return _composed(name)


def _composed(name):
    """A name typed in two ways (one letter with an accent, or a letter and an accent) is one name."""
    return unicodedata.normalize("NFC", name)


def _head(folder):
    try:
        return (folder / "head").read_bytes()
    except OSError:
        raise VaultError(f"there is no vault in {str(folder)!r}") from None


def _context(name, identity):
    return f"{identity} {name}".encode()


def _open_index(head, master):
    envelope, nonce, sealed = (head[:ENVELOPE_BYTES], head[ENVELOPE_BYTES:ENVELOPE_BYTES + NONCE],
                               head[ENVELOPE_BYTES + NONCE:])
    try:
        return json.loads(AESGCM(master).decrypt(nonce, sealed, envelope))
    except (InvalidTag, ValueError):
        raise VaultError("the index in the head was altered") from None
