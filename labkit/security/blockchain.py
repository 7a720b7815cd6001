"""A toy blockchain with proof of work: a log without an owner, whose entries are kept by whoever computes most.

A block names the hash of the block before it, the Merkle root of its entries, and a number found by trying, with which
its own hash begins with `difficulty` zero bits. Of two chains the one with more work counts. So changing an old entry
means to do the work of its block and of all later ones again, faster than everybody else goes on.

Source: Nakamoto, "Bitcoin: a peer-to-peer electronic cash system", 2008; `catch_up` is its section 11. A header has 80
bytes there as well, with a time and a version among them, which a toy has no use for.
"""

import hashlib
import math
import struct
from dataclasses import dataclass

from labkit import validate
from labkit.security.merkle import MerkleTree, verify_inclusion

START = bytes(32)
HEADER = struct.Struct(">32s32sII")  # the block before, the root, how many entries, difficulty; then the number


@dataclass(frozen=True)
class WorkBlock:
    """One block. previous, root: 32 bytes each. entries: how many. difficulty: zero bits of its hash. nonce: what was found."""

    previous: bytes
    root: bytes
    entries: int
    difficulty: int
    nonce: int

    @property
    def header(self):
        """The 80 bytes that are hashed, and all that somebody who checks the work has to keep of a block."""
        return HEADER.pack(self.previous, self.root, self.entries, self.difficulty) + struct.pack(">Q", self.nonce)

    @property
    def hash(self):
        """SHA-256 of the header."""
        return hashlib.sha256(self.header).digest()

    @property
    def holds(self):
        """Whether the work was done."""
        return int.from_bytes(self.hash, "big") >> (256 - self.difficulty) == 0


class WorkChain:
    """A chain of blocks with its entries. `hashes` counts the tries of all blocks that were mined here."""

    def __init__(self, difficulty):
        """difficulty: zero bits, 1 to 24; a block takes 2**difficulty tries on average."""
        self.difficulty = validate.integer(difficulty=difficulty, at_least=1, at_most=24)
        self.blocks, self._trees, self.hashes = [], [], 0

    def __len__(self):
        return len(self.blocks)

    def mine(self, entries, *, start=0):
        """Add a block with these entries (bytes each); returns it.

        start: the first number to try, so that miners who share the work try different ones.
        """
        tree = MerkleTree(entries)
        if not len(tree):
            raise ValueError("entries must be at least one, got none")
        previous = self.blocks[-1].hash if self.blocks else START
        nonce = validate.integer(start=start, at_least=0)
        fixed = HEADER.pack(previous, tree.root(), len(tree), self.difficulty)
        shift, before = 256 - self.difficulty, hashlib.sha256(fixed)
        while True:
            digest = before.copy()
            digest.update(struct.pack(">Q", nonce))
            self.hashes += 1
            if int.from_bytes(digest.digest(), "big") >> shift == 0:
                break
            nonce += 1
        self.blocks.append(WorkBlock(previous, tree.root(), len(tree), self.difficulty, nonce))
        self._trees.append(tree)
        return self.blocks[-1]

    def inclusion_proof(self, block, index):
        """The hashes that lead from entry `index` of a block to the root in its header."""
        return self._trees[block].inclusion_proof(index)


def check_chain(blocks, difficulty):
    """The work in a chain of headers, in expected tries; ValueError where a block is not chained or not worked for.

    blocks:      a list of WorkBlock, the oldest first.
    difficulty:  the least that every block must have.
    """
    work, previous = 0, START
    for number, block in enumerate(blocks):
        if block.previous != previous or block.difficulty < difficulty or not block.holds:
            raise ValueError(f"blocks must be chained and worked for, got block {number}, which is not")
        work, previous = work + 2**block.difficulty, block.hash
    return work


def check_in_chain(entry, index, proof, block):
    """Whether `entry` is number `index` of the entries that a block's header stands for."""
    return verify_inclusion(entry, index, block.entries, proof, block.root)


def catch_up(share, blocks):
    """The chance that somebody with this share of all computing replaces a chain from `blocks` blocks ago, for good.

    share: from 0 to 1.  blocks: 1 or more. From half of the computing on it is certain.
    """
    share = validate.finite(share=share)
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, got {share}")
    blocks = validate.integer(blocks=blocks, at_least=1)
    if share >= 0.5:
        return 1.0
    if share == 0:
        return 0.0
    ratio = share / (1 - share)
    mean, chance = blocks * ratio, 1.0
    for made in range(blocks + 1):  # blocks that the attacker found meanwhile, Poisson
        probability = math.exp(made * math.log(mean) - mean - math.lgamma(made + 1))
        chance -= probability * (1 - ratio ** (blocks - made))
    return max(0.0, min(1.0, chance))
