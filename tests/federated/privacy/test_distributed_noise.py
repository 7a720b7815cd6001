"""Distributed discrete noise: the exact law of the sum, the account against that law, audits, broken twins, bad input."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.fft import irfft, rfft
from scipy.special import logsumexp

from labkit import dp
from labkit.federated import FedAvg, simulate, vector_of
from labkit.federated.pipeline.steps import Sum
from labkit.federated.privacy.distributed_noise import (
    DistributedDiscreteGaussian,
    rotate,
    rotate_back,
    round_at_random,
    rounded_norm,
    sample_by_table,
    shortfall,
)
from labkit.federated.privacy.user_level import UserLevelDP
from labkit.federated.secure_aggregation import Agreement, SecureSum, secure_sum
from tests.federated.releases import released

NAN, INF = float("nan"), float("inf")
SURE, DELTA = 0.9999, 1e-3
ONE = DistributedDiscreteGaussian(max_grad_norm=4.0, grid=1.0, sigma=2.0, parameters=1, clients=3, rounds=5, bits=16, exact=False)


def seeded():
    return np.random.default_rng(13)


def law_of_one(sigma, modulus):
    """The discrete Gaussian modulo `modulus`, an array of probabilities, summed over many wraps."""
    k = np.arange(-8 * modulus, 8 * modulus)
    mass = np.exp(-0.5 * (k / sigma) ** 2)
    return np.bincount(k % modulus, mass, modulus) / mass.sum()


def law_of_sum(sigma, clients, modulus):
    """The sum of independent ones modulo `modulus`, by repeated convolution."""
    return np.maximum(irfft(rfft(law_of_one(sigma, modulus)) ** clients, modulus), 0)


def fits(counts, law):
    """P-value of Pearson's test, rare outcomes put together."""
    expected = law * counts.sum()
    common = expected >= 8
    observed, wanted = counts[common], expected[common]
    if (~common).any() and expected[~common].sum() > 0.5:
        observed, wanted = np.append(observed, counts[~common].sum()), np.append(wanted, expected[~common].sum())
    return stats.chisquare(observed, wanted * observed.sum() / wanted.sum()).pvalue


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("sigma, clients, bits", [(0.6, 2, 6), (2.0, 3, 8), (3.0, 5, 4)])  # in the last the sum wraps around
def test_the_sum_of_what_clients_send_has_the_exact_law(exact, sigma, clients, bits):
    plan = DistributedDiscreteGaussian(max_grad_norm=4.0, grid=1.0, sigma=sigma, parameters=1, clients=clients, rounds=1, bits=bits, exact=exact)
    rng, signs, runs = seeded(), np.ones(1), 200 if exact else 1500  # the exact sampler is made for many draws at once
    sums = [sum(plan.encode(np.zeros(1), signs, rng)[0] for _ in range(clients)) % 2**bits for _ in range(runs)]
    assert fits(np.bincount(sums, minlength=2**bits), law_of_sum(sigma, clients, 2**bits)) > 1e-5  # by chance once in 100,000 seeds


def test_the_test_of_the_law_would_notice_a_wrong_width():
    rng = seeded()
    sums = sample_by_table(sigma=2.0 * np.sqrt(3) * 1.2, count=2000, rng=rng) % 256
    assert fits(np.bincount(sums, minlength=256), law_of_sum(2.0, 3, 256)) < 1e-5


@pytest.mark.parametrize("sigma", [0.5, 3.7, 800.0])
def test_table_and_exact_sampler_draw_the_same(sigma):
    drawn = sample_by_table(sigma=sigma, count=10_000, rng=seeded())
    exact = dp.sample_discrete_gaussian(sigma=sigma, count=10_000, rng=seeded())
    if sigma < 10:
        for values in (drawn, exact):
            assert fits(np.bincount(values % 128, minlength=128), law_of_one(sigma, 128)) > 1e-5
    assert stats.ks_2samp(drawn, exact).pvalue > 1e-5


# --- the account against the exact law


def renyi(p, q, order):
    return float(logsumexp(order * np.log(p) + (1 - order) * np.log(q)) / (order - 1))


@pytest.mark.parametrize("sigma, clients", [(0.5, 2), (0.6, 2), (1.0, 3), (2.0, 5)])
def test_the_account_covers_the_exact_law(sigma, clients):
    """One coordinate, shifted by 1: the Renyi divergence of the exact sum is within what `rho` allows, at every order."""
    k = np.arange(-60, 61)
    one = np.exp(-0.5 * (k / sigma) ** 2)
    law = one / one.sum()
    total = law
    for _ in range(clients - 1):
        total = np.convolve(total, law)
    total = total[total > 1e-250]
    with_person, without = np.append(0, total), np.append(total, 0)
    keep = (with_person > 0) & (without > 0)
    ratio = 1 / (sigma * np.sqrt(clients))
    rho = min(ratio**2 / 2 + shortfall(sigma, clients), (ratio + shortfall(sigma, clients)) ** 2 / 2)
    for order in (1.5, 2, 4, 8):
        assert renyi(with_person[keep], without[keep], order) <= order * rho * (1 + 1e-6)


def test_the_correction_is_needed_at_small_widths_and_vanishes_at_large():
    assert shortfall(0.5, 10) > 0.05 and shortfall(1.5, 10) < 1e-8 and shortfall(3.0, 1) == 0
    by_hand = 10 * sum(np.exp(-2 * np.pi**2 * 0.5**2 * k / (k + 1)) for k in range(1, 10))
    assert shortfall(0.5, 10) == pytest.approx(by_hand)
    small = replace(ONE, sigma=0.5, max_grad_norm=1.0)
    assert small.rho > (rounded_norm(1.0, 1) / (0.5 * np.sqrt(3))) ** 2 / 2 * 1.2  # without it the account would promise more


def test_the_account_by_hand():
    longest = min(4 + 1, np.sqrt(16 + 0.25 + 1.0 * (4 + 0.5)))
    assert rounded_norm(4.0, 1) == pytest.approx(longest)
    assert ONE.rho == pytest.approx(longest**2 / (3 * 4) / 2, rel=1e-6)
    assert ONE.epsilon(DELTA, rounds=1) < ONE.epsilon(DELTA, rounds=3) < ONE.epsilon(DELTA)


@pytest.mark.parametrize("bits, clients, parameters", [(12, 10, 50), (16, 100, 500), (20, 1000, 2000)])
def test_a_plan_for_a_budget_keeps_it_and_comes_near_the_trusted_server(bits, clients, parameters):
    plan = DistributedDiscreteGaussian.for_budget(epsilon=2, delta=1e-5, clients=clients, parameters=parameters, rounds=10, max_grad_norm=0.7,
                                                  bits=bits)
    assert 1.9 < plan.epsilon(1e-5) <= 2
    trusted = UserLevelDP.for_budget(epsilon=2, delta=1e-5, users=clients, cohort=clients, rounds=10, max_grad_norm=0.7)
    assert 1 < plan.published_sigma / (trusted.noise_multiplier * trusted.max_grad_norm) < 1.35


# --- rounding, rotation, the round trip


def test_rounding_is_right_on_average_and_never_too_long():
    rng, values = seeded(), np.linspace(-1.3, 1.3, 8)
    norm = float(np.linalg.norm(values))
    drawn = np.array([round_at_random(values, norm, rng) for _ in range(1500)])
    assert np.abs(drawn - values).max() < 1 and np.linalg.norm(drawn, axis=1).max() <= rounded_norm(norm, 8) * (1 + 1e-9)
    # drawing again what is too long pulls the average in a little: the bias that the paper bounds
    assert np.abs(drawn.mean(axis=0) - values).max() < 0.15


def test_whole_numbers_are_left_alone():
    assert round_at_random(np.array([2.0, -3.0, 0.0, 1.0]), 4.0, seeded()).tolist() == [2, -3, 0, 1]


def test_rotation_keeps_length_goes_back_and_flattens_a_spike():
    rng = seeded()
    signs = rng.choice([-1.0, 1.0], 512)
    spike = np.zeros(500)
    spike[7] = 3.0
    turned = rotate(spike, signs)
    assert np.linalg.norm(turned) == pytest.approx(3.0) and np.abs(turned).max() == pytest.approx(3.0 / np.sqrt(512))
    assert np.allclose(rotate_back(turned, signs, 500), spike, atol=1e-12)


def test_the_sum_comes_back_with_noise_of_the_stated_size():
    plan = DistributedDiscreteGaussian.for_budget(epsilon=5, delta=1e-4, clients=8, parameters=100, rounds=1, max_grad_norm=1.0, bits=18,
                                                  exact=False)
    rng = seeded()
    changes = rng.normal(size=(8, 100)) / 20
    errors = [released(plan, changes, rng, 100) - changes.sum(axis=0) for _ in range(60)]
    measured = np.std(errors)
    assert measured == pytest.approx(plan.published_sigma, rel=0.05) and abs(np.mean(errors)) < 5 * plan.published_sigma / np.sqrt(6_000)


def test_a_sum_beyond_the_modulus_wraps():
    narrow = DistributedDiscreteGaussian(max_grad_norm=100.0, grid=1.0, sigma=1.0, parameters=1, clients=2, rounds=1, bits=6)
    found = released(narrow, [np.array([30.0]), np.array([30.0])], seeded(), 1)
    assert abs(abs(found[0]) - 60) > 40  # 60 is beyond 31: what comes out is near 60 - 64


# --- audits

PERSON, OTHERS = np.array([50.0]), [np.array([1.0]), np.array([-2.0])]


def audited(plan, runs=600):
    """Neighbours as in the account: the person's change against zeros, the noise there in both."""
    rng = seeded()
    return dp.audit(lambda changes: float(released(plan, changes, rng, 1)[0]), [*OTHERS, PERSON], [*OTHERS, np.zeros(1)], runs=runs)


def test_it_keeps_its_epsilon():
    found = dp.gaussian_bound(audited(ONE), delta=DELTA, confidence=SURE)
    assert 0.3 < found.mu <= np.sqrt(2 * ONE.rho)


class WithoutClip(DistributedDiscreteGaussian):
    def on_client(self, update, received, memory, turn):
        sent = rotate(update.message["change"].double().numpy() / self.grid, self.signs(1)).round().astype(np.int64)
        noise = sample_by_table(sigma=self.sigma, count=1, rng=turn.rng)
        return replace(update, message={"change": torch.from_numpy((sent + noise) % 2**self.bits)}, weight=1.0), memory


class NoiseSharedOutTwice(DistributedDiscreteGaussian):
    """Each client adds a share of the noise that is already a client's share."""

    def encode(self, change, signs, rng):
        share = DistributedDiscreteGaussian(max_grad_norm=4.0, grid=1.0, sigma=0.67, parameters=1, clients=3, rounds=5, exact=False)
        return share.encode(change, signs, rng)


class NoiseKnownToTheServer(DistributedDiscreteGaussian):
    """Clients draw their noise from a public seed; the server draws it too, and takes it off."""

    def encode(self, change, signs, rng):
        return super().encode(change, signs, np.random.default_rng(5))  # noise is drawn before the rounding

    def decode(self, total, signs):
        known = sample_by_table(sigma=self.sigma, count=len(signs), rng=np.random.default_rng(5))
        return super().decode(total - self.clients * known, signs)


@pytest.mark.parametrize("kind", [WithoutClip, NoiseSharedOutTwice, NoiseKnownToTheServer])
def test_every_broken_twin_is_caught(kind):
    twin = kind(max_grad_norm=4.0, grid=1.0, sigma=2.0, parameters=1, clients=3, rounds=5, bits=16, exact=False)
    tested = audited(twin)
    found = max(dp.gaussian_bound(tested, delta=DELTA, confidence=SURE).mu, 0)
    assert found > np.sqrt(2 * ONE.rho) or tested.epsilon_lower_bound(delta=DELTA, confidence=SURE) > twin.epsilon(DELTA, rounds=1)


# --- in a simulation


def users(count=12):
    rng = np.random.default_rng(2)
    return [(rng.random((5, 4), dtype=np.float32), rng.integers(0, 3, 5)) for _ in range(count)]


def run(pipeline, clients=None, **changes):
    torch.manual_seed(0)
    return simulate(torch.nn.Sequential(torch.nn.Linear(4, 3)), clients or users(), changes.pop("strategy", FedAvg(weight="equal")),
                    pipeline=pipeline, **{"rounds": 3, "learning_rate": 0.5, "seed": 0, **changes})


FINE = DistributedDiscreteGaussian(max_grad_norm=5.0, grid=1e-6, sigma=1.0, parameters=15, clients=12, rounds=3, bits=40, delta=1e-3)


def test_with_next_to_no_noise_it_is_federated_averaging_and_a_secure_sum_changes_nothing():
    plain, noised, summed = (vector_of(run(pipeline).model) for pipeline in ([], [FINE], [FINE, Sum()]))
    assert torch.allclose(plain, noised, atol=1e-4) and torch.equal(noised, summed)


def test_the_protocol_of_secure_aggregation_adds_what_clients_send_modulo_the_same_number():
    rng, signs = seeded(), FINE.signs(1)
    sent = np.array([FINE.encode(change, signs, rng) for change in rng.normal(size=(6, 15))])
    outcome = secure_sum(sent, Agreement(6, 4, 16, FINE.bits, None, bytes(16)), rng=rng)
    assert ((np.asarray(outcome.total, dtype=object) - sent.astype(object).sum(axis=0)) % 2**FINE.bits == 0).all()


def test_beside_the_step_of_secure_aggregation_it_gives_what_it_gives_alone():
    plan = DistributedDiscreteGaussian(max_grad_norm=5.0, grid=1e-2, sigma=1.0, parameters=15, clients=12, rounds=2, bits=16)
    alone, secure = (vector_of(run(pipeline, rounds=2).model)
                     for pipeline in ([plan], [plan, SecureSum(largest=2.0**16, modulus_bits=48)]))
    assert torch.equal(alone, secure)


def test_bytes_are_bits_and_epsilon_grows():
    found = run([FINE])
    assert found.rounds[1].bytes_up == 12 * 16 * 40 // 8 and (np.diff(found.metric("epsilon")[1:]) > 0).all()


def test_too_few_answers_are_dropped_in_words():
    with pytest.warns(RuntimeWarning, match="clients answered and the plan counts on the noise of 12"):
        found = run([FINE], drop_out=0.5)
    torch.manual_seed(0)
    assert torch.equal(vector_of(found.model), vector_of(torch.nn.Sequential(torch.nn.Linear(4, 3))))


@pytest.mark.parametrize("name, changes", [("rounds", {"rounds": 4}), ("cohort", {"cohort": 11}), ("cohort", {"sampling": "poisson"}),
                                           ("parameters", {"plan": replace(FINE, parameters=14)})])
def test_a_run_that_the_account_does_not_cover_is_refused(name, changes):
    with pytest.raises(ValueError, match=name):
        run([changes.pop("plan", FINE)], **changes)


@pytest.mark.parametrize("field, bad", [
    *[(field, bad) for field in ("max_grad_norm", "grid", "sigma") for bad in (0, -1, NAN, INF, None)], ("sigma", 0.4),
    *[(field, bad) for field in ("parameters", "clients", "rounds") for bad in (0, -1, 1.5, None)],
    *[("bits", bad) for bad in (1, 63, 8.0, None)], *[("delta", bad) for bad in (0, 1, NAN)], ("exact", "no"),
])
def test_bad_fields_are_refused_by_name(field, bad):
    with pytest.raises(ValueError, match=field):
        replace(ONE, **{field: bad})


@pytest.mark.parametrize("name, bad", [
    *[(name, bad) for name in ("epsilon", "max_grad_norm") for bad in (0, -1, NAN, None)], ("delta", 0), ("delta", 1), ("clients", 0),
    ("parameters", 0), ("rounds", 0), ("bits", 0), ("bits", 63), ("senders", 5), ("bits", 4),  # 4 bits cannot hold the noise
])
def test_bad_budgets_are_refused_by_name(name, bad):
    good = dict(epsilon=1, delta=1e-5, clients=10, parameters=20, rounds=3, max_grad_norm=1.0)
    with pytest.raises(ValueError, match=name):
        DistributedDiscreteGaussian.for_budget(**{**good, name: bad})
