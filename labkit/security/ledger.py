"""A log in which nothing can be altered, removed or moved unnoticed.

Entries are appended; the root of a Merkle tree over all of them is signed from time to time (a *tree head*). Whoever
keeps one head, be it on paper, can later check that everything up to it is still as it was. This gives evidence of
tampering; it prevents none, and does not say whether an entry was true when it was written.

Source: RFC 9162 (see merkle.py); Crosby and Wallach, "Efficient data structures for tamper-evident logging",
USENIX Security 2009.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from labkit import validate
from labkit.security.atomic import force_folder, write_atomically
from labkit.security.locks import WAIT, Busy, locked
from labkit.security.merkle import MerkleTree, verify_consistency, verify_inclusion


class LedgerError(Exception):
    """The log is not what a tree head says it was, or the head is not signed by the key expected."""


@dataclass(frozen=True)
class TreeHead:
    """What a witness keeps: a number of entries, the root over them, and the log's signature on both."""

    size: int
    root: bytes
    signature: bytes

    def __repr__(self):
        return f"TreeHead(size={self.size}, root={self.root.hex()[:16]}...)"

    def check(self, public_key):
        """Raise LedgerError unless the log with this Ed25519 public key signed this head."""
        if not isinstance(public_key, Ed25519PublicKey):
            raise ValueError(f"public_key must be an Ed25519PublicKey, got {type(public_key).__name__}")
        for name in ("root", "signature"):  # a head comes from the log, which may be the one who lies
            if not isinstance(getattr(self, name), bytes):
                raise ValueError(f"{name} must be bytes, got {type(getattr(self, name)).__name__}")
        try:
            public_key.verify(self.signature, _signed(self.size, self.root))
        except InvalidSignature:
            raise LedgerError("this tree head was not signed by that key") from None


class Ledger:
    """An append-only log, in memory or in a file of one JSON text per line, which one object at a time may write."""

    def __init__(self, path=None, *, key=None):
        """Open or make a log.

        path:  None, or a file; an entry is on the disk when `append` returns.
        key:   an Ed25519PrivateKey that signs the heads; by default a new one. Keep it away from whoever may write
               to the file.
        Opening changes nothing in the file. A last line without its end counts when it is whole: it may have been
        acknowledged. Half a line was not; `append` moves it to a file beside the log, ending in ".torn".
        Raises LedgerError for a file that is no log, ValueError for a key of another kind or a path where no file can be.
        """
        if key is not None and not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"key must be an Ed25519PrivateKey, got {type(key).__name__}")
        self._key = key or Ed25519PrivateKey.generate()
        self._entries, self._tree = [], MerkleTree()
        self.path = None if path is None else _place(path)
        self._whole = self._torn = self._size = 0  # bytes in whole lines, after them, and together
        if self.path is not None and self.path.exists():
            self._read()

    def __repr__(self):
        return f"<Ledger of {len(self)} entries>"

    def __len__(self):
        return len(self._entries)

    def __getitem__(self, index):
        return self._entries[index]

    @property
    def public_key(self):
        """With this, anyone can check the signature on a head."""
        return self._key.public_key()

    def append(self, entry):
        """Add an entry (text); returns its index. It is on the disk when this returns.

        Raises LedgerError, with nothing written, when somebody else is writing or has written since this log was opened.
        """
        _text(entry)
        if self.path is not None:
            try:
                self._write(json.dumps(entry).encode() + b"\n")
            except Busy as problem:
                raise LedgerError(f"the log is in use: {problem}") from None
        return self._add(entry)

    def _write(self, line):
        new = not self.path.exists()
        with open(self.path, "ab") as file, locked(self.path, wait=WAIT):
            if file.seek(0, os.SEEK_END) != self._size:
                raise LedgerError("the log was changed by somebody else since it was opened: open it again")
            if self._torn:
                with open(self.path, "rb") as before:
                    before.seek(self._whole)
                    write_atomically(self.path.with_name(f"{self.path.name}.{self._whole}.torn"), before.read())
                file.truncate(self._whole)
                self._torn, self._size = 0, self._whole
            elif self._size > self._whole:  # the last entry is whole and only its end is missing
                line = b"\n" + line
            try:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:  # a full disk: leave no half line for the next entry to be glued to
                os.truncate(self.path, self._size)
                raise
            self._size += len(line)
            self._whole = self._size
        if new:
            force_folder(self.path.parent)  # or the file's name may be lost, and with it all that is in it

    def head(self):
        """The signed head over everything so far."""
        size, root = len(self), self._tree.root()
        return TreeHead(size, root, self._key.sign(_signed(size, root)))

    def inclusion_proof(self, index, size=None):
        """See `merkle.MerkleTree.inclusion_proof`; check it with `check_entry`."""
        return self._tree.inclusion_proof(index, size)

    def consistency_proof(self, old_size, size=None):
        """See `merkle.MerkleTree.consistency_proof`; check it with `check_extension`."""
        return self._tree.consistency_proof(old_size, size)

    def check(self, head, public_key=None):
        """Raise LedgerError unless the first entries are still those that `head` was signed over.

        public_key:  the key that must have signed the head; by default this log's own. A witness who reopens the
                     file without the signing key gives it here.
        """
        _head(head).check(self.public_key if public_key is None else public_key)
        if head.size > len(self):
            raise LedgerError(f"{head.size - len(self)} entries are missing: the head counts {head.size}, the log holds {len(self)}")
        if self._tree.root(head.size) != head.root:
            raise LedgerError(f"something in the first {head.size} entries was altered, removed, added or moved")

    def _read(self):
        try:
            content = self.path.read_bytes()
        except OSError:
            raise ValueError(f"path must be a file that can be read, got {str(self.path)!r}") from None
        *lines, last = content.split(b"\n")
        for line in lines:
            self._add(_entry(line, self.path))
        self._whole, self._size = len(content) - len(last), len(content)
        if last:
            try:
                self._add(_entry(last, self.path))
            except LedgerError:
                self._torn = len(last)

    def _add(self, entry):
        self._entries.append(entry)
        return self._tree.append(entry.encode())


def check_entry(entry, index, proof, head, public_key):
    """Raise LedgerError unless `entry` is the one at `index` under a signed head: all that a user of the log needs."""
    _head(head).check(public_key)
    if not verify_inclusion(_text(entry).encode(), index, head.size, proof, head.root):
        raise LedgerError(f"entry {index} is not the one that the log committed to")


def check_extension(old, new, proof, public_key):
    """Raise LedgerError unless the log under head `new` begins with the whole log under head `old`."""
    _head(old).check(public_key), _head(new).check(public_key)
    if old.size > new.size or (old.size and not verify_consistency(old.size, new.size, old.root, new.root, proof)):
        raise LedgerError(f"the log was rewritten between its heads of {old.size} and {new.size} entries")


def _signed(size, root):
    return b"labkit tree head" + validate.integer(size=size, at_least=0, at_most=2**64 - 1).to_bytes(8, "big") + root


def _head(head):
    if not isinstance(head, TreeHead):
        raise ValueError(f"head must be a TreeHead, got {type(head).__name__}")
    return head


def _text(entry):
    if not isinstance(entry, str) or not entry or any("\ud800" <= each <= "\udfff" for each in entry):
        raise ValueError(f"entry must be non-empty text in valid Unicode, got {type(entry).__name__}")
    return entry


def _place(path):
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path) or not Path(path).parent.is_dir() or Path(path).is_dir():
        raise ValueError(f"path must be a file in a folder that exists, got {path!r}")
    return Path(path)


def _entry(line, path):
    """What one line of a file says, when it is exactly what `append` writes: otherwise two files could hold one log."""
    try:
        entry = _text(json.loads(line))
        if json.dumps(entry).encode() == line:
            return entry
    except (ValueError, RecursionError):
        pass
    raise LedgerError(f"{path.name} holds a line that no log wrote")
