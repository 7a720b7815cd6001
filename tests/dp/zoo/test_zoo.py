"""The broken zoo: each specimen is broken by one line, caught where the lab looks, healed by its repair, and quick to audit."""

import time

import numpy as np
import pytest

from labkit.dp.zoo import ZOO, streams
from labkit.dp.zoo.specimen import READINGS, AuditSetting

BROKEN = [name for name, each in ZOO.items() if not each.private]


def test_the_zoo_holds_what_the_lab_promises():
    assert len(ZOO) == 18 and len(BROKEN) == 16
    assert [name for name, each in ZOO.items() if each.private] == ["Sparse vector 1", "Sparse vector 2"]


@pytest.mark.parametrize("name", ZOO)
def test_every_cage_has_its_label(name):
    each = ZOO[name]
    assert each.name == name and each.relation and each.look.told.endswith((".", "?")) and each.look.reading in READINGS
    if not each.private:
        assert each.flaw.endswith(".") and each.repair.endswith(".")
        assert each.overlook is not None and each.overlook.told.endswith(".")


@pytest.mark.parametrize("name", BROKEN)
def test_the_repair_is_one_line(name):
    each = ZOO[name]
    (wrong, marked), (right, healed) = each.code(), each.code(repaired=True)
    assert len(marked) <= 1 and len(healed) <= 1 and marked | healed
    assert wrong[0].startswith("def ") and len(wrong) <= 8 and max(map(len, wrong + right)) <= 100
    assert [line for number, line in enumerate(wrong) if number and number not in marked] == \
        [line for number, line in enumerate(right) if number and number not in healed]


@pytest.mark.parametrize("name", BROKEN)
def test_it_is_caught_whatever_the_seed(name):
    each = ZOO[name]
    for seed in (1, 2):
        assert each.measure(seed=seed).epsilon > each.look.epsilon


@pytest.mark.parametrize("name", BROKEN)
def test_repaired_it_keeps_its_claim_in_both_settings(name):
    each = ZOO[name]
    assert each.measure(repaired=True).epsilon <= each.look.epsilon
    assert each.measure(repaired=True, overlook=True).epsilon <= each.overlook.epsilon


@pytest.mark.parametrize("name", ["Sparse vector 1", "Sparse vector 2"])
def test_the_private_variants_keep_their_claim_also_where_the_others_break(name):
    each = ZOO[name]
    assert 0.5 * each.look.epsilon < each.measure().epsilon <= each.look.epsilon  # and the audit is not blind
    rng = np.random.default_rng(0)
    assert streams._hundreds(most=50).bound(each.wrong, rng).epsilon <= 1


def test_variant_4_stays_within_its_larger_epsilon():
    """(1 + 3 most) / 4 times the claim, for counts that move one way: with most = 1 that is the claim itself."""
    rng = np.random.default_rng(0)
    for most in (1, 2, 5):
        assert streams._hundreds(most=most).bound(streams.variant_4, rng).epsilon <= (1 + 3 * most) / 4


def test_an_audit_is_quick_enough_for_a_button():
    """Under 2 s of processor time each, measured on a fresh seed (the seeds above are remembered)."""
    slow = {}
    for name, each in ZOO.items():
        began = time.process_time()
        each.measure(seed=3)
        slow[name] = time.process_time() - began
    assert max(slow.values()) < 2, slow


def test_a_measurement_is_remembered_and_repeats():
    each = ZOO["Laplace, scale inverted"]
    assert each.measure(seed=5) is each.measure(seed=5)
    assert each.measure(seed=5) == each.look.bound(each.wrong, np.random.default_rng(5))
    assert each.measure(seed=5) != each.measure(seed=6)


def test_what_is_not_there_is_refused_by_name():
    private, broken = ZOO["Sparse vector 1"], ZOO["Sparse vector 6"]
    with pytest.raises(ValueError, match="repaired"):
        private.measure(repaired=True)
    with pytest.raises(ValueError, match="overlook"):
        private.measure(overlook=True)
    with pytest.raises(ValueError, match="overlook"):
        private.setting(overlook=True)
    for bad in (-1, 1.5, None, float("nan")):
        with pytest.raises(ValueError, match="seed"):
            broken.measure(seed=bad)


def test_a_setting_audits_any_mechanism():
    fair = AuditSetting("A coin.", 0.0, 0.0, (1, 0), runs=500)
    bound = fair.bound(lambda given, runs, rng, *, epsilon, delta: rng.integers(0, 2, runs), np.random.default_rng(0))
    assert bound.epsilon == 0
