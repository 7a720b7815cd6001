"""How anonymous a table is (k, l, t), and how much was lost on the way.

An equivalence class is the set of rows that show the same quasi-identifiers: the columns that an outsider may know.
All measures look only at the published table, so they work on any library's release. A row whose quasi-identifiers are all "*"
is suppressed: it shows nothing to find somebody by, and counts as if it had been left out (unless all rows are like that: then they
are one class). Drop such rows, or their sensitive value too: whoever knows who is missing from every class knows whose it is.
"""

import numpy as np

from labkit import validate
from labkit.anonymity.columns import coded, columns_of, in_order
from labkit.anonymity.columns import suppressed as suppressed_rows
from labkit.anonymity.hierarchies import checked

ROUNDING = 1e-9  # sums of shares are off by about 1e-16 for each class; a limit of exactly t must still hold


def classes(table, quasi_identifiers):
    """The equivalence class of each row: int array, 0 ... number of classes - 1, in the order of their first rows."""
    names = columns_of(table, quasi_identifiers)
    which = np.zeros(len(table), dtype=np.int64)
    for name in names:
        codes, values = coded(table[name])
        _, first, which = np.unique(which * len(values) + codes, return_index=True, return_inverse=True)
        which = np.argsort(np.argsort(first))[which]
    return which


def class_sizes(table, quasi_identifiers):
    """For each row, how many rows (itself included) it cannot be told from: int array.

    They are the rows with the same quasi-identifiers; for a suppressed row (all "*"), the whole table.
    """
    which = classes(table, quasi_identifiers)
    return np.where(suppressed_rows(table, quasi_identifiers), len(table), np.bincount(which)[which])


def unique_share(table, columns):
    """Share of rows that nobody else shares these columns with: those people can be singled out."""
    return float((class_sizes(table, columns) == 1).mean())


def k_anonymity(table, quasi_identifiers):
    """The size of the smallest equivalence class. Source: Sweeney, IJUFKS 2002."""
    return int(class_sizes(table, quasi_identifiers).min())


def histograms(table, quasi_identifiers, sensitive, ordered=False):
    """(counts, values): how often each class holds each sensitive value that occurs, without suppressed rows.

    counts: int array (classes, values). values: a list, in their order. ordered: as in `t_closeness`.
    """
    return _histograms(table, quasi_identifiers, sensitive, ordered)[:2]


def _histograms(table, quasi_identifiers, sensitive, ordered):
    names = columns_of(table, quasi_identifiers, sensitive)
    hidden = suppressed_rows(table, names)
    if not hidden.all():
        table = table[~hidden]
    codes, values, along = in_order(table[sensitive], ordered)
    which = classes(table, names)
    counts = np.bincount(which * len(values) + codes, minlength=(which.max() + 1) * len(values))
    return counts.reshape(-1, len(values)), values, along


def l_diversity(table, quasi_identifiers, sensitive):
    """The smallest number of different sensitive values in a class ("distinct l-diversity").

    Source: Machanavajjhala, Kifer, Gehrke, Venkitasubramaniam, TKDD 2007.
    """
    return int(distinct(histograms(table, quasi_identifiers, sensitive)[0]).min())


def entropy_l_diversity(table, quasi_identifiers, sensitive):
    """exp(entropy) of the class with the least of it: the l for which entropy l-diversity holds, float from 1 up.

    A class with l equally frequent values has exactly l, to the last digit; a dominant value pulls it down. Source as for
    `l_diversity`.
    """
    return float(effective(histograms(table, quasi_identifiers, sensitive)[0]).min())


def t_closeness(table, quasi_identifiers, sensitive, ordered=None):
    """The largest distance of a class's sensitive values from those of the whole table: 0 (alike) to 1.

    ordered: True compares along the order of the values, each one step from the next (for numbers, dates and ordered
             categories); a list of all values, in their order, does so for others; False counts any two values as equally far
             (for categories); None: along the order of a column that has one.
    Values that do not occur in the table are no steps: naming more of them must not make a release look closer than it is.
    The distance is the earth mover's. Source: Li, Li, Venkatasubramanian, ICDE 2007.
    Raises ValueError for ordered=True on text: nothing says in which order it stands.
    """
    counts, _, along = _histograms(table, quasi_identifiers, sensitive, ordered)
    return float(distances(counts, counts.sum(0), along).max())


def distinct(counts):
    """Different values in each histogram (row of counts)."""
    return (counts > 0).sum(axis=1)


def effective(counts):
    """exp(entropy) of each histogram (row of counts), never above the number of different values, and equal to it where all
    are equally frequent: exp and log alone would miss that by a rounding error, on either side."""
    counts = np.asarray(counts)
    shares = counts / counts.sum(axis=1, keepdims=True)
    soft = np.exp(-np.sum(shares * np.log(np.where(shares > 0, shares, 1)), axis=1))
    even = np.where(counts > 0, counts, counts.max(axis=1, keepdims=True)).min(axis=1) == counts.max(axis=1)
    return np.where(even, distinct(counts), np.clip(soft, 1, distinct(counts)))


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
    suppressed = validate.integer(suppressed=suppressed, at_least=0)
    lost = 0.0
    for name in names:
        labels, counts = np.unique([str(each) for each in table[name]], return_counts=True)
        first, last = np.array([hierarchies[name].span(each) for each in labels]).T
        lost += float(np.dot(hierarchies[name].penalty(first, last), counts))
    return (lost + suppressed * len(names)) / ((len(table) + suppressed) * len(names))


def discernibility(table, quasi_identifiers, suppressed=0):
    """Average number of rows that a row cannot be told from; a suppressed one counts as the whole table.

    Divided by the number of rows, so that tables of different size compare. Source: Bayardo and Agrawal, ICDE 2005.
    """
    suppressed = validate.integer(suppressed=suppressed, at_least=0)
    sizes = class_sizes(table, quasi_identifiers)
    rows = len(table) + suppressed
    return float((sizes.sum() + suppressed * rows) / rows)
