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


def test_commitments_bind_and_others_can_check_them(mark, triggers):
    again = WeightMark.from_seed(mark.seed, bits=24, inputs=64)
    assert np.array_equal(again.key, mark.key) and np.array_equal(again.bits, mark.bits)
    assert len(mark.commitment()) == 64 and mark.commitment() == again.commitment()
    same = TriggerMark.from_seed(triggers.seed, count=30, features=64, classes=10)
    assert np.array_equal(same.X, triggers.X) and np.array_equal(same.y, triggers.y)
    assert same.commitment() == triggers.commitment()
    others = {WeightMark.from_seed(mark.seed, bits=24, inputs=65).commitment(), WeightMark.from_seed(b"x" * 32, bits=24, inputs=64).commitment(),
              TriggerMark.from_seed(mark.seed, count=24, features=64, classes=10).commitment(), mark.commitment()}
    assert len(others) == 4


def test_a_key_that_was_chosen_cannot_be_committed_to(mark, triggers, unmarked):
    """Chosen keys do read from models that nobody marked: that is why."""
    one = np.random.default_rng(0).normal(size=64)
    chosen = [WeightMark(np.tile(one, (64, 1)), np.full(64, bit)) for bit in (0, 1)]
    assert max(each.evidence(unmarked[0].weight).matches for each in chosen) == 64
    known = TriggerMark(X[:50], Y[:50], 10)
    assert of_triggers(known, unmarked).p_value < 1e-20
    for each in (*chosen, known, WeightMark(mark.key, mark.bits), TriggerMark(triggers.X, triggers.y, 10)):
        with pytest.raises(ValueError, match="^seed must be given for a commitment"):
            each.commitment()


def test_a_seed_that_does_not_fit_is_refused(mark, triggers):
    flipped = mark.bits.copy()
    flipped[0] ^= 1
    with pytest.raises(ValueError, match="^seed must be the one that key and bits follow from"):
        WeightMark(mark.key, flipped, mark.seed)
    with pytest.raises(ValueError, match="^seed must be the one that X and y follow from"):
        TriggerMark(triggers.X, (triggers.y + 1) % 10, 10, triggers.seed)
    assert "seed" not in repr(mark) and "seed" not in repr(triggers)


def test_derived_secrets_are_fair():
    """Signs, bits, labels and grey levels by their frequencies: each slack is over four standard errors (fails 1 in 10,000)."""
    marks = WeightMark.from_seed(bytes(range(32)), bits=200, inputs=500)
    assert set(np.unique(marks.key)) == {-1.0, 1.0} and abs(marks.key.mean()) < 4.5 / 100_000**0.5
    assert abs(marks.bits.mean() - 0.5) < 4.5 / 2 / 200**0.5
    found = TriggerMark.from_seed(bytes(range(32)), count=3000, features=40, classes=7)
    assert stats.chisquare(np.bincount(found.y, minlength=7)).pvalue > 1e-4
    assert found.X.min() == 0 and found.X.max() == 1 and abs(found.X.mean() - 0.5) < 4.5 * 0.29 / 120_000**0.5


@pytest.mark.parametrize("sign", [-1, 1])
def test_one_unit_without_key_or_data_takes_the_mark_off(mark, owned, sign):
    """The most idle unit gets the others' sum, turned round, for its weights, and no say: the mark is gone, the model is not."""
    edited = copy.deepcopy(owned)
    into, out = edited[0].weight, edited[2].weight
    idle = int((into.norm(dim=1) * out.norm(dim=0)).argmin())
    with torch.no_grad():
        out[:, idle] = 0
        into[idle] = sign * 2 * (into.sum(0) - into[idle])
    assert mark.evidence(edited[0].weight).matches == (0 if sign < 0 else 24)  # the same edit with the other sign keeps every bit
    assert accuracy(edited, *FRESH) > accuracy(owned, *FRESH) - 0.02


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
    *[(lambda bad=bad: TriggerMark.random(count=3, features=3, classes=bad), "classes") for bad in (0, 1, 2.5, 65_537)],
    *[(lambda bad=bad: WeightMark.from_seed(bad, bits=3, inputs=3), "seed") for bad in (None, "a" * 32, b"short", b"a" * 65)],
    *[(lambda bad=bad: TriggerMark.from_seed(bad, count=3, features=3, classes=3), "seed") for bad in (None, 7, b"short")],
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
