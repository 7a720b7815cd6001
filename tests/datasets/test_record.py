"""The Dataset record: repr, split, take, and arrays that one caller cannot spoil for the next."""

import dataclasses
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from labkit import datasets
from labkit.datasets import Dataset
from labkit.datasets.encode import category, encode, number

ALL_BUT_MNIST = [name for name in datasets.LOADERS if name != "mnist"]


def small(n=40, **changed):
    """A data set whose row i holds i everywhere, so that rows can be followed."""
    fields = dict(
        name="Small",
        X=np.arange(n, dtype=np.float32)[:, None],
        y=np.arange(n) % 2,
        feature_names=("i",),
        target_names=("even", "odd"),
        source="here",
        licence="none",
        description="Numbers.",
        groups=np.where(np.arange(n) < n // 4, "few", "many"),
        _table=pd.DataFrame({"i": np.arange(n)}),
    )
    return Dataset(**(fields | changed))


@pytest.mark.parametrize(
    "name, shown",
    [
        ("adult", "<Adult: 48,842 rows x 52 columns, 2 classes; Becker and Kohavi 1996, "),
        ("film_reviews", "<Film reviews: 10,605 rows x texts, scores; Hutto and Gilbert 2014"),
    ],
)
def test_repr_is_short_and_says_what_it_is(name, shown):
    dataset = datasets.load(name)
    assert repr(dataset).startswith(shown) and repr(dataset).endswith(f"; {dataset.licence}>")
    assert len(repr(dataset)) < 200 and "\n" not in repr(dataset)


@pytest.mark.parametrize("name", datasets.LOADERS)
def test_every_repr_is_one_line(name):
    assert "\n" not in repr(datasets.load(name)) and len(repr(datasets.load(name))) < 200


@pytest.mark.parametrize("name", datasets.LOADERS)
def test_a_caller_cannot_spoil_the_data_of_the_next(name):
    dataset = datasets.load(name)
    for part in (dataset.X, dataset.y, dataset.groups):
        if isinstance(part, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                part[0] = 1
        elif part is not None:
            with pytest.raises(TypeError):
                part[0] = "spoilt"
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset.X = None
    if dataset.table is not None:
        spoilt = dataset.table
        spoilt.iloc[:, 0] = spoilt.iloc[0, 0]
        spoilt["more"] = 1
        assert "more" not in dataset.table and dataset.table.iloc[:, 0].nunique() > 1


def test_a_part_is_the_callers_own():
    train, _ = small().split()
    before = small().X.copy()
    train.X[:] = -1
    assert np.array_equal(small().X, before)
    own, _ = datasets.digits().split()
    own.X[:] = 5
    assert datasets.digits().X.max() == 1


@pytest.mark.parametrize("name", ALL_BUT_MNIST)
def test_split_is_disjoint_complete_and_stratified(name):
    dataset = datasets.load(name)
    numbered = dataclasses.replace(dataset, X=np.arange(len(dataset))[:, None])
    train, test = numbered.split(test_size=0.25, seed=3)
    rows = np.concatenate([train.X[:, 0], test.X[:, 0]])
    assert np.array_equal(np.sort(rows), np.arange(len(dataset)))
    assert len(test) == round(0.25 * len(dataset))
    assert np.array_equal(np.concatenate([train.y, test.y]), dataset.y[rows])
    if dataset.target_names:
        assert (abs(np.bincount(test.y) - 0.25 * np.bincount(dataset.y)) <= (1 if dataset.groups is None else 4)).all()
    if dataset.groups is not None:
        assert np.array_equal(np.concatenate([train.groups, test.groups]), dataset.groups[rows])
        for group in np.unique(dataset.groups):
            for label in (0, 1):
                count = ((dataset.groups == group) & (dataset.y == label)).sum()
                assert abs(((test.groups == group) & (test.y == label)).sum() - 0.25 * count) <= 1
    if dataset.table is not None:
        expected = dataset.table.iloc[test.X[:, 0]].reset_index(drop=True)
        pd.testing.assert_frame_equal(test.table, expected)


def test_split_keeps_the_texts_with_their_scores():
    reviews = datasets.film_reviews()
    score_of = dict(zip(reviews.X, reviews.y))
    train, test = reviews.split(test_size=0.1, seed=1)
    assert isinstance(test.X, tuple) and len(test) == 1_060 and len(train) == 9_545
    doubles = {text for text, times in Counter(reviews.X).items() if times > 1}
    assert len(doubles) == 2
    assert all(score_of[text] == score for text, score in zip(test.X, test.y) if text not in doubles)


def test_split_is_seeded():
    one, two, other = (small().split(seed=seed)[1].X.tolist() for seed in (0, 0, 1))
    assert one == two != other
    assert small().split()[1].X.tolist() == one  # the default seed is 0, the default share 0.2
    assert len(one) == 8


def test_the_order_is_mixed():
    train, _ = small(400).split()
    assert (np.diff(train.X[:, 0]) < 0).any()


def test_mnist_splits_otherwise_when_asked():
    mnist = dataclasses.replace(datasets.mnist(), X=np.zeros((70_000, 1), np.float32))
    train, test = mnist.split(test_size=0.5)
    assert len(train) == len(test) == 35_000
    assert (abs(np.bincount(test.y) - np.bincount(mnist.y) / 2) <= 1).all()
    again_train, again_test = test.split()
    assert (len(again_train), len(again_test)) == (28_000, 7_000)  # a part has no official split


@pytest.mark.parametrize("test_size", [0, 1, -0.1, 1.5, 10, float("nan"), float("inf"), "0.2", True, [0.2], 0.001, 0.999])
def test_split_refuses_a_wrong_share(test_size):
    with pytest.raises(ValueError, match="^test_size must "):
        small().split(test_size=test_size)


@pytest.mark.parametrize("seed", [-1, 0.5, float("nan"), "0", None, True, [1]])
def test_split_refuses_a_wrong_seed(seed):
    with pytest.raises(ValueError, match="^seed must be a whole number"):
        small().split(seed=seed)
    with pytest.raises(ValueError, match="^seed must be a whole number"):
        datasets.mnist().split(seed=seed)


def test_take_gives_those_rows_in_that_order():
    taken = small().take([7, 3, 3])
    assert taken.X[:, 0].tolist() == [7, 3, 3] and taken.y.tolist() == [1, 1, 1]
    assert taken.groups.tolist() == ["few", "few", "few"] and taken.table["i"].tolist() == [7, 3, 3]
    assert datasets.spam().take(range(2)).X == datasets.spam().X[:2]


@pytest.mark.parametrize("rows", [[], [-1], [40], [0.0], [[1, 2]], 3, "abc", None, [True], [float("nan")], ["a"], {1: 2}])
def test_take_refuses_wrong_rows(rows):
    with pytest.raises(ValueError, match="^rows must be "):
        small().take(rows)


@pytest.mark.parametrize("part", [{"y": np.zeros(3)}, {"groups": np.array(["a"])}, {"_table": pd.DataFrame({"i": [1]})}])
def test_a_record_refuses_parts_of_different_length(part):
    with pytest.raises(ValueError, match="must have the same length"):
        small(**part)


TABLE = pd.DataFrame({"age": [-5.0, 50, 200], "gain": [0.0, 9, 99], "gap": [1.0, None, 3], "sex": ["f", None, "x"]})


def test_encoding_follows_the_plan_and_nothing_else():
    plan = [
        number("age", 0, 100),
        number("gain", 0, 99, log=True),
        number("gap", 0, 4, missing=True),
        category("sex", ("f", "m"), missing=True, others=True),
    ]
    X, names = encode(TABLE, plan)
    assert names == ("age", "gain", "gap", "gap missing", "sex=f", "sex=m", "sex=other", "sex=missing")
    assert X.dtype == np.float32
    assert np.allclose(X[:, :4], [[0, 0, 0.25, 0], [0.5, 0.5, 0, 1], [1, 1, 0.75, 0]])
    assert X[:, 4:].tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    # A row is encoded the same whoever else is in the table: nothing was learnt from the others.
    for row in range(3):
        assert np.array_equal(encode(TABLE.iloc[[row]], plan)[0][0], X[row])


@pytest.mark.parametrize(
    "part, told",
    [
        (number("gap", 0, 1), "column gap must have no gaps, got 1"),
        (category("sex", ("f", "x")), "column sex must have no gaps, got 1"),
        (category("sex", ("f", "m"), missing=True), "column sex must be one of .*, got 'x'"),
    ],
)
def test_encoding_refuses_what_the_plan_does_not_foresee(part, told):
    with pytest.raises(ValueError, match=told):
        encode(TABLE, [part])
