"""A mask from a short seed comes off; one from a whole key does not; and what the lab says of Flower is so."""

import base64
import importlib
import warnings

import numpy as np
import pytest

from labkit.attacks.mask_seed import find_seed, first_numbers, folded, weak_mask
from labkit.federated.secure_aggregation import masks

VECTOR = np.random.default_rng(0).integers(-(2**20), 2**20, 500)
KEY = bytes(range(7, 39))


def test_many_twisters_at_once_are_numpy_s():
    seeds = np.array([0, 1, 5489, 2**31, 2**32 - 1], dtype=np.uint32)
    expected = [np.random.RandomState(int(seed)).randint(0, 2**32 - 1, 50, dtype=np.int64) for seed in seeds]
    assert (first_numbers(seeds, 50).T == expected).all()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("bits", [10, 18])
def test_a_short_seed_is_found_and_the_mask_comes_off(bits, sign):
    mask = weak_mask(KEY, len(VECTOR), bits)
    masked = VECTOR.astype(np.uint32) + mask if sign == 1 else VECTOR.astype(np.uint32) - mask
    assert find_seed(masked, largest=2**20, bits=bits, sign=sign) == folded(KEY, bits)


def test_a_seed_beyond_those_tried_is_not_found():
    masked = VECTOR.astype(np.uint32) + np.random.RandomState(2**16 + 5).randint(0, 2**32 - 1, len(VECTOR), dtype=np.int64).astype(np.uint32)
    assert find_seed(masked, largest=2**20, bits=16) is None and find_seed(masked, largest=2**20, bits=17) == 2**16 + 5


def test_the_repair_a_whole_key_and_chacha20_withstands():
    masked = VECTOR.astype(np.uint32) + masks.expand(KEY, len(VECTOR), 32)
    assert find_seed(masked, largest=2**20, bits=18) is None


def test_two_keys_with_one_fold_give_one_mask_and_the_repair_two():
    other = KEY[4:8] + KEY[:4] + KEY[8:]  # exclusive or does not mind the order
    assert other != KEY and (weak_mask(KEY, 50) == weak_mask(other, 50)).all()
    assert (masks.expand(KEY, 50, 32) != masks.expand(other, 50, 32)).any()


def test_what_the_lab_says_of_flower():
    """Against the installed Flower. When this fails Flower has changed: then so must the lab's sentences."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = importlib.import_module("flwr.client.mod.secure_aggregation.secaggplus_mod")  # the package hides it by a function
        from flwr.common.secure_aggregation import secaggplus_utils as utils
        from flwr.common.secure_aggregation.crypto import symmetric_encryption as crypto
    assert (utils.pseudo_rand_gen(KEY, 2**32, [(300,)])[0] == weak_mask(KEY, 300)).all()
    assert max(utils.pseudo_rand_gen(KEY, 4, [(10_000,)])[0]) == 2  # of 0 ... 3 the top one never comes

    from cryptography.hazmat.primitives.asymmetric import ec
    keys = [ec.generate_private_key(ec.SECP384R1()) for _ in range(2)]
    shared = crypto.generate_shared_key(keys[0], keys[1].public_key())
    assert len(base64.urlsafe_b64decode(shared)) == 32 and folded(shared) & 0x80808080 == 0  # text: 28 bits of 32 vary

    class State:
        nid, threshold, rd_seed_share_dict, sk1_share_dict = 1, 1, {5: b"seed of 5"}, {5: b"key of 5"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = client._unmask(State(), {client.Key.ACTIVE_NODE_ID_LIST: [5], client.Key.DEAD_NODE_ID_LIST: [5]})
    assert answer[client.Key.SHARE_LIST] == [b"seed of 5", b"key of 5"]  # both, of one client


@pytest.mark.parametrize("call, name", [
    (lambda: folded(b""), "key"), (lambda: folded(b"abc"), "key"), (lambda: folded("text"), "key"), (lambda: folded(KEY, 33), "bits"),
    (lambda: folded(KEY, 0), "bits"), (lambda: weak_mask(KEY, 0), "length"), (lambda: first_numbers([], 3), "seeds"),
    (lambda: first_numbers([1], 0), "count"), (lambda: first_numbers([float("nan")], 3), "seeds"),
    (lambda: find_seed([], largest=1, bits=8), "masked"), (lambda: find_seed([1, 2], largest=1, bits=8), "masked"),
    (lambda: find_seed(np.zeros(9, np.uint32), largest=-1, bits=8), "largest"),
    (lambda: find_seed(np.zeros(9, np.uint32), largest=2**31, bits=8), "largest"),
    (lambda: find_seed(np.zeros(9, np.uint32), largest=1, bits=40), "bits"),
    (lambda: find_seed(np.zeros(9, np.uint32), largest=1, bits=8, sign=2), "sign"),
    (lambda: find_seed(np.zeros(1, np.uint32), largest=2**30, bits=20), "long enough")])
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()
