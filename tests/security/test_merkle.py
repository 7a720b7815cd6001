"""The Merkle tree against RFC 9162: known roots, the recursive definitions, and every kind of change."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.security.merkle import (
    EMPTY,
    MerkleTree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

# The eight entries and the roots over the first n of them that Certificate Transparency's own tests use.
ENTRIES = [bytes.fromhex(each) for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS = ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
         "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
         "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"]


# The definitions of RFC 9162, section 2.1, written as they stand there, and independently of merkle.py.

def sha(data):
    return hashlib.sha256(data).digest()


def k_of(n):
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def mth(d):
    if not d:
        return sha(b"")
    if len(d) == 1:
        return sha(b"\x00" + d[0])
    k = k_of(len(d))
    return sha(b"\x01" + mth(d[:k]) + mth(d[k:]))


def path(m, d):
    if len(d) == 1:
        return []
    k = k_of(len(d))
    return path(m, d[:k]) + [mth(d[k:])] if m < k else path(m - k, d[k:]) + [mth(d[:k])]


def subproof(m, d, b):
    if m == len(d):
        return [] if b else [mth(d)]
    k = k_of(len(d))
    return subproof(m, d[:k], b) + [mth(d[k:])] if m <= k else subproof(m - k, d[k:], False) + [mth(d[:k])]


def test_known_roots():
    tree = MerkleTree()
    assert tree.root() == EMPTY == bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    for index, entry in enumerate(ENTRIES):
        assert tree.append(entry) == index
        assert tree.root().hex() == ROOTS[index] == mth(ENTRIES[:index + 1]).hex()
    assert [tree.root(size + 1).hex() for size in range(8)] == ROOTS


def test_known_proofs():
    tree = MerkleTree(ENTRIES)
    assert [each.hex()[:8] for each in tree.inclusion_proof(0)] == ["96a296d2", "5f083f0a", "6b47aaf2"]
    assert [each.hex()[:8] for each in tree.inclusion_proof(5)] == ["bc1a0643", "ca854ea1", "d37ee418"]
    assert [each.hex()[:8] for each in tree.consistency_proof(6)] == ["0ebc5d34", "ca854ea1", "d37ee418"]
    assert [each.hex()[:8] for each in tree.consistency_proof(2, 5)] == ["5f083f0a", "bc1a0643"]


def test_all_roots_and_proofs_equal_the_definitions_up_to_40():
    entries = [bytes([number]) * (number % 5) for number in range(40)]
    tree = MerkleTree(entries)
    for n in range(1, 41):
        d = entries[:n]
        assert tree.root(n) == mth(d)
        for m in range(n):
            assert tree.inclusion_proof(m, n) == path(m, d)
            assert verify_inclusion(d[m], m, n, path(m, d), mth(d))
        for m in range(1, n + 1):
            assert tree.consistency_proof(m, n) == subproof(m, d, True)
            assert verify_consistency(m, n, mth(d[:m]), mth(d), subproof(m, d, True))


some_entries = st.lists(st.binary(max_size=6), min_size=1, max_size=20)


@settings(max_examples=300, deadline=None)
@given(some_entries, st.data())
def test_any_entry_altered_removed_added_or_moved_changes_the_root(entries, data):
    changed = list(entries)
    kind = data.draw(st.sampled_from(["alter", "remove", "add", "move"]))
    at = data.draw(st.integers(0, len(entries) - 1))
    if kind == "alter":
        changed[at] = data.draw(st.binary(max_size=6))
    elif kind == "remove":
        del changed[at]
    elif kind == "add":
        changed.insert(at, data.draw(st.binary(max_size=6)))
    else:
        changed.insert(data.draw(st.integers(0, len(entries) - 1)), changed.pop(at))
    assert (MerkleTree(changed).root() == MerkleTree(entries).root()) == (changed == entries)


@settings(max_examples=200, deadline=None)
@given(some_entries, st.data())
def test_a_proof_convinces_of_one_entry_at_one_place_only(entries, data):
    n = len(entries)
    tree, index = MerkleTree(entries), data.draw(st.integers(0, n - 1))
    proof, root = tree.inclusion_proof(index), tree.root()
    assert verify_inclusion(entries[index], index, n, proof, root) and len(proof) <= (n - 1).bit_length()
    assert not verify_inclusion(entries[index] + b"!", index, n, proof, root)
    for other in range(n):
        if entries[other] != entries[index]:
            assert not verify_inclusion(entries[index], other, n, proof, root)
    assert not verify_inclusion(entries[index], n, n, proof, root)
    assert not verify_inclusion(entries[index], index, n, [*proof, root], root)
    for position in range(len(proof)):
        assert not verify_inclusion(entries[index], index, n, proof[:position] + proof[position + 1:], root)
        broken = bytes([proof[position][0] ^ 1]) + proof[position][1:]
        assert not verify_inclusion(entries[index], index, n, [*proof[:position], broken, *proof[position + 1:]], root)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=6), min_size=2, max_size=20), st.data())
def test_a_rewritten_past_has_no_consistency_proof(entries, data):
    n = len(entries)
    m = data.draw(st.integers(1, n - 1))
    tree = MerkleTree(entries)
    old, new = tree.root(m), tree.root()
    assert verify_consistency(m, n, old, new, tree.consistency_proof(m))
    rewritten = list(entries)
    rewritten[data.draw(st.integers(0, m - 1))] += b"!"
    forged = MerkleTree(rewritten)
    for proof in (tree.consistency_proof(m), forged.consistency_proof(m), []):
        assert not verify_consistency(m, n, old, forged.root(), proof)
    assert not verify_consistency(n, m, new, old, [])
    assert verify_consistency(n, n, new, new, []) and not verify_consistency(n, n, new, new, [new])


def test_a_leaf_cannot_pass_for_an_inner_node():
    """Without the two marks, the two hashes under a node, taken as one entry, would hash to the node."""
    tree = MerkleTree([b"a", b"b"])
    fake = leaf_hash(b"a") + leaf_hash(b"b")
    assert MerkleTree([fake]).root() != tree.root() == node_hash(leaf_hash(b"a"), leaf_hash(b"b"))


@pytest.mark.parametrize("call, name", [
    (lambda: MerkleTree().append("text"), "entry"), (lambda: MerkleTree(["text"]), "entry"), (lambda: leaf_hash(None), "entry"),
    (lambda: node_hash(b"x", b"y" * 32), "left"), (lambda: node_hash(b"x" * 32, "y" * 32), "right"),
    (lambda: MerkleTree([b"a"]).root(2), "size"), (lambda: MerkleTree([b"a"]).root(-1), "size"),
    (lambda: MerkleTree([b"a"]).root(float("nan")), "size"),
    (lambda: MerkleTree([b"a"]).inclusion_proof(1), "index"), (lambda: MerkleTree([b"a"]).inclusion_proof(-1), "index"),
    (lambda: MerkleTree([b"a"]).inclusion_proof(0, 2), "size"), (lambda: MerkleTree([b"a"]).inclusion_proof(0.0), "index"),
    (lambda: MerkleTree([b"a"]).consistency_proof(0), "old_size"), (lambda: MerkleTree([b"a"]).consistency_proof(2), "old_size"),
    (lambda: verify_inclusion("a", 0, 1, [], EMPTY), "entry"), (lambda: verify_inclusion(b"a", -1, 1, [], EMPTY), "index"),
    (lambda: verify_inclusion(b"a", 0, 1.5, [], EMPTY), "size"), (lambda: verify_inclusion(b"a", 0, 1, [b"short"], EMPTY), "proof"),
    (lambda: verify_inclusion(b"a", 0, 1, None, EMPTY), "proof"),
    (lambda: verify_consistency(1, 2, EMPTY, EMPTY, None), "proof"),
    (lambda: verify_inclusion(b"a", 0, 1, [], "root"), "root"), (lambda: verify_consistency(0, 1, EMPTY, EMPTY, []), "old_size"),
    (lambda: verify_consistency(1, None, EMPTY, EMPTY, []), "size"), (lambda: verify_consistency(1, 2, b"", EMPTY, []), "old_root"),
    (lambda: verify_consistency(1, 2, EMPTY, b"", []), "root"), (lambda: verify_consistency(1, 2, EMPTY, EMPTY, ["x"]), "proof")])
def test_bad_arguments(call, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        call()
