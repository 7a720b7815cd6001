"""The promise to several records together: the single record's for one, the Gaussian mechanism's without sampling, and never too low."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from labkit.dp import epsilon_spent
from labkit.dp.accounting.groups import epsilon_of_group

PLAN = dict(noise_multiplier=1.953, sample_rate=1 / 8, steps=60, delta=1e-4)


def test_a_group_of_one_is_a_record():
    one = epsilon_spent(**PLAN)
    assert one * 0.99 < epsilon_of_group(**PLAN, count=1) < one * 1.02


@pytest.mark.parametrize("count", [1, 3, 7])
def test_without_sampling_it_is_a_gaussian_with_that_sensitivity(count):
    """Balle and Wang's exact delta of a Gaussian, at the epsilon returned: at most what was asked, and hardly less."""
    epsilon = epsilon_of_group(noise_multiplier=10.0, sample_rate=1.0, steps=4, delta=1e-5, count=count, spacing=1e-3)
    mu = count * 4**0.5 / 10

    def delta(epsilon):
        return norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu)

    assert delta(epsilon) <= 1e-5 * 1.001 < delta(0.98 * epsilon)


def test_the_mixture_of_one_step_is_the_one_that_sampling_makes():
    """One step against numerical integration of the hockey-stick divergence, in both directions."""
    z, q, count, delta = 2.0, 0.3, 3, 1e-3
    x = np.linspace(-20, 25, 400_001)
    alone = norm.pdf(x, 0, z)
    group = sum(math.comb(count, k) * q**k * (1 - q) ** (count - k) * norm.pdf(x, k, z) for k in range(count + 1))
    epsilon = epsilon_of_group(noise_multiplier=z, sample_rate=q, steps=1, delta=delta, count=count, spacing=1e-3)

    def worst(epsilon):
        return max(np.trapezoid(np.maximum(a - math.exp(epsilon) * b, 0), x) for a, b in [(group, alone), (alone, group)])

    assert worst(epsilon) <= delta * 1.001 < worst(0.97 * epsilon)


def test_it_grows_faster_than_the_number_of_records():
    found = [epsilon_of_group(**PLAN, count=count, spacing=0.05) for count in (1, 4, 16)]
    assert 4 * found[0] < found[1] < 8 * found[0] and 4 * found[1] < found[2]
    assert epsilon_of_group(**PLAN, count=4, spacing=0.2) >= epsilon_of_group(**PLAN, count=4, spacing=0.05)


@pytest.mark.parametrize("changed, name", [
    ({"noise_multiplier": 0}, "noise_multiplier"), ({"sample_rate": 1.5}, "sample_rate"), ({"steps": 0}, "steps"),
    ({"delta": 0}, "delta"), ({"count": 0}, "count"), ({"count": 2.5}, "count"), ({"spacing": 0}, "spacing"),
])
def test_bad_arguments_are_named(changed, name):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        epsilon_of_group(**{**PLAN, "count": 2} | changed)
