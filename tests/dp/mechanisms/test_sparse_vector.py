"""Sparse vector: its distribution, when it ends, and that the stream and the batch are the same mechanism."""

import threading

import numpy as np
import pytest
from scipy import stats

from labkit import dp
from labkit.dp.mechanisms.sparse_vector import SparseVector, above_threshold, end_after


def seeded():
    return np.random.default_rng(41)


def discrete_laplace(k, scale):
    return np.tanh(1 / (2 * scale)) * np.exp(-np.abs(k) / scale)


def chance_of(pattern, answers, threshold, epsilon, sensitivity=1, most=1):
    """The exact probability of one stream of answers, by summing over the threshold's noise."""
    reach = np.arange(-400, 401)
    weight = discrete_laplace(reach, 2 * sensitivity / epsilon)
    noise, scale = np.arange(-3000, 3001), 4 * most * sensitivity / epsilon
    tail = np.cumsum(discrete_laplace(noise, scale)[::-1])[::-1]  # P(noise >= k)
    for said, answer in zip(pattern, answers):
        above = tail[np.searchsorted(noise, threshold + reach - answer)]
        weight = weight * (above if said else 1 - above)
    return weight.sum()


@pytest.mark.parametrize("epsilon, sensitivity, most", [(1.0, 1, 1), (4.0, 1, 2), (2.0, 3, 1)])
@pytest.mark.parametrize("rng", [seeded, lambda: None], ids=["seeded", "system"])
def test_it_has_its_exact_distribution(epsilon, sensitivity, most, rng):
    answers, threshold, runs = [8, 11, 9], 10, 20_000
    said = above_threshold(np.tile(answers, (runs, 1)), threshold=threshold, epsilon=epsilon, sensitivity=sensitivity, most=most,
                           rng=rng())
    patterns = {tuple(row): 0 for row in said.tolist()}
    for row in said.tolist():
        patterns[tuple(row)] += 1
    exact = [chance_of([bit for bit in pattern if bit >= 0], answers, threshold, epsilon, sensitivity, most) for pattern in patterns]
    assert sum(exact) == pytest.approx(1, abs=1e-6)
    assert stats.chisquare(list(patterns.values()), np.array(exact) / sum(exact) * runs).pvalue > 1e-6  # once in a million seeds


def test_the_stream_and_the_batch_are_the_same_mechanism():
    """Same settings, 1,000 streams each: the same patterns, equally often."""
    answers, runs, rng = [8, 11, 9], 1000, seeded()
    batch = above_threshold(np.tile(answers, (runs, 1)), threshold=10, epsilon=4, most=2, rng=rng)

    def one():
        alarm, said = SparseVector(threshold=10, epsilon=4, most=2, rng=rng), []
        for answer in answers:
            said.append(int(alarm.above(answer)) if alarm.left else -1)
        return said

    streams = np.array([one() for _ in range(runs)])
    keys, counts = np.unique(np.vstack([batch, streams]), axis=0, return_inverse=True)
    table = np.stack([np.bincount(part.ravel(), minlength=len(keys)) for part in (counts[:runs], counts[runs:])])
    table = table[:, table.sum(axis=0) >= 10]
    assert stats.chi2_contingency(table).pvalue > 1e-6  # fails by chance once in a million seeds


def test_far_from_the_threshold_it_is_right():
    said = above_threshold([-10_000, -10_000, 10_000, -10_000], threshold=0, epsilon=1, rng=seeded())
    assert said.tolist() == [0, 0, 1, -1] and said.dtype == np.int8


def test_it_ends_after_so_many_and_silence_is_free():
    said = above_threshold(np.full((50, 300), -10_000), threshold=0, epsilon=0.1, rng=seeded())
    assert (said == 0).all()
    said = above_threshold(np.full((50, 20), 10_000), threshold=0, epsilon=1, most=3, rng=seeded())
    assert ((said == 1).sum(axis=1) == 3).all() and (said[:, 3:] == -1).all()


def test_a_stream_that_has_ended_refuses():
    alarm = SparseVector(threshold=0, epsilon=1, most=2, rng=seeded())
    assert alarm.above(10**6) is True and alarm.above(-(10**6)) is False and alarm.above(10**6) is True
    with pytest.raises(RuntimeError, match="as often as it may"):
        alarm.above(-(10**6))


def test_more_answers_above_need_more_noise():
    """At the threshold itself an answer is a coin; ten away, how sure it is falls with `most`."""
    rates = [(above_threshold(np.full((4000, 1), 10), threshold=0, epsilon=1, most=most, rng=seeded()) == 1).mean()
             for most in (1, 5, 25)]
    assert rates[0] > rates[1] + 0.1 > rates[2] + 0.2


def test_end_after():
    assert end_after(np.array([[0, 1, 1, 0, 1], [0, 0, 0, 0, 0]]), 2).tolist() == [[0, 1, 1, -1, -1], [0, 0, 0, 0, 0]]


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("name, bad", [
    *[("threshold", bad) for bad in (0.5, NAN, INF, None, "high", [1], True, 2**63)],
    *[("epsilon", bad) for bad in (0, -1, NAN, INF, None, "one")],
    *[("sensitivity", bad) for bad in (0, -1, 0.5, NAN, None)],
    *[("most", bad) for bad in (0, -1, 1.5, NAN, None)],
    *[("rng", bad) for bad in (7, "seed", np.random)],
])
def test_bad_arguments_are_refused_by_name(name, bad):
    arguments = {"threshold": 0, "epsilon": 1, name: bad}
    with pytest.raises(ValueError, match=name):
        SparseVector(**arguments)
    with pytest.raises(ValueError, match=name):
        above_threshold([1, 2], **arguments)


@pytest.mark.parametrize("bad", [[], [0.5], [NAN], None, 5, "many", [[[1]]], [1, None], [2**63]])
def test_bad_answers_are_refused_by_name(bad):
    with pytest.raises(ValueError, match="answers"):
        above_threshold(bad, threshold=0, epsilon=1)


@pytest.mark.parametrize("bad", [0.5, NAN, None, [1], "many", True])
def test_a_bad_answer_is_refused_by_name_and_costs_nothing(bad):
    alarm = SparseVector(threshold=0, epsilon=1)
    with pytest.raises(ValueError, match="answer"):
        alarm.above(bad)
    assert alarm.left == 1


def test_noise_wider_than_64_bits_can_hold_is_refused():
    with pytest.raises(ValueError, match="2\\^40"):
        dp.above_threshold([1], threshold=0, epsilon=1e-13)


def test_threads_that_share_a_stream_hear_above_only_as_often_as_it_may():
    """Without a lock eight threads heard it more than once in nine trials of ten."""
    for _ in range(100):
        alarm, heard, together = SparseVector(threshold=0, epsilon=1.0, most=1), [], threading.Barrier(8)

        def ask():
            together.wait()
            try:
                heard.append(alarm.above(10**6))
            except RuntimeError:
                heard.append(False)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        [each.start() for each in threads], [each.join() for each in threads]
        assert sum(heard) == 1 and alarm.left == 0


def test_a_budget_charges_each_stream():
    budget = dp.Budget(epsilon=1)
    with pytest.raises(dp.BudgetExceeded):
        budget.ask(above_threshold, np.full((100, 3), 1000), threshold=100, epsilon=1.0)
    assert budget.spent == 0
    budget.ask(above_threshold, np.full((4, 3), 1000), threshold=100, epsilon=0.1)
    assert budget.spent == pytest.approx(0.4)
    budget.ask(above_threshold, [1000, 0], threshold=100, epsilon=0.6)
    assert budget.spent == pytest.approx(1.0)
