import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.encrypted.paillier import FRACTION_BITS, PublicKey, decrypt, is_prime, random_prime

# A small key, so that hypothesis can try many numbers; drawn once a run, since every key must do.
P, Q = random_prime(96), random_prime(96)
KEY = PublicKey(P * Q)
WHOLE = st.integers(-(2**60), 2**60)
REAL = st.floats(-1e6, 1e6, allow_nan=False)
STEP = 2.0**-FRACTION_BITS
FEW = settings(max_examples=40, deadline=None)


def opened(ciphertext):
    return decrypt(ciphertext, P, Q)


@FEW
@given(WHOLE)
def test_decryption_undoes_encryption(number):
    assert opened(KEY.encrypt(number)) == number


@FEW
@given(WHOLE, WHOLE)
def test_sum_of_ciphertexts_is_the_sum(a, b):
    assert opened(KEY.encrypt(a) + KEY.encrypt(b)) == a + b


@FEW
@given(WHOLE, st.integers(-(2**40), 2**40))
def test_ciphertext_times_a_number_is_the_product(a, k):
    assert opened(KEY.encrypt(a) * k) == a * k


@FEW
@given(REAL, REAL, WHOLE.filter(lambda k: abs(k) < 2**40))
def test_fractions_and_signs(a, b, k):
    assert opened(KEY.encrypt(a)) == pytest.approx(a, abs=STEP)
    assert opened(KEY.encrypt(a) + KEY.encrypt(b)) == pytest.approx(a + b, abs=4 * STEP)
    assert opened(KEY.encrypt(a) + KEY.encrypt(k)) == pytest.approx(a + k, rel=1e-15, abs=2 * STEP)
    # both factors are rounded to a step of 2**-40
    assert opened(KEY.encrypt(a) * b) == pytest.approx(a * b, abs=(abs(a) + abs(b) + 1) * STEP)


@FEW
@given(WHOLE)
def test_two_encryptions_of_one_number_differ(number):
    # chance of one failure: 1 / n, below 2**-190
    assert KEY.encrypt(number).value != KEY.encrypt(number).value


def test_ciphertexts_of_one_number_look_uniform():
    # mean of 400 uniform values: standard deviation 1 / sqrt(12 * 400) = 0.0144; 5 of them fail once in 1.7 million runs
    shares = [KEY.encrypt(7).value / KEY.n**2 for _ in range(400)]
    assert abs(np.mean(shares) - 0.5) < 5 * 0.0144


def test_numpy_whole_numbers_stay_whole():
    assert opened(KEY.encrypt(np.int64(-3))) == -3
    assert isinstance(opened(KEY.encrypt(np.int64(-3))), int)


def test_the_edge_of_the_range():
    most = (KEY.n - 1) // 3
    assert opened(KEY.encrypt(most)) == most
    assert opened(KEY.encrypt(-most)) == -most
    with pytest.raises(ValueError, match="number must be below n / 3"):
        KEY.encrypt(most + 1)


def test_overflow_of_a_sum_is_noticed():
    most = KEY.encrypt((KEY.n - 1) // 3)
    with pytest.raises(ValueError, match="overflow"):
        opened(most + most)


def test_wrong_secret_is_refused():
    p, q = random_prime(96), random_prime(96)
    with pytest.raises(ValueError, match="ciphertext must be encrypted under"):
        decrypt(KEY.encrypt(1), p, q)
    with pytest.raises(ValueError, match="same key"):
        KEY.encrypt(1) + PublicKey(p * q).encrypt(1)


@pytest.mark.parametrize("call, name", [
    (lambda: KEY.encrypt(math.nan), "number"),
    (lambda: KEY.encrypt(math.inf), "number"),
    (lambda: KEY.encrypt("7"), "number"),
    (lambda: KEY.encrypt(True), "number"),
    (lambda: KEY.encrypt(None), "number"),
    (lambda: KEY.encrypt(2**200), "number"),
    (lambda: KEY.encrypt(1e60), "number"),
    (lambda: KEY.encrypt([1]), "number"),
    (lambda: KEY.encrypt(1) * math.nan, "number"),
    (lambda: KEY.encrypt(1) + 1, "other"),
    (lambda: decrypt(7, P, Q), "ciphertext"),
    (lambda: decrypt(KEY.encrypt(7), 0, Q), "p must"),
    (lambda: decrypt(KEY.encrypt(7), P, 1.5), "q must"),
    (lambda: random_prime(8), "bits"),
    (lambda: random_prime(64.0), "bits"),
    (lambda: random_prime(10**6), "bits"),
])
def test_bad_arguments(call, name):
    with pytest.raises(ValueError, match=name):
        call()


def test_primes():
    sieve = [n for n in range(2, 2000) if all(n % d for d in range(2, math.isqrt(n) + 1))]
    assert [n for n in range(2000) if is_prime(n)] == sieve  # a composite passes with probability 4**-40
    assert not any(is_prime(n) for n in (561, 41041, 825265, 3215031751, 2**67 - 1))  # Carmichael and such
    assert is_prime(2**127 - 1)
    prime = random_prime(64)
    assert prime.bit_length() == 64 and is_prime(prime)
    assert KEY.n.bit_length() == 192


def test_the_module_stays_short_and_says_what_it_is_for():
    from labkit.encrypted import paillier

    lines = open(paillier.__file__).read().splitlines()
    assert len(lines) <= 80
    assert "teaching only" in paillier.__doc__
