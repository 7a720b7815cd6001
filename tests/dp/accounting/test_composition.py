"""The five accountants: upper bounds on the true loss, the last one exact; and the lower bound for shuffled batches."""

import math

import numpy as np
import pytest
from dp_accounting import dp_event
from dp_accounting.rdp import rdp_privacy_accountant
from scipy.stats import binom, norm

from labkit.dp import Audit, epsilon_spent, gaussian_delta, geometric
from labkit.dp.accounting import composition
from labkit.dp.accounting.composition import PrivacyLoss, gaussian_loss, pure_loss
from labkit.dp.accounting.epsilon import epsilon_of

ORDERS = 1 + np.geomspace(1e-3, 1e4, 200)
SETTINGS = [(0.5, 1), (0.5, 10), (0.05, 100), (0.01, 2_000), (1.5, 40), (3.0, 5)]


def exact_delta(epsilon, times, total):
    """delta at `total` after `times` answers, each epsilon-private with geometric noise: a binomial sum, no convolution."""
    up = np.arange(times + 1)
    losses, mass = (2 * up - times) * epsilon, binom.pmf(up, times, 1 / (1 + math.exp(-epsilon)))
    return float(np.sum(mass * -np.expm1(np.minimum(total - losses, 0))))


@pytest.mark.parametrize("epsilon, times", SETTINGS)
@pytest.mark.parametrize("delta", [1e-9, 1e-6, 1e-2])
def test_every_accountant_bounds_the_exact_loss(epsilon, times, delta):
    claims = {
        "basic": composition.basic(epsilon, times=times)[0],
        "advanced": composition.advanced(epsilon, times=times, slack=delta)[0],
        "zcdp": composition.zcdp_epsilon(times * epsilon**2 / 2, delta=delta),
        "rdp": composition.rdp_epsilon(ORDERS, times * composition.pure_divergences(ORDERS, epsilon=epsilon), delta=delta),
        "pld": pure_loss(epsilon).composed(times).epsilon(delta),
    }
    for name, claimed in claims.items():
        assert exact_delta(epsilon, times, claimed) <= delta * (1 + 1e-6), name
    assert claims["pld"] <= min(claims.values()) * (1 + 1e-8)


@pytest.mark.parametrize("epsilon, times", SETTINGS)
def test_the_loss_distribution_is_exact_for_geometric_noise(epsilon, times):
    composed = pure_loss(epsilon).composed(times)
    for total in np.linspace(0, times * epsilon, 7)[:-1]:
        assert composed.delta(total) == pytest.approx(exact_delta(epsilon, times, total), rel=1e-8, abs=1e-13)
    solved = composed.epsilon(1e-6)
    assert exact_delta(epsilon, times, solved) <= 1e-6 <= exact_delta(epsilon, times, solved * (1 - 1e-8)) * (1 + 1e-6)


@pytest.mark.parametrize("epsilon, times", [(0.5, 10), (0.05, 100), (0.005, 500)])
def test_it_agrees_with_dp_accounting(epsilon, times):
    event = dp_event.SelfComposedDpEvent(dp_event.DiscreteLaplaceDpEvent(epsilon, 1), times)
    assert pure_loss(epsilon).composed(times).epsilon(1e-6) == pytest.approx(epsilon_of(event, delta=1e-6), rel=1e-6)


@pytest.mark.parametrize("noise, times", [(1, 1), (2, 10), (20, 100), (150, 2_000), (3, 2_000), (1.3, 3_000), (0.02, 1)])
def test_gaussian_noise_composes_to_one_gaussian(noise, times):
    composed = gaussian_loss(noise).composed(times)
    for delta in (1e-9, 1e-6, 1e-2):
        epsilon = composed.epsilon(delta)
        true = gaussian_delta(sigma=noise / math.sqrt(times), epsilon=epsilon, sensitivity=1)
        assert 0.9 * delta < true <= delta * (1 + 1e-6)  # pessimistic, and by little


def test_a_geometric_count_really_loses_plus_or_minus_epsilon():
    epsilon, k = 0.7, np.arange(-60, 61)
    noise = np.exp(-epsilon * abs(k)) * math.tanh(epsilon / 2)
    losses = np.log(noise[:-1] / noise[1:])  # the output c + 1 + k under a count of c + 1, and of c
    assert np.allclose(abs(losses), epsilon)
    above = noise[:-1][losses > 0].sum()
    assert pure_loss(epsilon).mass == pytest.approx([1 - above, above])
    # The package's sampler against it: 4 standard deviations of 40,000 draws are exceeded once in 16,000 seeds.
    drawn = geometric(np.ones(40_000, dtype=int), sensitivity=1, epsilon=epsilon, rng=np.random.default_rng(1))
    assert abs((drawn >= 1).mean() - above) < 4 * math.sqrt(above * (1 - above) / 40_000)


def test_an_audit_stays_below_the_account_and_catches_a_forgetful_one():
    """Ten answers at 0.5, scored by how many lie above the smaller count; two neighbours, 40,000 runs each."""
    rng, runs, times, epsilon = np.random.default_rng(2), 40_000, 10, 0.5

    def scores(count):
        told = geometric(np.full(runs * times, count), sensitivity=1, epsilon=epsilon, rng=rng)
        return (told.reshape(runs, times) > 0).sum(axis=1)

    # Wrong with probability 1e-4 by the audit's own confidence.
    measured = Audit(scores(1), scores(0)).epsilon_lower_bound(delta=1e-2, confidence=0.9999)
    assert measured <= pure_loss(epsilon).composed(times).epsilon(1e-2)
    assert measured > 2 * epsilon  # an account that charges a repeated question once or twice is refuted
    assert measured > pure_loss(epsilon / 2).composed(times).epsilon(1e-2)  # and so is one that takes half the epsilon


def test_composition_is_convolution_and_infinite_loss_stays():
    loss = PrivacyLoss(-0.3, 0.1, np.array([0.2, 0.0, 0.1, 0.3, 0.25, 0.05]), 0.1)
    by_hand = loss.mass
    for _ in range(3):
        by_hand = np.convolve(by_hand, loss.mass)
    four = loss.composed(4)
    assert four.lowest == pytest.approx(4 * -0.3)
    assert np.allclose(four.mass[: len(by_hand)], by_hand, atol=1e-15) and four.mass[len(by_hand) :].sum() < 1e-15
    assert four.infinite == pytest.approx(1 - 0.9**4)
    assert four.epsilon(0.1) == math.inf and loss.composed(1) is loss


def test_delta_is_the_uncovered_part_of_the_loss():
    loss = PrivacyLoss(-1.0, 1.0, np.array([0.3, 0.2, 0.4]), 0.1)  # losses -1, 0, 1, infinity
    assert loss.delta(0.4) == pytest.approx(0.1 + 0.4 * (1 - math.exp(0.4 - 1)))
    assert loss.delta(1.0) == pytest.approx(0.1) and loss.delta(-50) == pytest.approx(1)
    for delta in (0.11, 0.15, 0.3):
        assert loss.delta(loss.epsilon(delta)) == pytest.approx(min(delta, loss.delta(0)), rel=1e-6)
    assert loss.epsilon(0.99) == 0.0


def test_connecting_the_dots_is_exact_at_the_dots_and_pessimistic_between():
    grid = np.linspace(-6, 6, 25)

    def delta_at(epsilon):
        return norm.cdf(0.5 - epsilon) - np.exp(epsilon) * norm.cdf(-0.5 - epsilon)

    loss = composition.loss_from_deltas(grid, delta_at)
    assert [loss.delta(each) for each in grid] == pytest.approx(delta_at(grid), abs=1e-12)
    between = (grid[:-1] + grid[1:]) / 2
    assert all(loss.delta(each) > delta_at(each) for each in between if each > -5)


def test_rdp_equals_dp_accounting_on_the_same_orders():
    orders = np.array([1.5, 2, 4, 8, 16, 32, 64])
    divergences = 30 * orders / 2 / 9**2
    theirs, _ = rdp_privacy_accountant.compute_epsilon(orders, divergences, 1e-5)
    assert composition.rdp_epsilon(orders, divergences, delta=1e-5) == pytest.approx(theirs, rel=1e-9)
    assert composition.rdp_epsilon(orders, divergences * 0, delta=0.5) == 0
    assert composition.zcdp_epsilon(30 / 2 / 9**2, delta=1e-5) > theirs


def test_advanced_can_be_worse_than_adding_and_pairs_carry_their_delta():
    assert composition.advanced(0.5, times=2, slack=1e-6)[0] > composition.basic(0.5, times=2)[0]
    assert composition.advanced(0.01, times=2_000, slack=1e-6)[0] < composition.basic(0.01, times=2_000)[0] / 5
    assert composition.advanced(0.1, 1e-7, times=100, slack=1e-6)[1] == pytest.approx(1.1e-5)
    assert composition.basic(0.1, 1e-7, times=100) == pytest.approx((10, 1e-5))
    assert composition.advanced(1_000, times=2, slack=0.1)[0] == math.inf


# Shuffled batches. The truth lies between this attack and batches in a fixed order, where one batch of sensitivity 1 tells.


@pytest.mark.parametrize("batches", [2, 100, 10_000])
@pytest.mark.parametrize("noise", [0.4, 0.8, 1.5, 5.0])
def test_the_shuffled_bound_never_exceeds_a_fixed_order(noise, batches):
    bound = composition.shuffled_epsilon_at_least(noise_multiplier=noise, batches=batches, delta=1e-5)
    assert 0 <= bound <= gaussian_loss(noise).epsilon(1e-5)


def test_it_refutes_the_poisson_account_with_little_noise_and_not_with_much():
    def both(noise):
        return (composition.shuffled_epsilon_at_least(noise_multiplier=noise, batches=100, delta=1e-5),
                epsilon_spent(noise_multiplier=noise, sample_rate=0.01, steps=100, delta=1e-5))

    attack, account = both(0.8)
    assert attack > 3 * account
    attack, account = both(5.0)
    assert attack < account


def test_its_probabilities_are_those_of_the_highest_batch():
    """delta at the bound, by simulation: P(highest > t) - e^epsilon Q(highest > t) reaches delta for some t."""
    rng, noise, batches, runs, delta = np.random.default_rng(3), 1.0, 10, 400_000, 0.05

    def highest(stands_out):
        others = noise * norm.ppf(rng.random(runs) ** (1 / (batches - 1)))  # the highest of the other batches
        return np.maximum(others, stands_out + noise * rng.standard_normal(runs))

    epsilon = composition.shuffled_epsilon_at_least(noise_multiplier=noise, batches=batches, delta=delta)
    with_record, without, thresholds = highest(2), highest(1), np.linspace(0, 5, 60)
    reached = max((with_record > t).mean() - math.exp(epsilon) * (without > t).mean() for t in thresholds)
    # The standard deviation of each difference is below (1 + e^epsilon) / (2 sqrt(runs)) = 0.003; the best of 60 thresholds
    # exceeds five of them in fewer than 1 in 10,000 seeds.
    assert abs(reached - delta) < 5 * (1 + math.exp(epsilon)) / 2 / math.sqrt(runs)


LOSS = pure_loss(0.5)
BAD_NUMBERS = [math.nan, math.inf, -1, 0, "1", None, True, [1]]
BAD_DELTAS = [math.nan, -0.1, 0, 1, 1.5, "0.1", None]
BAD_COUNTS = [0, -1, 2.0, math.nan, "3", None]


def bad(function, name, values, **others):
    def shown(value):  # a function's repr holds its address, and test names must not differ from run to run
        return "function" if callable(value) else repr(value)

    return [pytest.param(function, name, {**others, name: value}, id=f"{function.__name__} {name}={shown(value)}")
            for value in values]


@pytest.mark.parametrize("function, name, arguments", [
    *bad(composition.basic, "epsilon", BAD_NUMBERS, times=2),
    *bad(composition.basic, "times", BAD_COUNTS, epsilon=1),
    *bad(composition.basic, "delta", [math.nan, -0.1, 1, "0"], epsilon=1, times=2),
    *bad(composition.advanced, "epsilon", BAD_NUMBERS, times=2, slack=0.1),
    *bad(composition.advanced, "times", BAD_COUNTS, epsilon=1, slack=0.1),
    *bad(composition.advanced, "slack", BAD_DELTAS, epsilon=1, times=2),
    *bad(composition.zcdp_epsilon, "rho", BAD_NUMBERS, delta=0.1),
    *bad(composition.zcdp_epsilon, "delta", BAD_DELTAS, rho=1),
    *bad(composition.rdp_epsilon, "orders", [[], [1.0], [math.nan], "2", [[2.0]], [2.0, 3.0]], divergences=[1.0], delta=0.1),
    *bad(composition.rdp_epsilon, "divergences", [[], [-1.0], [math.inf], None], orders=[2.0], delta=0.1),
    *bad(composition.rdp_epsilon, "delta", BAD_DELTAS, orders=[2.0], divergences=[1.0]),
    *bad(composition.pure_divergences, "orders", [[], [1.0], [math.nan], 2.0], epsilon=1),
    *bad(composition.pure_divergences, "epsilon", BAD_NUMBERS, orders=[2.0]),
    *bad(pure_loss, "epsilon", BAD_NUMBERS),
    *bad(gaussian_loss, "noise_multiplier", BAD_NUMBERS),
    *bad(LOSS.delta, "epsilon", [math.nan, math.inf, "1", None]),
    *bad(LOSS.epsilon, "delta", BAD_DELTAS),
    *bad(LOSS.composed, "times", BAD_COUNTS),
    *bad(composition.loss_from_deltas, "epsilons", [[0.0, 1.0], [0, 1, 3], [2, 1, 0], [], [0, 1, math.nan]],
         delta_at=lambda epsilon: 0 * epsilon),
    *bad(composition.loss_from_deltas, "delta_at", [lambda epsilon: epsilon], epsilons=[0.0, 0.1, 0.2]),
    *bad(composition.shuffled_epsilon_at_least, "noise_multiplier", BAD_NUMBERS, batches=10, delta=0.1),
    *bad(composition.shuffled_epsilon_at_least, "batches", [*BAD_COUNTS, 1], noise_multiplier=1, delta=0.1),
    *bad(composition.shuffled_epsilon_at_least, "delta", BAD_DELTAS, noise_multiplier=1, batches=10),
    *bad(PrivacyLoss, "lowest", [math.nan, math.inf, "0"], spacing=1, mass=[1.0]),
    *bad(PrivacyLoss, "spacing", BAD_NUMBERS, lowest=0, mass=[1.0]),
    *bad(PrivacyLoss, "mass", [[], [-0.5, 1.5], [math.nan], [0.5], [[1.0]]], lowest=0, spacing=1),
    *bad(PrivacyLoss, "infinite", [-0.1, 1.1, math.nan, None], lowest=0, spacing=1, mass=[1.0]),
])
def test_bad_arguments_are_named(function, name, arguments):
    with pytest.raises(ValueError, match=name):
        function(**arguments)
