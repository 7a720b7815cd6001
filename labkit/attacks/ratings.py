"""Find a person among pseudonymous ratings by a few that are roughly known.

Source: Narayanan, Shmatikov, "Robust de-anonymization of large sparse datasets", IEEE S&P 2008: common items that few others have
count most, a rating counts less the further it is off, and the attacker accuses only where the best fits much better than the next.
"""

from typing import NamedTuple

import numpy as np

from labkit import validate

__all__ = ["Suspect", "best_match", "table_of"]

SPREAD = 1.5  # stars: how fast a rating that is off loses its weight


class Suspect(NamedTuple):
    """Who fits best, and how clearly.

    user:          row number of the best match.
    eccentricity:  by how many standard deviations of all scores the best is ahead of the next.
    """

    user: int
    eccentricity: float


def table_of(users, items, stars):
    """float32 array users x items, 0 where nothing was rated, from three 1-D arrays of one length (ids from 0, stars above 0)."""
    validate.same_length(users=users, items=items, stars=stars)
    users, items, stars = np.asarray(users), np.asarray(items), np.asarray(stars, dtype=np.float32)
    if not (stars > 0).all():
        raise ValueError(f"stars must be above 0 (0 means not rated), got {stars.min()}")
    table = np.zeros((users.max() + 1, items.max() + 1), np.float32)
    table[users, items] = stars
    return table


def best_match(table, items, stars):
    """The user of `table` who fits best to ratings `stars` (1-D) of `items` (1-D, different). Returns a Suspect.

    table:  users x items, 0 where not rated; the published one, with rows in any order.
    """
    items, stars = validate.array(items=items, ndim=1).astype(int), validate.array(stars=stars, ndim=1)
    validate.same_length(items=items, stars=stars)
    if items.min() < 0 or items.max() >= table.shape[1] or len(set(items)) < len(items):
        raise ValueError(f"items must be different column numbers from 0 to {table.shape[1] - 1}, got {items!r}")
    columns = table[:, items]
    rated = columns > 0
    raters = rated.sum(axis=0)
    weight = 1 / np.log1p(np.maximum(raters, 1))
    scores = (rated * np.exp(-np.abs(columns - stars) / SPREAD)) @ weight
    first, second = np.argsort(-scores, kind="stable")[:2]
    return Suspect(int(first), float((scores[first] - scores[second]) / max(scores.std(), 1e-12)))
