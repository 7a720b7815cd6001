"""The Merkle tree of RFC 9162: one hash that stands for a whole list, and short proofs about it.

The root of a list of n entries changes when any entry is altered, removed, added or moved. Two kinds of proof, each of
about log2(n) hashes, convince someone who holds nothing but a root: *this entry is in the list* (inclusion), and *the
longer list begins with the shorter one, unaltered* (consistency).

Source: Laurie, Messeri, Stradling, "Certificate Transparency version 2.0", RFC 9162, section 2.1 (2021).
"""

import hashlib

from labkit import validate

EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(entry):
    """SHA-256 of one entry (bytes), marked as a leaf: a leaf can then never be passed off as an inner node."""
    return hashlib.sha256(b"\x00" + _bytes(entry=entry)).digest()


def node_hash(left, right):
    """SHA-256 of two 32-byte hashes, marked as an inner node."""
    return hashlib.sha256(b"\x01" + _digest(left=left) + _digest(right=right)).digest()


class MerkleTree:
    """A growing Merkle tree. Appending costs two hashes on average; a root or a proof about log2(n)**2 at most."""

    def __init__(self, entries=()):
        self._levels = [[]]  # _levels[k][i]: the root of the full subtree over entries i * 2**k to (i + 1) * 2**k
        for each in entries:
            self.append(each)

    def __len__(self):
        return len(self._levels[0])

    def append(self, entry):
        """Add an entry (bytes) at the end; returns its index."""
        self._levels[0].append(leaf_hash(entry))
        level = 0
        while len(self._levels[level]) % 2 == 0:
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(node_hash(*self._levels[level][-2:]))
            level += 1
        return len(self) - 1

    def root(self, size=None):
        """The root (32 bytes) over the first `size` entries, by default over all."""
        size = len(self) if size is None else validate.integer(size=size, at_least=0, at_most=len(self))
        return self._subtree(0, size) if size else EMPTY

    def inclusion_proof(self, index, size=None):
        """The hashes that lead from entry `index` to the root over the first `size` entries: a list of 32 bytes each."""
        size = len(self) if size is None else validate.integer(size=size, at_least=1, at_most=len(self))
        index = validate.integer(index=index, at_least=0, at_most=size - 1)
        path, start, end = [], 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._subtree(middle, end))
                end = middle
            else:
                path.append(self._subtree(start, middle))
                start = middle
        return path[::-1]

    def consistency_proof(self, old_size, size=None):
        """The hashes that show that the first `old_size` entries are the beginning of the first `size`."""
        size = len(self) if size is None else validate.integer(size=size, at_least=1, at_most=len(self))
        old_size = validate.integer(old_size=old_size, at_least=1, at_most=size)
        path, start, end, whole = [], 0, size, True  # whole: is the old tree's root itself known to the verifier?
        while old_size < end:
            middle = start + _split(end - start)
            if old_size <= middle:
                path.append(self._subtree(middle, end))
                end = middle
            else:
                path.append(self._subtree(start, middle))
                start, whole = middle, False
        if not whole:
            path.append(self._subtree(start, end))
        return path[::-1]

    def _subtree(self, start, end):
        """The root over the entries start to end, taken from the stored full subtrees."""
        length = end - start
        if length & (length - 1) == 0:  # a power of two, and aligned because the splits are
            return self._levels[length.bit_length() - 1][start // length]
        middle = start + _split(length)
        return node_hash(self._subtree(start, middle), self._subtree(middle, end))


def verify_inclusion(entry, index, size, proof, root):
    """Is `entry` the one at `index` among the `size` that `root` stands for? RFC 9162, section 2.1.3.2."""
    validate.integer(index=index, at_least=0), validate.integer(size=size, at_least=0), _digest(root=root)
    if index >= size:
        return False
    hashed, last = leaf_hash(entry), size - 1
    for sibling in _hashes(proof):
        if last == 0:
            return False
        if index % 2 or index == last:
            hashed = node_hash(sibling, hashed)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            hashed = node_hash(hashed, sibling)
        index, last = index // 2, last // 2
    return last == 0 and hashed == root


def verify_consistency(old_size, size, old_root, root, proof):
    """Does the list under `root` begin with the whole list under `old_root`? RFC 9162, section 2.1.4.2."""
    validate.integer(old_size=old_size, at_least=1), validate.integer(size=size, at_least=1), _digest(old_root=old_root), _digest(root=root)
    proof = _hashes(proof)
    if old_size >= size:
        return old_size == size and not proof and old_root == root
    if old_size & (old_size - 1) == 0:
        proof = [old_root, *proof]
    if not proof:
        return False
    index, last = old_size - 1, size - 1
    while index % 2:
        index, last = index // 2, last // 2
    old_hash = new_hash = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if index % 2 or index == last:
            old_hash, new_hash = node_hash(sibling, old_hash), node_hash(sibling, new_hash)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            new_hash = node_hash(new_hash, sibling)
        index, last = index // 2, last // 2
    return last == 0 and old_hash == old_root and new_hash == root


def _split(length):
    """The largest power of two below `length`: how many entries go left."""
    return 1 << (length - 1).bit_length() - 1


def _bytes(**argument):
    ((name, value),) = argument.items()
    if not isinstance(value, (bytes, bytearray)):
        raise ValueError(f"{name} must be bytes, got {type(value).__name__}")
    return bytes(value)


def _hashes(proof):
    if not isinstance(proof, (list, tuple)):
        raise ValueError(f"proof must be a list of hashes, got {type(proof).__name__}")
    return [_digest(proof=each) for each in proof]


def _digest(**argument):
    ((name, value),) = argument.items()
    if not isinstance(value, bytes) or len(value) != 32:
        raise ValueError(f"{name} must be a hash of 32 bytes, got {type(value).__name__}")
    return value
