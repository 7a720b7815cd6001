"""Two published results give the key away; a rounded or noisy one, or somebody else's, gives nothing."""

import numpy as np
import pytest

from labkit.attacks.key_recovery import decrypt_with, recover_key
from labkit.encrypted.ckks.planning import CKKSPlan, plan
from labkit.encrypted.ckks.roles import CKKSClient, CKKSServer

PLANS = {"fresh": plan(depth=0), "after a product": plan(depth=1, largest=8.0), "two levels": CKKSPlan(8192, (60, 40, 40, 60))}


class Case:
    """A client, its server, and three full vectors that the server computed."""

    def __init__(self, chosen, seed=0):
        rng = np.random.default_rng(seed)
        self.client = CKKSClient(chosen)
        self.server = CKKSServer(self.client.public_bytes())
        loaded = [self.server.load(self.client.encrypt(rng.uniform(-1, 1, chosen.slots), bound=1).to_bytes()) for _ in range(3)]
        results = [x * 0.75 + 0.25 if chosen.depth else x + 0.25 for x in loaded]
        self.messages = [each.to_bytes() for each in results]
        self.published = [self.client.decrypt(each) for each in self.messages]


@pytest.fixture(scope="module", params=PLANS, ids=str)
def case(request):
    return Case(PLANS[request.param])


def test_two_results_open_a_third(case):
    key = recover_key(case.server, case.messages[:2], case.published[:2])
    # A random ternary key: each value is within 5 standard deviations of a third, but for one key in 600,000.
    counts, n = np.bincount(key + 1, minlength=3), len(key)
    assert n == case.client.poly_modulus_degree and np.abs(counts - n / 3).max() < 5 * np.sqrt(n * 2 / 9)
    np.testing.assert_allclose(decrypt_with(key, case.server, case.messages[2]), case.published[2], atol=1e-9)
    # also a short vector that was never decrypted by anybody
    message = case.client.encrypt([0.125, -0.5], bound=1).to_bytes()
    np.testing.assert_allclose(decrypt_with(key, case.server, message)[:2], [0.125, -0.5], atol=1e-4)


@pytest.mark.parametrize("protect", [lambda x: np.round(x, 6), lambda x: x.astype(np.float32).astype(float),
                                     lambda x: x + np.random.default_rng(1).normal(0, 1e-6, len(x))],
                         ids=["six decimals", "single precision", "noise of a millionth"])
def test_fails_against_less_exact_results(case, protect):
    assert recover_key(case.server, case.messages[:2], [protect(each) for each in case.published[:2]]) is None


def test_fails_with_one_result_told_twice_or_with_another_s(case):
    assert recover_key(case.server, [case.messages[0]] * 2, [case.published[0]] * 2) is None
    assert recover_key(case.server, case.messages[:2], case.published[1:]) is None


def test_what_the_clinic_s_scores_reveal_is_the_key_itself():
    case = Case(PLANS["fresh"], seed=3)
    key = recover_key(case.server, case.messages[:2], case.published[:2])
    other = Case(PLANS["fresh"], seed=4)
    assert np.abs(decrypt_with(key, other.server, other.messages[0]) - other.published[0]).max() > 1  # opens its own locks only


class TestBadArguments:
    case = Case(PLANS["fresh"], seed=1)
    short = case.client.encrypt([1.0]).to_bytes()

    @pytest.mark.parametrize("name, messages, published", [
        ("messages", case.messages[:1], case.published[:2]),
        ("messages", case.messages, case.published),
        ("messages", [short, short], case.published[:2]),
        ("message", [b"", b""], case.published[:2]),
        ("published", case.messages[:2], case.published[:1]),
        ("published", case.messages[:2], [case.published[0][:-1], case.published[1]]),
        ("published", case.messages[:2], [np.full(PLANS["fresh"].slots, np.nan)] * 2),
        ("published", case.messages[:2], [np.zeros((2, 2))] * 2),
    ])
    def test_recover_key(self, name, messages, published):
        with pytest.raises(ValueError, match=f"^{name} must"):
            recover_key(self.case.server, messages, published)

    @pytest.mark.parametrize("key", [np.zeros(3), np.zeros((2, 2)), np.full(4096, np.nan)])
    def test_decrypt_with(self, key):
        with pytest.raises(ValueError, match="^key must"):
            decrypt_with(key, self.case.server, self.case.messages[0])
