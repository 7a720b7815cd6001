"""Noise on published numbers: its size follows bits, error and count; the count is kept; the draws are Gaussian."""

import math

import numpy as np
import pytest
from scipy import stats

from labkit.attacks.key_recovery import recover_key
from labkit.encrypted.ckks.planning import plan
from labkit.encrypted.ckks.publishing import Publisher, system_gaussian
from labkit.encrypted.ckks.roles import CKKSClient, CKKSServer


def test_the_advantage_is_what_was_stated():
    for numbers, bits in ((1, 1), (100, 10), (8192, 30)):
        sigma = Publisher(error=1e-6, numbers=numbers, security_bits=bits).sigma
        worst = 1e-6 * math.sqrt(numbers)  # every error at its bound
        advantage = math.erf(worst / (2 * sigma) / math.sqrt(2))  # 2 Phi(shift / 2 sigma) - 1, exactly
        assert 0.9 * 2.0**-bits < advantage <= 2.0**-bits


def test_draws_are_gaussian():
    # Kolmogorov and Smirnov reject a true hypothesis once in 100,000 runs at this level
    assert stats.kstest(system_gaussian(20_000), "norm").pvalue > 1e-5
    assert system_gaussian((3, 4)).shape == (3, 4) and (system_gaussian(9) != system_gaussian(9)).all()


def test_noise_has_the_size_and_hides_the_last_digits():
    publisher = Publisher(error=1e-9, numbers=10_000, security_bits=20)
    noisy = publisher.publish(np.zeros(10_000))
    # the standard deviation of 10,000 draws is within 5 % but for seven of its own deviations
    assert noisy.std() == pytest.approx(publisher.sigma, rel=0.05)
    step = 2.0 ** math.floor(math.log2(publisher.sigma / 1024))
    assert (noisy / step % 1 == 0).all()


def test_the_key_is_not_found_in_what_is_published():
    client = CKKSClient(plan(depth=0, precision_bits=30))
    server, rng = CKKSServer(client.public_bytes()), np.random.default_rng(0)
    messages = [client.encrypt(rng.uniform(-1, 1, client.slots), bound=1).to_bytes() for _ in range(2)]
    raw = [client.decrypt(each) for each in messages]
    publisher = Publisher(error=client.fresh_error, numbers=2 * client.slots, security_bits=10)
    assert recover_key(server, messages, raw) is not None  # the control
    assert recover_key(server, messages, [publisher.publish(each) for each in raw]) is None


def test_numbers_are_counted():
    publisher = Publisher(error=1e-9, numbers=5)
    publisher.publish([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="decrypted must hold at most 2 more numbers, of 5 agreed, got 3"):
        publisher.publish([1.0, 2.0, 3.0])
    assert len(publisher.publish([1.0, 2.0])) == 2


@pytest.mark.parametrize("arguments, name", [
    ({"error": 0}, "error"), ({"error": math.nan}, "error"), ({"numbers": 0}, "numbers"), ({"numbers": 1.5}, "numbers"),
    ({"security_bits": 0}, "security_bits"), ({"security_bits": 500}, "security_bits")])
def test_bad_arguments(arguments, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        Publisher(**({"error": 1e-6, "numbers": 9} | arguments))
    with pytest.raises(ValueError, match="decrypted must be"):
        Publisher(error=1e-6, numbers=9).publish([math.inf])
