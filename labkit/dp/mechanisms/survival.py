"""A private survival curve: noise on a life table, and the curve from that.

A person is in exactly one cell of a life table: in the interval where she was last seen, under "died" or
under "left alive". So adding or removing her changes the table by 1, however many intervals it has, and the
curve, its band, medians and so on are worked out from the noisy table alone. (Noise on the curve itself would
have to cover every interval after her.)
"""

import numpy as np

from labkit import validate
from labkit.dp.mechanisms.exact import exact_fraction
from labkit.dp.mechanisms.numeric import geometric
from labkit.models.survival import life_table

__all__ = ["private_life_table"]


def private_life_table(days, died, *, width, intervals, epsilon, rng=None):
    """How many died and how many left alive in each interval of days, under epsilon-differential privacy.

    days, died:       one number each per person: days watched, and 1 where that ended with a death. No record
                      is refused, since a refusal would tell that it is there: days that are missing or below
                      1 count as 1, part of a day as a whole one, and anything but 1 in `died` as alive.
    width, intervals: days in an interval, and how many, fixed without looking at the people; the last one
                      takes who stayed longer.
    epsilon:          for the whole table, > 0; delta is 0.
    rng:              numpy Generator, or None for the operating system's random bits.
    Returns an int64 array (2, intervals), deaths then leavers; noise makes some negative.
    `labkit.models.survival.survival_of` turns it into a curve. Do not print the number of people beside it:
    the table holds a noisy one.
    Neighbouring: one person is added or removed.
    Raises ValueError for width, intervals, epsilon or rng out of range, or for different lengths.
    Source: noise as in Ghosh, Roughgarden, Sundararajan, STOC 2009; the idea in Gondara, Wang,
    "Differentially private survival function estimation", MLHC 2020.
    """
    exact_fraction(epsilon=epsilon)  # refused before any work
    validate.generator(rng=rng)
    width = validate.integer(width=width, at_least=1)
    intervals = validate.integer(intervals=intervals, at_least=1)
    validate.same_length(days=days, died=died)
    days = np.ceil(np.clip(np.nan_to_num(np.asarray(days, float), nan=1), 1, width * intervals + 1))
    died = (np.asarray(died, float) == 1).astype(int)
    table = life_table(days, died, width=width, intervals=intervals)
    return geometric(table, sensitivity=1, epsilon=epsilon, rng=rng)
