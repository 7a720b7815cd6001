"""Adaptive clipping: it finds the quantile, pays for the count, keeps its epsilon; broken twins and bad input."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from labkit import dp
from labkit.federated import FedAvg, simulate
from labkit.federated.privacy.adaptive_clipping import AdaptiveUserLevelDP, next_norm, noise_of_changes
from labkit.federated.privacy.user_level import UserLevelDP, noisy, shortened
from tests.federated.releases import one_round

NAN, INF = float("nan"), float("inf")
SURE, DELTA = 0.9999, 1e-3
PLAN = AdaptiveUserLevelDP(max_grad_norm=0.5, noise_multiplier=1.0, sample_rate=1.0, rounds=40, divisor=10, count_noise=0.51)
PERSON = np.array([0.3, -0.4, 0.0])  # exactly of length max_grad_norm: counts as within
OTHERS = [np.array([0.1, 0.2, 0.0]), np.array([9.0, 0.0, 1.0])]


def seeded():
    return np.random.default_rng(77)


def evidence(plan, changes, rng):
    """The best statistic for "was PERSON there?": both releases, each weighed by how much of it is signal."""
    update, memory = one_round(plan, changes, rng, 3)
    sigma = getattr(plan, "true_noise", noise_of_changes(plan.noise_multiplier, plan.noise_of_count)) * plan.max_grad_norm
    share = 0.5 - np.log(memory["max_grad_norm"] / plan.max_grad_norm) / plan.learning_rate + plan.quantile - 0.5  # read back off the public norm
    count = (share - 0.5) * plan.divisor
    along = update.message["change"].double().numpy() @ PERSON
    return along / sigma**2 + count / 2 / plan.noise_of_count**2


def audited(plan, runs):
    rng = seeded()
    return dp.audit(lambda changes: evidence(plan, changes, rng), [*OTHERS, PERSON], OTHERS, runs=runs)


def test_norm_and_count_together_keep_the_epsilon_of_the_plan():
    found = dp.gaussian_bound(audited(PLAN, 1200), delta=DELTA, confidence=SURE)
    assert 0.5 < found.mu <= 1 / PLAN.noise_multiplier


class CountNotPaid(AdaptiveUserLevelDP):
    """The changes get the noise of the whole budget, and the count comes on top."""

    true_noise = 1.0

    def on_server(self, updates, memory, turn):
        norm, total = memory["max_grad_norm"], self._sum(updates, turn)
        change = noisy(total.message["change"], self.noise_multiplier * norm, turn.rng)
        share = 0.5 + float(noisy(total.message["within"], self.noise_of_count, turn.rng)) / self.divisor
        memory = {"max_grad_norm": next_norm(norm, share, quantile=self.quantile, learning_rate=self.learning_rate)}
        return [replace(total, message={"change": change}, weight=self.divisor)], memory


class BitNotCentred(AdaptiveUserLevelDP):
    """The bit is 0 or 1: a user moves the sum by 1, and the noise was made for a half."""

    def on_client(self, update, received, memory, turn):
        change, within = shortened(update.message["change"], float(received["max_grad_norm"]))
        bit = torch.tensor(1.0 if within else 0.0, dtype=torch.float64)
        return replace(update, message={"change": change, "within": bit}, weight=1.0), memory


class CountWithoutNoise(AdaptiveUserLevelDP):
    def on_server(self, updates, memory, turn):
        total = self._sum(updates, turn)
        (update,), _ = super().on_server(updates, memory, turn)
        share = 0.5 + float(total.message["within"]) / self.divisor
        return [update], {"max_grad_norm": next_norm(memory["max_grad_norm"], share, quantile=self.quantile, learning_rate=self.learning_rate)}


@pytest.mark.parametrize("kind, runs", [(CountNotPaid, 2400), (BitNotCentred, 1000), (CountWithoutNoise, 500)])
def test_every_broken_twin_is_caught(kind, runs):
    twin = kind(max_grad_norm=0.5, noise_multiplier=1.0, sample_rate=1.0, rounds=40, divisor=10, count_noise=0.51)
    found = dp.gaussian_bound(audited(twin, runs), delta=DELTA, confidence=SURE)
    assert found.mu > 1 / twin.noise_multiplier


def test_no_user_moves_change_or_count_by_more_than_the_account_says():
    for person in (PERSON, PERSON * 1e6, np.array([NAN, 0.0, 0.0])):
        for pick, most in [(lambda out: out[0].message["change"].numpy(), PLAN.max_grad_norm),
                           (lambda out: np.log(out[1]["max_grad_norm"] / PLAN.max_grad_norm) / PLAN.learning_rate * PLAN.divisor, 0.5)]:
            moved = dp.sensitivity_at_least(lambda changes, rng: pick(one_round(PLAN, changes, rng, 3)), [*OTHERS, person], OTHERS,
                                            rng=seeded())
            assert moved <= most * (1 + 1e-6)


def test_the_split_of_the_noise():
    assert noise_of_changes(1.0, 1e9) == pytest.approx(1.0)
    changes = noise_of_changes(1.2, 0.9)
    assert changes**-2 + (2 * 0.9) ** -2 == pytest.approx(1.2**-2) and changes > 1.2
    assert AdaptiveUserLevelDP(max_grad_norm=1, noise_multiplier=1, sample_rate=1, rounds=1, divisor=100).noise_of_count == 5  # the paper's


def test_both_noises_have_the_stated_law():
    rng, changes, counts = seeded(), [], []
    for _ in range(1000):
        update, memory = one_round(PLAN, [], rng, 2)
        changes.append(update.message["change"].double().numpy())
        counts.append((0.5 - np.log(memory["max_grad_norm"] / PLAN.max_grad_norm) / PLAN.learning_rate - 0.5) * PLAN.divisor)
    sigma = noise_of_changes(1.0, 0.51) * PLAN.max_grad_norm
    assert stats.kstest(np.ravel(changes) / sigma, "norm").pvalue > 1e-5
    # with nobody there the share reads 1/2 + noise, so the log of the norm moves by -learning_rate * (noise / divisor)
    assert stats.kstest(np.array(counts) / 0.51, "norm").pvalue > 1e-5


@pytest.mark.parametrize("quantile", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("start", [0.01, 100.0])
def test_without_noise_the_norm_finds_the_quantile(quantile, start):
    lengths = np.random.default_rng(0).lognormal(size=5000)
    norm = start
    for _ in range(400):
        norm = next_norm(norm, (lengths <= norm).mean(), quantile=quantile, learning_rate=0.2)
    assert norm == pytest.approx(np.quantile(lengths, quantile), rel=0.02)


def test_with_noise_it_stays_near():
    """A cohort of 100 with count noise 5: the share is off by 0.05, the log of the norm by 0.2 * 0.05 a round."""
    rng = np.random.default_rng(1)
    norm, seen = 0.01, []
    for _ in range(300):
        within = (rng.lognormal(size=100) <= norm).sum()
        norm = next_norm(norm, (within + 5 * rng.normal()) / 100, quantile=0.5, learning_rate=0.2)
        seen.append(norm)
    assert 0.75 < np.exp(np.mean(np.log(seen[150:]))) < 1.3  # the median is 1


def test_in_a_simulation_the_norm_climbs_to_the_length_of_the_changes():
    rng = np.random.default_rng(0)
    clients = [(rng.normal(size=(5, 4)).astype(np.float32), rng.integers(0, 3, 5)) for _ in range(50)]
    plan = AdaptiveUserLevelDP(max_grad_norm=1e-3, noise_multiplier=0.2, sample_rate=1.0, rounds=60, divisor=50)
    torch.manual_seed(0)
    found = simulate(torch.nn.Sequential(torch.nn.Linear(4, 3)), clients, FedAvg(weight="equal"), rounds=60, learning_rate=0.5,
                     pipeline=[plan])
    norms = found.metric("max_grad_norm")[1:]
    assert norms[0] == 1e-3 and 0.05 < norms[-1] < 0.6  # a step of 0.5 along gradients of length about 0.5
    assert found.rounds[1].bytes_down == 50 * (15 * 4 + 8)  # the norm travels down, the bit up


def test_the_epsilon_so_far_is_told():
    rng = np.random.default_rng(0)
    plan = replace(PLAN, rounds=3, delta=1e-3)
    clients = [(rng.normal(size=(5, 4)).astype(np.float32), rng.integers(0, 3, 5)) for _ in range(10)]
    found = simulate(torch.nn.Sequential(torch.nn.Linear(4, 3)), clients, FedAvg(weight="equal"), rounds=3, learning_rate=0.5,
                     pipeline=[plan])
    assert found.metric("epsilon")[1:].tolist() == [plan.epsilon(1e-3, rounds=each) for each in (1, 2, 3)]


def test_the_account_is_that_of_the_plain_plan():
    plain = UserLevelDP.for_budget(epsilon=2, delta=1e-4, users=1000, cohort=100, rounds=20, max_grad_norm=1)
    adaptive = AdaptiveUserLevelDP.for_budget(epsilon=2, delta=1e-4, users=1000, cohort=100, rounds=20, max_grad_norm=1, quantile=0.7)
    assert adaptive.epsilon(1e-4) == plain.epsilon(1e-4) <= 2 and adaptive.quantile == 0.7
    assert adaptive.published_sigma > plain.published_sigma  # the count is paid for


@pytest.mark.parametrize("field, bad", [
    *[("quantile", bad) for bad in (0, 1, -0.5, NAN, None)],
    *[("learning_rate", bad) for bad in (0, -1, NAN, INF, None)],
    *[("count_noise", bad) for bad in (0, -1, 0.5, NAN, "1")],  # 0.5 is half the noise multiplier: nothing would be left
    *[("max_grad_norm", bad) for bad in (0, NAN, None)], ("noise_multiplier", 0), ("rounds", 0), ("divisor", -1),
])
def test_bad_fields_are_refused_by_name(field, bad):
    with pytest.raises(ValueError, match=field):
        replace(PLAN, **{field: bad})


@pytest.mark.parametrize("name, bad", [*[("max_grad_norm", bad) for bad in (0, -1, NAN, INF)], *[("share", bad) for bad in (NAN, INF, None)],
                                       *[("quantile", bad) for bad in (0, 1)], *[("learning_rate", bad) for bad in (0, NAN)]])
def test_bad_arguments_of_next_norm_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        next_norm(**{"max_grad_norm": 1.0, "share": 0.5, "quantile": 0.5, "learning_rate": 0.2, name: bad})
