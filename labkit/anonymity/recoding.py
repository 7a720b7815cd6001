"""Anonymising by hand: one level for a whole column, then drop the rows that still stand out."""

from labkit import validate
from labkit.anonymity.hierarchies import checked
from labkit.anonymity.measures import class_sizes, columns_of


def generalise(table, hierarchies, levels):
    """Replace whole columns by their labels at a level ("full-domain generalisation").

    hierarchies: {column: Numbers or Tree}.
    levels:      {column: level}, 0 (as it is) to the hierarchy's `.levels` ("*"); only columns of `hierarchies`.
    Returns a new table; its other columns are unchanged. Raises ValueError for an unknown column or level.
    """
    columns_of(table, checked(hierarchies))
    if not isinstance(levels, dict):
        raise ValueError(f"levels must be a dict from column to level, got {levels!r}")
    released = table.copy()
    for name, level in levels.items():
        validate.one_of(levels=name, options=hierarchies)
        released[name] = hierarchies[name].at_level(table[name].to_numpy(), level)
    return released


def suppress_rare(table, quasi_identifiers, k):
    """Drop the rows whose class has fewer than k rows. Returns the rest, which is k-anonymous and may be empty."""
    return table[class_sizes(table, quasi_identifiers) >= validate.integer(k=k, at_least=1)]
