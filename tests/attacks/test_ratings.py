"""Ratings of rare items name a person; equal people, and people who are not there, are not told apart."""

import numpy as np
import pytest

from labkit.attacks.ratings import best_match, table_of


def people(rng, count=200, items=500, each=20):
    table = np.zeros((count, items), np.float32)
    for row in table:
        row[rng.choice(items, each, replace=False)] = rng.integers(1, 6, each)
    return table


def test_the_table():
    assert table_of([0, 1, 1], [2, 0, 2], [3.0, 5.0, 0.5]).tolist() == [[0, 0, 3], [5, 0, 0.5]]
    with pytest.raises(ValueError, match="stars must be above 0"):
        table_of([0, 1], [0, 1], [0.0, 1.0])
    with pytest.raises(ValueError):
        table_of([0, 1], [0], [1.0, 1.0])


def test_a_person_is_found_by_a_few_rough_ratings():
    rng = np.random.default_rng(0)
    table = people(rng)
    right = 0
    for user in range(100):
        items = rng.choice(np.flatnonzero(table[user]), 5, replace=False)
        right += best_match(table, items, table[user, items] + rng.choice([-1, 0, 1], 5)).user == user
    assert right == 100


def test_equal_people_are_not_told_apart_and_the_lead_says_so():
    table = np.tile(people(np.random.default_rng(1), count=1), (50, 1))
    items = np.flatnonzero(table[0])[:5]
    suspect = best_match(table, items, table[0, items])
    assert suspect.eccentricity == pytest.approx(0, abs=1e-3)


def test_the_lead_is_larger_for_somebody_who_is_there():
    rng = np.random.default_rng(2)
    table = people(rng)
    leads = {True: [], False: []}
    for user in range(100):
        items = rng.choice(np.flatnonzero(table[user]), 5, replace=False)
        stars = table[user, items]
        for there in leads:
            seen = table.copy()
            seen[user] *= there
            leads[there].append(best_match(seen, items, stars).eccentricity)
    assert np.median(leads[True]) > 3 * np.median(leads[False])


def test_the_score_by_hand():
    """Two raters of item 0 (weight 1 / ln 3), one of item 1 (1 / ln 2): scores of users 0, 1, 2."""
    table = np.array([[5, 0], [3, 4], [0, 0]], np.float32)
    suspect = best_match(table, [0, 1], [5.0, 4.0])
    scores = np.array([1 / np.log(3), np.exp(-2 / 1.5) / np.log(3) + 1 / np.log(2), 0])
    assert suspect.user == 1
    assert suspect.eccentricity == pytest.approx((scores[1] - scores[0]) / scores.std(), rel=1e-5)


@pytest.mark.parametrize("items", [[0, 0], [-1, 0], [0, 2]])
def test_items_must_be_columns(items):
    with pytest.raises(ValueError, match="items must be different column numbers"):
        best_match(np.ones((3, 2), np.float32), items, [1.0, 2.0])
