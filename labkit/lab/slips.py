"""Name the kind of an error without telling the right answer."""

import math
import re
import reprlib

from labkit.lab.answers import Watched, number_in, plain_text

CLOSE = 0.02  # relative: a kind is recognised although digits were rounded away
NUMBER = re.compile(r"\bexpected (?:f\(.*?\) = )?(-?\d[\d_,]*(?:\.\d+)?(?:e[-+]?\d+)?)(?![\w/])", re.I)
# Sentences of a judge that speak of the answer's form or of why an option fails, not of the right value.
SPEAKS_OF_FORM = re.compile(
    r"expected (an? |one |two |three |at most |at least |no row |your function to |groups that |letters from |every number "
    r"|each party |numbers in |\d+ (bytes|finite numbers)|\d+ to \d+ people|the (first|second) group)"
    r"|that would be hard to defend|not quite:|not this one:")


def kind_of_slip(answer, problem, *, expected=None, tolerance=0.0, error=None):
    """One clause that names what kind of error `answer` is.

    answer:    what was given; a function as a `Watched` that the judge has called.
    problem:   the judge's sentence, which may tell the right value and is only used to find the kind.
    expected:  the right value where there is one; tolerance: how far a number may be from it.
    error:     the exception with which judging stopped, or None.
    """
    if isinstance(answer, Watched):
        return _function(answer, problem, error)
    if answer is None:
        return "you gave None: a function without `return` gives that, and so does a cell that prints its result"
    if callable(answer):
        return f"wrong type: you gave a function or class ({getattr(answer, '__name__', 'unnamed')}), not what it returns"
    if expected is None and SPEAKS_OF_FORM.match(problem):
        return problem
    given, right = number_in(answer), number_in(expected)
    if expected is None and given is not None and (told := NUMBER.search(problem)):
        right = number_in(told[1])
    if right is not None:
        return _type(answer, "a number") if given is None else number_slip(given, right, tolerance)
    if expected is not None and not isinstance(answer, type(expected)):
        return _type(answer, "text" if isinstance(expected, str) else type(expected).__name__)
    if isinstance(expected, str):
        return _text(answer, expected)
    if isinstance(expected, (bytes, tuple, list)) and len(answer) != len(expected):
        return f"wrong length: {len(answer)}"
    if isinstance(expected, bytes):
        return f"the length is right, {sum(a != b for a, b in zip(answer, expected))} of the {len(expected)} bytes are not"
    if error is not None:
        return _type(answer, "something else") if isinstance(error, TypeError) else problem
    return f"the right type ({type(answer).__name__}), and something in it is wrong"


def _type(answer, wanted):
    return f"wrong type: {wanted} is asked for, you gave {type(answer).__name__} ({reprlib.repr(answer)})"


def _text(answer, expected):
    if len(expected) == 1 and len(plain_text(answer)) != 1:
        return "one letter is asked for"
    return "the right type (text), and not the right one"


def _function(function, problem, error):
    done = len(function.returned)
    if function.failed and error is not None:
        where = "on the first example" if not done else f"after {done} call{'s' if done > 1 else ''} that returned"
        return f"your function stopped {where} with {type(error).__name__}: {error}"
    if not done:
        form = problem.startswith("expected a function") or (SPEAKS_OF_FORM.match(problem) and "number" not in problem)
        return problem if form else "wrong type: you gave a function, and what it returns is asked for"
    last = function.returned[-1]
    if last is None:
        return "your function returns None: is a `return` missing?"
    if SPEAKS_OF_FORM.match(problem):
        return problem
    where = "on the first example" if done == 1 else f"at call {done}, not before"
    told, given = NUMBER.search(problem), number_in(last)
    if told and given is not None:
        return f"your function runs, and fails {where}: {number_slip(given, number_in(told[1]), 0.0)}"
    return f"your function runs, and fails {where}: it returns a {type(last).__name__} that is not right"


def number_slip(given, right, tolerance=0.0):
    """How the number `given` is wrong, without telling `right`; both int or float."""
    def same(a, b):
        return abs(a - b) <= max(tolerance, CLOSE * abs(b)) and b != 0

    if not math.isfinite(given):
        return "not a finite number"
    if same(-given, right):
        return "the size is right, the sign is not"
    if isinstance(right, int) and abs(given - right) == 1:
        return "off by one: does the counting start at 0 or 1, and is the end included?"
    if same(given, right):
        return "close, but not close enough: was it rounded on the way?"
    if 0 in (given, right) or given * right < 0:
        return "the sign and the size are wrong" if given * right < 0 else "too small" if given < right else "too large"
    tolerance, ratio = 0.0, given / right
    if same(ratio, 10.0 ** round(math.log10(ratio))):
        return "the digits are right, the power of ten is not: look at units, per cent, thousands"
    if same(given * right, 1):
        return "upside down: one divided by the right number"
    if 0 < right < 1 and same(given, 1 - right):
        return "that is the share of the others: one minus the right number"
    if right > 0 and (same(given, right**2) or same(given, right**0.5)):
        return "a square or a square root is missing, or one too many"
    whole = ratio if ratio >= 1 else 1 / ratio
    if 1.5 < whole < 12.5 and same(whole, round(whole)):
        return "off by a small whole factor: something is counted twice, or not at all"
    size = "by more than a factor of ten" if whole >= 10 else "by less than a factor of ten"
    return f"too {'large' if abs(ratio) > 1 else 'small'}, {size}"
