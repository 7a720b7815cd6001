"""Predictions against measurements: sizes within 10 %, error a bound that is not loose by more than a hundred."""

import math
import re
import time

import numpy as np
import pytest

from labkit.encrypted.ckks import noise
from labkit.encrypted.ckks.planning import MOST_BITS, CKKSPlan, bytes_text, plan
from labkit.encrypted.ckks.roles import CKKSClient

GRID = [(0, 10), (0, 30), (1, 8), (1, 20), (1, 35), (2, 15), (3, 10), (3, 25), (5, 6), (6, 12), (6, 30)]


@pytest.mark.parametrize("depth, precision_bits", GRID)
def test_predictions_hold(depth, precision_bits):
    chosen = plan(depth=depth, precision_bits=precision_bits)
    client = CKKSClient(chosen, shadow=True)
    # +-1 is the worst that `largest` allows: every squaring then doubles the error. Noise is fresh each run; a single
    # slot's error exceeds its bound with probability about 1e-6 divided by the number of slots.
    x = client.encrypt(np.random.default_rng(0).choice([-1.0, 1.0], chosen.slots))
    assert chosen.ciphertext_bytes() == len(x.to_bytes())
    for _ in range(depth):
        x = x * x
    assert chosen.ciphertext_bytes(level=depth) == len(x.to_bytes())
    assert chosen.public_bytes() == pytest.approx(len(client.public_bytes()), rel=0.1)
    measured = client.trace[-1].error
    assert measured <= chosen.error <= 100 * measured
    assert x.error_bound == pytest.approx(chosen.error, rel=0.02)  # the vector's own count
    assert chosen.error <= 2.0**-precision_bits


def test_size_of_keys_with_rotations():
    chosen = plan(depth=2, precision_bits=10, rotations=True)
    assert chosen.public_bytes() == pytest.approx(len(CKKSClient(chosen).public_bytes()), rel=0.1)
    assert chosen.public_bytes() == chosen.public_bytes(True) > 10 * chosen.public_bytes(False)


def test_error_bound_holds_for_large_numbers_too():
    chosen = plan(depth=2, precision_bits=8, largest=16.0)
    client = CKKSClient(chosen, shadow=True)
    x = client.encrypt(np.full(chosen.slots, 16.0))
    ones = client.encrypt(np.ones(chosen.slots), bound=1)
    x * ones * ones
    assert client.trace[-1].error <= chosen.error <= 2.0**-8


@pytest.mark.parametrize("prime_bits", [(60, 30, 30, 20), (50, 40, 40, 20), (60, 30, 30, 30), (60, 20, 20, 20), (40, 30)])
def test_a_last_prime_smaller_than_others_is_refused(prime_bits):
    with pytest.raises(ValueError, match="prime_bits must end with the largest size"):
        CKKSPlan(8192, prime_bits)


@pytest.mark.parametrize("prime_bits", [(60, 40, 40, 60), (60, 30, 30, 60), (44, 36, 36, 44), (28, 25, 25, 28)])
def test_products_of_hand_made_plans_keep_their_bounds(prime_bits):
    chosen = CKKSPlan(8192, prime_bits)
    client = CKKSClient(chosen, shadow=True)
    x = client.encrypt(np.random.default_rng(1).uniform(-1, 1, chosen.slots), bound=1)
    (x * x) * x
    for step in client.trace:  # chance of failing: about 1e-6 a step
        assert step.error <= step.error_bound <= 1.001 * chosen.error


def test_key_switching_noise_is_in_the_bound_of_a_product():
    """The reason for the rule: under a last prime of 20 bits the switch alone would exceed what was counted before."""
    primes = (2**60, 2**30, 2**30, 2**20)
    assert noise.product_error(8192, primes, 0) > 1e6 * noise.rounding_error(8192)
    large = (*primes[:-1], 2**60)
    assert noise.product_error(8192, large, 0) < 2 * noise.rounding_error(8192)


def test_always_inside_the_guideline():
    for depth, precision_bits in GRID:
        for guideline in MOST_BITS:
            chosen = plan(depth=depth, precision_bits=precision_bits, guideline=guideline)
            used, allowed = chosen.security(guideline)
            assert used <= allowed == MOST_BITS[guideline][chosen.poly_modulus_degree]
            assert chosen.depth == depth
            assert chosen.slots == chosen.poly_modulus_degree // 2


def test_the_newer_guideline_is_the_stricter_one():
    assert all(MOST_BITS["2024"][degree] < MOST_BITS["2018"][degree] for degree in MOST_BITS["2024"])
    # a request that fits 8192 by the old table only
    old = plan(depth=1, precision_bits=20, guideline="2018")
    assert old.poly_modulus_degree < plan(depth=1, precision_bits=20).poly_modulus_degree


def test_the_plan_is_the_smallest():
    chosen = plan(depth=3, precision_bits=20)
    outer, middle = chosen.prime_bits[:2]
    smaller = CKKSPlan(chosen.poly_modulus_degree, (outer - 1, *(middle - 1,) * 3, outer - 1))
    assert smaller.error > 2.0**-20
    half = chosen.poly_modulus_degree // 2
    assert chosen.modulus_bits > MOST_BITS["2024"][half]


def test_scale_is_the_geometric_mean_of_the_actual_primes():
    chosen = CKKSPlan(8192, (40, *[30] * 4, 40))
    middle = [math.log2(prime) for prime in chosen.primes[1:-1]]
    assert math.log2(chosen.scale) == pytest.approx(np.mean(middle))
    assert chosen.scale != 2.0**30
    assert noise.level_factors(chosen.primes, chosen.scale)[0] == 1


@pytest.mark.parametrize("request_, reason", [
    ({"depth": 59}, "Nearest: depth=14 at precision_bits=20"),
    ({"depth": 20, "precision_bits": 8}, "Nearest: depth=17 at precision_bits=8"),
    ({"depth": 3, "precision_bits": 60}, "primes have at most 60 bits"),
    ({"depth": 12, "rotations": True}, "2 GiB"),
    ({"depth": 2, "largest": 1e30}, "largest"),
    ({"depth": 5, "largest": 1e300}, "none; scale the numbers down"),
])
def test_what_cannot_be_had_is_refused_with_the_reason(request_, reason):
    with pytest.raises(ValueError, match="depth must be smaller.*" + reason):
        plan(**request_)


@pytest.mark.parametrize("depth, precision_bits", [(40, 20), (6, 45), (15, 25)])
def test_the_nearest_request_can_be_had(depth, precision_bits):
    with pytest.raises(ValueError) as refused:
        plan(depth=depth, precision_bits=precision_bits)
    shallower = re.search(r"depth=(\d+) at", str(refused.value))
    coarser = re.search(r"precision_bits=(\d+) at depth=", str(refused.value))
    assert shallower or coarser
    for found, nearest in [
            (shallower, lambda n: plan(depth=n, precision_bits=precision_bits)),
            (coarser, lambda n: plan(depth=depth, precision_bits=n))]:
        if found:
            nearest(int(found.group(1)))
            with pytest.raises(ValueError):
                nearest(int(found.group(1)) + 1)


def test_fast_enough_for_a_slider():
    plan(depth=0)  # loads tenseal
    began = time.process_time()
    for depth in range(14):
        for precision_bits in (7, 23, 38):
            try:
                plan(depth=depth, precision_bits=precision_bits, largest=3.0)
            except ValueError:
                pass
    assert (time.process_time() - began) / 42 < 0.05


@pytest.mark.parametrize("change, name", [
    ({"depth": -1}, "depth"), ({"depth": 1.0}, "depth"), ({"depth": None}, "depth"), ({"depth": True}, "depth"),
    ({"depth": 10**9}, "depth"), ({"precision_bits": 0}, "precision_bits"), ({"precision_bits": 20.5}, "precision_bits"),
    ({"precision_bits": math.nan}, "precision_bits"), ({"largest": 0}, "largest"), ({"largest": -1}, "largest"),
    ({"largest": math.inf}, "largest"), ({"largest": math.nan}, "largest"), ({"largest": "1"}, "largest"),
    ({"rotations": 1}, "rotations"), ({"rotations": None}, "rotations"), ({"guideline": "2025"}, "guideline"),
    ({"guideline": 2024}, "guideline"),
])
def test_bad_arguments_of_plan(change, name):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        plan(**{"depth": 1, **change})


@pytest.mark.parametrize("arguments, name", [
    ((1000, (40, 40)), "poly_modulus_degree"), ((8192.0, (40, 40)), "poly_modulus_degree"), ((8192, (40,)), "prime_bits"),
    ((8192, (40, 61)), "prime_bits"), ((8192, (40, 19, 40)), "prime_bits"), ((8192, (40.0, 40)), "prime_bits"),
    ((8192, ()), "prime_bits"), ((32768, (20,) * 12), "prime_bits"), ((8192, (40, 40), 0), "largest"),
    ((8192, (40, 40), math.nan), "largest"), ((8192, (40, 40), 1.0, "yes"), "rotations"),
    ((8192, 40), "prime_bits"), ((8192, "4040"), "prime_bits"),
])
def test_bad_arguments_of_a_plan_made_by_hand(arguments, name):
    with pytest.raises(ValueError, match=f"{name} must"):
        CKKSPlan(*arguments)


def test_bad_arguments_of_its_methods():
    chosen = plan(depth=1)
    for call, name in [(lambda: chosen.ciphertext_bytes(level=2), "level"), (lambda: chosen.ciphertext_bytes(-1), "level"),
                       (lambda: chosen.public_bytes(1), "rotations"), (lambda: chosen.security("1999"), "guideline")]:
        with pytest.raises(ValueError, match=f"{name} must be"):
            call()


def test_table_for_people():
    text = str(plan(depth=1))
    assert "2024 guideline" in text and "(2018)" in text and "4096 numbers" in text
    assert [bytes_text(n) for n in (12, 1230, 4.56e6, 7.89e9)] == ["12 bytes", "1.23 KB", "4.56 MB", "7.89 GB"]
