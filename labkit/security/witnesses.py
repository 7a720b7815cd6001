"""Witnesses of a log: others who sign its heads, so that the log cannot show different histories to different people.

A witness remembers one head of a log. It signs a newer one only with a proof that the old list is the beginning of the
new one. Whoever accepts a head only with the signatures of enough witnesses sees the list that everybody else sees: two
lists that differ would need enough signatures each, so that an honest witness would have to sign both. Nobody but the log
has to keep the list.

Source: Syta et al., "Keeping authorities 'honest or bust' with decentralized witness cosigning", IEEE S&P 2016; the
proofs are those of RFC 9162 (see merkle.py).
"""

import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from labkit import validate
from labkit.security.ledger import LedgerError, TreeHead
from labkit.security.merkle import verify_consistency

MARK = b"labkit witness\x00"  # a witness's signature can then not be passed off as a log's


class Witness:
    """Signs the heads of one log, each an extension of the one before. `public_key` checks its signatures."""

    def __init__(self, log_key, *, key=None):
        """log_key: the log's Ed25519PublicKey.  key: an Ed25519PrivateKey; by default a new one."""
        if not isinstance(log_key, Ed25519PublicKey):
            raise ValueError(f"log_key must be an Ed25519PublicKey, got {type(log_key).__name__}")
        if key is not None and not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"key must be an Ed25519PrivateKey, got {type(key).__name__}")
        self._log_key, self._key = log_key, key or Ed25519PrivateKey.generate()
        self.head = None  # the last that it signed

    @property
    def public_key(self):
        """With this, anyone can check the witness's signatures."""
        return self._key.public_key()

    def cosign(self, head, proof=()):
        """The witness's signature (64 bytes) on a head of the log.

        proof:  `Ledger.consistency_proof` from the size it signed last; empty the first time.
        Raises LedgerError, and remembers nothing, where the log did not sign the head or the old list is not the
        beginning of the new one.
        """
        if not isinstance(head, TreeHead):
            raise ValueError(f"head must be a TreeHead, got {type(head).__name__}")
        head.check(self._log_key)
        old = self.head
        if old is not None and old.size and not (
                head.size >= old.size and verify_consistency(old.size, head.size, old.root, head.root, list(proof))):
            raise LedgerError(f"this head of {head.size} entries does not extend the {old.size} signed before")
        self.head = head
        return self._key.sign(_signed(head, self._log_key))


@dataclass(frozen=True)
class CosignedHead:
    """A head with the witnesses' signatures on it: {witness's number: 64 bytes}."""

    head: TreeHead
    cosignatures: dict

    def check(self, log_key, witnesses, *, threshold):
        """Raise LedgerError unless the log and `threshold` of the witnesses signed this head.

        witnesses:  their public keys, a list that everybody knows beforehand.
        threshold:  a whole number from 1 to how many there are. More than half of them together with all liars among
                    them, or two different histories can both gather enough signatures.
        """
        threshold = validate.integer(threshold=threshold, at_least=1, at_most=len(witnesses))
        self.head.check(log_key)
        good = sum(_holds(witnesses[number], signature, _signed(self.head, log_key)) for number, signature in self.cosignatures.items()
                   if 0 <= number < len(witnesses))
        if good < threshold:
            raise LedgerError(f"{good} witnesses signed this head, {threshold} are required")

    @property
    def proof_bytes(self):
        """What has to be kept or sent: size, root, and the signatures with their witnesses' numbers (2 bytes each)."""
        return 8 + len(self.head.root) + len(self.head.signature) + sum(2 + len(each) for each in self.cosignatures.values())


def _signed(head, log_key):
    """What a witness signs: the log is named, since a witness may serve several."""
    return MARK + log_key.public_bytes_raw() + struct.pack(">Q", head.size) + head.root


def _holds(public_key, signature, message):
    try:
        public_key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
