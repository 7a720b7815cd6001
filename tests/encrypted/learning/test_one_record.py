"""One record in one ciphertext: by rotations, and in coefficients."""

import numpy as np
import pytest

from labkit.encrypted.ckks import wire
from labkit.encrypted.ckks.planning import MOST_BITS, CKKSPlan, plan
from labkit.encrypted.learning import coefficients
from labkit.encrypted.learning.coefficients import CoefficientClient, CoefficientServer
from labkit.encrypted.learning.models import largest_score
from labkit.encrypted.learning.one_record import OneRecordClient, OneRecordServer, width_of

NAN = float("nan")
RNG = np.random.default_rng(5)
WEIGHTS, BIAS = RNG.normal(size=30), 0.3
RECORDS = RNG.uniform(-1, 1, (3, 30))
PLANS = {"same ring": plan(depth=1, largest=largest_score(WEIGHTS, BIAS)), "half the ring": CKKSPlan(4096, (38, 28, 40), 64.0)}


def by_rotation(chosen):
    client = OneRecordClient(chosen, features=30)
    server = OneRecordServer(WEIGHTS, BIAS, client.public_bytes())
    server.take_rotation_keys(client.rotation_keys())
    return client, server


@pytest.fixture(scope="module")
def pair():
    client = CoefficientClient()
    return client, CoefficientServer(WEIGHTS, BIAS, client.public_bytes())


@pytest.mark.parametrize("name, error", [("same ring", 1e-5), ("half the ring", 1e-2)])
def test_rotations_give_the_score(name, error):
    client, server = by_rotation(PLANS[name])
    for x in RECORDS:
        assert client.score(server.answer(client.request(x))) == pytest.approx(x @ WEIGHTS + BIAS, abs=error)


def test_coefficients_give_the_score_exactly_in_steps(pair):
    client, server = pair
    whole, fraction = np.rint(WEIGHTS * 2**20).astype(int), np.rint(RECORDS * 2**20).astype(int)
    for x, steps in zip(RECORDS, fraction):
        score = client.score(server.answer(client.request(x)))
        exact = int(sum(int(a) * int(b) for a, b in zip(whole, steps))) + round(BIAS * 4**20)
        assert score == exact / 4**20 and abs(score - x @ WEIGHTS - BIAS) < 1e-4


@pytest.mark.parametrize("weights, bias, x", [
    ([200.0], 50.0, [1.0]), ([200.0], 50.0, [-1.0]), ([-3.0, 2.0], -1.0, [1.0, -1.0]), ([0.0, 0.0, 5.0], 0.0, [1.0, 1.0, -1.0]),
    ([1e-5, 1.0], 0.0, [1.0, 0.0]), (np.ones(100) * 2.5, 0.0, np.ones(100)), ([1.0], 0.0, [0.0])])
def test_coefficients_at_the_edges(weights, bias, x):
    client = CoefficientClient()
    server = CoefficientServer(weights, bias, client.public_bytes())
    assert client.score(server.answer(client.request(x))) == pytest.approx(np.dot(weights, x) + bias, abs=1e-3)


def all_coefficients(client, reply):
    plain = coefficients._seal().Plaintext()
    client._decryptor.decrypt(coefficients._ciphertext(reply, client.key_name, client.context), plain)
    return np.array([plain[i] for i in range(plain.coeff_count())], float) / coefficients.plain_modulus()


def test_the_other_coefficients_say_nothing(pair):
    """Uniform, by Kolmogorov and Smirnov, and new each time; without masks they are products of weights and numbers."""
    from scipy import stats

    client, server = pair
    request = client.request(RECORDS[0])
    first, second = (all_coefficients(client, server.answer(request))[1:] for _ in range(2))
    for each in (first, second):
        assert len(each) > 8000 and stats.kstest(each, "uniform").pvalue > 1e-5
    assert (first[:8000] != second[:8000]).mean() > 0.99
    seal = coefficients._seal()
    bare = seal.Ciphertext()
    server._evaluator.multiply_plain(coefficients._ciphertext(request, client.key_name, client.context), server._weights, bare)
    unmasked = all_coefficients(client, coefficients._message(bare, client.key_name))
    assert abs(np.median(unmasked[100:8000])) == 0  # the control: zeros between the products


def test_the_flood_is_wider_than_the_noise_by_the_stated_bits():
    assert coefficients.largest_flood() >= coefficients.noise_bound() * 2 ** (coefficients.HIDING_BITS - 1)
    # the largest weights that are accepted, all noise at its bound and all flood: still rounded away
    budget = np.prod([float(prime) for prime in coefficients._primes()]) / coefficients.plain_modulus() / 2
    assert coefficients.largest_flood() + coefficients.noise_bound() < budget


def test_parameters_keep_to_the_2024_table():
    assert sum(coefficients.PRIME_BITS) <= MOST_BITS["2024"][coefficients.DEGREE]


def test_no_flipped_bit_goes_unnoticed(pair):
    client, server = pair
    request = client.request(RECORDS[0])
    reply = server.answer(request)
    for take, message in ((server.answer, request), (client.score, reply)):
        for _ in range(50):
            changed = bytearray(message)
            changed[RNG.integers(len(changed))] ^= 1 << RNG.integers(8)
            with pytest.raises(ValueError, match="message must"):
                take(bytes(changed))


def test_another_clients_key(pair):
    client, server = pair
    with pytest.raises(ValueError, match="got one for another"):
        server.answer(CoefficientClient().request(RECORDS[0]))


@pytest.mark.parametrize("features, width", [(1, 1), (2, 2), (3, 4), (30, 32), (32, 32), (33, 64)])
def test_width(features, width):
    assert width_of(features) == width


@pytest.mark.parametrize("call, name", [
    (lambda: OneRecordClient(None, 3), "plan"), (lambda: OneRecordClient(PLANS["same ring"], 0), "features"),
    (lambda: OneRecordClient(PLANS["same ring"], 5000), "features"), (lambda: OneRecordClient(PLANS["same ring"], 3).request([1.0]), "x"),
    (lambda: OneRecordClient(PLANS["same ring"], 1).request([2.0]), "values"), (lambda: OneRecordServer([0.0], 1.0, b""), "weights"),
    (lambda: OneRecordServer([1.0], 1.0, b""), "public_bytes"), (lambda: CoefficientClient().request([1.5]), "x"),
    (lambda: CoefficientClient().request([NAN]), "x"), (lambda: CoefficientClient().request(np.zeros(9000)), "x"),
    (lambda: CoefficientServer([1.0], 1.0, b""), "public_bytes"), (lambda: CoefficientServer([1.0], 1.0, wire.checked(b"x" * 40)), "public_bytes"),
    (lambda: CoefficientServer([300.0], 0.0, CoefficientClient().public_bytes()), "weights"),
    (lambda: CoefficientClient().score(b"x" * 100), "message")])
def test_bad_arguments(call, name):
    with pytest.raises(ValueError, match=f"{name} must"):
        call()
