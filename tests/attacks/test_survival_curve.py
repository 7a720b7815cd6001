"""A curve gives its patients away where it is exact, and not where it comes from a noisy table."""

import numpy as np
import pytest

from labkit import datasets, dp
from labkit.attacks.survival_curve import read_curve
from labkit.models.survival import kaplan_meier, survival_of


def right(read, true):
    """How many steps are read with deaths and number at risk."""
    return int(((read.deaths == true.deaths) & (read.at_risk == true.at_risk)).sum())


def group(people, seed, leavers=0.2):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 2000, people), (rng.random(people) > leavers).astype(int)


def test_by_hand():
    """Of 10: one dies; two leave; of 7, two die; the rest die together."""
    read = read_curve([0.9, 0.9 * 5 / 7, 0.0], at_start=10)
    assert read.deaths.tolist() == [1, 2, 5] and read.at_risk.tolist() == [10, 7, 5]


@pytest.mark.parametrize("seed", range(5))
def test_every_step_of_an_exact_curve_is_read(seed):
    """A share such as 2/98 = 1/49 has more than one reading; with the fewest leavers nearly all are right."""
    true = kaplan_meier(*group(150, seed))
    assert right(read_curve(true.survival, at_start=150), true) >= 0.97 * len(true.day)


def test_the_people_over_90():
    table = datasets.survival().table
    table = table[table.age >= 90]
    true = kaplan_meier(table.days, table.death)
    for digits, least in ((None, 94), (6, 94), (4, 94), (3, 30)):
        survival = true.survival if digits is None else np.round(true.survival, digits)
        assert right(read_curve(survival, at_start=102, digits=digits), true) >= least
    assert right(read_curve(np.round(true.survival, 1), at_start=102, digits=1), true) < 15
    assert len(true.day) == 94


def test_the_wrong_number_of_people_reads_little():
    true = kaplan_meier(*group(150, 0))
    assert right(read_curve(true.survival, at_start=149), true) < 5


def test_nothing_is_read_off_a_private_curve():
    """Steps of the curve from a table by single days, at epsilon 1: no more agree than by accident."""
    days, died = group(150, 0)
    rng = np.random.default_rng(1)
    table = dp.private_life_table(days, died, width=1, intervals=2000, epsilon=1, rng=rng)
    true = kaplan_meier(days, died)
    curve = survival_of(table)[true.day - 1]
    assert right(read_curve(curve, at_start=150, digits=6), true) < 5


@pytest.mark.parametrize("name, bad", [
    *[("survival", bad) for bad in ([0.5, 0.6], [1.2], [-0.1], [], [np.nan], 0.5)],
    *[("at_start", bad) for bad in (0, 2.5, None)], *[("digits", bad) for bad in (0, 13, 1.5)],
])
def test_bad_arguments_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        read_curve(**{"survival": [0.9, 0.8], "at_start": 10, "digits": None, name: bad})
