"""Hidden cells follow from the totals where a row or column has one; two by two they do not."""

import numpy as np
import pytest

from labkit.attacks.suppression import recovered

TABLE = np.array([[12, 3, 40], [5, 80, 21], [33, 14, 9]])


def test_one_hidden_in_each_row():
    hidden = TABLE < 10
    assert np.array_equal(recovered(TABLE, hidden), TABLE)


def test_one_step_opens_the_next():
    hidden = np.array([[True, True, False], [True, False, False], [False, False, False]])
    assert np.array_equal(recovered(TABLE, hidden), TABLE)


def test_a_rectangle_stays_hidden():
    hidden = np.zeros((3, 3), bool)
    hidden[:2, :2] = True
    found = recovered(TABLE, hidden)
    assert np.isnan(found[hidden]).all() and np.array_equal(found[~hidden], TABLE[~hidden])


def test_what_it_must_not_see_it_does_not_use():
    """Another table with the same totals and the same published cells gives the same answer."""
    hidden = np.zeros((3, 3), bool)
    hidden[:2, :2] = True
    other = TABLE + np.array([[1, -1, 0], [-1, 1, 0], [0, 0, 0]])
    assert np.array_equal(recovered(TABLE, hidden), recovered(other, hidden), equal_nan=True)


def test_shapes():
    with pytest.raises(ValueError, match="hidden must have the shape"):
        recovered(TABLE, np.zeros((2, 3), bool))
