"""Masks over the whole plaintext: the sum comes out, and nothing else does, in either half of any slot."""

import numpy as np
import pytest
from scipy import stats

from labkit.encrypted.ckks import masking
from labkit.encrypted.ckks.masking import everything_in, masked_sum, opened_sum, sum_error
from labkit.encrypted.ckks.planning import CKKSPlan, plan, prime_chain
from labkit.encrypted.ckks.roles import CKKSClient, CKKSServer

PLAN = CKKSPlan(8192, (60, 50, 60))
NUMBERS = np.random.default_rng(0).uniform(-1, 1, 256)


@pytest.fixture(scope="module")
def client():
    return CKKSClient(PLAN)


@pytest.fixture(scope="module")
def vector(client):
    return CKKSServer(client.public_bytes()).load(client.encrypt(NUMBERS, bound=1).to_bytes())


@pytest.mark.parametrize("hiding_bits", [1, 10, 16])
def test_the_sum_is_right_to_its_stated_error(client, vector, hiding_bits):
    for x, exact in [(vector, NUMBERS), (vector * 0.5, NUMBERS / 2), (vector * vector, NUMBERS**2)]:
        error = opened_sum(client, masked_sum(x, hiding_bits=hiding_bits)) - exact.sum()
        lowered = x if x.levels_left == 0 else x._lowered()
        assert abs(error) <= sum_error(lowered, hiding_bits=hiding_bits)


def test_every_bit_of_hiding_costs_a_bit_of_precision(vector):
    errors = [sum_error(vector * 0.5, hiding_bits=bits) for bits in (10, 11, 20)]
    assert errors[1] / errors[0] == pytest.approx(2, rel=0.05) and errors[2] / errors[0] == pytest.approx(1024, rel=0.05)


def test_the_masks_themselves_are_uniform_but_for_the_constant():
    """Coefficients other than the constant, by an inverse transform of our own, against a uniform law."""
    from labkit.attacks.key_recovery import _coefficients

    degree = 4096
    prime = prime_chain(degree, (40, 40))[0]
    points = masking._points_of_a_mask(degree, prime, -12345)
    coefficients = _coefficients(points.astype(object), prime)
    assert coefficients[0] == -12345
    shares = coefficients[1:].astype(float) / prime + 0.5
    assert stats.kstest(shares, "uniform").pvalue > 1e-5
    other = _coefficients(masking._points_of_a_mask(degree, prime, -12345).astype(object), prime)
    assert (coefficients[1:] != other[1:]).mean() > 0.99


def test_uniform_words_below_a_modulus():
    # 60,000 draws in 6 cells: chi-square with 5 degrees of freedom, beyond 30.9 once in 100,000
    words = masking.uniform_words(60_000, 6)
    counts = np.bincount(words.astype(int), minlength=6)
    assert len(counts) == 6 and ((counts - 10_000) ** 2 / 10_000).sum() < 30.9
    large = masking.uniform_words(1000, 2**60 - 2**14 + 1)
    assert masking.sum_of_words(large) == sum(large.tolist())


def test_no_half_of_any_slot_depends_on_the_numbers(client, vector):
    """Every slot under the mask is as large as without numbers, and uncorrelated with them: 5 standard deviations."""
    for x in (vector * 0.5, vector * vector):
        seen = everything_in(client, masked_sum(x, hiding_bits=16))
        wide = np.resize(NUMBERS, len(seen))
        for half in (seen.real, seen.imag):
            assert np.abs(half).min() > 1e-3 and abs(np.corrcoef(half, wide)[0, 1]) < 5 / np.sqrt(len(seen))
    bare = everything_in(client, (vector * 0.5).to_bytes())
    assert np.abs(bare.real - np.resize(NUMBERS, len(bare)) / 2).max() < 1e-6  # the broken twin: no mask
    assert 0 < np.abs(bare.imag).max() < 1e-6


@pytest.mark.parametrize("prime_bits", [(60, 50, 60), (60, 58, 60), (45, 36, 45)])
def test_the_flood_hides_the_error_to_the_stated_bits(prime_bits):
    """The mean size of the sum's error without a mask, against the width of the flood: their ratio is the advantage."""
    client = CKKSClient(CKKSPlan(8192, prime_bits))
    errors = []
    for _ in range(25):
        x, y = (client.encrypt(NUMBERS, bound=1) for _ in range(2))
        errors.append(everything_in(client, (x * y).to_bytes()).real.mean() - (NUMBERS**2).mean())
    for bits in (8, 20):
        width = (2 * masking._flood(x * y, bits) + 1) / masking._unit(x * y)
        # the mean size of 25 errors has a standard deviation of 15 %; the real ratio is below half of the bound
        assert np.abs(errors).mean() / width < 2.0**-bits


def test_the_random_half_is_fresh(client, vector):
    """c1 of a reply would otherwise be a function of the hospitals' ciphertexts."""
    halves = []
    for _ in range(2):
        (ciphertext,) = client.load(masked_sum(vector * 0.5, hiding_bits=8)).data.ciphertext()
        halves.append([ciphertext[PLAN.poly_modulus_degree + i] for i in range(200)])
    (bare,) = (vector * 0.5).data.ciphertext()
    halves.append([bare[PLAN.poly_modulus_degree + i] for i in range(200)])
    assert not set(halves[0]) & set(halves[1]) and not set(halves[0]) & set(halves[2])


def test_messages_of_masked_sums_have_one_length(vector):
    assert {len(masked_sum(x, hiding_bits=8)) for x in (vector, vector * 0.5, vector * vector)} == {PLAN.ciphertext_bytes(1)}


@pytest.mark.parametrize("call, name", [
    (lambda c, v: masked_sum(None, hiding_bits=8), "vector"), (lambda c, v: masked_sum(c.encrypt([1.0] * 3), hiding_bits=8), "vector"),
    (lambda c, v: masked_sum(v, hiding_bits=0), "hiding_bits"), (lambda c, v: masked_sum(v, hiding_bits=8.0), "hiding_bits"),
    (lambda c, v: masked_sum(v, hiding_bits=60), "hiding_bits"), (lambda c, v: opened_sum(None, b""), "client"),
    (lambda c, v: opened_sum(v.party, v.to_bytes()), "client"), (lambda c, v: opened_sum(c, b"no"), "message"),
    (lambda c, v: sum_error(5, hiding_bits=8), "vector")])
def test_bad_arguments(client, vector, call, name):
    with pytest.raises(ValueError, match=f"{name} must"):
        call(client, vector)


def test_a_plan_without_levels_masks_fresh_vectors():
    alone = CKKSClient(plan(depth=0, precision_bits=24))
    message = masked_sum(alone.encrypt(NUMBERS, bound=1), hiding_bits=4)
    assert opened_sum(alone, message) == pytest.approx(NUMBERS.sum(), abs=1e-2)
