"""How anonymous a table is (k, l, t), and how much was lost on the way.

An equivalence class is the set of rows that show the same quasi-identifiers: the columns that an outsider may know.
All measures look only at the published table, so they work on any library's release.
"""

import numpy as np
import pandas as pd

from labkit import validate
from labkit.anonymity.hierarchies import checked

ROUNDING = 1e-9  # sums of shares are off by about 1e-16 for each class; a limit of exactly t must still hold


def columns_of(table, quasi_identifiers, sensitive=None):
    """Check a table and the columns named; returns the quasi-identifiers as a list. Raises ValueError."""
    if not isinstance(table, pd.DataFrame) or not len(table):
        raise ValueError(f"table must be a pandas DataFrame with at least one row, got {type(table).__name__}")
    if not isinstance(quasi_identifiers, (list, tuple)) or not quasi_identifiers:
        raise ValueError(f"quasi_identifiers must be a non-empty list of column names, got {quasi_identifiers!r}")
    names = list(quasi_identifiers)
    named = [("quasi_identifiers", name) for name in names] + [("sensitive", sensitive)] * (sensitive is not None)
    for argument, name in named:
        if not isinstance(name, str) or name not in table.columns:
            raise ValueError(f"{argument} must be among the columns {list(table.columns)}, got {name!r}")
    if sensitive in names or len(set(names)) < len(names):
        raise ValueError(f"quasi_identifiers must be distinct and without the sensitive column, got {names!r}")
    missing = [name for _, name in named if table[name].isna().any()]
    if missing:
        raise ValueError(f"table must have no gaps (give them a value of their own), got gaps in {missing}")
    return names


def classes(table, quasi_identifiers):
    """The equivalence class of each row: int array, 0 ... number of classes - 1."""
    names = columns_of(table, quasi_identifiers)
    return table.groupby(names, sort=False, observed=True).ngroup().to_numpy()


def class_sizes(table, quasi_identifiers):
    """For each row, how many rows (itself included) show the same quasi-identifiers: int array."""
    which = classes(table, quasi_identifiers)
    return np.bincount(which)[which]


def unique_share(table, columns):
    """Share of rows that nobody else shares these columns with: those people can be singled out."""
    return float((class_sizes(table, columns) == 1).mean())


def k_anonymity(table, quasi_identifiers):
    """The size of the smallest equivalence class. Source: Sweeney, IJUFKS 2002."""
    return int(class_sizes(table, quasi_identifiers).min())


def histograms(table, quasi_identifiers, sensitive):
    """(counts, values): how often each class holds each sensitive value, int array (classes, values), values sorted."""
    names = columns_of(table, quasi_identifiers, sensitive)
    values, codes = np.unique(table[sensitive].to_numpy(), return_inverse=True)
    which = classes(table, names)
    counts = np.bincount(which * len(values) + codes, minlength=(which.max() + 1) * len(values))
    return counts.reshape(-1, len(values)), values


def l_diversity(table, quasi_identifiers, sensitive):
    """The smallest number of different sensitive values in a class ("distinct l-diversity").

    Source: Machanavajjhala, Kifer, Gehrke, Venkitasubramaniam, TKDD 2007.
    """
    return int(distinct(histograms(table, quasi_identifiers, sensitive)[0]).min())


def entropy_l_diversity(table, quasi_identifiers, sensitive):
    """exp(entropy) of the class with the least of it: the l for which entropy l-diversity holds, float from 1 up.

    A class with l equally frequent values has exactly l; a dominant value pulls it down. Source as for `l_diversity`.
    """
    return float(effective(histograms(table, quasi_identifiers, sensitive)[0]).min())


def t_closeness(table, quasi_identifiers, sensitive, ordered=None):
    """The largest distance of a class's sensitive values from those of the whole table: 0 (alike) to 1.

    ordered: True compares along the order of the values, each one step from the next (for numbers); False counts any
             two values as equally far (for categories); None: True for a numeric column.
    The distance is the earth mover's. Source: Li, Li, Venkatasubramanian, ICDE 2007.
    """
    counts, _ = histograms(table, quasi_identifiers, sensitive)
    return float(distances(counts, counts.sum(0), is_ordered(table[sensitive], ordered)).max())


def is_ordered(column, ordered):
    """Whether to compare along the order of the values: as told, or (None) for a numeric column."""
    if ordered is None:
        return bool(pd.api.types.is_numeric_dtype(column))
    return validate.one_of([True, False], ordered=ordered)


def distinct(counts):
    """Different values in each histogram (row of counts)."""
    return (counts > 0).sum(axis=1)


def effective(counts):
    """exp(entropy) of each histogram (row of counts)."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    return np.exp(-np.sum(shares * np.log(np.where(shares > 0, shares, 1)), axis=1))


def distances(counts, overall, ordered):
    """Earth mover's distance of each histogram (row of counts) from the histogram `overall`."""
    difference = counts / counts.sum(axis=1, keepdims=True) - overall / overall.sum()
    if not ordered:
        return np.abs(difference).sum(axis=1) / 2
    return np.abs(np.cumsum(difference, axis=1)).sum(axis=1) / max(counts.shape[1] - 1, 1)


def certainty_penalty(table, hierarchies, suppressed=0):
    """Normalised certainty penalty: what share of its domain a published cell leaves open, on average; 0 (exact) to 1.

    hierarchies: {column: Numbers or Tree} that the labels of the table belong to.
    suppressed:  rows that were left out; each counts as fully hidden.
    Source: Xu, Wang, Pei, Wang, Shi, Fu, KDD 2006.
    """
    names = columns_of(table, checked(hierarchies))
    suppressed = validate.integer(at_least=0, suppressed=suppressed)
    lost = 0.0
    for name in names:
        labels, counts = np.unique(table[name].to_numpy().astype(str), return_counts=True)
        first, last = np.array([hierarchies[name].span(each) for each in labels]).T
        lost += float(np.dot(hierarchies[name].penalty(first, last), counts))
    return (lost + suppressed * len(names)) / ((len(table) + suppressed) * len(names))


def discernibility(table, quasi_identifiers, suppressed=0):
    """Average number of rows that a row cannot be told from; a suppressed one counts as the whole table.

    Divided by the number of rows, so that tables of different size compare. Source: Bayardo and Agrawal, ICDE 2005.
    """
    suppressed = validate.integer(at_least=0, suppressed=suppressed)
    sizes = class_sizes(table, quasi_identifiers)
    rows = len(table) + suppressed
    return float((sizes.sum() + suppressed * rows) / rows)
