"""The simulated columns: marked as such, repeatable, and consistent with the real ones."""

import numpy as np
import pandas as pd
import pytest

from labkit import datasets
from labkit.anonymity.people import AREAS, COUNT_DAY, HIERARCHIES, ONLY, REAL, simulated_people


@pytest.fixture(scope="module")
def people():
    return simulated_people(0)


def test_real_columns_are_untouched(people):
    pd.testing.assert_frame_equal(people[REAL], datasets.adult().table[REAL])


def test_the_same_seed_gives_the_same_people(people):
    pd.testing.assert_frame_equal(people, simulated_people(0))
    assert not people["birth_date"].equals(simulated_people(1)["birth_date"])


def test_names_are_plainly_invented_and_tell_nothing(people):
    assert people["name"].is_unique and people["name"].str.fullmatch(r"Person \d{5}").all()
    numbers = people["name"].str[-5:].astype(int)
    # The number is unrelated to the order of the table: the correlation of 48,842 random pairs is within 0.02 save once in
    # 100,000.
    assert abs(np.corrcoef(numbers, np.arange(len(people)))[0, 1]) < 0.02


def test_birth_dates_give_the_ages(people):
    born = pd.to_datetime(people["birth_date"])
    day = pd.Timestamp(COUNT_DAY)
    age = day.year - born.dt.year - ((born.dt.month > day.month) | ((born.dt.month == day.month) & (born.dt.day > day.day)))
    assert (age == people["age"]).all()


def test_post_codes_and_hierarchies_fit(people):
    assert set(people["post_code"]) == set(AREAS) and len(set(AREAS)) == 60
    for name, hierarchy in HIERARCHIES.items():
        assert hierarchy.positions(people[name].to_numpy()).min() >= 0


def test_diagnoses_respect_sex(people):
    for diagnosis, sex in ONLY.items():
        assert set(people.loc[people["diagnosis"] == diagnosis, "sex"]) == {sex}
    assert people["diagnosis"].notna().all() and people["diagnosis"].nunique() == 17


@pytest.mark.parametrize("seed", [-1, 1.5, None, "a", float("nan")])
def test_bad_seeds(seed):
    with pytest.raises(ValueError, match="^seed must be"):
        simulated_people(seed)
