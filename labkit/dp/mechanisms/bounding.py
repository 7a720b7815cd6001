"""Bounding what one person adds to a sum, before noise: clamping numbers, clipping vectors, and sums that keep the bound.

None of these refuses a single record, because a refusal would tell that it is there: a value that is missing or no number is
moved to where it does least, like one that is too large.
"""

import math
import numbers

import numpy as np

from labkit import validate
from labkit.dp.mechanisms.records import LEAST_ODD

EXACT = 1 << 53  # whole numbers up to here are exact in floating point
LARGE = 1 << 31  # whole numbers up to here can be added 2^32 times in 64 bits


def clip(rows, *, max_grad_norm: float):
    """Scale down each row whose L2 norm exceeds `max_grad_norm`, so that one row moves a sum by at most that.

    rows:           array (n, d) of numbers, one row per person; n may be 0. A row that holds a missing or infinite number becomes zero.
    max_grad_norm:  largest norm left, > 0, chosen without looking at the data.
    Returns a float64 array (n, d); a row within the bound is unchanged. To rounding, the sum then has L2 sensitivity
    `max_grad_norm` for adding or removing one row, and twice that for replacing one. For single numbers use `clamp`.
    Raises ValueError for rows that are no matrix of numbers, or a max_grad_norm that is not positive and finite.
    Source: Abadi et al., CCS 2016 (there for gradients).
    """
    max_grad_norm, rows = validate.positive(max_grad_norm=max_grad_norm), numbers_in(rows=rows)
    if rows.ndim != 2:
        raise ValueError(f"rows must be a matrix, one row for each person, got an array of shape {rows.shape}")
    rows = np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows, 0.0)
    with np.errstate(divide="ignore", over="ignore"):  # a zero row stays zero; one too long for a float becomes zero
        return rows * np.minimum(1, max_grad_norm / np.linalg.norm(rows, axis=1, keepdims=True))


def clamp(values, *, low, high):
    """Move each number into [low, high], so that one of them moves a sum by at most a known amount.

    values:     scalar or array of any shape, also empty. A value that is missing or not a number becomes the one in [low, high]
                that is nearest to zero.
    low, high:  finite bounds with low < high, in the units of `values`, chosen without looking at the data.
    Returns the clamped numbers in the shape of `values`: int64 for an array of a whole-number type, or one whole number, and whole
    bounds up to 2^31; else float64, whatever the width of `values`. A list has no type of its own and gives float64: the type
    must not depend on what somebody's entry is. Their exact sum has sensitivity max(|low|, |high|) for adding or removing one
    number, and high - low for replacing one; `clamped_sum` keeps that in floating point. For vectors use `clip`.
    Raises ValueError for bounds that are not finite or in the wrong order, or values that are not numbers at all.
    """
    values, (low, high) = numbers_in(values=values), _bounds(low, high)
    if values.dtype.kind == "i" and isinstance(low, int) and max(abs(low), abs(high)) <= LARGE:
        clamped = np.clip(values, low, high)
    else:
        values = values.astype(np.float64)
        clamped = np.clip(np.where(np.isnan(values), min(max(0.0, low), high), values), low, high)
    return clamped if clamped.ndim else clamped.item()


def clamped_sum(values, *, low, high, whole=False):
    """The sum of the clamped numbers, exactly (whole numbers) or rounded once (float).

    whole:  True rounds each clamped number to the nearest whole one and returns an int, whatever the values are: for `geometric`,
            which would refuse the float of a column in which one value is missing. The bounds must then be whole.
    The other arguments and errors as for `clamp`. Adding or removing one number moves the sum by at most max(|low|, |high|),
    replacing one by at most high - low, plus one rounding of the total; an ordinary floating-point sum can move by more.
    """
    clamped = np.ravel(clamp(values, low=low, high=high))
    if validate.one_of(whole=whole, options=(False, True)):
        if not all(isinstance(each, int) for each in _bounds(low, high)):
            raise ValueError(f"low and high must be whole numbers for a whole sum, got low={low!r}, high={high!r}")
        return sum(int(each) for each in np.rint(clamped).tolist())
    return int(clamped.sum()) if clamped.dtype.kind == "i" else math.fsum(clamped.tolist())


def _bounds(low, high):
    """Both bounds, as int where they are whole numbers that floating point holds exactly, else as float."""
    if not validate.finite(low=low) < validate.finite(high=high):
        raise ValueError(f"low must be below high, got low={low!r}, high={high!r}")
    if all((float(each).is_integer() and abs(each) <= EXACT) or (isinstance(each, int) and abs(each) < 1 << 63) for each in (low, high)):
        return int(low), int(high)
    return float(low), float(high)


def numbers_in(**argument):
    """The argument as an int64 or float64 array; an entry that is no number becomes not-a-number.

    Only where more than a tenth of a list are texts and the like is it refused: that is no person's oddity but the wrong column.
    """
    ((name, given),) = argument.items()
    listed = isinstance(given, (list, tuple))
    try:
        values = np.asarray(given)
        if listed and values.dtype.kind not in "biufO":  # one text among numbers makes all of them texts
            values = np.array(given, object)
    except (ValueError, TypeError):  # an entry that is itself a list
        values = _objects(given) if listed else np.empty(0, "U1")
    if values.dtype.kind == "O":  # missing values, texts, whole numbers beyond 64 bits
        odd = sum(each is not None and not isinstance(each, numbers.Real) for each in values.flat) if listed else 0
        if odd < LEAST_ODD or odd <= values.size / 10:
            values = np.array([_real(each) for each in values.flat], float).reshape(values.shape)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be numbers, got {given!r:.80}")
    if listed and values.ndim:
        values = values.astype(float)
    return values.astype(np.int64 if values.dtype.kind in "bi" or (values.dtype.itemsize < 8 and values.dtype.kind == "u") else float)


def _objects(given):
    values = np.empty(len(given), object)
    values[:] = given
    return values


def _real(value):
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (ValueError, TypeError):
        return math.nan
