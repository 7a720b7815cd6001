"""Read the patients off a published survival curve.

The curve of Kaplan and Meier falls, at each day with deaths, by the factor 1 - deaths / at risk. Both are
whole numbers, and the number of people at the start is printed beside the curve: so each step has few
                                                                                  possible fractions, and
                                                                                  mostly one.

Source: Guyot, Ades, Ouwens, Welton, "Enhanced secondary analysis of survival data", BMC Medical Research
        Methodology 12, 2012, who
read it off pictures, with good intentions.
"""

from typing import NamedTuple

import numpy as np

from labkit import validate

__all__ = ["Steps", "read_curve"]

EXACT = 1e-9  # what a computer's own rounding may move a step by


class Steps(NamedTuple):
    """What was read off each step, int arrays: deaths and people at risk; 0 where it could not be read."""

    deaths: np.ndarray
    at_risk: np.ndarray


def read_curve(survival, *, at_start, digits=None):
    """The deaths and the number at risk at every step of a published curve.

    survival:  1-D array, the curve after each of its steps, as published: in (0, 1], falling; it may end
               with 0.
    at_start:  how many people there were, 1 or more.
    digits:    to how many decimals the curve was rounded, 1 to 12; None: it was not.
    Returns `Steps`. Of the fractions that fit a step, the one with the most people at risk is taken: the
    fewest left before it.
    Raises ValueError for a curve that rises or leaves 0 to 1, or other arguments out of range.
    """
    survival = validate.array(survival=survival, ndim=1)
    at_start = validate.integer(at_start=at_start, at_least=1)
    slack = EXACT
    if digits is not None:
        slack += 0.5 / 10 ** validate.integer(digits=digits, at_least=1, at_most=12)
    if survival.min() < 0 or survival.max() > 1 or (np.diff(survival) > 0).any():
        raise ValueError(f"survival must lie between 0 and 1 and never rise, got {survival!r:.80}")
    deaths, at_risk = np.zeros((2, len(survival)), np.int64)
    before, most = 1.0, at_start  # the curve so far, from what was read, so that rounding does not add up
    for step, after in enumerate(survival):
        people = np.arange(most, 0, -1)
        died = np.maximum(np.round(people * (1 - after / before)), 1)
        fits = np.flatnonzero((died <= people) & (np.abs(before * (1 - died / people) - after) <= slack))
        if not len(fits):
            break
        at_risk[step], deaths[step] = people[fits[0]], died[fits[0]]
        before *= 1 - deaths[step] / at_risk[step]
        most = at_risk[step] - deaths[step]
        if before <= 0 or most == 0:
            break
    return Steps(deaths, at_risk)
