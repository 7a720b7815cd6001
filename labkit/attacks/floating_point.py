"""Read the exact count off the last bits of an answer with floating-point Laplace noise.

The textbook sampler turns one of 2^53 equally spaced numbers u into noise, by a logarithm. So there are at most 2^53
answers for each count, full of gaps, and the gaps lie elsewhere for the next count. An answer that lies in the gaps of one
count cannot have come from it: whatever epsilon says.

Source: Mironov, "On Significance of the Least Significant Bits for Differential Privacy", CCS 2012.
"""

import numpy as np

from labkit import validate

_GRID = 2.0**-53  # the spacing of a generator's uniform numbers
_NEARBY = 3  # how many neighbours on the grid rounding can have moved u


def could_come_from(answers, *, count, scale):
    """Whether the sampler behind `labkit.dp.laplace` could have given each answer, had the exact count been `count`.

    answers:  published answers, array (n,), with all their digits.
    count:    the exact count to test.
    scale:    sensitivity / epsilon, > 0, as used for the noise.
    Returns a bool array (n,). True may be chance: other counts may reach the answer too. False is all but proof: one true
    answer in a few hundred is missed, where this machine's two logarithms differ in the last digit.
    Raises ValueError for answers that are no finite list, or a count or scale that is not a number fit for it.
    """
    answers = validate.array(answers=answers, ndim=1)
    count, scale = validate.finite(count=count), validate.positive(scale=scale)
    noise = answers - count
    half = np.exp(-np.abs(noise) / scale) / 2
    u = np.where(noise < 0, half, 1 - half)  # what u must have been, to rounding
    possible = np.zeros(len(answers), bool)
    for step in range(-_NEARBY, _NEARBY + 1):
        near = np.clip(np.rint(u / _GRID) + step, 1, 1 / _GRID - 1) * _GRID
        forward = np.where(near < 0.5, np.log(near + near), -np.log(2 - near - near))
        possible |= count + scale * forward == answers
    return possible


def guess_count(answers, *, first, second, scale, rng):
    """Guess for each answer which of two counts it came from; a coin toss where both or neither are possible.

    answers, scale:  as for `could_come_from`.
    first, second:   the two counts.
    rng:             numpy Generator, for the coins.
    Returns an array (n,) of the guessed counts. Errors as for `could_come_from`.
    """
    is_second = could_come_from(answers, count=second, scale=scale)
    undecided = is_second == could_come_from(answers, count=first, scale=scale)
    return np.where(np.where(undecided, rng.random(len(is_second)) < 0.5, is_second), second, first)
