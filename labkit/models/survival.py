"""Survival: who is still alive after so many days, where many people are not watched to the end.

Somebody who leaves a study alive ("censored") has lived at least so long, and nobody knows more. Kaplan and
Meier multiply, over the days with deaths, the share of those *at risk* (still watched) who did not die.
"""

from typing import NamedTuple

import numpy as np

from labkit import validate

__all__ = ["KaplanMeier", "kaplan_meier", "life_table", "survival_of"]


class KaplanMeier(NamedTuple):
    """One entry for each day with a death, in order of days.

    day:             after how many days.
    deaths, at_risk: how many died that day, and how many were still watched in the morning.
    survival:        the share that lives on, after that day.
    standard_error:  of `survival`, by Greenwood's formula; 0 once nobody is left.
    """

    day: np.ndarray
    deaths: np.ndarray
    at_risk: np.ndarray
    survival: np.ndarray
    standard_error: np.ndarray


def kaplan_meier(days, died):
    """The product-limit estimate of survival.

    days:  1-D array of whole numbers, 1 or more: how long each person was watched.
    died:  1-D array of the same length: 1 or True where that ended with a death, else 0.
    Returns a `KaplanMeier`. Who leaves on a day with a death counts as at risk on that day.
    Raises ValueError for bad days or died.
    Source: Kaplan, Meier, Journal of the American Statistical Association 53, 1958; Greenwood, 1926.
    """
    days, died = _checked(days, died)
    day, deaths = np.unique(days[died], return_counts=True)
    at_risk = len(days) - np.searchsorted(np.sort(days), day)
    survival = np.cumprod(1 - deaths / at_risk)
    terms = np.divide(deaths, at_risk * (at_risk - deaths), out=np.zeros(len(day)), where=at_risk > deaths)
    return KaplanMeier(day, deaths, at_risk, survival, survival * np.sqrt(np.cumsum(terms)))


def life_table(days, died, *, width, intervals):
    """How many died in each interval of days, and how many left it alive.

    days, died: as for `kaplan_meier`, but nobody is an error: an empty list gives zeros.
    width:      days in an interval; the first holds days 1 to `width`.
    intervals:  how many, chosen without looking at the people. Who was watched for longer counts as leaving
                alive in the last.
    Returns an int64 array of shape (2, intervals): deaths, then leavers. A person is in exactly one cell.
    """
    width = validate.integer(width=width, at_least=1)
    intervals = validate.integer(intervals=intervals, at_least=1)
    days, died = _checked(days, died) if len(days) or len(died) else (np.zeros(0, int), np.zeros(0, bool))
    place = (days - 1) // width
    died, place = died & (place < intervals), np.minimum(place, intervals - 1)
    cells = [np.bincount(place[some], minlength=intervals) for some in (died, ~died)]
    return np.stack(cells).astype(np.int64)


def survival_of(table):
    """The curve of a life table, also of a noisy one: the share alive at the end of each interval.

    table:  array of shape (2, intervals) as `life_table` gives it; noise may have made numbers negative.
    Returns a float array (intervals,), from 0 to 1, never rising.
    Who leaves within an interval is taken to have been watched for half of it (the actuarial estimate).
    Where nobody seems to be left, the curve stays where it is. Negative deaths may raise the curve for a
    moment, so that noise cancels over the intervals; what is returned is its running minimum.
    Source: Cutler, Ederer, Journal of Chronic Diseases 8, 1958.
    """
    table = validate.array(table=table, ndim=2).astype(float)
    if len(table) != 2:
        raise ValueError(f"table must have two rows, deaths and leavers, got {len(table)}")
    deaths, left = table
    watched = np.cumsum((deaths + left)[::-1])[::-1] - np.maximum(left, 0) / 2
    share = np.divide(deaths, watched, out=np.zeros(len(deaths)), where=watched > 0)
    return np.minimum.accumulate(np.cumprod(1 - np.clip(share, -0.5, 1)).clip(0, 1))


def _checked(days, died):
    days, died = validate.array(days=days, ndim=1), validate.array(died=died, ndim=1)
    validate.same_length(days=days, died=died)
    if not (days >= 1).all() or (days != np.floor(days)).any():
        raise ValueError(f"days must be whole numbers of at least 1, got {days.min()} to {days.max()}")
    if not np.isin(died, (0, 1)).all():
        raise ValueError(f"died must hold 0 and 1 only, got {np.unique(died)[:5]}")
    return days.astype(np.int64), died.astype(bool)
