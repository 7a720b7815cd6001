"""ML-KEM of `cryptography` (OpenSSL) and of kyber-py, written from the standard in Python: each opens what the other closed.

Source of both: NIST FIPS 203, "Module-lattice-based key-encapsulation mechanism standard", 13 August 2024.
"""

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
    MLKEM1024PrivateKey,
    MLKEM1024PublicKey,
)
from kyber_py.ml_kem import ML_KEM_768, ML_KEM_1024

PAIRS = [pytest.param(ML_KEM_768, MLKEM768PrivateKey, MLKEM768PublicKey, (1184, 1088), id="768"),
         pytest.param(ML_KEM_1024, MLKEM1024PrivateKey, MLKEM1024PublicKey, (1568, 1568), id="1024")]  # FIPS 203, table 3
both = pytest.mark.parametrize("theirs, PrivateKey, PublicKey, sizes", PAIRS)
SEEDS = [np.random.default_rng(each).bytes(64) for each in range(5)]


@both
def test_one_seed_gives_both_the_same_public_key(theirs, PrivateKey, PublicKey, sizes):
    for seed in SEEDS:
        public, _ = theirs.key_derive(seed)
        assert public == PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw() and len(public) == sizes[0]


@both
def test_cryptography_opens_what_the_other_closed(theirs, PrivateKey, PublicKey, sizes):
    for seed in SEEDS:
        private = PrivateKey.from_seed_bytes(seed)
        shared, ciphertext = theirs.encaps(private.public_key().public_bytes_raw())
        assert private.decapsulate(ciphertext) == shared and len(shared) == 32 and len(ciphertext) == sizes[1]


@both
def test_the_other_opens_what_cryptography_closed(theirs, PrivateKey, PublicKey, sizes):
    for seed in SEEDS:
        public, private = theirs.key_derive(seed)
        shared, ciphertext = PublicKey.from_public_bytes(public).encapsulate()
        assert theirs.decaps(private, ciphertext) == shared and len(ciphertext) == sizes[1]


@both
def test_a_changed_ciphertext_gives_both_the_same_other_secret(theirs, PrivateKey, PublicKey, sizes):
    """No error, which would tell an attacker something: a secret that follows from key and ciphertext (section 6.3)."""
    for number, seed in enumerate(SEEDS):
        ours, (public, private) = PrivateKey.from_seed_bytes(seed), theirs.key_derive(seed)
        shared, ciphertext = PublicKey.from_public_bytes(public).encapsulate()
        changed = bytearray(ciphertext)
        changed[100 * number] ^= 1
        assert ours.decapsulate(bytes(changed)) == theirs.decaps(private, bytes(changed)) != shared
