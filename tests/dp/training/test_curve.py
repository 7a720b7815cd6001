"""The stacked pass trains the models that one would train one at a time, and survives an audit that its broken twins fail."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from labkit import datasets
from labkit.dp import best_attack, dp_sgd_event, epsilon_of, epsilon_spent
from labkit.dp.auditing.bounds import Audit
from labkit.dp.training import curve
from labkit.dp.training.curve import (
    event_of_all,
    privacy_accuracy_curve,
    stacked_accuracy,
    train_stacked,
    unit_rows,
)
from labkit.dp.training.dp_sgd import Plan, train_private

TRAIN, TEST = datasets.digits().split(test_size=0.2, seed=0)
SPLIT = TRAIN.X, TRAIN.y, TEST.X, TEST.y


def seeded(seed=0):
    return np.random.default_rng(seed)


def plans(*noise, **changed):
    fields = dict(sample_rate=0.1, batch_size=144, steps=8, max_grad_norm=0.4, learning_rate=2.0, momentum=0.5) | changed
    return [Plan(noise_multiplier=each, **fields) for each in noise]


# -- the stacked pass against plain loops


def test_the_stacked_pass_equals_a_plain_loop_with_the_same_noise():
    X, y, noise = unit_rows(TRAIN.X), TRAIN.y, (0.5, 4.0)
    stacked = train_stacked(X, y, 10, plans(*noise), seeded().spawn(3)).numpy()
    for s, rng in enumerate(seeded().spawn(3)):
        both = [np.zeros((10, 65)) for _ in noise]
        velocities = [0, 0]
        for _ in range(plans(1.0)[0].steps):
            size = rng.binomial(len(X), plans(1.0)[0].sample_rate)
            batch = rng.choice(len(X), size, replace=False, shuffle=False)
            drawn = rng.standard_normal((10, 2, 65), dtype=np.float32)  # noise of its own for each plan
            for e, (plan, W) in enumerate(zip(plans(*noise), both)):
                total = plan.noise_multiplier * plan.max_grad_norm * drawn[:, e]
                for i in batch:
                    p = np.exp(W @ X[i])
                    gradient = np.outer(p / p.sum() - np.eye(10)[y[i]], X[i])
                    total = total + gradient * min(1, plan.max_grad_norm / np.linalg.norm(gradient))
                velocities[e] = plan.momentum * velocities[e] + total / plan.batch_size
                W -= plan.learning_rate * velocities[e]
        for e, W in enumerate(both):
            np.testing.assert_allclose(stacked[e, s], W, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_stacked_model_alone_is_the_one_that_train_private_makes(momentum):
    X, plan = unit_rows(TRAIN.X), plans(0.5, momentum=momentum)[0]
    stacked = train_stacked(X, TRAIN.y, 10, [plan], seeded().spawn(2))
    for s, rng in enumerate(seeded().spawn(2)):
        start = nn.Linear(65, 10, bias=False)
        nn.init.zeros_(start.weight)
        alone = train_private(start, X, TRAIN.y, plan=plan, delta=1e-4, rng=rng).model.weight
        torch.testing.assert_close(stacked[0, s], alone.detach(), rtol=1e-4, atol=1e-5)


def test_models_of_one_seed_have_independent_noise():
    """Two models of one step on nothing: their noise is uncorrelated, within 5 standard errors (wrong once in 1.7 million)."""
    X, y = np.zeros((3, 4000), np.float32), np.array([0, 1, 2])
    first, second = train_stacked(X, y, 3, plans(1.0, 2.0, steps=1), seeded().spawn(1))[:, 0].flatten(1).numpy()
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / math.sqrt(len(first))
    assert second.std() / first.std() == pytest.approx(2, abs=0.1)  # 0.1 is 6 standard errors


def test_two_models_of_one_seed_do_not_give_a_member_away():
    """The subtraction that undoes shared noise, against 178 people of whom one was left out or not, 300 times each.

    Independent noise allows no attacker more than `best_attack` of publishing both; 3.9 standard errors are exceeded once in 20,000.
    """
    rows, y = unit_rows(TRAIN.X[:178]), TRAIN.y[:178]
    both = [Plan.for_budget(epsilon=each, delta=1e-4, records=178, batch_size=178, steps=20, max_grad_norm=1.0, learning_rate=1.0)
            for each in (0.5, 1.0)]
    sigma = [each.noise_multiplier for each in both]
    told = []
    for seed, kept in enumerate((np.arange(178), np.arange(1, 178))):
        weights = train_stacked(rows[kept], y[kept], 10, both, seeded(seed).spawn(300)).numpy()
        bare = (sigma[1] * weights[0] - sigma[0] * weights[1]) / (sigma[1] - sigma[0])
        told.append(((np.eye(10)[y[0]] - 0.1) @ bare) @ rows[0])
    with_person, without = told
    halfway = (np.median(with_person[:150]) + np.median(without[:150])) / 2  # chosen on one half, judged on the other
    right = ((with_person[150:] > halfway).mean() + (without[150:] < halfway).mean()) / 2
    assert right < best_attack(event_of_all(both)) + 3.9 * math.sqrt(0.25 / 300)


def test_the_event_of_all_counts_every_plan_and_seed():
    assert event_of_all(plans(1.0, 1.0), seeds=2) == dp_sgd_event(noise_multiplier=0.5**0.5, sample_rate=0.1, steps=16)
    assert event_of_all(plans(1.5)) == plans(1.5)[0].event
    found = privacy_accuracy_curve(*SPLIT, **(GOOD | dict(epsilons=[1.0, 2.0])))
    assert epsilon_of(found.event, delta=1e-4, spacing=0.01) > 2.3  # two seeds of two models, the better one at epsilon 2


def test_seeds_have_their_own_batches_and_noise():
    weights = train_stacked(unit_rows(TRAIN.X), TRAIN.y, 10, plans(1.0), seeded().spawn(4))
    flat = weights[0].flatten(1)
    assert len({tuple(each.tolist()) for each in flat}) == 4
    quiet = train_stacked(unit_rows(TRAIN.X), TRAIN.y, 10, plans(1e-6), seeded().spawn(4))[0].flatten(1)
    assert not torch.allclose(quiet[0], quiet[1])  # even without noise the batches differ


def test_some_rows_of_X_are_trained_on_as_a_copy_of_them_would_be():
    X, some = unit_rows(TRAIN.X), seeded().permutation(len(TRAIN.X))[:700]
    X.flags.writeable = False  # as a loader's arrays are
    there, copied = (train_stacked(*each, 10, plans(0.5), seeded().spawn(2), which=which)
                     for *each, which in [(X, TRAIN.y[some], some), (X[some], TRAIN.y[some], None)])
    assert torch.equal(there, copied) and not torch.equal(there, train_stacked(
        X, TRAIN.y[some], 10, plans(0.5), seeded().spawn(2), which=np.sort(some)))


def test_an_empty_batch_still_moves_by_noise():
    weights = train_stacked(unit_rows(TRAIN.X), TRAIN.y, 10, plans(1.0, sample_rate=1e-9, steps=1), seeded().spawn(2))
    assert (weights != 0).all()


# -- the curve


def test_the_curve_on_digits_rises_and_lies_between_its_two_lines():
    found = privacy_accuracy_curve(*SPLIT, epsilons=[0.1, 1, 8], delta=1e-4, classes=10, records=1437, batch_size=256, rng=seeded())
    assert found.accuracies.shape == (3, 10) and found.mean.shape == (3,)
    # Means over ten seeds; their standard error is below 0.03 at epsilon 0.1 and 0.005 above.
    assert found.majority + 0.05 < found.mean[0] < found.mean[1] - 0.2
    assert 0.86 < found.mean[1] < found.mean[2] < found.non_private
    assert found.mean[2] > 0.92 and 0.96 < found.non_private < 0.99 and 0.05 < found.majority < 0.15
    assert (found.delta, found.accountant, found.relation) == (1e-4, "pld", "add or remove one record")
    for epsilon, noise in zip(found.epsilons, found.noise_multipliers):
        spent = epsilon_spent(noise_multiplier=noise, sample_rate=256 / len(TRAIN), steps=200, delta=1e-4)
        assert 0.99 * epsilon < spent <= epsilon
    again = privacy_accuracy_curve(*SPLIT, epsilons=[0.1, 1, 8], delta=1e-4, classes=10, records=1437, batch_size=256, rng=seeded())
    np.testing.assert_array_equal(found.accuracies, again.accuracies)


@pytest.mark.parametrize("name, delta", [("adult", 1e-5), ("breast_cancer", 1e-3)])
def test_the_curve_works_on_two_classes(name, delta):
    train, test = datasets.load(name).split(test_size=0.2, seed=0)
    found = privacy_accuracy_curve(train.X, train.y, test.X, test.y, epsilons=[2.0], delta=delta, classes=2,
                                   records=len(train), batch_size=200, seeds=3, rng=seeded())
    assert found.majority < found.mean[0] <= found.non_private + 0.01


def test_accuracy_counts_right_answers():
    weights = torch.zeros(1, 2, 3, 2)
    weights[0, 0, 1] = weights[0, 1, 2] = 1.0  # seed 0 always says 1, seed 1 always says 2
    X = np.ones((4, 2), np.float32)
    np.testing.assert_allclose(stacked_accuracy(weights, X, np.array([1, 1, 1, 2])), [[0.75, 0.25]])


def test_rows_have_length_one_each_by_itself():
    rows = unit_rows(TRAIN.X)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(rows[:5], unit_rows(TRAIN.X[:5]))


# -- the audit: can one tell from the released weights whether the canary was in the training data?
#
# The canary lights only pixel 0, which is dark in all digits, so that weights of pixel 0 hold noise and the canary alone.
# Its gradient is nine times the clipping norm. 2 x 1,000 models; the threshold is fixed beforehand, halfway between where
# the two worlds should lie. A bound at confidence 1 - 1e-5 exceeds the true epsilon once in 100,000 audits.

CLAIM, DELTA, CLASS = 2.0, 1e-5, 3
AUDITED = Plan.for_budget(epsilon=CLAIM, delta=DELTA, records=21, batch_size=21, steps=10, max_grad_norm=1.0, learning_rate=0.01)


def canary_scores(with_canary, runs, seed):
    X, y = np.array(TRAIN.X[:20]), TRAIN.y[:20]
    assert not X[:, 0].any()
    if with_canary:
        X = np.concatenate([X, 10 * np.eye(1, 64, dtype=np.float32)])
        y = np.append(y, CLASS)
    weights = train_stacked(X, y, 10, [AUDITED], seeded(seed).spawn(runs))[0, :, :, 0].numpy()
    direction = np.full(10, -0.1) + np.eye(10)[CLASS]
    per_step = AUDITED.learning_rate / AUDITED.batch_size
    return weights @ direction / np.linalg.norm(direction) / per_step  # the sum over steps of what the canary added, plus noise


def audited_epsilon(runs=1000):
    halfway = AUDITED.steps * AUDITED.max_grad_norm / 2
    return Audit(canary_scores(True, runs, 1), canary_scores(False, runs, 2)).epsilon_lower_bound(
        delta=DELTA, confidence=1 - 1e-5, thresholds=halfway)


def test_the_audit_passes_the_stacked_training():
    assert 0.1 < audited_epsilon(runs=4000) <= CLAIM  # above 0.1: the audit sees the canary at all


BROKEN = {
    "no clipping": ("clip_factors", lambda residuals, lengths, norm: torch.ones(())),
    "clipping the batch": ("clip_factors", lambda residuals, lengths, norm: (  # the mean gradient's norm is below 1: no effect
        (norm / (residuals.sum(3).norm(dim=1) / residuals.shape[3]).amax(dim=1)).clamp(max=1)[:, None, None, None])),
    "noise divided by the batch twice": ("_draw", lambda *given, real=curve._draw: (
        lambda batch, noise: (batch, noise / AUDITED.batch_size))(*real(*given))),
    "no noise": ("_draw", lambda *given, real=curve._draw: (
        lambda batch, noise: (batch, torch.zeros_like(noise)))(*real(*given))),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_audit_catches(name, monkeypatch):
    where, broken = BROKEN[name]
    monkeypatch.setattr(curve, where, broken)
    assert audited_epsilon() > CLAIM


# -- refusals

GOOD = dict(epsilons=[1.0], delta=1e-4, classes=10, records=1437, batch_size=100, steps=5, seeds=2)
BAD = [
    (dict(epsilons=[]), "epsilons"), (dict(epsilons=[1, -1]), "epsilons"), (dict(epsilons=[0]), "epsilons"),
    (dict(epsilons=[math.nan]), "epsilons"), (dict(epsilons=1.0), "epsilons"), (dict(epsilons="1"), "epsilons"),
    (dict(delta=0), "delta"), (dict(delta=0.1), "delta"), (dict(delta=math.nan), "delta"),
    (dict(batch_size=0), "batch_size"), (dict(batch_size=10_000), "batch_size"), (dict(batch_size=math.nan), "batch_size"),
    (dict(classes=1), "classes"), (dict(records=0), "records"), (dict(steps=0), "steps"),
    (dict(steps=1.5), "steps"), (dict(seeds=0), "seeds"), (dict(seeds=None), "seeds"),
    (dict(max_grad_norm=0), "max_grad_norm"), (dict(max_grad_norm=math.inf), "max_grad_norm"),
    (dict(learning_rate=-1), "learning_rate"), (dict(momentum=1.0), "momentum"), (dict(accountant="x"), "accountant"), (dict(rng=3), "rng"),
]
X, Y = np.zeros((30, 4)), np.arange(30) % 3
BAD_DATA = [
    ((X[:0], Y, X, Y), "X and y"), ((X[:, 0], Y, X, Y), "X"), ((X, Y[:3], X, Y), "X and y"),
    ((X, Y, X[:, :2], Y), "X_test"), ((X, Y, X, Y[:3]), "X_test and y_test"), ((X, Y - 1, X, Y), "y"), ((X, Y / 2, X, Y), "y"),
    ((X, Y, X, Y + 0.5), "y_test"), ((X, Y, X, -Y), "y_test"), ((None, Y, X, Y), "X"),
]


@pytest.mark.parametrize("wrong, name", BAD)
def test_the_curve_refuses(wrong, name):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        privacy_accuracy_curve(*SPLIT, **(GOOD | wrong))


@pytest.mark.parametrize("data, name", BAD_DATA)
def test_the_curve_refuses_data(data, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        privacy_accuracy_curve(*data, **(GOOD | dict(delta=1e-3, classes=3, records=30, batch_size=10)))
