"""Small numbers left out of a table, and found again from its totals."""

import numpy as np

from labkit import validate

__all__ = ["recovered"]


def recovered(table, hidden):
    """Fill in what a table hides, by subtraction: the only hidden cell of a row, or of a column, is the total less the rest.

    table:   2-D array, true counts; only what is not hidden, and the totals of rows and columns, are looked at.
    hidden:  bool array of the same shape: which cells were left out.
    Returns a float array: the published and the recovered counts, nan where a cell could not be worked out this way.
    (Solving for all hidden cells at once finds at least as many.)
    Source: the reason for "complementary suppression"; L. Cox, "Suppression methodology and statistical disclosure control",
    Journal of the American Statistical Association 75, 1980.
    """
    table, hidden = validate.array(table=table, ndim=2).astype(float), validate.array(hidden=hidden, ndim=2).astype(bool)
    if table.shape != hidden.shape:
        raise ValueError(f"hidden must have the shape of table {table.shape}, got {hidden.shape}")
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    known = np.where(hidden, np.nan, table)
    while True:
        gap = np.isnan(known)
        in_row, in_column = gap & (gap.sum(axis=1, keepdims=True) == 1), gap & (gap.sum(axis=0, keepdims=True) == 1)
        if not (in_row.any() or in_column.any()):
            return known
        by_row = rows[:, None] - np.nansum(known, axis=1, keepdims=True)
        by_column = columns[None, :] - np.nansum(known, axis=0, keepdims=True)
        known = np.where(in_row, by_row, np.where(in_column, by_column, known))
