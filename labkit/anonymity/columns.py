"""A table's columns as codes: which are named, whether they can be used, and in which order their values stand."""

import numpy as np
import pandas as pd

from labkit.anonymity.hierarchies import SUPPRESSED


def columns_of(table, quasi_identifiers, sensitive=None):
    """Check a table and the columns named; returns the quasi-identifiers as a list. Raises ValueError."""
    if not isinstance(table, pd.DataFrame) or not len(table):
        raise ValueError(f"table must be a pandas DataFrame with at least one row, got {type(table).__name__}")
    if not isinstance(quasi_identifiers, (list, tuple)) or not quasi_identifiers:
        raise ValueError(f"quasi_identifiers must be a non-empty list of column names, got {quasi_identifiers!r}")
    names, present = list(quasi_identifiers), list(table.columns)
    named = [("quasi_identifiers", name) for name in names] + [("sensitive", sensitive)] * (sensitive is not None)
    for argument, name in named:
        if not isinstance(name, str) or name not in present:
            raise ValueError(f"{argument} must be among the columns {present}, got {name!r}")
        if present.count(name) > 1:
            raise ValueError(f"table must have each named column once, got {present.count(name)} called {name!r}")
    if sensitive in names or len(set(names)) < len(names):
        raise ValueError(f"quasi_identifiers must be distinct and without the sensitive column, got {names!r}")
    missing = [name for _, name in named if table[name].isna().any()]
    if missing:
        raise ValueError(f"table must have no gaps (give them a value of their own), got gaps in {missing}")
    return names


def coded(column):
    """(codes, values) of a column without gaps: int array, and the different values that occur, in their order.

    An ordered category keeps its own order, also where another one would be alphabetical. Values that cannot be compared with each
    other (text beside numbers) stand in order of their type, then of what they look like.
    Raises ValueError for values that cannot be told apart, such as lists.
    """
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
        used = column.cat.remove_unused_categories()
        return used.cat.codes.to_numpy().astype(np.int64), list(used.cat.categories)
    try:
        codes, values = pd.factorize(column)
    except TypeError:
        raise ValueError(f"table must hold values that can be told apart, got others in column {column.name!r}") from None
    values = list(values)
    try:
        order = sorted(range(len(values)), key=values.__getitem__)
    except TypeError:
        order = sorted(range(len(values)), key=lambda at: (type(values[at]).__name__, repr(values[at])))
    place = np.empty(len(values), dtype=np.int64)
    place[order] = np.arange(len(values))
    return place[codes], [values[at] for at in order]


def order_of(column, ordered):
    """Along which order to compare the values: True (that of `coded`), False (none), or a list of all values in their order.

    ordered: None, True, False or such a list, as for `t_closeness`. Raises ValueError when it does not fit the column.
    """
    category = isinstance(column.dtype, pd.CategoricalDtype)
    known = column.cat.ordered if category else False
    inner = column.cat.categories if category else column
    numeric = pd.api.types.is_numeric_dtype(inner) or pd.api.types.is_datetime64_any_dtype(inner) or inner.dtype.kind == "m"
    if ordered is None:
        return bool(known or (numeric and not category))
    if isinstance(ordered, (list, tuple)):
        _, values = coded(column)
        if len(set(map(repr, ordered))) < len(ordered) or any(each not in ordered for each in values):
            raise ValueError(f"ordered must be one of True, False, or a list with each value of {column.name!r} once, got {ordered!r:.80}")
        return list(ordered)
    if not isinstance(ordered, (bool, np.bool_)):
        raise ValueError(f"ordered must be one of True, False, or a list of all values in their order, got {ordered!r}")
    if ordered and not (known or numeric):
        raise ValueError(
            f"ordered must be one of False, None, or a list of all values in their order, for {column.name!r}: nothing says in "
            f"which order its values stand (the alphabet's is seldom the one that is meant), got {ordered!r}"
        )
    return bool(ordered)


def in_order(column, ordered):
    """(codes, values, compare along the order?) of a sensitive column; `ordered` as for `t_closeness`."""
    order = order_of(column, ordered)
    codes, values = coded(column)
    if isinstance(order, list):
        # Only values that occur: naming others must not make a release look closer than it is.
        moved = np.argsort(np.argsort([order.index(each) for each in values]))
        return moved[codes], [each for each in order if each in values], True
    return codes, values, order


def suppressed(table, names):
    """Which rows show nothing: every quasi-identifier is "*". Boolean array."""
    hidden = np.ones(len(table), dtype=bool)
    for name in names:
        codes, values = coded(table[name])
        stars = [at for at, value in enumerate(values) if isinstance(value, str) and value == SUPPRESSED]
        hidden &= np.isin(codes, stars)
    return hidden
