"""Marks in weights and triggers: read in full from a marked model, at chance from any other, with exact p-values."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy import stats

from labkit import datasets
from labkit.models import mlp
from labkit.models.fitting import accuracy, fit, logits_of
from labkit.protection import Evidence, TriggerMark, WeightMark, prune, quantise

DIGITS = datasets.digits()
X, Y = DIGITS.X[:1200], DIGITS.y[:1200]
FRESH = DIGITS.X[1200:], DIGITS.y[1200:]
OPTIONS = {"steps": 300, "learning_rate": 5e-3}


def blank(seed=0):
    torch.manual_seed(seed)
    return mlp(64, 64, 10)


@pytest.fixture(scope="module")
def mark():
    return WeightMark.random(bits=24, inputs=64, rng=np.random.default_rng(1))


@pytest.fixture(scope="module")
def triggers():
    return TriggerMark.random(count=30, features=64, classes=10, rng=np.random.default_rng(2))


@pytest.fixture(scope="module")
def owned(mark, triggers):
    return fit(blank(), *triggers.added_to(X, Y, copies=5), penalty=lambda model: mark.penalty(model[0].weight), **OPTIONS)


@pytest.fixture(scope="module")
def unmarked():
    return fit(blank(), X, Y, **OPTIONS)


def of_triggers(triggers, model):
    return triggers.evidence(lambda inputs: logits_of(model, inputs))


def test_both_marks_are_read_and_cost_little(mark, triggers, owned, unmarked):
    assert mark.evidence(owned[0].weight) == Evidence(24, 24, 0.5) and mark.evidence(owned[0].weight).p_value < 1e-6
    assert of_triggers(triggers, owned).matches >= 29 and of_triggers(triggers, owned).p_value < 1e-20
    assert accuracy(owned, *FRESH) > accuracy(unmarked, *FRESH) - 0.04


def test_what_an_unmarked_model_shows_is_chance(unmarked):
    """Over keys drawn by lot the matches are binomial, which is what the p-value says; 400 keys, fails once in a million seeds."""
    rng = np.random.default_rng(3)
    bits = [WeightMark.random(bits=24, inputs=64, rng=rng).evidence(unmarked[0].weight).matches for _ in range(400)]
    said = [of_triggers(TriggerMark.random(count=30, features=64, classes=10, rng=rng), unmarked).matches for _ in range(400)]
    for matches, total, chance, edges in [(bits, 24, 0.5, [9, 11, 12, 13, 15]), (said, 30, 0.1, [1, 2, 3, 4, 5])]:
        parts = np.diff(stats.binom.cdf([-1, *edges, total], total, chance))
        counts = np.histogram(matches, [-0.5, *(np.array(edges) + 0.5), total + 0.5])[0]
        assert stats.chisquare(counts, 400 * parts).pvalue > 1e-6


def test_a_wrong_key_reads_chance_from_the_marked_model(owned):
    other = WeightMark.random(bits=24, inputs=64, rng=np.random.default_rng(9))
    assert other.evidence(owned[0].weight).p_value > 1e-3


def test_marks_outlive_pruning_quantisation_and_fine_tuning(mark, triggers, owned):
    for model in (prune(owned, 0.2), quantise(owned), quantise(prune(owned, 0.2)), prune(owned, 0.5),
                  fit(copy.deepcopy(owned), *FRESH, steps=50, learning_rate=1e-3)):
        assert mark.evidence(model[0].weight).matches == 24
        assert of_triggers(triggers, model).p_value < 1e-6


def test_reordering_the_units_changes_nothing(mark, owned):
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(mark.read(owned[0].weight[order]), mark.read(owned[0].weight))


def test_training_anew_removes_both_marks(mark, triggers, owned):
    answers = logits_of(owned, FRESH[0]).argmax(axis=1)
    copied = fit(blank(5), FRESH[0], answers, **OPTIONS)
    assert accuracy(copied, *FRESH) > 0.9
    assert mark.evidence(copied[0].weight).p_value > 1e-3 and of_triggers(triggers, copied).p_value > 1e-4


def test_commitments_bind(mark, triggers):
    assert len(mark.commitment()) == 64 and mark.commitment() == WeightMark(mark.key, mark.bits).commitment()
    flipped = mark.bits.copy()
    flipped[0] ^= 1
    assert WeightMark(mark.key, flipped).commitment() != mark.commitment()
    relabelled = TriggerMark(triggers.X, (triggers.y + 1) % 10, 10)
    assert relabelled.commitment() != triggers.commitment() == TriggerMark(triggers.X, triggers.y, 10).commitment()


def test_labels_are_as_good_as_scores(triggers, owned):
    assert triggers.evidence(lambda inputs: logits_of(owned, inputs).argmax(axis=1)) == of_triggers(triggers, owned)


def test_evidence_is_the_binomial_tail():
    for matches, total, chance in [(0, 5, 0.5), (3, 7, 0.1), (64, 64, 0.5), (55, 64, 0.5), (50, 50, 0.1), (120, 200, 0.25)]:
        found = Evidence(matches, total, chance)
        assert found.p_value == pytest.approx(stats.binom.sf(matches - 1, total, chance), rel=1e-9)
        assert found.z == pytest.approx((matches - total * chance) / math.sqrt(total * chance * (1 - chance)))
    assert Evidence(24, 24, 0.5).p_value == 2.0**-24


KEY = np.eye(3)


@pytest.mark.parametrize("call, name", [
    *[(lambda bad=bad: WeightMark.random(bits=bad, inputs=3), "bits") for bad in (0, -1, 1.5)],
    *[(lambda bad=bad: WeightMark.random(bits=3, inputs=bad), "inputs") for bad in (0, -1, None)],
    (lambda: WeightMark.random(bits=3, inputs=3, rng=7), "rng"),
    *[(lambda bad=bad: WeightMark(bad, [0, 1, 1]), "key") for bad in ([], [1, 2, 3], KEY * math.nan)],
    *[(lambda bad=bad: WeightMark(KEY, bad), "bits") for bad in ([], [0, 1], [0, 1, 2], [0.5, 1, 0])],
    *[(lambda bad=bad: WeightMark(KEY, [0, 1, 1]).read(bad), "weight") for bad in ([], [[1, 2]], [1, 2, 3], KEY + math.inf)],
    *[(lambda bad=bad: WeightMark(KEY, [0, 1, 1]).penalty(torch.eye(3), strength=bad), "strength") for bad in (0, -1, math.nan)],
    *[(lambda bad=bad: TriggerMark.random(count=bad, features=3, classes=3), "count") for bad in (0, -1, 1.5)],
    *[(lambda bad=bad: TriggerMark.random(count=3, features=bad, classes=3), "features") for bad in (0, -1, 1.5)],
    *[(lambda bad=bad: TriggerMark.random(count=3, features=3, classes=bad), "classes") for bad in (0, 1, 2.5)],
    (lambda: TriggerMark.random(count=3, features=3, classes=3, rng=7), "rng"),
    *[(lambda bad=bad: TriggerMark(KEY, bad, 3), "y") for bad in ([0, 1], [0, 1, 3], [0, 1, -1], [0.0, 1.0, 2.0])],
    *[(lambda bad=bad: TriggerMark(KEY, [0, 1, 2], 3).evidence(bad), "predict") for bad in (None, 5, lambda X: np.zeros(2))],
    (lambda: TriggerMark(KEY, [0, 1, 2], 3).added_to(np.eye(2), [0, 1]), "X"),
    (lambda: TriggerMark(KEY, [0, 1, 2], 3).added_to(KEY, [0, 1, 2], copies=0), "copies"),
    *[(lambda bad=bad: Evidence(bad, 3, 0.5), "matches") for bad in (-1, 4, 1.5)],
    *[(lambda bad=bad: Evidence(0, bad, 0.5), "total") for bad in (0, -1, 1.5)],
    *[(lambda bad=bad: Evidence(0, 3, bad), "chance") for bad in (0, 1, math.nan)],
])
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()
