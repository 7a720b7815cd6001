"""Nothing in a pipeline lifts the bound of a private step: random pipelines, with the sensitivity measured by replay."""

from collections import Counter

import numpy as np
import pytest
import torch

from labkit import dp
from labkit.federated import (
    AdaptiveUserLevelDP,
    Clip,
    DistributedDiscreteGaussian,
    FedAvg,
    Median,
    Noise,
    Quantise,
    Scaffold,
    SecureSum,
    Step,
    Sum,
    TopK,
    UserLevelDP,
    Weight,
    simulate,
    vector_of,
)
from labkit.federated.pipeline.step import Pipeline, Setting
from labkit.federated.strategies.strategy import Update

P, USERS, ROUNDS = 12, 6, 2
FIELDS = {"noise_multiplier": 2.0, "sample_rate": 1.0, "rounds": 5, "divisor": 6}
PLANS = [UserLevelDP(max_grad_norm=0.5, **FIELDS), AdaptiveUserLevelDP(max_grad_norm=0.5, count_noise=3.0, **FIELDS),
         UserLevelDP(max_grad_norm=0.5, **{**FIELDS, "sample_rate": 0.5})]


class Louder(Step):
    """A step of somebody's own, of which nobody knows what it does."""

    def on_client(self, update, received, memory, turn):
        return Update(update.client, update.examples, update.steps, {**update.message, "change": 3 * update.message["change"]},
                      update.weight), memory


def any_step(rng):
    return [lambda: Weight("examples"), lambda: Weight("equal"), lambda: Weight(at_most=float(rng.integers(1, 300))),
            lambda: Clip(float(rng.choice([0.1, 0.5, 5.0]))), lambda: TopK(float(rng.choice([0.1, 0.5])), remember=bool(rng.integers(2))),
            lambda: Quantise(int(rng.integers(1, 9))), lambda: Noise(0.1, at=str(rng.choice(["client", "server"]))), Sum, Louder,
            lambda: SecureSum(largest=float(rng.choice([0.05, 1.0, 1e6])), modulus_bits=int(rng.choice([12, 32]))),
            lambda: PLANS[rng.integers(3)]][rng.integers(11)]()


def published(steps, strategy, changes, examples, seed):
    """What the strategy gets in each round, times the divisor: array (rounds, P)."""
    setting = Setting(strategy, USERS, USERS, "fixed", ROUNDS, P, steps)
    pipeline, parameters, found = Pipeline(setting, seed), torch.zeros(P, dtype=torch.float64), []
    for number in range(1, ROUNDS + 1):
        received, sent = pipeline.configure(number, parameters), []
        for client, change in changes.items():
            update = Update(client, examples[client], 1, {"change": torch.tensor(change * number)})
            weight = float(examples[client]) if getattr(strategy, "weight", "equal") == "examples" else 1.0
            update, memory = pipeline.client(update, weight, received, number, parameters)
            pipeline.remember(client, memory)
            sent.append(update)
        (whole,), _ = pipeline.server(sent, number, parameters)
        found.append(whole.message["change"].numpy() * FIELDS["divisor"])
    return np.array(found)


def moved(steps, strategy, rng):
    """How far one user moves the noisy sum, in units of the clip: the largest over rounds and a few kinds of user."""
    examples = {each: int(rng.integers(1, 500)) for each in range(USERS)}
    others = {each: rng.normal(size=P) * 10.0 ** rng.integers(-2, 3) for each in range(USERS - 1)}
    far = []
    for person in (rng.normal(size=P), 1e6 * rng.normal(size=P), np.eye(P)[0] * 0.4, np.full(P, 0.1)):
        seed = int(rng.integers(2**31))
        with_them = published(steps, strategy, others | {USERS - 1: person}, examples, seed)
        without = published(steps, strategy, others, examples, seed)
        far.append(np.linalg.norm(with_them - without, axis=1)[:1 if any(isinstance(each, AdaptiveUserLevelDP) for each in steps) else None])
    return float(np.max(np.concatenate(far)) / 0.5)


@pytest.mark.filterwarnings("ignore")
def test_random_pipelines_keep_the_declared_sensitivity_or_are_refused():
    rng, tried = np.random.default_rng(17), Counter()
    while tried["accepted"] < 250:
        steps = [any_step(rng) for _ in range(rng.integers(0, 4))]
        steps.insert(rng.integers(len(steps) + 1), PLANS[rng.integers(3)])
        strategy = [FedAvg(weight="equal"), FedAvg(), Scaffold(), Median()][rng.choice(4, p=[0.6, 0.2, 0.1, 0.1])]
        tried["pipelines"] += 1
        try:
            Pipeline(Setting(strategy, USERS, USERS, "fixed", ROUNDS, P, tuple(steps)), 0)
        except ValueError:
            tried["refused"] += 1
            continue
        tried["accepted"] += 1
        tried["violations"] += moved(tuple(steps), strategy, rng) > 1 + 1e-6
    print(dict(tried))
    assert tried["violations"] == 0 and tried["refused"] > 200


@pytest.mark.parametrize("step", [TopK(0.02), Quantise(1), Quantise(4), Weight("examples"), Weight("equal"), Louder(),
                                  Noise(0.1, at="client"), Noise(0.1), PLANS[0]], ids=lambda step: type(step).__name__)
@pytest.mark.parametrize("plan", PLANS[:2], ids=["fixed", "adaptive"])
def test_what_comes_after_a_clip_and_may_lengthen_it_is_refused_by_name(plan, step):
    steps = (plan, step) if step is not plan else (plan, UserLevelDP(max_grad_norm=0.4, **FIELDS))
    with pytest.raises(ValueError, match=type(step).__name__):
        Pipeline(Setting(FedAvg(weight="equal"), USERS, USERS, "fixed", 1, P, steps), 0)


def test_the_replay_sees_a_step_that_lengthens():
    """The broken twins: the same steps, declared harmless."""
    class Harmless(Louder):
        never_lengthens = True

    class Reweighs(Weight):
        never_lengthens = True

    rng = np.random.default_rng(3)
    assert moved((PLANS[0], Harmless()), FedAvg(weight="equal"), rng) == pytest.approx(3, rel=1e-6)
    assert moved((PLANS[0], Reweighs("examples")), FedAvg(weight="equal"), rng) > 5


def blank():
    model = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False))
    torch.nn.init.zeros_(model[0].weight)
    return model


ONE = np.ones((1, 1), "f4")


def run(clients, plan, **changes):
    return vector_of(simulate(blank(), clients, FedAvg(weight="equal"), **{"rounds": 1, "learning_rate": 1.0, "engine": "lean", **changes},
                              pipeline=[plan], loss=lambda out, target, reduction: (out - target) ** 2).model)


def test_a_fixed_cohort_smaller_than_the_population_is_refused():
    """One user more would push another out: the sum moves by twice the clip."""
    plan = UserLevelDP(max_grad_norm=1.0, noise_multiplier=1.0, sample_rate=1.0, rounds=1, divisor=1)
    with pytest.raises(ValueError, match="sampling must be 'poisson'.*moves the sum twice"):
        run([(ONE, -100 * ONE)] * 21, plan, cohort=20)
    assert run([(ONE, -100 * ONE)] * 20, plan, cohort=20, seed=0).isfinite().all()


def test_everybody_takes_part_and_the_audit_stays_within_the_claim():
    plan = UserLevelDP(max_grad_norm=1.0, noise_multiplier=1.0, sample_rate=1.0, rounds=1, divisor=1)
    down, up = (ONE, -100 * ONE), (ONE, 100 * ONE)
    ins = np.array([float(run([down] * 3 + [up], plan, seed=each)[0]) for each in range(600)])
    outs = np.array([float(run([down] * 3, plan, seed=10**6 + each)[0]) for each in range(600)])
    assert dp.gaussian_bound(dp.Audit(ins, outs), delta=1e-5, confidence=0.9999).mu <= 1


def test_private_runs_repeat_only_with_a_seed():
    for plan in (UserLevelDP(max_grad_norm=1.0, noise_multiplier=1.0, sample_rate=1.0, rounds=1, divisor=1), Noise(0.5), Noise(0.5, at="client")):
        clients = [(ONE, 3 * ONE)] * 3
        assert not torch.equal(run(clients, plan), run(clients, plan))
        assert not torch.equal(run(clients, plan, seed=None), run(clients, plan, seed=None))
        assert torch.equal(run(clients, plan, seed=5), run(clients, plan, seed=5))
    assert torch.equal(run(clients, Clip(1.0)), run(clients, Clip(1.0)))


def test_distributed_noise_knows_its_senders():
    plan = DistributedDiscreteGaussian.for_budget(epsilon=4, delta=1e-4, clients=4, parameters=P, rounds=2, max_grad_norm=1.0, exact=False)
    wide = DistributedDiscreteGaussian.for_budget(epsilon=4, delta=1e-4, clients=4, senders=9, parameters=P, rounds=2, max_grad_norm=1.0,
                                                  exact=False)

    def check(plan, cohort, *steps):
        Pipeline(Setting(FedAvg(weight="equal"), 9, cohort, "fixed", 2, P, (plan, *steps)), 0)

    check(plan, 4), check(wide, 9), check(plan, 4, Sum()), check(plan, 4, SecureSum(largest=2.0**16))
    with pytest.raises(ValueError, match="cohort must be at most 4, the senders"):
        check(plan, 5)
    with pytest.raises(ValueError, match="senders"):
        DistributedDiscreteGaussian(max_grad_norm=1.0, grid=0.1, sigma=1.0, parameters=P, clients=4, rounds=1, senders=3)
    for step, words in [(TopK(0.1), "TopK"), (Clip(1.0), "Clip"), (SecureSum(largest=1.0), "room for whole numbers"),
                        (SecureSum(largest=2.0**16, modulus_bits=16), "room")]:
        with pytest.raises(ValueError, match=words):
            check(plan, 4, step)


def test_adaptive_clipping_refuses_users_who_count_by_less():
    for strategy, steps in [(FedAvg(weight="equal"), (Weight(at_most=200), PLANS[1])), (FedAvg(), (Weight(at_most=200), PLANS[1]))]:
        with pytest.raises(ValueError, match="weight must be 'equal' for AdaptiveUserLevelDP"):
            Pipeline(Setting(strategy, USERS, USERS, "fixed", 1, P, steps), 0)
    Pipeline(Setting(FedAvg(), USERS, USERS, "fixed", 1, P, (Weight("equal"), PLANS[1])), 0)


@pytest.mark.parametrize("steps", [(Weight(at_most=5), Weight("examples"), SecureSum(largest=1.0)), (Clip(1.0), Weight(), SecureSum(largest=1.0)),
                                   (TopK(0.1), Noise(0.1)), (Quantise(8), Sum())],
                         ids=lambda steps: "-".join(type(each).__name__ for each in steps))
def test_other_steps_that_would_fail_in_the_middle_are_refused_before(steps):
    with pytest.raises(ValueError):
        Pipeline(Setting(FedAvg(weight="equal"), USERS, USERS, "fixed", 1, P, steps), 0)


def test_a_divisor_that_counts_clients_would_tell_who_joined_and_a_fixed_one_does_not():
    """Ten clinics or nine: with clip and noise alone the length of the steps tells them apart, far beyond the claim."""
    rng = np.random.default_rng(4)
    clinics = [(rng.normal(size=(8, 20)).astype("f4"), rng.integers(0, 3, 8)) for _ in range(10)]
    plan = UserLevelDP(max_grad_norm=1.0, noise_multiplier=12.0, sample_rate=1.0, rounds=10, divisor=10)

    def score(clients, steps, seed):
        seen = []
        simulate(torch.nn.Sequential(torch.nn.Linear(20, 3)), clients, FedAvg(weight="equal"), rounds=10, learning_rate=0.1, seed=seed,
                 pipeline=steps, evaluate=lambda model: seen.append(vector_of(model).numpy()) or {})
        return -np.log((np.diff(seen, axis=0) ** 2).mean())

    def apart(steps):
        ins, outs = ([score(clinics[:many], steps, 1000 * many + each) for each in range(25)] for many in (10, 9))
        return dp.gaussian_bound(dp.Audit(np.array(ins), np.array(outs)), delta=1e-5).mu

    claimed = np.sqrt(10) / 12
    assert apart([Clip(1.0), Noise(12.0)]) > 2 * claimed and apart([plan]) <= claimed
