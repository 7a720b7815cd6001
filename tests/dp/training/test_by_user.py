"""The user as the unit of DP-SGD: one clipped gradient a person, whatever they wrote; an audit, and the twin by records that fails it."""

import numpy as np
import pytest
import torch
from torch import nn

from labkit.dp import Plan, bounded, epsilon_spent, gaussian_bound, train_private, train_private_by_user
from labkit.dp.auditing.bounds import audit
from labkit.dp.training.by_user import PerUser, stacked_by_user
from labkit.dp.training.dp_sgd import clipped_sum, per_example_gradients
from labkit.dp.training.inputs import IGNORED
from labkit.models.transformer import Transformer, encode, next_token_loss
from labkit.statement import NotStated

SURE = 0.9999
PLAN = Plan(sample_rate=1.0, batch_size=20, steps=1, noise_multiplier=1.0, max_grad_norm=1.0, learning_rate=1.0)


def records(count=40, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 3)).astype(np.float32), rng.integers(2, size=count)


def test_records_stand_beside_those_of_their_user():
    X, y = np.arange(10).reshape(5, 2), np.array([0, 1, 0, 1, 1])
    stacked, targets = stacked_by_user(X, y, ["b", "a", "b", "a", "c"], most=3)
    assert stacked[0, :2].tolist() in ([[2, 3], [6, 7]], [[6, 7], [2, 3]]) and targets.shape == (3, 3)
    assert sorted(targets[0].tolist()) == [IGNORED, 1, 1] and targets[2].tolist() == [1, IGNORED, IGNORED]
    capped, left = stacked_by_user(X, y, ["b"] * 4 + [None], most=2, rng=np.random.default_rng(0))
    assert capped.shape == (1, 2, 2) and (left != IGNORED).all()


def test_a_user_moves_the_sum_by_the_clip_bound_at_most_however_much_they_wrote():
    """Sixteen records of one user, against the same records as sixteen examples, which move it by more."""
    X, y = records(16)
    X[:], y[:] = X[0] * 50, y[0]  # all pull alike, and hard
    model = nn.Linear(3, 2)
    nn.init.zeros_(model.weight)  # of which no example is sure yet
    parameters = dict(model.named_parameters())

    def pull(net, inputs, targets, loss):
        total = clipped_sum(per_example_gradients(net, loss), {f"model.{n}": p for n, p in parameters.items()} if net is not model else parameters,
                            torch.as_tensor(inputs), torch.as_tensor(targets), 1.0)
        return float(sum(each.detach().square().sum() for each in total.values())) ** 0.5

    stacked, targets = stacked_by_user(X, y, ["one"] * 16, most=16)
    by_user = pull(PerUser(model), stacked, targets, lambda out, to: nn.functional.cross_entropy(out, to.flatten(0, 1)))
    assert by_user <= 1.0001 and pull(model, X, y, nn.functional.cross_entropy) > 10


def test_one_record_each_is_ordinary_private_training():
    X, y = records(20)
    model = nn.Linear(3, 2)
    other = train_private_by_user(model, X, y, np.arange(20), most=1, plan=PLAN, delta=1e-3, rng=np.random.default_rng(5)).model
    rng = np.random.default_rng(5)
    bounded(np.arange(20), contributions=1, rng=rng)  # takes as many random bits as the choice of records above
    one = train_private(model, X, y, plan=PLAN, delta=1e-3, rng=rng).model
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(one.parameters(), other.parameters()))


def test_empty_places_pull_nothing():
    """A user with 2 records of at most 8 is trained on as with at most 2."""
    X, y = records(2)
    model = nn.Linear(3, 2)
    few, many = (train_private_by_user(model, X, y, ["u", "u"], most=most, plan=PLAN, delta=1e-3, rng=np.random.default_rng(1)).model
                 for most in (2, 8))
    assert torch.allclose(few.weight, many.weight, atol=1e-6)


def test_language_models_train_by_user():
    tokens = encode(["my pin is 4921. ", "a word or two of", "nothing to see h"] * 4)
    model = Transformer(16, width=8, heads=2)
    plan = Plan(sample_rate=0.5, batch_size=3, steps=2, noise_multiplier=1.0, max_grad_norm=1.0, learning_rate=0.1)
    trained = train_private_by_user(model, tokens[:, :-1], tokens[:, 1:], np.arange(12) % 6, most=2, plan=plan, delta=1e-2, loss=next_token_loss,
                                    rng=np.random.default_rng(0))
    assert type(trained.model) is Transformer and trained.relation == "add or remove one user, with at most 2 records"
    assert trained.epsilon == epsilon_spent(noise_multiplier=1.0, sample_rate=0.5, steps=2, delta=1e-2)
    assert not torch.equal(trained.model.logits.weight, model.logits.weight)


def test_the_statement_names_the_user():
    X, y = records(20)
    trained = train_private_by_user(nn.Linear(3, 2), X, y, np.arange(20) // 2, most=2, plan=PLAN, delta=1e-3)
    said = trained.statement(unit="user", reused=False, tuning="none")
    assert said.unit == "user" and said.relation == trained.relation and said.epsilon == trained.epsilon
    by_record = train_private(nn.Linear(3, 2), X, y, plan=PLAN, delta=1e-3)
    with pytest.raises(NotStated, match="unit of privacy is unknown"):
        by_record.statement(unit="user", reused=False, tuning="none")


def shift(train):
    """An audit: a user whose 16 records all pull one weight up is there, or is not. 200 runs each."""
    rng = np.random.default_rng(9)
    X, y = np.zeros((36, 1), np.float32), np.zeros(36, np.int64)
    X[20:], y[20:] = 30.0, 1
    users = np.r_[np.arange(20), [99] * 16]
    model = nn.Linear(1, 2, bias=False)
    nn.init.zeros_(model.weight)

    def run(rows):
        weight = train(model, X[:rows], y[:rows], users[:rows], rng).weight.detach()
        return float(weight[1, 0] - weight[0, 0])

    return audit(run, 36, 20, runs=200)


def test_by_user_the_epsilon_of_a_user_holds_and_by_record_it_does_not():
    """False alarm at most once in 10,000: each bound holds with that confidence."""
    claimed = PLAN.epsilon(1e-3)
    by_user = shift(lambda model, X, y, users, rng: train_private_by_user(model, X, y, users, most=16, plan=PLAN, delta=1e-3, rng=rng).model)
    by_record = shift(lambda model, X, y, users, rng: train_private(model, X, y, plan=PLAN, delta=1e-3, rng=rng).model)
    assert gaussian_bound(by_user, delta=1e-3, confidence=SURE).epsilon <= claimed
    assert gaussian_bound(by_record, delta=1e-3, confidence=SURE).epsilon > claimed


@pytest.mark.parametrize("change, name", [
    (dict(most=0), "most|contributions"), (dict(users=[1, 2]), "users"), (dict(y=np.full(20, 0.5)), "y"), (dict(loss=3), "loss"),
    (dict(X="text"), "X"),
])
def test_bad_arguments_are_refused_by_name(change, name):
    X, y = records(20)
    good = dict(X=X, y=y, users=np.arange(20), most=1, plan=PLAN, delta=1e-3)
    with pytest.raises(ValueError, match=name):
        train_private_by_user(nn.Linear(3, 2), **{**good, **change})
