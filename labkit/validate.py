"""Argument checks. Each takes its argument by keyword, so that the message can name it.

    positive(epsilon=epsilon)      ->  ValueError: epsilon must be positive and finite, got -1

Every check returns the value it was given (as the type it asked for), and raises ValueError
otherwise, whatever was wrong: a wrong type is a wrong value to the person who typed it.
"""

import math
import numbers

import numpy as np


def _one(argument):
    """The single (name, value) pair of a keyword-only call."""
    ((name, value),) = argument.items()
    return name, value


def _refuse(name, value, allowed):
    shown = repr(value)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    raise ValueError(f"{name} must be {allowed}, got {shown}")


def _number(name, value, allowed):
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        _refuse(name, value, allowed)
    try:
        return float(value)
    except OverflowError:  # a whole number or fraction beyond floating point
        _refuse(name, value, allowed)


def positive(**argument):
    """A finite number above 0, as float."""
    name, value = _one(argument)
    allowed = "positive and finite"
    number = _number(name, value, allowed)
    return number if math.isfinite(number) and number > 0 else _refuse(name, value, allowed)


def non_negative(**argument):
    """A finite number, 0 or more, as float."""
    name, value = _one(argument)
    allowed = "zero or more, and finite"
    number = _number(name, value, allowed)
    return number if math.isfinite(number) and number >= 0 else _refuse(name, value, allowed)


def finite(**argument):
    """Any finite number, as float."""
    name, value = _one(argument)
    number = _number(name, value, "a finite number")
    return number if math.isfinite(number) else _refuse(name, value, "a finite number")


def probability(**argument):
    """A number strictly between 0 and 1, such as delta."""
    name, value = _one(argument)
    allowed = "strictly between 0 and 1"
    number = _number(name, value, allowed)
    return number if 0 < number < 1 else _refuse(name, value, allowed)


def fraction(**argument):
    """A number above 0 and at most 1, such as a sampling rate."""
    name, value = _one(argument)
    allowed = "above 0 and at most 1"
    number = _number(name, value, allowed)
    return number if 0 < number <= 1 else _refuse(name, value, allowed)


def integer(at_least=None, at_most=None, **argument):
    """A whole number within the bounds, as int (numpy integers are welcome, 3.0 is not)."""
    name, value = _one(argument)
    allowed = "a whole number"
    if at_least is not None and at_most is not None:
        allowed += f" from {at_least} to {at_most}"
    elif at_least is not None:
        allowed += f", at least {at_least}"
    elif at_most is not None:
        allowed += f", at most {at_most}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        _refuse(name, value, allowed)
    number = int(value)
    if (at_least is not None and number < at_least) or (at_most is not None and number > at_most):
        _refuse(name, value, allowed)
    return number


def one_of(options, **argument):
    """A value among `options`."""
    name, value = _one(argument)
    options = list(options)
    if not any(type(value) is type(option) and value == option for option in options):
        _refuse(name, value, "one of " + ", ".join(map(repr, options)))
    return value


def array(ndim=None, **argument):
    """A non-empty numpy array of finite numbers; `ndim` fixes its number of dimensions."""
    name, value = _one(argument)
    allowed = "a non-empty array of finite numbers"
    if ndim is not None:
        allowed += f" with {ndim} dimension" + ("s" if ndim != 1 else "")
    try:
        values = np.asarray(value)
        numeric = values.dtype.kind in "biuf"
    except (ValueError, TypeError, RuntimeError):  # torch's, of a tensor that requires a gradient
        _refuse(name, value, allowed)
    if not numeric or values.size == 0 or not np.isfinite(values).all():
        _refuse(name, value, allowed)
    if ndim is not None and values.ndim != ndim:
        _refuse(name, value, allowed)
    return values


def same_length(**arguments):
    """Two or more sequences of one length; returns that length."""
    lengths = {name: len(value) for name, value in arguments.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"{' and '.join(lengths)} must have the same length: {told}")
    return next(iter(lengths.values()))


def generator(**argument):
    """A numpy Generator, or None (which means: use the operating system's randomness)."""
    name, value = _one(argument)
    if value is not None and not isinstance(value, np.random.Generator):
        _refuse(name, value, "None or a numpy.random.Generator (numpy.random.default_rng(seed))")
    return value
