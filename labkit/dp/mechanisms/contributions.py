"""Bound what one person contributes, so that a person, and not a record, is what the noise hides."""

import numpy as np

from labkit import validate

__all__ = ["bounded"]


def bounded(people, *, contributions, rng: np.random.Generator | None = None):
    """Which records to keep so that nobody has more than `contributions`: a bool array, True for kept; a person's are drawn at random.

    people:         1-D array, whose record each one is (anything that sorts); may be empty.
    contributions:  records a person may keep, at least 1.
    rng:            numpy Generator; None makes a fresh one. Which records are kept need not be secret: the bound holds for any choice.
    Whom a record belongs to decides about that person's records only, so that adding or removing a person changes a histogram
    of the kept records by at most `contributions` in the L1 norm: that is the sensitivity for the noise.
    What the bound cuts off is bias; it depends on the data and is not covered by an error bar of the noise.
    """
    people = np.asarray(people)
    if people.ndim != 1:
        raise ValueError(f"people must be a 1-D array, got {people.ndim} dimensions")
    contributions = validate.integer(contributions=contributions, at_least=1)
    rng = np.random.default_rng() if rng is None else rng
    order = rng.permutation(len(people))
    who = np.unique(people, return_inverse=True)[1][order]
    order = order[np.argsort(who, kind="stable")]
    sizes = np.bincount(who)
    place = np.arange(len(people)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = np.zeros(len(people), bool)
    kept[order] = place < contributions
    return kept
