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
    assert opened(KEY.encrypt(most, largest=most)) == most
    assert opened(KEY.encrypt(-most, largest=most)) == -most
    with pytest.raises(ValueError, match="number must be below n / 3"):
        KEY.encrypt(most + 1)


def test_an_overflow_is_refused_before_it_happens():
    most = KEY.encrypt(5, largest=(KEY.n - 1) // 3)  # however small it is: the count is public
    for overflow in (lambda: most + most, lambda: most * 2, lambda: most - most, lambda: -2 * most):
        with pytest.raises(ValueError, match="the result must stay below n / 3"):
            overflow()
    total = KEY.encrypt(1, largest=2**180)
    with pytest.raises(ValueError, match="the result must stay"):
        for _ in range(2**11):
            total = total + KEY.encrypt(2**180, largest=2**180)


def test_a_long_chain_of_fractions_is_right_or_refused():
    product, factors = KEY.encrypt(1.0, largest=1.0), 0
    with pytest.raises(ValueError, match="the result must stay"):
        while True:
            product, factors = product * 1.1, factors + 1
            assert opened(product) == pytest.approx(1.1**factors, rel=1e-9)
    assert factors == 3  # 40 bits for the number and for each factor, of 190


def test_a_bound_does_not_follow_the_number():
    bounds = {KEY.encrypt(number).bound for number in (0, 1, -5, 2**60)}
    assert len(bounds) == 1 and {KEY.encrypt(x, largest=9.0).bound for x in (0.5, -8.0)} == {9 * 2**FRACTION_BITS}
    with pytest.raises(ValueError, match="at most `largest`"):
        KEY.encrypt(10, largest=9)
    with pytest.raises(ValueError, match="at most `largest`"):
        KEY.encrypt(KEY.n // 3)


def test_a_multiplier_cannot_be_read_off_the_product():
    x = KEY.encrypt(5)
    assert (x * 0).value != 1 and opened(x * 0) == 0
    assert len({(x * 3).value for _ in range(5)}) == 5 and (x * 1).value != x.value and (x + x).value != (x + x).value


def test_a_message_holds_the_ciphertext_and_no_count():
    x, y = KEY.load(KEY.encrypt(2.5, largest=4).to_bytes(), largest=4), KEY.load(KEY.encrypt(7).to_bytes())
    assert (opened(x), opened(y), opened(x * 3 + y)) == (2.5, 7, 14.5)
    assert x.bound == 4 * 2**FRACTION_BITS and y.bound == KEY.encrypt(7).bound
    products = [(x * factor).to_bytes() for factor in (0.25, -900.0, 0.0)]  # whose counts differ
    assert len({(len(each), each[:2]) for each in products}) == 1 and opened(KEY.load(products[1])) == -2250


@pytest.mark.parametrize("message", [b"", None, "text", b"\0" * 49, b"\0" * 50, b"\0\0" + b"\xff" * 48, KEY.encrypt(1).to_bytes() + b"\0",
                                     b"\0\0" + P.to_bytes(48)],
                         ids=["empty", "None", "a text", "too short", "zero", "too large", "a byte more", "a factor of n"])  # each key is new
def test_bad_messages(message):
    with pytest.raises(ValueError, match="message must be"):
        KEY.load(message)


def test_operands_in_any_order():
    a, b = KEY.encrypt(7), KEY.encrypt(2.5)
    assert (opened(3 * a), opened(a - b), opened(-a), opened(2 * a - b * 4)) == (21, 4.5, -7, 4.0)


def test_numbers_that_no_float_holds():
    p, q = random_prime(1024), random_prime(1024)
    key = PublicKey(p * q)
    with pytest.raises(ValueError, match="fits a float"):
        decrypt(key.encrypt(10**400, largest=10**400) + key.encrypt(0.5), p, q)
    assert decrypt(key.encrypt(1e300, largest=1e300), p, q) == 1e300


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
    (lambda: KEY.encrypt(1) - 1, "other"),
    (lambda: KEY.encrypt(1) * "2", "number"),
    (lambda: KEY.encrypt(1, largest=math.inf), "number"),
    (lambda: PublicKey("35"), "n must"),
    (lambda: PublicKey(-35), "n must"),
    (lambda: decrypt(PublicKey(P * P).encrypt(1), P, P), "p and q must be two different"),
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
    assert len(lines) <= 150  # lab 10 says so
    assert "teaching only" in paillier.__doc__
