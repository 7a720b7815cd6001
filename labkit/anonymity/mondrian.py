"""Mondrian: cut a table into boxes of at least k people, again and again, until no cut is allowed.

Source: LeFevre, DeWitt, Ramakrishnan, "Mondrian multidimensional k-anonymity", ICDE 2006. Like there, a cut goes near
the median of the column that is widest in the box, rows with equal values stay together, and categories are cut along their
tree. Unlike there, when the median is not allowed the nearest allowed cut is taken. l-diversity and t-closeness are
further conditions on a cut: both sides must meet them (as in Li, Li, Venkatasubramanian, ICDE 2007).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labkit import validate
from labkit.anonymity.columns import columns_of, in_order
from labkit.anonymity.hierarchies import checked, labels
from labkit.anonymity.measures import ROUNDING, distances, distinct, effective


@dataclass(frozen=True)
class Release:
    """A generalised table, as its maker holds it.

    table:   the rows with labels in place of quasi-identifiers; the index is still that of the original table, so that
             the maker can compare. Hand out `published()`.
    classes: the equivalence class of each row, int array.
    """

    table: pd.DataFrame
    classes: np.ndarray
    quasi_identifiers: tuple

    def published(self, rng=None):
        """The table to hand out: rows in random order under a fresh index, since the old order tells who is who."""
        rng = np.random.default_rng() if validate.generator(rng=rng) is None else rng
        return self.table.iloc[rng.permutation(len(self.table))].reset_index(drop=True)


def mondrian(table, hierarchies, *, k, sensitive=None, l=None, entropy_l=None, t=None, ordered=None):  # noqa: E741
    """Generalise the quasi-identifiers of a table until every class has at least k rows.

    table:       DataFrame. Columns that are not in `hierarchies` are passed on unchanged: drop names and numbers first.
    hierarchies: {quasi-identifier: Numbers or Tree}.
    k:           smallest class, 1 or more.
    sensitive:   column that l, entropy_l and t are about.
    l:           at least so many different sensitive values in each class.
    entropy_l:   at least so large an exp(entropy) of the sensitive values in each class, 1 or more.
    t:           at most this distance of a class's sensitive values from the table's, above 0 and at most 1;
                 `ordered` as in `t_closeness`.
    Returns a Release. Raises ValueError for bad arguments, and when even the whole table as one class would not do.
    """
    names = columns_of(table, checked(hierarchies), sensitive)
    k = validate.integer(k=k, at_least=1)
    asked = {"l": l, "entropy_l": entropy_l, "t": t}
    if sensitive is None and any(each is not None for each in asked.values()):
        raise ValueError(f"sensitive must name a column when l, entropy_l or t is given, got None with {asked}")
    positions = np.column_stack([_positions(hierarchies[name], table[name], name) for name in names])
    codes, kinds, along = np.zeros(len(table), dtype=np.int64), 1, False
    if sensitive is not None:
        codes, values, along = in_order(table[sensitive], ordered)
        kinds = len(values)
    overall = np.bincount(codes, minlength=kinds)
    allowed = _allowed(k, l, entropy_l, t, overall, along)
    if not allowed(overall[None, :])[0]:
        raise ValueError(
            f"k={k!r} with {asked} must be met by the whole table as one class of {len(table)} rows, and is not"
        )
    columns = [hierarchies[name] for name in names]
    boxes = _boxes(positions, columns, codes, kinds, allowed, k)
    return _release(table, names, columns, positions, boxes)


def _positions(hierarchy, column, name):
    try:
        return hierarchy.positions(column.to_numpy())
    except ValueError as error:
        raise ValueError(f"table must fit its hierarchies; in column {name!r}, {error}") from None


def _allowed(k, l, entropy_l, t, overall, ordered):  # noqa: E741
    """The test of many candidate classes at once: histograms (rows of counts) in, booleans out."""
    l = None if l is None else validate.integer(l=l, at_least=1)  # noqa: E741
    if entropy_l is not None and validate.positive(entropy_l=entropy_l) < 1:
        raise ValueError(f"entropy_l must be 1 or more, got {entropy_l!r}")
    t = None if t is None else validate.fraction(t=t)

    def test(counts):
        good = counts.sum(axis=1) >= k
        if l is not None:
            good &= distinct(counts) >= l
        if entropy_l is not None:
            good &= effective(counts) >= entropy_l - ROUNDING
        if t is not None:
            good &= distances(counts, overall, ordered) <= t + ROUNDING
        return good

    return test


def _boxes(positions, columns, codes, kinds, allowed, k):
    """Cut until no cut is allowed; returns the row numbers of each box."""
    depths = [each.gap_depths() for each in columns]
    waiting, done = [np.arange(len(positions))], []
    while waiting:
        rows = waiting.pop()
        cut = _cut(positions[rows], columns, depths, codes[rows], kinds, allowed) if len(rows) >= 2 * k else None
        if cut is None:
            done.append(rows)
        else:
            column, last_on_left = cut
            left = positions[rows, column] <= last_on_left
            waiting += [rows[~left], rows[left]]
    return done


def _cut(positions, columns, depths, codes, kinds, allowed):
    """(column, last position on the left) of the cut to make, or None: widest column first, then nearest its median."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    width = np.array([float(each.penalty(a, b)) for each, a, b in zip(columns, low, high)])
    for column in np.argsort(-width, kind="stable"):
        if width[column] == 0:
            return None
        size = high[column] - low[column] + 1
        counts = np.bincount((positions[:, column] - low[column]) * kinds + codes, minlength=size * kinds).reshape(
            size, kinds
        )
        present = np.flatnonzero(counts.any(axis=1))
        below = np.cumsum(counts[present], axis=0)
        below, whole = below[:-1], below[-1]
        # A tree is cut between its largest branches first, so that a side is always whole branches of one node.
        depth = np.minimum.reduceat(depths[column][low[column] : high[column]], present[:-1])
        good = (depth == depth.min()) & allowed(below) & allowed(whole - below)
        if good.any():
            imbalance = np.abs(2 * below.sum(axis=1) - len(positions))
            best = np.argmin(np.where(good, imbalance, np.inf))
            return column, low[column] + present[best]
    return None


def _release(table, names, columns, positions, boxes):
    """Label every box with the stretch that its rows span in each column."""
    which = np.empty(len(table), dtype=np.int64)
    for number, rows in enumerate(boxes):
        which[rows] = number
    order = np.concatenate(boxes)
    starts = np.cumsum([0, *(len(rows) for rows in boxes[:-1])])
    first = np.minimum.reduceat(positions[order], starts)
    last = np.maximum.reduceat(positions[order], starts)
    generalised = table.copy()
    for column, name in enumerate(names):
        generalised[name] = pd.Series(
            labels(columns[column], first[:, column], last[:, column])[which], index=table.index, dtype=object
        )
    return Release(generalised, which, tuple(names))
