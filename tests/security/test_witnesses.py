"""Witnesses sign what grows, and refuse what forks; enough of them make one history."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from labkit.security import CosignedHead, Ledger, LedgerError, Witness


def forked(count=6, different=4):
    """Two logs under one key that agree on the first entries and then not."""
    key = Ed25519PrivateKey.generate()
    logs = Ledger(key=key), Ledger(key=key)
    for number in range(count):
        logs[0].append(f"entry {number}")
        logs[1].append(f"entry {number}" if number < different else f"another entry {number}")
    return logs


def test_a_growing_log_is_signed_and_checked():
    log = Ledger()
    witnesses = [Witness(log.public_key) for _ in range(3)]
    for number in range(1, 9):
        log.append(f"entry {number}")
        head = log.head()
        proof = log.consistency_proof(number - 1) if number > 1 else ()
        cosigned = CosignedHead(head, {place: each.cosign(head, proof) for place, each in enumerate(witnesses)})
        cosigned.check(log.public_key, [each.public_key for each in witnesses], threshold=3)
    assert cosigned.proof_bytes == 8 + 32 + 64 + 3 * 66 and witnesses[0].head == head


def test_a_fork_is_refused_and_forgotten():
    one, other = forked()
    witness = Witness(one.public_key)
    witness.cosign(one.head())
    other.append("longer")
    for proof in ((), other.consistency_proof(6), other.consistency_proof(4), one.consistency_proof(4)):
        with pytest.raises(LedgerError, match="does not extend the 6"):
            witness.cosign(other.head(), proof)
    assert witness.head == one.head()
    one.append("as it was")
    witness.cosign(one.head(), one.consistency_proof(6))


def test_a_shorter_head_is_refused():
    one, _ = forked()
    early = Ledger(key=one._key)
    early.append("entry 0")
    witness = Witness(one.public_key)
    witness.cosign(one.head())
    with pytest.raises(LedgerError, match="does not extend"):
        witness.cosign(early.head())


@pytest.mark.parametrize("liars", [0, 1, 2])
def test_two_histories_need_more_liars_than_the_threshold_allows(liars):
    """Five witnesses. Each history asks half of the honest ones, and all liars sign both."""
    one, other = forked()
    witnesses = [Witness(one.public_key) for _ in range(5)]
    signatures = [{}, {}]
    for number, witness in enumerate(witnesses):
        for place, log in enumerate((one, other)):
            if number < liars:
                witness.head = None  # a liar forgets
            elif number % 2 != place:
                continue
            signatures[place][number] = witness.cosign(log.head())
    keys, accepted = [each.public_key for each in witnesses], {}
    for threshold in range(1, 6):
        accepted[threshold] = []
        for log, signed in zip((one, other), signatures):
            try:
                CosignedHead(log.head(), signed).check(log.public_key, keys, threshold=threshold)
                accepted[threshold].append(log)
            except LedgerError:
                pass
    for threshold in range(1, 6):
        if 2 * threshold > 5 + liars:
            assert len(accepted[threshold]) <= 1
    assert len(accepted[1]) == 2


def test_signatures_of_others_do_not_count():
    log = Ledger()
    log.append("entry")
    head, witness, stranger = log.head(), Witness(log.public_key), Witness(log.public_key)
    for signatures in ({0: stranger.cosign(head)}, {7: witness.cosign(head)}, {0: head.signature}, {}):
        with pytest.raises(LedgerError, match="0 witnesses signed this head, 1 are required"):
            CosignedHead(head, signatures).check(log.public_key, [witness.public_key], threshold=1)
    another = Ledger()
    another.append("entry")  # the same list under another key: a witness's signature is not good for it
    with pytest.raises(LedgerError, match="0 witnesses"):
        CosignedHead(another.head(), {0: witness.cosign(head)}).check(another.public_key, [witness.public_key], threshold=1)
    with pytest.raises(LedgerError, match="not signed by that key"):
        witness.cosign(another.head())


def test_bad_arguments():
    log = Ledger()
    log.append("entry")
    for arguments, named in (((b"key",), "log_key"), ((log.public_key,), "key")):
        with pytest.raises(ValueError, match=f"{named} must"):
            Witness(*arguments, key="secret")
    with pytest.raises(ValueError, match="head must"):
        Witness(log.public_key).cosign("head")
    for threshold in (0, 2):
        with pytest.raises(ValueError, match="threshold must"):
            CosignedHead(log.head(), {}).check(log.public_key, [Witness(log.public_key).public_key], threshold=threshold)
