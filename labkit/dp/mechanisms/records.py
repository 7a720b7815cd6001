"""One value per person, read so that no single value can raise an error or change a shape.

An error is an answer. If a mechanism refuses a table that holds one missing value, or one of a new kind, then whether it answers
tells that somebody has it, and no noise was added to that. So what concerns all records is checked (a list or one column), and
what concerns one record is mapped by a public rule: a value that is no number, or stands in no bin, counts for nobody.
"""

import numbers

import numpy as np

LEAST_ODD = 2  # one record alone never raises


def numbers_of(**argument):
    """The values as a float64 array (n,), not-a-number for whatever is none; n may be 0. Infinities and huge numbers stay.

    ValueError, naming the argument, for what is no list, array or column.
    """
    values = _column(argument)
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values.astype(np.float64)
    return np.array([_number(each) for each in values], np.float64)


def categories_of(**argument):
    """The values as a list or integer array: whole numbers and texts; None for whatever is neither. ValueError as above."""
    values = _column(argument)
    if isinstance(values, np.ndarray) and values.dtype.kind in "bi":
        return values.astype(np.int64)
    return [_category(each) for each in (values.tolist() if isinstance(values, np.ndarray) else values)]


def labels_of(classes, **argument):
    """Class numbers 0 ... classes - 1 as int64 (n,), -1 for a label that is none of them.

    One such label is somebody's, and must not show. More than a tenth of them are an encoding that does not fit, such as -1 and 1
    or 1 and 2: that is refused, and the refusal, unlike everything else here, has looked at the records.
    """
    ((name, _),) = argument.items()
    values = numbers_of(**argument)
    with np.errstate(invalid="ignore"):
        fits = (values >= 0) & (values < classes) & (values == np.floor(values))
    odd = len(values) - int(fits.sum())
    if odd >= LEAST_ODD and odd > len(values) / 10:
        raise ValueError(f"{name} must hold whole numbers from 0 to {classes - 1}, one for each class, got {odd} others among "
                         f"{len(values)} labels")
    return np.where(fits, values, -1).astype(np.int64)


def _column(argument):
    """The argument as a 1-D array of a plain type, or as a list of Python objects."""
    ((name, given),) = argument.items()
    values = given
    if hasattr(given, "detach"):  # a torch tensor
        values = given.detach().cpu().numpy()
    if hasattr(values, "__array__") and not isinstance(values, np.ndarray):  # a column of a table
        values = np.asarray(values)
    if isinstance(values, np.ndarray):
        if values.ndim == 1:
            return values
    elif isinstance(values, (list, tuple, range, set, frozenset)):
        return list(values)
    raise ValueError(f"{name} must be a list, a one-dimensional array or a column, one entry for each person, got {given!r:.80}")


def _number(value):
    if not isinstance(value, numbers.Real):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def _category(value):
    if isinstance(value, str):
        return str(value)
    if isinstance(value, numbers.Real) and value == value and abs(value) != np.inf and value == int(value):
        return int(value)
    return None
