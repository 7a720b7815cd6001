"""Shards: exactly the ensemble that never had the record, other shards untouched, and a warm start that is not exact."""

import numpy as np
import pytest

from labkit.unlearning import ShardedEnsemble, mean_prediction


def seeded():
    return np.random.default_rng(151)


def ridge(X, y, start=None, steps=200):
    """Weights by gradient descent from a public start (zero); `start` is where a careless version would go on from."""
    w = np.zeros(X.shape[1]) if start is None else start.copy()
    for _ in range(steps):
        w -= 0.1 * (X.T @ (X @ w - y) / max(1, len(X)) + 0.01 * w)
    return w


def data(rng, n=60, d=4):
    X = rng.normal(size=(n, d))
    return X, X @ rng.normal(size=d) + rng.normal(size=n)


def test_after_an_erasure_it_is_bit_for_bit_the_ensemble_that_never_had_the_records():
    X, y = data(seeded())
    gone = [3, 17, 40]
    ours = ShardedEnsemble(60, 5, fit=lambda rows, shard: ridge(X[rows], y[rows]), rng=seeded())
    ours.erase(gone)
    X[gone], y[gone] = 1e6, -1e6  # whatever they were
    for shard in range(5):
        rows = [row for row in range(60) if ours.shard_of[row] == shard and row not in gone]
        assert np.array_equal(ours.models[shard], ridge(X[rows], y[rows]))


def test_a_warm_start_is_not_exact():
    """The twin goes on from the old weights; it ends near, and not where the record had never been."""
    X, y = data(seeded())
    y[3] += 50
    old = {}

    def warm(rows, shard):
        old[shard] = ridge(X[rows], y[rows], start=old.get(shard), steps=20)
        return old[shard]

    twin = ShardedEnsemble(60, 5, fit=warm, rng=seeded())
    twin.erase(3)
    shard = twin.shard_of[3]
    assert np.abs(twin.models[shard] - ridge(X[(twin.shard_of == shard) & twin.present], y[(twin.shard_of == shard) & twin.present],
                                             steps=20)).max() > 0.1


def test_only_the_shards_concerned_are_trained_again():
    calls = []
    ours = ShardedEnsemble(40, 4, fit=lambda rows, shard: calls.append((shard, rows.tolist())) or object(), rng=seeded())
    assert [shard for shard, _ in calls] == [0, 1, 2, 3] and sorted(row for _, rows in calls for row in rows) == list(range(40))
    before, shard = list(ours.models), ours.shard_of[7]
    assert ours.erase(7) == 9
    assert [a is b for a, b in zip(before, ours.models)] == [each != shard for each in range(4)]
    assert calls[4:] == [(shard, [row for row in calls[shard][1] if row != 7])]


def test_lots_are_even_fall_everywhere_and_never_see_the_records():
    """The constructor gets a number of records and not the records. Each record is in each shard equally often: chi-square over 2,000 lots;
    a right dealer fails once in a million."""
    from scipy.stats import chisquare

    lots = np.array([ShardedEnsemble(10, 3, fit=lambda rows, shard: None, rng=rng).shard_of for rng in seeded().spawn(2000)])
    assert all(sorted(np.bincount(each)) == [3, 3, 4] for each in lots)
    share = np.array([4, 3, 3]) / 10
    assert min(chisquare(np.bincount(lots[:, row], minlength=3), 2000 * share).pvalue for row in range(10)) > 1e-7


def test_a_shard_may_run_empty():
    ours = ShardedEnsemble(3, 3, fit=lambda rows, shard: len(rows), rng=seeded())
    assert ours.erase([0, 1, 2]) == 0 and ours.models == [0, 0, 0]


def test_the_mean_is_of_probabilities():
    tables = [np.log([[[0.5, 0.5]]]), np.log([[[0.9, 0.1]]])]
    assert np.exp(mean_prediction([lambda tokens, table=table: table for table in tables])(None)) == pytest.approx(np.array([[[0.7, 0.3]]]))


@pytest.mark.parametrize("name, bad", [("records", 0), ("records", 2.5), ("shards", 0), ("shards", 11), ("fit", "train"), ("rng", 7), ("rng", None)])
def test_bad_arguments_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        ShardedEnsemble(**{"records": 10, "shards": 2, "fit": lambda rows, shard: None, "rng": seeded(), name: bad})


@pytest.mark.parametrize("bad", [-1, 10, 0.5, [], [1, 1], "all", [[1]], 4])
def test_rows_that_are_none_or_gone_are_refused_before_any_work(bad):
    ours = ShardedEnsemble(10, 2, fit=lambda rows, shard: object(), rng=seeded())
    ours.erase(4)
    before = list(ours.models)
    with pytest.raises(ValueError, match="rows"):
        ours.erase(bad)
    assert all(a is b for a, b in zip(before, ours.models)) and ours.present.sum() == 9


@pytest.mark.parametrize("bad", [[], [3], None])
def test_a_mean_of_no_models_is_refused(bad):
    with pytest.raises((ValueError, TypeError)):
        mean_prediction(bad)
