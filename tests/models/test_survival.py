"""Kaplan-Meier against statsmodels and by hand; life tables, and curves of tables with noise in them."""

import numpy as np
import pytest

from labkit import datasets
from labkit.models.survival import kaplan_meier, life_table, survival_of


def people(number=300, seed=0):
    """Days watched, many of them equal, and who died."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, 120, number), rng.integers(0, 2, number)


def test_by_hand():
    """Six people: deaths on days 2, 3, 3 and 9; one leaves on day 3 (and is at risk that day), one on day
    5."""
    curve = kaplan_meier([2, 3, 3, 3, 5, 9], [1, 1, 1, 0, 0, 1])
    assert curve.day.tolist() == [2, 3, 9]
    assert curve.deaths.tolist() == [1, 2, 1] and curve.at_risk.tolist() == [6, 5, 1]
    assert np.allclose(curve.survival, [5 / 6, 5 / 6 * 3 / 5, 0])
    greenwood = 5 / 6 * 3 / 5 * np.sqrt(1 / (6 * 5) + 2 / (5 * 3))
    assert np.allclose(curve.standard_error, [5 / 6 * np.sqrt(1 / 30), greenwood, 0])


@pytest.mark.parametrize("which", ["made up", "Olmsted County", "over 90"])
def test_against_statsmodels(which):
    missing = "statsmodels is not installed: pip install 'labkit[test]'"
    reference = pytest.importorskip("statsmodels.api", reason=missing)
    days, died = people()
    if which != "made up":
        table = datasets.survival().table
        table = table[table.age >= (90 if which == "over 90" else 0)]
        days, died = table.days.to_numpy(), table.death.to_numpy()
    theirs, ours = reference.SurvfuncRight(days, died), kaplan_meier(days, died)
    assert np.array_equal(theirs.surv_times, ours.day)
    assert np.array_equal(theirs.n_events, ours.deaths) and np.array_equal(theirs.n_risk, ours.at_risk)
    assert np.allclose(theirs.surv_prob, ours.survival)
    alive = ours.survival > 0  # where nobody is left, Greenwood's formula divides by zero
    assert np.allclose(theirs.surv_prob_se[alive], ours.standard_error[alive])


def test_everybody_is_in_one_cell_and_a_person_moves_one_by_one():
    days, died = people()
    table = life_table(days, died, width=10, intervals=12)
    assert table.sum() == len(days) and table[0].sum() == died.sum()
    for person in range(50):
        less = life_table(np.delete(days, person), np.delete(died, person), width=10, intervals=12)
        change = table - less
        assert np.abs(change).sum() == 1 and change[1 - died[person], (days[person] - 1) // 10] == 1


def test_edges_of_intervals_and_who_stays_longer():
    assert life_table([10, 11, 20, 21], [1, 1, 0, 1], width=10, intervals=2).tolist() == [[1, 1], [0, 2]]
    assert life_table([], [], width=10, intervals=3).tolist() == [[0] * 3] * 2


def test_the_curve_of_a_table_is_the_exact_one_where_nobody_leaves_early():
    days, _ = people()
    died = np.ones(len(days))
    curve, exact = survival_of(life_table(days, died, width=1, intervals=130)), kaplan_meier(days, died)
    assert np.allclose(curve[exact.day - 1], exact.survival)


def test_leavers_count_half():
    """Ten people, two leave and four die in the first interval: 4 of 9."""
    assert survival_of([[4, 1], [2, 3]]) == pytest.approx([5 / 9, 5 / 9 * (1 - 1 / 2.5)])


def test_a_noisy_table_still_gives_a_curve():
    rng = np.random.default_rng(1)
    for _ in range(200):
        curve = survival_of(rng.integers(-30, 30, (2, 20)))
        assert ((curve >= 0) & (curve <= 1)).all() and (np.diff(curve) <= 0).all()
    assert survival_of(np.zeros((2, 3))).tolist() == [1, 1, 1]


@pytest.mark.parametrize("days, died, said", [
    ([], [], "days"), ([1, 2], [1], "same length"), ([0, 1], [1, 1], "days"), ([1.5, 2], [1, 1], "days"),
    ([1, 2], [1, 2], "died"), ([1, np.nan], [1, 0], "days"), ([[1]], [[1]], "days"), (None, [1], "days"),
])
def test_bad_people_are_refused(days, died, said):
    with pytest.raises(ValueError, match=said):
        kaplan_meier(days, died)


@pytest.mark.parametrize("name, bad", [("width", 0), ("width", 1.5), ("intervals", 0), ("intervals", None)])
def test_bad_tables_are_refused(name, bad):
    with pytest.raises(ValueError, match=name):
        life_table([1], [1], **{"width": 1, "intervals": 1, name: bad})
    for table in ([[1, 2]], [1, 2], [[np.inf, 1], [0, 0]]):
        with pytest.raises(ValueError, match="table"):
            survival_of(table)
