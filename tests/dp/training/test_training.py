"""DP-SGD does what its account says: bounded contributions, noise of the stated size, Poisson batches, nothing else released."""

import copy
import dataclasses
import io
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from labkit.dp import epsilon_spent
from labkit.dp.training import dp_sgd as training
from labkit.dp.training.dp_sgd import (
    Plan,
    clipped_sum,
    per_example_gradients,
    poisson_sample,
    train_private,
    train_without_privacy,
)
from labkit.models import mlp, softmax_regression

PLAN = Plan(sample_rate=0.5, batch_size=10, steps=5, noise_multiplier=1.0, max_grad_norm=1.0, learning_rate=0.1)
CROSS_ENTROPY = nn.functional.cross_entropy


def seeded(seed=0):
    return np.random.default_rng(seed)


def records(n=20, d=4, classes=3):
    rng = seeded(1)
    return rng.normal(size=(n, d)).astype(np.float32), rng.integers(classes, size=n)


def weights(model):
    return torch.cat([each.detach().flatten() for each in model.parameters()]).numpy()


def sum_of(model, X, y, max_grad_norm):
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        total = clipped_sum(per_example_gradients(model, CROSS_ENTROPY), parameters, torch.tensor(X), torch.tensor(y), max_grad_norm)
    return torch.cat([each.flatten() for each in total.values()]).numpy()


# -- clipping


def test_the_sum_is_that_of_gradients_clipped_one_by_one():
    torch.manual_seed(0)
    model, (X, y) = mlp(4, 5, 3), records()
    expected = 0
    for x, target in zip(X, y):
        model.zero_grad()
        CROSS_ENTROPY(model(torch.tensor(x)[None]), torch.tensor([target])).backward()
        gradient = np.concatenate([each.grad.flatten().numpy() for each in model.parameters()])
        expected = expected + gradient * min(1, 0.3 / np.linalg.norm(gradient))
    np.testing.assert_allclose(sum_of(model, X, y, 0.3), expected, rtol=1e-5, atol=1e-6)


def test_memory_is_bounded_by_chunks_and_chunks_change_nothing(monkeypatch):
    torch.manual_seed(0)
    model, (X, y) = mlp(4, 5, 3), records(50)
    whole, seen = sum_of(model, X, y, 0.3), []
    monkeypatch.setattr(training, "GRADIENT_FLOATS", 7 * 43)  # 43 parameters: 7 examples at a time
    real = training.vmap
    monkeypatch.setattr(training, "vmap", lambda f, **options: lambda p, X, y: seen.append(len(X)) or real(f, **options)(p, X, y))
    np.testing.assert_allclose(sum_of(model, X, y, 0.3), whole, rtol=1e-5, atol=1e-6)
    assert seen == [7] * 7 + [1]


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 1e10, 1e18, 1e30, 3e38])
def test_no_example_moves_the_sum_by_more_than_the_norm(size):
    model, (X, y) = softmax_regression(4, 3), records()
    enemy = np.full((1, 4), size, np.float32) * [1, -1, 1, -1]
    with_enemy = sum_of(model, np.concatenate([X, enemy]).astype(np.float32), np.append(y, 2), 0.3)
    moved = with_enemy - sum_of(model, X, y, 0.3)
    assert np.isfinite(moved).all() and np.linalg.norm(moved) <= 0.3 * (1 + 1e-4)  # float32 sums round


def test_a_gradient_that_is_not_finite_counts_as_zero():
    X, y = records()
    model = softmax_regression(4, 3)
    gradients_of = per_example_gradients(model, lambda out, target: CROSS_ENTROPY(out, target) * torch.where(target[0] == 2, math.inf, 1.0))
    with torch.no_grad():
        total = clipped_sum(gradients_of, dict(model.named_parameters()), torch.tensor(X), torch.tensor(y), 0.3)
    kept = y != 2
    expected = sum_of(model, X[kept], y[kept], 0.3)
    np.testing.assert_allclose(torch.cat([each.flatten() for each in total.values()]).numpy(), expected, rtol=1e-5, atol=1e-6)


# -- noise


def test_noise_has_the_stated_deviation_also_on_an_empty_batch():
    X, y = np.zeros((3, 1000), np.float32), np.array([0, 1, 2])
    plan = Plan(sample_rate=1e-9, batch_size=7, steps=1, noise_multiplier=1.7, max_grad_norm=0.3, learning_rate=2.0)
    start = nn.Linear(1000, 200, bias=False)
    nn.init.zeros_(start.weight)
    moved = weights(train_private(start, X, y, plan=plan, delta=1e-11, rng=seeded()).model) * -plan.batch_size / plan.learning_rate
    expected = 1.7 * 0.3
    n = len(moved)  # 200,000 Gaussian draws; each bound is 5 standard errors, wrong once in 1.7 million
    assert abs(moved.mean()) < 5 * expected / math.sqrt(n)
    assert abs(moved.std() / expected - 1) < 5 / math.sqrt(2 * n)
    assert abs(stats.kurtosis(moved)) < 5 * math.sqrt(24 / n)


def test_one_step_is_the_clipped_sum_plus_the_noise_over_the_expected_batch():
    model, (X, y) = softmax_regression(4, 3), records()
    plan = dataclasses.replace(PLAN, sample_rate=1.0, steps=1, noise_multiplier=0.8, max_grad_norm=0.3)
    trained = train_private(model, X, y, plan=plan, delta=1e-5, rng=seeded())
    rng = seeded()
    poisson_sample(rng, 20, 1.0)
    noise = np.concatenate([rng.standard_normal(shape, dtype=np.float32).ravel() for shape in [(3, 4), (3,)]])
    step = (sum_of(model, X, y, 0.3) + 0.8 * 0.3 * noise) / plan.batch_size
    np.testing.assert_allclose(weights(trained.model), -plan.learning_rate * step, rtol=1e-5, atol=1e-7)


def test_the_divisor_does_not_know_how_many_records_there_are():
    plan = dataclasses.replace(PLAN, sample_rate=1.0, steps=1, max_grad_norm=1e-12)  # nothing left of the gradients
    noisy = [weights(train_private(softmax_regression(4, 3), *(each[:n] for each in records()), plan=plan, delta=1e-5,
                                   rng=seeded()).model) for n in (20, 20)]
    np.testing.assert_array_equal(*noisy)
    scaled = []
    for n in (20, 19):  # drawing another batch shifts the noise too: compare deviations over many weights
        X, y = np.zeros((n, 500), np.float32), np.arange(n) % 3
        start = nn.Linear(500, 400, bias=False)
        nn.init.zeros_(start.weight)
        scaled.append(weights(train_private(start, X, y, plan=plan, delta=1e-5, rng=seeded()).model).std())
    assert scaled[0] == pytest.approx(scaled[1], rel=0.016)  # 1/20 against 1/19 would be 5 %; 0.016 is 5 standard errors of both


def test_momentum_accumulates_noisy_gradients():
    X, y = records()
    plan = dataclasses.replace(PLAN, sample_rate=1.0, steps=2, momentum=0.5, noise_multiplier=1e-5)
    moved = weights(train_private(softmax_regression(4, 3), X, y, plan=plan, delta=1e-5, rng=seeded()).model)
    model, velocity = softmax_regression(4, 3), 0
    for _ in range(2):
        velocity = 0.5 * velocity + sum_of(model, X, y, 1.0) / 10
        nn.utils.vector_to_parameters(torch.tensor(weights(model) - 0.1 * velocity), model.parameters())
    np.testing.assert_allclose(moved, weights(model), atol=1e-6)


# -- sampling


def test_batches_are_poisson_samples():
    rng, n, rate, draws = seeded(), 40, 0.3, 4000
    drawn = np.zeros((draws, n))
    for each in drawn:
        batch = poisson_sample(rng, n, rate)
        assert len(set(batch)) == len(batch)
        each[batch] = 1
    sizes = drawn.sum(1)
    # Each record joins at the rate: chi-square over 40 independent binomials. Each test fails once in 100,000.
    z = (drawn.sum(0) - draws * rate) / math.sqrt(draws * rate * (1 - rate))
    assert stats.chi2.cdf((z**2).sum(), n) < 1 - 1e-5
    # Sizes are binomial (shuffled batches would all have one size) and records are drawn independently of one another.
    expected = stats.binom.pmf(np.arange(n + 1), n, rate) * draws
    common = expected >= 10
    seen = np.bincount(sizes.astype(int), minlength=n + 1)
    statistic = ((seen[common] - expected[common]) ** 2 / expected[common]).sum()
    assert stats.chi2.cdf(statistic, common.sum()) < 1 - 1e-5
    pairs = np.corrcoef(drawn.T)[np.triu_indices(n, 1)] * math.sqrt(draws)  # 780 near-Gaussian values
    assert abs(pairs).max() < 5.5  # 780 * P(|z| > 5.5) = 3e-5
    assert len(poisson_sample(rng, n, 1.0)) == n


# -- what is returned


def test_what_is_run_is_what_is_accounted():
    X, y = records()
    for accountant in ("pld", "rdp"):
        trained = train_private(softmax_regression(4, 3), X, y, plan=PLAN, delta=1e-3, accountant=accountant, rng=seeded())
        spent = epsilon_spent(noise_multiplier=1.0, sample_rate=0.5, steps=5, delta=1e-3, accountant=accountant)
        assert (trained.epsilon, trained.delta, trained.accountant) == (spent, 1e-3, accountant)
        assert trained.relation == "add or remove one record" and f"{spent:.4g} at delta 0.001" in repr(trained)
        assert PLAN.epsilon(1e-3, accountant) == spent


def test_steps_are_counted_and_reported():
    seen = []
    train_private(softmax_regression(4, 3), *records(), plan=PLAN, delta=1e-3, progress=lambda *each: seen.append(each))
    assert seen == [(step, 5) for step in range(1, 6)]


def test_the_plan_for_a_budget_keeps_to_it():
    plan = Plan.for_budget(epsilon=2, delta=1e-4, records=1000, batch_size=100, steps=50, max_grad_norm=1, learning_rate=1)
    assert plan.sample_rate == 0.1 and plan.batch_size == 100
    assert 1.98 < plan.epsilon(1e-4) <= 2


def test_the_given_model_stays_as_it_was_and_a_seed_repeats_the_run():
    torch.manual_seed(0)
    model, (X, y) = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3)), records()
    before = weights(model).copy()
    runs = [weights(train_private(model, X, y, plan=PLAN, delta=1e-3, rng=rng).model)
            for rng in (seeded(), seeded(), seeded(1), None, None)]
    np.testing.assert_array_equal(weights(model), before)
    np.testing.assert_array_equal(runs[0], runs[1])
    assert all((runs[i] != runs[j]).any() for i, j in [(0, 2), (0, 3), (3, 4)])
    state = torch.random.get_rng_state()
    train_private(model, X, y, plan=PLAN, delta=1e-3)
    assert torch.equal(state, torch.random.get_rng_state())  # torch's own generator is left alone


def test_frozen_parameters_stay_and_whole_number_inputs_work():
    model = nn.Sequential(nn.Embedding(6, 4), nn.Flatten(), nn.Linear(8, 3))
    model[0].weight.requires_grad_(False)
    frozen = model[0].weight.clone()
    trained = train_private(model, np.array([[0, 1], [2, 3], [4, 5]]), np.array([0, 1, 2]), plan=PLAN, delta=0.01)
    assert torch.equal(trained.model[0].weight, frozen) and not torch.equal(trained.model[2].weight, model[2].weight)


def test_a_loss_of_ones_own():
    X = records()[0]
    y = (X @ [[1.0], [2.0], [0.0], [-1.0]]).astype(np.float32)
    plan = Plan(sample_rate=1.0, batch_size=20, steps=300, noise_multiplier=1e-3, max_grad_norm=10.0, learning_rate=0.2)
    trained = train_private(nn.Linear(4, 1), X, y, plan=plan, delta=1e-3, loss=nn.functional.mse_loss, rng=seeded())
    np.testing.assert_allclose(trained.model.weight.detach().numpy(), [[1, 2, 0, -1]], atol=0.05)


def test_the_twin_without_privacy_says_so_and_learns():
    X, y = records()
    y = (X[:, 0] > 0).astype(int)
    plan = dataclasses.replace(PLAN, steps=200, noise_multiplier=50.0, max_grad_norm=1e-3)
    plain = train_without_privacy(softmax_regression(4, 2), X, y, plan=plan, rng=seeded())
    assert plain.epsilon == math.inf and plain.accountant is None and "without privacy" in repr(plain)
    assert (plain.model(torch.tensor(X)).argmax(1).numpy() == y).mean() > 0.9
    full = dataclasses.replace(plan, sample_rate=1.0, batch_size=20, steps=1)
    one = weights(train_without_privacy(softmax_regression(4, 2), X, y, plan=full).model)
    np.testing.assert_allclose(one, -0.1 * sum_of(softmax_regression(4, 2), X, y, math.inf) / 20, atol=1e-6)


# -- refusals


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(4), nn.SyncBatchNorm(4), nn.InstanceNorm1d(4, track_running_stats=True)])
def test_layers_that_mix_examples_are_refused_in_words(layer):
    model = nn.Sequential(nn.Linear(4, 4), layer, nn.Linear(4, 3))
    for train, named in [(train_private, dict(delta=1e-3)), (train_without_privacy, {})]:
        with pytest.raises(ValueError, match="^model must not mix examples, got .*Norm.* at '1'.*GroupNorm or LayerNorm"):
            train(model, *records(), plan=PLAN, **named)


class Keeps(nn.Module):
    """A layer that keeps what it saw: in a buffer, in an attribute, in a list."""

    def __init__(self):
        super().__init__()
        self.layer, self.last, self.all = nn.Linear(4, 3), None, []
        self.register_buffer("seen", torch.zeros(4))

    def forward(self, x):
        self.seen, self.last = x.mean(0).detach(), x
        self.all.append(x)
        return self.layer(x)


def test_no_record_comes_back_in_the_model():
    given = Keeps()
    for train, named in [(train_private, dict(delta=1e-3)), (train_without_privacy, {})]:
        trained = train(given, *records(), plan=PLAN, **named).model
        assert trained.all == [] and trained.last is None and not trained.seen.any() and not trained.training
        assert given.all == [] and given.last is None and not given.seen.any()
        assert (trained.layer.weight != given.layer.weight).any() and trained.layer.weight.grad is None
        torch.save(trained.state_dict(), io.BytesIO())


def shared_layer():
    layer = nn.Linear(4, 4)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(4, 3))


def tied_layers():
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Linear(4, 3))
    model[2].weight = model[0].weight
    return model


@pytest.mark.parametrize("make", [shared_layer, tied_layers])
def test_a_layer_in_two_places_is_trained_in_both(make):
    """The same steps by autograd on the model itself, without noise."""
    torch.manual_seed(0)
    model, (X, y) = make(), records()
    plan = dataclasses.replace(PLAN, sample_rate=1.0, steps=3, momentum=0.0)
    trained = train_without_privacy(model, X, y, plan=plan).model
    by_hand = copy.deepcopy(model)
    for _ in range(3):
        loss = nn.functional.cross_entropy(by_hand(torch.as_tensor(X, dtype=torch.float32)), torch.as_tensor(y), reduction="sum")
        for each, slope in zip(by_hand.parameters(), torch.autograd.grad(loss / plan.batch_size, list(by_hand.parameters()))):
            each.data -= plan.learning_rate * slope
    assert trained[0].weight is trained[2].weight and all(isinstance(each, nn.Parameter) for each in trained.parameters())
    for mine, each in zip(trained.parameters(), by_hand.parameters()):
        torch.testing.assert_close(mine, each, rtol=1e-4, atol=1e-6)


class Squeezed(nn.Linear):
    def forward(self, x):
        return super().forward(x).squeeze()


class Grows(Keeps):
    def forward(self, x):
        self.last = x if self.last is None else self.last + x
        return self.layer(x)


@pytest.mark.parametrize("model, what", [
    (Squeezed(4, 3), "model and loss must give each example"), (Grows(), "model and loss must give each example"),
    (nn.LazyLinear(3), "model must know the shapes"), (nn.Linear(4, 3).to(torch.complex64), "must")])
def test_models_without_a_gradient_for_each_example_are_refused_before_any_work(model, what):
    calls = []
    for train, named in [(train_private, dict(delta=1e-3)), (train_without_privacy, {})]:
        with pytest.raises(ValueError, match=what):
            train(model, *records(), plan=PLAN, progress=lambda *each: calls.append(each), **named)
    assert calls == []


def test_records_in_any_order_of_memory():
    X, y = records()
    backwards = train_private(nn.Linear(4, 3), X[::-1], y[::-1], plan=PLAN, delta=1e-3)
    assert backwards.model.weight.isfinite().all()


FIELDS = [("sample_rate", [0, -0.1, 1.1, math.nan, None, "0.5"]), ("batch_size", [0, -1, math.inf, math.nan, None]),
          ("steps", [0, -1, 2.5, None, math.nan]), ("noise_multiplier", [0, -1, math.nan, math.inf, None]),
          ("max_grad_norm", [0, -1, math.nan, math.inf, None]), ("learning_rate", [0, -1, math.nan, math.inf, "1"]),
          ("momentum", [-0.1, 1, 1.5, math.nan, None])]


@pytest.mark.parametrize("field, value", [(field, value) for field, values in FIELDS for value in values])
def test_a_plan_refuses(field, value):
    with pytest.raises(ValueError, match=f"^{field} must be"):
        dataclasses.replace(PLAN, **{field: value})


@pytest.mark.parametrize("wrong", [dict(epsilon=0), dict(epsilon=math.nan), dict(delta=0), dict(records=0), dict(records=10.5),
                                   dict(batch_size=1001), dict(batch_size=-1), dict(accountant="x"), dict(steps=0)])
def test_a_plan_for_a_budget_refuses(wrong):
    good = dict(epsilon=1, delta=1e-4, records=1000, batch_size=100, steps=10, max_grad_norm=1, learning_rate=1)
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))} must be"):
        Plan.for_budget(**(good | wrong))


X_GOOD, Y_GOOD = records()
UNFIT = [
    (dict(model="linear"), "model"), (dict(model=nn.ReLU()), "model"), (dict(plan=None), "plan"), (dict(plan=dict(steps=1)), "plan"),
    (dict(X=[]), "X"), (dict(X=np.zeros((20, 7))), "X"), (dict(X="text"), "X"), (dict(X=None), "X"), (dict(X=3.0), "X"),
    (dict(y=Y_GOOD[:5]), "X and y"), (dict(y=[]), "X and y"), (dict(y=np.full(20, np.inf)), "y"), (dict(y=None), "y"),
    (dict(delta=0), "delta"), (dict(delta=math.nan), "delta"), (dict(delta=0.05), "delta"), (dict(delta=None), "delta"),
    (dict(accountant="moments"), "accountant"), (dict(rng=7), "rng"), (dict(loss=3), "loss"), (dict(progress=3), "progress"),
]


@pytest.mark.parametrize("wrong, name", UNFIT)
def test_train_private_refuses_before_any_work(wrong, name):
    calls = []
    good = dict(model=softmax_regression(4, 3), X=X_GOOD, y=Y_GOOD, plan=PLAN, delta=1e-3, progress=lambda *each: calls.append(each))
    with pytest.raises(ValueError, match=f"^{name} must"):
        train_private(**(good | wrong))
    assert calls == []


def test_models_refuse_bad_sizes():
    for wrong in [0, -1, 2.5, None, math.nan]:
        with pytest.raises(ValueError, match="^features must be"):
            softmax_regression(wrong, 3)
        with pytest.raises(ValueError, match="^hidden must be"):
            mlp(4, wrong, 3)
    with pytest.raises(ValueError, match="^classes must be"):
        mlp(4, 5, 1)
