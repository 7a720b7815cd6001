"""Partitions: every record in exactly one client, no client empty, the promised mix, and clear refusals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.federated import partition

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=60)


def assert_partition(parts, records, clients):
    """Every record exactly once, no client empty."""
    assert len(parts) == clients
    assert all(len(part) and part.dtype == np.int64 for part in parts)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(records))


@given(st.integers(1, 80), st.data())
@settings(deadline=None, max_examples=60)
def test_iid_is_a_partition(records, data):
    clients = data.draw(st.integers(1, records))
    parts = partition.iid(records, clients=clients, seed=data.draw(st.integers(0, 9)))
    assert_partition(parts, records, clients)
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@given(LABELS, st.floats(1e-6, 1e6), st.data())
@settings(deadline=None, max_examples=100)
def test_dirichlet_is_a_partition_with_the_sizes_asked_for(labels, alpha, data):
    clients = data.draw(st.integers(1, len(labels)))
    seed = data.draw(st.integers(0, 9))
    sizes = partition.skewed_sizes(len(labels), clients=clients, alpha=data.draw(st.floats(1e-3, 1e3)), seed=seed)
    parts = partition.dirichlet(labels, clients=clients, alpha=alpha, sizes=sizes, seed=seed)
    assert_partition(parts, len(labels), clients)
    assert [len(part) for part in parts] == sizes.tolist()


@given(LABELS, st.integers(1, 12), st.integers(1, 5), st.integers(0, 9))
@settings(deadline=None, max_examples=100)
def test_by_label_is_a_partition_or_says_why_not(labels, clients, each, seed):
    names, counts = np.unique(labels, return_counts=True)
    try:
        parts = partition.by_label(labels, clients=clients, labels_per_client=each, seed=seed)
    except ValueError as error:
        assert "labels_per_client" in str(error) or "clients" in str(error)
        enough = each <= len(names) and clients * each >= len(names)
        assert not (enough and counts.min() >= math.ceil(clients * each / len(names)))
        return
    assert_partition(parts, len(labels), clients)
    assert all(len(np.unique(np.array(labels)[part])) == each for part in parts)


@given(st.lists(st.sampled_from(["north", "south", "east"]), min_size=1, max_size=40))
@settings(deadline=None)
def test_by_group_gives_each_owner_its_own_records(groups):
    parts = partition.by_group(groups)
    assert_partition(parts, len(groups), len(set(groups)))
    for part, name in zip(parts, sorted(set(groups))):
        assert set(np.array(groups)[part]) == {name}


@given(st.integers(1, 500), st.floats(1e-8, 1e8), st.data())
@settings(deadline=None)
def test_skewed_sizes_add_up_and_keep_the_minimum(records, alpha, data):
    clients = data.draw(st.integers(1, records))
    minimum = data.draw(st.integers(1, records // clients))
    sizes = partition.skewed_sizes(records, clients=clients, alpha=alpha, minimum=minimum, seed=1)
    assert len(sizes) == clients and sizes.sum() == records and sizes.min() >= minimum


def largest_share(labels, parts):
    """The share of its commonest label at a client, on average over clients."""
    return np.mean([np.bincount(labels[part]).max() / len(part) for part in parts])


def test_alpha_goes_from_one_label_each_to_all_alike():
    labels = np.repeat(np.arange(10), 100)
    shares = [np.mean([largest_share(labels, partition.dirichlet(labels, clients=10, alpha=alpha, seed=seed))
                       for seed in range(10)]) for alpha in (1e-4, 0.1, 1, 10, 1000)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.95
    assert shares[-1] < 0.17  # drawing 100 of ten equal labels: the commonest has 0.146 on average (seeded: no chance)


def test_skewed_sizes_go_from_one_giant_to_equal():
    giant = partition.skewed_sizes(1000, clients=10, alpha=1e-3, seed=0)
    equal = partition.skewed_sizes(1000, clients=10, alpha=1e6, seed=0)
    assert giant.max() > 900 and giant.min() == 1
    assert equal.max() < 150  # a multinomial with mean 99 and spread 9: five spreads away


def test_text_labels_and_seeds():
    labels = ["healthy"] * 30 + ["disease"] * 30
    first = partition.dirichlet(labels, clients=4, alpha=0.5, seed=3)
    again = partition.dirichlet(labels, clients=4, alpha=0.5, seed=3)
    other = partition.dirichlet(labels, clients=4, alpha=0.5, seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other))


@pytest.mark.parametrize("call, named", [
    (lambda: partition.iid(3, clients=4), "clients must be at most the number of records"),
    (lambda: partition.iid(0, clients=1), "records"),
    (lambda: partition.iid(3, clients=0), "clients"),
    (lambda: partition.iid(3, clients=1.5), "clients"),
    (lambda: partition.iid(3, clients=2, sizes=[1, 1]), "sizes"),
    (lambda: partition.iid(3, clients=2, sizes=[3, 0]), "sizes"),
    (lambda: partition.iid(3, clients=2, sizes=[3]), "sizes"),
    (lambda: partition.iid(3, clients=2, sizes=3), "sizes"),
    (lambda: partition.iid(3, clients=2, seed=-1), "seed"),
    (lambda: partition.dirichlet([], clients=1, alpha=1), "labels"),
    (lambda: partition.dirichlet([[1, 2]], clients=1, alpha=1), "labels"),
    (lambda: partition.dirichlet([0, math.nan], clients=1, alpha=1), "labels"),
    (lambda: partition.dirichlet([0, None], clients=1, alpha=1), "labels"),
    (lambda: partition.dirichlet([0, 1], clients=3, alpha=1), "clients"),
    (lambda: partition.dirichlet([0, 1], clients=2, alpha=0), "alpha"),
    (lambda: partition.dirichlet([0, 1], clients=2, alpha=-1), "alpha"),
    (lambda: partition.dirichlet([0, 1], clients=2, alpha=math.nan), "alpha"),
    (lambda: partition.dirichlet([0, 1], clients=2, alpha=math.inf), "alpha"),
    (lambda: partition.dirichlet([0, 1], clients=2, alpha="1"), "alpha"),
    (lambda: partition.by_label([0, 1, 2], clients=2), "some records would have no client"),
    (lambda: partition.by_label([0, 1], clients=2, labels_per_client=3), "labels_per_client"),
    (lambda: partition.by_label([0, 1], clients=2, labels_per_client=0), "labels_per_client"),
    (lambda: partition.by_label([0, 1, 1, 1], clients=4, labels_per_client=1), "clients"),
    (lambda: partition.by_label([], clients=1), "labels"),
    (lambda: partition.by_group([]), "groups"),
    (lambda: partition.by_group(["a", None]), "groups"),
    (lambda: partition.skewed_sizes(5, clients=6, alpha=1), "clients"),
    (lambda: partition.skewed_sizes(5, clients=2, alpha=1, minimum=3), "clients"),
    (lambda: partition.skewed_sizes(5, clients=2, alpha=1, minimum=0), "minimum"),
    (lambda: partition.skewed_sizes(5, clients=2, alpha=math.nan), "alpha"),
])
def test_bad_arguments_are_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


@pytest.mark.parametrize("groups", [
    ["a", None, "b"], ["a", float("nan"), "b"], np.array(["a", np.nan, "b"], dtype=object), [1.0, float("nan"), 2.0],
    np.ma.masked_array([1, 2, 3], mask=[False, True, False]), np.array(["2020-01-01", "NaT", "2020-01-02"], dtype="datetime64[D]")],
    ids=["none", "nan", "nan in an array", "float", "masked", "date"])
def test_a_missing_group_is_refused_and_never_becomes_a_client(groups):
    with pytest.raises(ValueError, match="groups must have an entry for every record, got 1 missing, the first at 1"):
        partition.by_group(groups)


def test_pandas_columns_with_missing_groups_are_refused_too():
    pandas = pytest.importorskip("pandas")
    for column in (pandas.Series(["a", pandas.NA, "b"], dtype="string"), pandas.Series([1, None, 2], dtype="Int64"), pandas.Series(["a", None, "b"])):
        with pytest.raises(ValueError, match="1 missing, the first at 1"):
            partition.by_group(column)
    assert [len(each) for each in partition.by_group(pandas.Series(["a", "b", "a"]))] == [2, 1]


def test_groups_of_several_types_are_refused_in_words():
    with pytest.raises(ValueError, match="groups must hold entries of one type, got int, str"):
        partition.by_group(np.array(["a", 1], dtype=object))
