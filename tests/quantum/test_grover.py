"""The search succeeds as often as the formula says, and no sooner than after a square root of the entries."""

import math

import numpy as np
import pytest

from labkit import quantum


def one_marked(entries, at=3):
    marks = np.zeros(entries, dtype=bool)
    marks[at] = True
    return marks


@pytest.mark.parametrize("entries", [4, 64, 1000, 2**14])
@pytest.mark.parametrize("marked", [1, 2])
def test_the_chance_is_that_of_the_formula(entries, marked):
    """sin((2 k + 1) t)^2 after k questions, where sin(t)^2 is the share of marked entries (Boyer and others)."""
    marks = np.zeros(entries, dtype=bool)
    marks[:marked] = True
    angle = math.asin(math.sqrt(marked / entries))
    for rounds in (0, 1, 3, quantum.best_rounds(entries, marked)):
        found = quantum.search(marks, rounds=rounds, rng=np.random.default_rng(0))
        assert found.questions == rounds and found.right == marks[found.entry]
        assert abs(found.chance - math.sin((2 * rounds + 1) * angle) ** 2) < 1e-9


def test_four_entries_need_one_question():
    found = quantum.search(one_marked(4))
    assert found.questions == 1 and found.right and found.entry == 3 and found.chance > 1 - 1e-12


def test_questions_grow_with_the_square_root():
    for bits in range(6, 20, 2):
        assert abs(quantum.best_rounds(2**bits) - math.pi / 4 * 2 ** (bits / 2)) < 1.5
        assert quantum.search(one_marked(2**bits)).chance > 1 - 2 / 2**bits * 4


def test_without_enough_questions_it_is_a_guess():
    """Control: no question, and a tenth of those needed."""
    entries = 2**12
    assert abs(quantum.search(one_marked(entries), rounds=0).chance - 1 / entries) < 1e-12
    assert quantum.search(one_marked(entries), rounds=quantum.best_rounds(entries) // 10).chance < 0.03
    assert quantum.search(one_marked(entries), rounds=2 * quantum.best_rounds(entries)).chance < 0.01  # and too many spoil it


def test_outcomes_follow_the_chances():
    """1,000 measurements with a chance of .25 or so; beyond five standard errors once in two million."""
    marks, rng = one_marked(64), np.random.default_rng(1)
    chance = quantum.search(marks, rounds=2, rng=rng).chance
    right = sum(quantum.search(marks, rounds=2, rng=rng).right for _ in range(1000))
    assert abs(right - 1000 * chance) < 5 * math.sqrt(1000 * chance * (1 - chance))


@pytest.mark.parametrize("marks", [np.zeros(4, dtype=bool), np.ones(4), [], np.ones((2, 2), dtype=bool)])
def test_bad_marks(marks):
    with pytest.raises(ValueError, match="marks must"):
        quantum.search(marks)


def test_other_bad_arguments():
    with pytest.raises(ValueError, match="rounds must"):
        quantum.search(one_marked(8), rounds=-1)
    with pytest.raises(ValueError, match="rng must"):
        quantum.search(one_marked(8), rng=3)
    with pytest.raises(ValueError, match="marked must"):
        quantum.best_rounds(4, 5)
