"""The private life table: its noise, its promise for one patient, and three ways to break it that the audit
catches."""

import numpy as np
import pytest
from scipy import stats

from labkit import dp
from labkit.models.survival import kaplan_meier, life_table, survival_of

RARE = 1e-6  # the test of the distribution fails by chance once in a million seeds
SURE = 0.9999  # confidence of audits: a correct mechanism fails one once in 10,000 seeds, and seeds are fixed
RNG = np.random.default_rng
DAYS, DIED = [40, 80, 130, 200, 260], [1, 0, 1, 1, 0]


@pytest.mark.parametrize("rng", [RNG(0), None], ids=["seeded", "system"])
def test_the_noise_has_its_exact_distribution(rng):
    epsilon, runs = 0.7, 10_000
    noise = dp.private_life_table([1], [1], width=1, intervals=runs, epsilon=epsilon, rng=rng).ravel()[1:]
    reach = np.arange(-8, 9)
    chance = np.tanh(epsilon / 2) * np.exp(-epsilon * np.abs(reach))
    seen = [(noise == k).sum() for k in reach]
    seen, expected = [*seen, len(noise) - sum(seen)], [*chance * len(noise), (1 - chance.sum()) * len(noise)]
    assert stats.chisquare(seen, expected).pvalue > RARE


def test_without_noise_it_is_the_table():
    told = dp.private_life_table(DAYS, DIED, width=90, intervals=4, epsilon=1000, rng=RNG(0))
    assert np.array_equal(told, life_table(DAYS, DIED, width=90, intervals=4))


def side_by_side(people, runs):
    """So many copies of the people, each in four intervals of its own: one noisy table holds independent
    runs."""
    days, died = people
    return np.add.outer(360 * np.arange(runs), days).ravel(), np.tile(died, runs)


def tables(people, runs, rng, epsilon=1.0):
    """Independent noisy tables, shape (runs, 2, 4)."""
    days, died = side_by_side(people, runs)
    table = dp.private_life_table(days, died, width=90, intervals=4 * runs, epsilon=epsilon, rng=rng)
    return table.reshape(2, runs, 4).swapaxes(0, 1)


def bound(mechanism, score, patient=3, runs=6000):
    """Epsilon at least, for one patient added or removed."""
    without = np.delete(DAYS, patient), np.delete(DIED, patient)
    rng = RNG(7)
    tested = dp.audit(lambda people, runs: score(mechanism(people, runs, rng)), (DAYS, DIED), without,
                      runs=runs, batched=True)
    return tested.epsilon_lower_bound(confidence=SURE)


def her_cell(told):
    """Deaths in the interval where patient 3 died: nothing else depends on her."""
    return told[:, 0, 2].astype(float)


def all_people(told):
    return told.sum(axis=(1, 2)).astype(float)


def the_curve(told):
    return np.array([survival_of(table)[2] for table in told])


@pytest.mark.parametrize("score", [her_cell, all_people, the_curve])
def test_one_patient_is_hidden(score):
    assert bound(tables, score) <= 1.0


def test_it_does_lose_most_of_its_epsilon():
    """Else the audit would be too weak to tell."""
    assert bound(tables, her_cell) > 0.7


def test_half_the_noise_is_caught():
    assert bound(lambda people, runs, rng: tables(people, runs, rng, epsilon=2.0), her_cell) > 1.0


def test_the_number_of_people_printed_beside_it_is_caught():
    assert bound(lambda people, runs, rng: np.full(runs, float(len(people[0]))), lambda told: told) > 1.0


def test_noise_on_the_curve_for_one_of_its_steps_is_caught():
    """Its author saw that a patient moves a step by 1/5 and forgot that she moves the others too."""
    def by_quarter(days, died):
        curve = kaplan_meier(days, died)
        return np.r_[1, curve.survival][np.searchsorted(curve.day, [90, 180, 270, 360], "right")]

    def noisy_curve(people, runs, rng):
        return by_quarter(*people) + rng.laplace(0, 1 / 5, (runs, 4))

    def likelier_with_her(told):
        from_with, from_without = (np.abs(told - by_quarter(*each)).sum(axis=1)
                                   for each in ((DAYS, DIED), (DAYS[1:], DIED[1:])))
        return from_without - from_with

    assert bound(noisy_curve, likelier_with_her, patient=0, runs=20_000) > 1.0


@pytest.mark.parametrize("name, bad", [
    ("epsilon", 0), ("epsilon", -1), ("epsilon", float("nan")), ("epsilon", None), ("rng", 7), ("width", 0),
    ("intervals", 0), ("died", [1, 0]),
])
def test_bad_arguments_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        given = {"days": [1], "died": [1], "width": 1, "intervals": 2, "epsilon": 1.0, "rng": None}
        dp.private_life_table(**{**given, name: bad})


def test_odd_records_are_no_error():
    """A refusal would tell that somebody has one: each is put somewhere, and moves the table by one."""
    days, died = [float("nan"), 0, -5, 90.5, 1e30, 40], [1, 1, 0, 1, 1, 7]
    told = dp.private_life_table(days, died, width=90, intervals=2, epsilon=1000, rng=RNG(0))
    assert told.tolist() == [[2, 1], [2, 1]]


def test_nobody_is_no_error():
    assert dp.private_life_table([], [], width=1, intervals=2, epsilon=1.0).shape == (2, 2)
