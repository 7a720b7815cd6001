"""Nothing about one person comes out but through the noise: no exception, shape or type tells neighbouring data sets apart.

Every mechanism that takes one value or row per person is run on pairs of neighbouring data sets, among them the empty one, with a
missing value, an infinity, a new class and an extreme value. What is compared is all that noise does not cover.
"""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from labkit import dp
from labkit.dp.training.curve import train_stacked, unit_rows
from labkit.dp.training.dp_sgd import Plan, train_private, train_without_privacy
from labkit.models import softmax_regression

NAN, INF = float("nan"), float("inf")
ODD = [NAN, INF, -INF, None, 10**400, -(10**400), 1e308, 2**63, -1, 3, 0.5, "b", "", True, b"a", [1]]
FEW = [0, 1, 1, 2, 0, 1, 2, 2, 1, 0, 0, 1]


def seen(run):
    """All of an outcome that no noise covers: an exception's type, or the answer's type and shape, or the keys' kind."""
    try:
        answer = run()
    except Exception as error:
        return type(error)
    return (type(answer), np.asarray(answer).dtype, np.shape(answer)) if not isinstance(answer, dict) else dict


PER_PERSON = {
    "histogram": lambda values: dp.private_histogram(values, bins=[0, 1, 2], epsilon=1),
    "histogram of texts": lambda values: dp.private_histogram(values, bins=["0", "a"], epsilon=1),
    "thresholded histogram": lambda values: dp.thresholded_histogram(values, epsilon=1, delta=1e-6),
    "quantile": lambda values: dp.private_quantile(values, quantile=0.5, low=0, high=10, epsilon=1),
    "clamped sum": lambda values: dp.laplace(dp.clamped_sum(list(values), low=0, high=2), sensitivity=2, epsilon=1),
}


@pytest.mark.parametrize("name", PER_PERSON)
@pytest.mark.parametrize("person", ODD, ids=repr)
def test_no_value_of_one_person_shows(name, person):
    run = PER_PERSON[name]
    for others in ([], FEW):
        assert seen(lambda: run([*others, person])) == seen(lambda: run(others)) == seen(lambda: run([*others, 1]))
    assert not isinstance(seen(lambda: run([person])), type) or seen(lambda: run([person])) is dict


@pytest.mark.parametrize("value", [NAN, INF, -INF, 1e308, None, 10**400])
def test_clamped_sums_stay_within_their_sensitivity(value):
    for low, high in ((0, 2), (-3.0, 1.0), (5, 6), (-9, -4)):
        change = dp.clamped_sum([*FEW, value], low=low, high=high) - dp.clamped_sum(FEW, low=low, high=high)
        assert abs(change) <= max(abs(low), abs(high))


def test_the_sum_of_a_narrow_type_keeps_its_sensitivity():
    rows = np.random.default_rng(0).random(2**21).astype(np.float32)
    rows[0] = 1
    assert dp.clamp(rows, low=0.0, high=1.0).dtype == np.float64
    assert dp.clamped_sum(rows, low=0, high=1.0) - dp.clamped_sum(rows[1:], low=0, high=1.0) <= 1 + 1e-9
    assert dp.clamped_sum(np.full(2, 2**62), low=0, high=2**62) == 2.0**63
    assert dp.clamp(np.full(2, 2**62), low=0, high=2**62).sum() == 2.0**63  # int64 would wrap
    assert dp.clamped_sum(np.full(3, 60000, np.float16), low=0, high=60000) == 3 * float(np.float16(60000))
    assert dp.clamp(np.array([1, 250], np.uint8), low=-1, high=300).tolist() == [1, 250]
    assert dp.clamp([], low=0, high=1).shape == (0,)


def test_clipping_has_no_exception_for_a_row_and_keeps_its_norm():
    rows = np.array([[3.0, 4], [NAN, 1], [INF, 0], [1e308, 1e308], [0.1, 0]])
    lengths = np.linalg.norm(dp.clip(rows, max_grad_norm=1), axis=1)
    assert lengths.max() <= 1 + 1e-12 and lengths[1] == lengths[2] == 0
    assert dp.clip(np.zeros((0, 3)), max_grad_norm=1).shape == (0, 3)
    narrow = np.random.default_rng(0).normal(size=(2000, 3)).astype(np.float16) * 50
    assert np.linalg.norm(dp.clip(narrow, max_grad_norm=1), axis=1).max() <= 1 + 1e-12


@pytest.mark.parametrize("row, label", [([NAN, 0], 1), ([INF, 0], 1), ([1e38, -1e38], 0), ([0, 0], 7), ([0, 0], -1)])
def test_no_row_of_one_person_shows_in_training(row, label):
    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 3
    plan = Plan(sample_rate=1.0, batch_size=40, steps=2, noise_multiplier=1.0, max_grad_norm=1.0, learning_rate=0.1)

    def model_of(X, y):
        weights = train_private(softmax_regression(2, 3), X, y, plan=plan, delta=1e-4).model.state_dict()
        return torch.cat([each.flatten() for each in weights.values()])

    def curve_of(X, y):
        return dp.privacy_accuracy_curve(X, y, np.eye(2), [0, 1], epsilons=[1.0], delta=1e-4, classes=3, records=40, batch_size=20,
                                         steps=2, seeds=1)

    joined = np.vstack([X, row]), np.append(y, label)
    for run in (model_of, lambda *data: train_stacked(unit_rows(data[0]), data[1], 3, [plan], [np.random.default_rng()])):
        for data in (joined, (X, y), (X[:0], y[:0])):
            assert run(*data).isfinite().all() and run(*data).shape == run(X, y).shape
    told = [curve_of(*data) for data in (joined, (X, y), (X[:0], y[:0]))]
    assert len({(tuple(each.noise_multipliers), each.accuracies.shape, each.event) for each in told}) == 1


def test_an_unusable_record_moves_the_model_by_nothing():
    """Whatever is wrong with it, its gradient counts as zero: the same model comes out, and the sum is that of the others."""
    X, y = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32), np.arange(40) % 3
    plan = Plan(sample_rate=1.0, batch_size=40, steps=1, noise_multiplier=1e-6, max_grad_norm=9.0, learning_rate=1.0)
    start, models = softmax_regression(2, 3), []
    for row, label in (([NAN, 1], 0), ([1, INF], 2), ([1, 1], 3), ([1, 1], -7)):
        changed, labels = X.copy(), y.copy()
        changed[0], labels[0] = row, label
        models.append(train_private(start, changed, labels, plan=plan, delta=1e-4, rng=np.random.default_rng(1)).model)
    loss = torch.nn.functional.cross_entropy(start(torch.tensor(X[1:])), torch.tensor(y[1:]), reduction="sum")
    expected = [each.detach() - gradient / 40 for each, gradient in zip(start.parameters(), torch.autograd.grad(loss, start.parameters()))]
    for model in models:
        for found, wanted in zip(model.parameters(), expected):
            torch.testing.assert_close(found.detach(), wanted, rtol=1e-4, atol=1e-4)


def test_objective_perturbation_and_votes_have_no_exception_for_one_person():
    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.where(np.arange(40) % 2, 1, -1)
    for row, label in (([NAN, 0], 1), ([1e308, 1e308], 1), ([0, 1], 5), ([0, 1], 0)):
        changed, other = X.copy(), y.copy()
        changed[3], other[3] = row, label
        assert np.isfinite(dp.objective_perturbation(changed, other, epsilon=1, strength=0.1)).all()
    for vote in (0, 2, 9, -1):
        assert dp.noisy_vote([[0, 1, vote]], candidates=2, sigma=5).shape == (1,)
        assert np.linalg.norm(dp.vote_counts([[0, 1, vote]], candidates=2) - dp.vote_counts([[0, 1, 0]], candidates=2)) <= math.sqrt(2)


# -- natural input: read, or refused in one clear sentence before any work

GOOD = Plan(sample_rate=0.5, batch_size=20, steps=2, noise_multiplier=1.0, max_grad_norm=1.0, learning_rate=0.1)
X, Y = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32), np.arange(40) % 2


@pytest.mark.parametrize("rows", [
    X.astype(np.int64), X > 0, torch.tensor(X).bfloat16(), X.tolist(), pd.DataFrame({"a": X[:, 0], "b": X[:, 1] > 0}),
    pd.DataFrame({"a": pd.array(X[:, 0], dtype="Float64"), "b": pd.array([None, *X[1:, 1]], dtype="Float64")})],
    ids=["whole", "bool", "bfloat16", "list", "bool column", "nullable columns"])
def test_tables_of_numbers_are_read(rows):
    assert train_private(softmax_regression(2, 2), rows, Y, plan=GOOD, delta=1e-4).epsilon > 0


@pytest.mark.parametrize("labels", [pd.Series(Y), pd.array(Y, dtype="Int64"), Y.astype(bool), Y.astype(float), torch.tensor(Y), Y.tolist()])
def test_labels_of_any_kind_are_read(labels):
    for train in (lambda *data: train_private(*data, plan=GOOD, delta=1e-4), lambda *data: train_without_privacy(*data, plan=GOOD)):
        assert train(softmax_regression(2, 2), X, labels)


@pytest.mark.parametrize("labels", [Y + 1, 2 * Y - 1, np.where(Y, "yes", "no"), pd.Series(np.where(Y, "yes", "no"))])
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(ValueError, match="^y must hold whole numbers from 0 to 1"):
        train_private(softmax_regression(2, 2), X, labels, plan=GOOD, delta=1e-4)


@pytest.mark.parametrize("layer", [torch.nn.LSTM(2, 3), torch.nn.GRU(2, 3), torch.nn.RNN(2, 3)])
def test_a_layer_without_a_gradient_for_each_example_is_refused(layer):
    with pytest.raises(ValueError, match=f"^model must give a gradient for each example, got {type(layer).__name__}"):
        train_private(torch.nn.Sequential(layer), X[:, None], Y, plan=GOOD, delta=1e-4)


def test_columns_of_texts_are_counted():
    column = pd.Series(["a", "b", None, "a"])
    for values in (column, column.astype("category"), column.to_numpy(), list(column)):
        assert dp.private_histogram(values, bins=["a", "b"], epsilon=1000).tolist() == [2, 1]
    assert dp.private_histogram(pd.array([1, None, 2], dtype="Int64"), bins=[1, 2], epsilon=1000).tolist() == [1, 1]
    assert dp.private_histogram(["1", 2], bins=["1", "2"], epsilon=1000).tolist() == [1, 0]


@pytest.mark.parametrize("person", ODD, ids=repr)
def test_a_whole_sum_can_always_be_told(person):
    """Neither the type of a clamped sum nor an exception of `geometric` says what one entry is."""
    for others in ([], [*FEW]):
        for given in ([*others, person], others, np.array([*others, person], object)):
            total = dp.clamped_sum(given, low=0, high=2, whole=True)
            assert type(total) is int and abs(total - dp.clamped_sum(others, low=0, high=2, whole=True)) <= 2
            assert type(dp.geometric(total, sensitivity=2, epsilon=1)) is int
            assert type(dp.clamped_sum(given, low=0, high=2)) is float
    with pytest.raises(ValueError, match="^low and high must be whole"):
        dp.clamped_sum(FEW, low=0, high=2.5, whole=True)
    with pytest.raises(ValueError, match="^values must be numbers"):
        dp.clamped_sum(["a", "b"], low=0, high=2)


@pytest.mark.parametrize("person", [None, NAN, pd.NA, 7, "x", ("a", 1), [1], 10**400], ids=repr)
def test_no_person_shows_in_the_bound_on_contributions(person):
    for others in ([], ["a", "b", "a"], [1, 2, 1]):
        kept = dp.bounded([*others, person], contributions=1, rng=np.random.default_rng(0))
        assert kept.shape == (len(others) + 1,) and kept[:-1].sum() == len(set(others))
        missing = person is None or person is pd.NA or person is NAN or isinstance(person, list)
        assert kept[-1] == (not missing)


@pytest.mark.parametrize("row, label", [([None, 0], 1), (["a", 0], 1), ([10**400, 0], 1), ([0, 1], None), ([0, 1], "a")])
def test_objective_perturbation_reads_lists_with_any_entry(row, label):
    X, y = np.random.default_rng(0).normal(size=(40, 2)).tolist(), np.where(np.arange(40) % 2, 1, -1).tolist()
    X[3], y[3] = row, label
    assert np.isfinite(dp.objective_perturbation(X, y, epsilon=1, strength=0.1)).all()
