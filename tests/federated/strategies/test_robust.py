"""Median, trimmed mean and Krum by hand, against liars, and what they refuse."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from labkit.federated import (
    FedAvg,
    Krum,
    Median,
    Noise,
    Step,
    Sum,
    TrimmedMean,
    coordinate_median,
    krum,
    krum_scores,
    partition,
    simulate,
    trimmed_mean,
    vector_of,
)
from tests.federated.by_hand import point, weight_after


def test_by_hand():
    changes = np.array([[0.0, 5.0], [1.0, 3.0], [2.0, 4.0], [3.0, 1.0], [1000.0, -1000.0]])
    assert coordinate_median(changes).tolist() == [2.0, 3.0]
    assert coordinate_median(changes[:4]).tolist() == [1.5, 3.5]
    assert trimmed_mean(changes, trim=0).tolist() == changes.mean(0).tolist()
    assert trimmed_mean(changes, trim=1).tolist() == [2.0, pytest.approx(8 / 3)]
    assert trimmed_mean(changes, trim=2).tolist() == [2.0, 3.0]


def test_krum_by_hand():
    # five clients on a line at 0, 1, 3, 4.5 and 100; one liar allowed: 5 - 1 - 2 = 2 nearest neighbours count
    # 0: 1 + 9 = 10;  1: 1 + 4 = 5;  3: 2.25 + 4 = 6.25;  4.5: 2.25 + 12.25 = 14.5;  100: 95.5^2 + 97^2
    changes = np.array([[0.0], [1.0], [3.0], [4.5], [100.0]])
    assert krum_scores(changes, malicious=1) == pytest.approx([10, 5, 6.25, 14.5, 95.5 ** 2 + 97 ** 2])
    assert krum(changes, malicious=1).tolist() == [1.0]
    assert krum(changes, malicious=1, keep=2).tolist() == [2.0]
    assert krum(changes, malicious=1, keep=3).tolist() == [pytest.approx(4 / 3)]
    assert krum(changes, malicious=1, keep=4).tolist() == [pytest.approx(8.5 / 4)]


def test_krum_scores_are_those_of_the_plain_double_loop():
    changes = np.random.default_rng(0).normal(size=(11, 7))
    expected = [sum(sorted(((a - b) ** 2).sum() for j, b in enumerate(changes) if j != i)[:11 - 3 - 2]) for i, a in enumerate(changes)]
    assert krum_scores(changes, malicious=3) == pytest.approx(expected)


def test_strategies_move_by_the_middle():
    # changes of one step at 0.1 from 0: .2 for (w - 1)^2, .4 for (w - 2)^2, 20 for (w - 100)^2
    clients = [point(1, 1), point(1, 2), point(1, 100)]
    options = {"rounds": 1, "local_steps": 1, "learning_rate": 0.1}
    for engine in ("lean", "stacked"):
        assert weight_after(Median(), clients, engine=engine, **options) == pytest.approx(0.4, abs=1e-15)
        assert weight_after(TrimmedMean(trim=1), clients, engine=engine, **options) == pytest.approx(0.4, abs=1e-15)
        assert weight_after(Krum(malicious=0), clients, engine=engine, **options) == pytest.approx(0.2, abs=1e-15)


@dataclass(frozen=True)
class Liars(Step):
    """The first clients send the opposite of what they learned, ten times as large."""

    count: int = 3

    def on_client(self, update, received, memory, turn):
        if update.client < self.count:
            update = replace(update, message={"change": -10 * update.message["change"]})
        return update, memory


@pytest.fixture(scope="module")
def lesson():
    rng = np.random.default_rng(0)
    x = rng.random((600, 8), dtype=np.float32)
    y = (x @ rng.normal(size=(8, 3))).argmax(1)
    parts = partition.iid(400, clients=10, seed=0)
    return [(x[part], y[part]) for part in parts], (x[400:], y[400:])


def learned(lesson, strategy, *pipeline):
    clients, test = lesson
    torch.manual_seed(0)
    run = simulate(torch.nn.Sequential(torch.nn.Linear(8, 3)), clients, strategy, rounds=20, local_steps=5, learning_rate=0.5,
                   evaluate=test, evaluate_every=20, pipeline=pipeline)
    return run.accuracy[-1]


RULES = [Median(), TrimmedMean(trim=3), Krum(malicious=3), Krum(malicious=3, keep=5)]


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_three_liars_of_ten_ruin_the_mean_and_not_the_rule(lesson, rule):
    honest = learned(lesson, FedAvg())
    assert honest > 0.85
    assert learned(lesson, FedAvg(), Liars()) < 0.5
    assert learned(lesson, rule, Liars()) > honest - 0.1
    assert learned(lesson, rule) > honest - 0.1  # and costs little without liars


@pytest.mark.parametrize("rule", [Median(), TrimmedMean(trim=3), Krum(malicious=3)], ids=repr)
def test_six_liars_of_ten_ruin_the_rule_as_well(lesson, rule):
    assert learned(lesson, rule, Liars(6)) < 0.6


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_rule_that_needs_single_updates_is_refused_beside_a_sum(lesson, rule):
    for step in (Sum(), Noise(0.1)):
        with pytest.raises(ValueError, match=f"{type(rule).__name__} must see single updates, and after {type(step).__name__} the server"):
            learned(lesson, rule, step)


def test_too_few_answers_leave_the_model_and_say_so(lesson):
    clients, _ = lesson
    model = torch.nn.Sequential(torch.nn.Linear(8, 3))
    with pytest.warns(RuntimeWarning, match="Krum needs 9 updates and got"):
        run = simulate(model, clients, Krum(malicious=3), rounds=3, learning_rate=0.5, drop_out=0.9)
    assert torch.equal(vector_of(run.model), vector_of(model)) and len(run.rounds) == 4


@pytest.mark.parametrize("where", [0.0, 1e3, 1e6])
def test_krum_keeps_small_distances_far_from_zero_and_beside_a_huge_lie(where):
    rng = np.random.default_rng(0)
    changes = rng.normal(size=(9, 1000)) * 1e-6 + where
    changes[8] = -1e12
    near = [sorted(float(((a - b) ** 2).sum()) for b in changes)[1:6] for a in changes]
    np.testing.assert_allclose(krum_scores(changes, malicious=2), np.sum(near, axis=1), rtol=1e-9)


GOOD = np.zeros((5, 2))


@pytest.mark.parametrize("call, named", [
    (lambda: coordinate_median([]), "changes"),
    (lambda: coordinate_median([1.0, 2.0]), "changes must be .* 2 dimensions"),
    (lambda: coordinate_median(GOOD * math.nan), "changes"),
    (lambda: trimmed_mean(GOOD + math.inf, trim=1), "changes"),
    (lambda: trimmed_mean(GOOD, trim=3), "trim must be a whole number from 0 to 2, got 3"),
    (lambda: trimmed_mean(GOOD, trim=-1), "trim"),
    (lambda: trimmed_mean(GOOD, trim=0.5), "trim"),
    (lambda: krum(GOOD, malicious=2), r"malicious must leave at least 2 x malicious \+ 3 clients, got 2 malicious of 5"),
    (lambda: krum(GOOD, malicious=-1), "malicious"),
    (lambda: krum(GOOD, malicious=1, keep=5), "keep must be a whole number from 1 to 4, got 5"),
    (lambda: krum(GOOD, malicious=1, keep=0), "keep"),
    (lambda: krum([["a"]], malicious=0), "changes"),
    (lambda: krum_scores(GOOD[:2], malicious=0), "malicious must leave"),
    (lambda: TrimmedMean(trim=-1), "trim"),
    (lambda: Krum(malicious=1.5), "malicious"),
    (lambda: Krum(keep=0), "keep"),
    (lambda: weight_after(Krum(malicious=1), [point(1, 1)] * 4, rounds=1, learning_rate=0.1), "cohort must be at least 5 .* got 4"),
    (lambda: weight_after(TrimmedMean(trim=2), [point(1, 1)] * 4, rounds=1, learning_rate=0.1), "cohort must be at least 5"),
])
def test_bad_arguments_are_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
