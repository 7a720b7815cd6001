"""Bound what one person contributes, so that a person, and not a record, is what the noise hides."""

import numpy as np

from labkit import validate

__all__ = ["bounded"]


def bounded(people, *, contributions, rng: np.random.Generator | None = None):
    """Which records to keep so that nobody has more than `contributions`, drawn at random from each person's.

    people:         whose record each one is, a list, array or column of names or whole numbers; may be empty.
                    A record whose person is missing (None or not-a-number) is nobody's and is not kept: an
                    error would tell that it is there.
    contributions:  records a person may keep, at least 1.
    rng:            numpy Generator; None makes a fresh one. Which records are kept need not be secret: the
                    bound holds for any choice.
    Returns a bool array, True for a record to keep. Whom a record belongs to decides about that person's
    records only, so that adding or removing a person changes a histogram of the kept records by at most
    `contributions` in the L1 norm: that is the sensitivity for the noise. What the bound cuts off is bias; it
    depends on the data and is not covered by an error bar of the noise.
    Raises ValueError for people that are no list, or contributions or rng out of range.
    """
    who = _numbered(people)
    contributions = validate.integer(contributions=contributions, at_least=1)
    rng = validate.generator(rng=rng) or np.random.default_rng()
    order = rng.permutation(len(who))
    order = order[np.argsort(who[order], kind="stable")]
    sizes = np.bincount(who)
    place = np.arange(len(who)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = np.zeros(len(who), bool)
    kept[order] = place < contributions
    return kept & (who > 0)


def _numbered(people):
    """Each record's person as a number from 1, and 0 for a record whose person is missing."""
    if not isinstance(people, (list, tuple)):
        people = np.asarray(people)
        if people.ndim != 1:
            raise ValueError(f"people must be a 1-D array or a list, got {people.ndim} dimensions")
        if people.dtype.kind in "biuU":
            return np.unique(people, return_inverse=True)[1] + 1
        people = people.tolist()
    numbers = {}
    who = [numbers.setdefault(each, len(numbers) + 1) if _named(each) else 0 for each in people]
    return np.array(who, np.int64)


def _named(person):
    try:
        return person is not None and bool(person == person) and hash(person) is not None
    except TypeError:  # a list, or the missing value of pandas, which is neither equal nor different
        return False
