"""User-level DP-FedAvg: the noise has the stated law, no user moves the sum by more than `max_grad_norm`, audits, broken twins, bad input."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from scipy import stats

from labkit import dp
from labkit.federated import FedAvg, Scaffold, simulate, vector_of
from labkit.federated.pipeline.step import add_up
from labkit.federated.pipeline.steps import Weight
from labkit.federated.privacy.user_level import UserLevelDP, noisy, shortened
from tests.federated.releases import one_round, released

NAN, INF = float("nan"), float("inf")
SURE = 0.9999  # a correct mechanism is called broken once in 10,000 audits
RUNS = 1000
PLAN = UserLevelDP(max_grad_norm=0.5, noise_multiplier=3.0, sample_rate=1.0, rounds=10, divisor=40)
OTHERS = [np.array([0.1, -0.2, 0.05]), np.array([3.0, 0.0, 4.0])]
LARGE = np.array([60.0, -80.0, 0.0])  # the user in question: far over the clip
DIRECTION = LARGE / np.linalg.norm(LARGE)
DELTA = 1e-3


def seeded():
    return np.random.default_rng(31)


def audited(step, person=LARGE, others=OTHERS, weights=(1.0, 1.0, 1.0), runs=RUNS):
    """Scores with and without the person: the noisy sum along the person's change, in units of the clip."""
    rng = seeded()

    def once(changes):
        return released(step, changes, rng, 3, weights) @ DIRECTION / step.max_grad_norm

    return dp.audit(once, [*others, person], others, runs=runs)


def test_the_noise_on_the_sum_is_gaussian_with_the_stated_deviation():
    rng = seeded()
    exact = OTHERS[0] + OTHERS[1] * (0.5 / 5)
    noise = np.array([released(PLAN, OTHERS, rng, 3) - exact for _ in range(1000)]) / (PLAN.noise_multiplier * PLAN.max_grad_norm)
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-5  # fails by chance once in 100,000 seeds
    assert abs(np.corrcoef(noise.T)[np.triu_indices(3, 1)]).max() < 5 / np.sqrt(1000)
    assert PLAN.published_sigma == pytest.approx(3.0 * 0.5 / 40)


@pytest.mark.parametrize("person, weight", [(LARGE, 1.0), (LARGE, 1000.0), (LARGE * 1e6, 1.0), (np.full(3, 1e-3), 1.0),
                                            (np.array([NAN, 0, 0]), 1.0), (np.array([INF, 1, 1]), 1.0)])
def test_no_user_moves_the_sum_by_more_than_the_clip(person, weight):
    moved = dp.sensitivity_at_least(lambda changes, rng: released(PLAN, changes, rng, 3, [1.0, 1.0, weight]),
                                    [*OTHERS, person], OTHERS, rng=seeded())
    assert moved <= PLAN.max_grad_norm * (1 + 1e-6)
    if np.isfinite(person).all():
        assert moved == pytest.approx(min(PLAN.max_grad_norm, np.linalg.norm(person)), rel=1e-5)


def test_shortened():
    short, long = torch.tensor([0.3, 0.4]), torch.tensor([30.0, 40.0])
    assert shortened(short, 1.0) == (short, True) and shortened(short, 0.5)[1]
    cut, within = shortened(long, 1.0)
    assert torch.allclose(cut, torch.tensor([0.6, 0.8])) and not within
    assert shortened(torch.tensor([NAN, 1.0]), 1.0)[0].tolist() == [0, 0]


def test_it_keeps_its_epsilon():
    """One round without sampling is one Gaussian mechanism: mu is one over the noise multiplier."""
    small = replace(PLAN, noise_multiplier=1.0)
    tested = audited(small)
    found = dp.gaussian_bound(tested, delta=DELTA, confidence=SURE)
    claimed = small.epsilon(DELTA, rounds=1)
    assert 0.4 < found.mu <= 1  # not blind, and within the claim
    assert found.epsilon <= claimed * 1.001
    assert tested.epsilon_lower_bound(delta=DELTA, confidence=SURE) <= claimed


class WithoutClip(UserLevelDP):
    def on_client(self, update, received, memory, turn):
        return replace(update, weight=1.0), memory


class NoiseDividedTwice(UserLevelDP):
    """The noise is made for the average, and then divided with the sum once more."""

    def on_server(self, updates, memory, turn):
        total = self._sum(updates, turn)
        change = noisy(total.message["change"], self.noise_multiplier * self.max_grad_norm / self.divisor, turn.rng)
        return [replace(total, message={"change": change}, weight=self.divisor)], memory


@dataclass(frozen=True)
class ExampleLevelOnly(UserLevelDP):
    """Each *record's* part is clipped, and a user sends the sum of the parts."""

    records: int = 50

    def on_client(self, update, received, memory, turn):
        part, _ = shortened(update.message["change"] / self.records, self.max_grad_norm)
        return replace(update, message={"change": part * self.records}, weight=1.0), memory


class WeightUnbounded(UserLevelDP):
    def on_client(self, update, received, memory, turn):
        change, _ = shortened(update.message["change"], self.max_grad_norm)
        return replace(update, message={"change": change}), memory


class SilentWhenEmpty(UserLevelDP):
    def on_server(self, updates, memory, turn):
        return super().on_server(updates, memory, turn) if updates else ([self._sum(updates, turn)], memory)


class NoiseForgotten(UserLevelDP):
    def on_server(self, updates, memory, turn):
        return [add_up(updates)], memory


BROKEN = {
    "clip missing": (WithoutClip, {}, {}),
    "noise divided by the cohort twice": (NoiseDividedTwice, {}, {}),
    "example-level only": (ExampleLevelOnly, {}, {}),
    "weight unbounded": (WeightUnbounded, {}, {"weights": (1.0, 1.0, 1000.0)}),
    "silent when nobody joined": (SilentWhenEmpty, {}, {"others": []}),
    "noise forgotten": (NoiseForgotten, {}, {}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_every_broken_twin_is_caught(name):
    kind, fields, how = BROKEN[name]
    twin = kind(max_grad_norm=0.5, noise_multiplier=3.0, sample_rate=1.0, rounds=10, divisor=40, **fields)
    tested = audited(twin, runs=500, **how)
    claimed = twin.epsilon(DELTA, rounds=1)
    assert tested.epsilon_lower_bound(delta=DELTA, confidence=SURE) > claimed, tested.verdict(epsilon=claimed, delta=DELTA)


def test_the_same_users_without_the_flaw_are_not_called_broken():
    """The control of the test above: the true plan on the same inputs."""
    claimed = PLAN.epsilon(DELTA, rounds=1)
    for how in ({}, {"weights": (1.0, 1.0, 1000.0)}, {"others": []}):
        assert audited(PLAN, runs=500, **how).epsilon_lower_bound(delta=DELTA, confidence=SURE) <= claimed


# --- in a simulation


def model():
    return torch.nn.Sequential(torch.nn.Linear(4, 3))


def users(count=30, records=5):
    rng = np.random.default_rng(2)
    return [(rng.random((records, 4), dtype=np.float32), rng.integers(0, 3, records)) for _ in range(count)]


def run(plan, clients=None, **changes):
    options = {"rounds": 5, "learning_rate": 0.5, "cohort": 6, "sampling": "poisson", **changes}
    return simulate(model(), clients or users(), options.pop("strategy", FedAvg(weight="equal")),
                    pipeline=options.pop("pipeline", [plan]), **options)


def plan_for(**changes):
    return UserLevelDP.for_budget(**{"epsilon": 2, "delta": 1e-3, "users": 30, "cohort": 6, "rounds": 5, "max_grad_norm": 0.5, **changes})


def test_epsilon_per_round_and_in_total():
    plan = replace(plan_for(), delta=1e-3)
    spent = run(plan).metric("epsilon")[1:]
    assert (np.diff(spent) > 0).all() and 1.98 <= spent[-1] <= 2
    assert spent[0] == pytest.approx(plan.epsilon(1e-3, rounds=1)) and spent[-1] == pytest.approx(plan.epsilon(1e-3))
    assert plan.epsilon(1e-3) == dp.epsilon_spent(noise_multiplier=plan.noise_multiplier, sample_rate=0.2, steps=5, delta=1e-3)
    assert plan.epsilon(1e-3, accountant="rdp") > plan.epsilon(1e-3)
    assert dp.epsilon_of(plan.event, delta=1e-3) == pytest.approx(plan.epsilon(1e-3), rel=0.01)


def test_an_empty_cohort_still_publishes_noise():
    """With one user expected among a hundred, a third of the rounds have nobody: the model must move all the same."""
    plan = UserLevelDP(max_grad_norm=1.0, noise_multiplier=2.0, sample_rate=0.01, rounds=60, divisor=1)
    found = simulate(model(), users(count=100, records=1), FedAvg(weight="equal"), rounds=60, learning_rate=0.5, cohort=1,
                     sampling="poisson", pipeline=[plan], evaluate=lambda trained: {"first": vector_of(trained)[0]})
    empty = [number for number, each in enumerate(found.rounds) if number and not each.cohort]
    assert 6 < len(empty) < 40  # 22 expected; outside once in 10,000 seeds
    assert (np.abs(np.diff(found.metric("first"))[np.array(empty) - 1]) > 1e-4).all()
    rng = seeded()
    noise = [released(PLAN, [], rng, 3) / PLAN.max_grad_norm / PLAN.noise_multiplier for _ in range(1000)]
    assert stats.kstest(np.ravel(noise), "norm").pvalue > 1e-5


def test_the_divisor_does_not_tell_how_many_joined():
    few, many = (one_round(PLAN, [OTHERS[0]] * count, seeded(), 3)[0] for count in (1, 50))
    assert few.weight == many.weight == PLAN.divisor


def test_more_noise_than_signal_learns_nothing_and_little_noise_learns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5, 4)).astype(np.float32)
    clients = [(x, (x[:, 0] > 0).astype(int)) for x in X]
    test = (X.reshape(-1, 4), (X.reshape(-1, 4)[:, 0] > 0).astype(int))

    def accuracy(noise):
        torch.manual_seed(0)
        plan = UserLevelDP(max_grad_norm=0.5, noise_multiplier=noise, sample_rate=0.25, rounds=20, divisor=100)
        return run(plan, clients, rounds=20, cohort=100, evaluate=test).accuracy[-1]

    assert accuracy(0.5) > 0.9 and accuracy(500) < 0.8


def test_capped_weights_are_allowed_and_example_weights_refused():
    assert run(plan_for(), strategy=FedAvg(), pipeline=[Weight(at_most=5), plan_for()]).rounds
    assert run(plan_for(), strategy=FedAvg(), pipeline=[Weight(by="equal"), plan_for()]).rounds
    for pipeline in ([plan_for()], [Weight(by="examples"), plan_for()], [plan_for(), Weight(by="equal")]):
        with pytest.raises(ValueError, match="weight must be bounded"):
            run(None, strategy=FedAvg(), pipeline=pipeline)


@pytest.mark.parametrize("name, changes", [
    ("rounds", {"rounds": 6}), ("cohort", {"cohort": 7}), ("sampling", {"sampling": "fixed"}),
    ("Scaffold", {"strategy": Scaffold(weight="equal")}),
])
def test_a_run_that_the_account_does_not_cover_is_refused(name, changes):
    with pytest.raises(ValueError, match=name):
        run(plan_for(), **changes)


@pytest.mark.parametrize("field, bad", [
    *[(field, bad) for field in ("max_grad_norm", "noise_multiplier", "divisor") for bad in (0, -1, NAN, INF, None, "1")],
    *[("sample_rate", bad) for bad in (0, 1.1, -0.1, NAN, None)],
    *[("rounds", bad) for bad in (0, 1.5, -1, None)],
    *[("delta", bad) for bad in (0, 1, -0.1, NAN, "small")],
])
def test_bad_fields_are_refused_by_name(field, bad):
    with pytest.raises(ValueError, match=field):
        replace(PLAN, **{field: bad})


@pytest.mark.parametrize("name, bad", [
    *[(name, bad) for name in ("epsilon", "cohort", "max_grad_norm") for bad in (0, -1, NAN, INF, None)], ("cohort", 31), ("delta", 1 / 30),
    ("delta", 0), ("users", 0), ("users", 1.5), ("rounds", 0),
])
def test_bad_budgets_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        plan_for(**{name: bad})


@pytest.mark.parametrize("rounds", [0, 6, 1.5, "two"])
def test_epsilon_of_rounds_that_are_not_planned_is_refused(rounds):
    with pytest.raises(ValueError, match="rounds"):
        plan_for().epsilon(1e-3, rounds=rounds)
