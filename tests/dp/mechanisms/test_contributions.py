"""The bound on contributions holds for everybody, and with it the sensitivity to a whole person."""

import numpy as np
import pytest

from labkit.dp import bounded


@pytest.mark.parametrize("most", [1, 3, 100])
def test_nobody_keeps_more_and_nobody_loses_more_than_needed(most):
    people = np.random.default_rng(0).integers(0, 50, 2000)
    kept = bounded(people, contributions=most, rng=np.random.default_rng(1))
    sizes, left = np.bincount(people, minlength=50), np.bincount(people[kept], minlength=50)
    assert np.array_equal(left, np.minimum(sizes, most))


def test_which_records_stay_is_drawn_evenly():
    """2,000 draws of 2 of 5: each stays 800 times, +-6 standard deviations (22 each)."""
    people = np.array([7] * 5 + [3])
    rng = np.random.default_rng(2)
    often = sum(bounded(people, contributions=2, rng=rng).astype(int) for _ in range(2000))
    assert often[5] == 2000 and np.abs(often[:5] - 800).max() < 132


def test_a_person_moves_a_histogram_by_the_bound_at_most():
    """Whatever is drawn: one person added moves the counts of the kept records by `contributions` (L1), and can move them so far."""
    rng = np.random.default_rng(3)
    for _ in range(200):
        people, cells = rng.integers(1, 20, 300), rng.integers(0, 10, 300)
        hers = rng.integers(0, 10, 40)
        kept = bounded(np.r_[people, np.zeros(40, int)], contributions=5, rng=rng)
        with_her = np.bincount(np.r_[cells, hers][kept], minlength=10)
        without = np.bincount(cells[kept[:300]], minlength=10)  # the others' draws do not depend on her
        assert np.abs(with_her - without).sum() == 5
        assert np.array_equal(np.bincount(people[kept[:300]]), np.minimum(np.bincount(people), 5))


def test_odd_input():
    assert bounded([], contributions=1).shape == (0,)  # an empty table must not show itself by an error
    assert bounded(["a", "b", "a"], contributions=1).sum() == 2
    for wrong in (0, 1.5, True):
        with pytest.raises(ValueError, match="contributions"):
            bounded([1, 2], contributions=wrong)
    with pytest.raises(ValueError, match="people must be a 1-D array"):
        bounded(np.ones((2, 2)), contributions=1)
