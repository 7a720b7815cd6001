"""What a learner may hand in: one answer in many spellings, and a function watched while it is judged."""

import functools
import inspect
import numbers
from decimal import Decimal
from fractions import Fraction

import numpy as np

MOST_CHARACTERS = 40  # of a text that may be read as a number


def number_in(answer):
    """The int or float that `answer` stands for, or None.

    Reads Python's and numpy's numbers, Fraction, Decimal, arrays of one number, and texts such as "3", "3.0", "1/2", "1,000".
    True and False are no numbers here.
    """
    if isinstance(answer, (np.generic, np.ndarray)) and np.size(answer) == 1:
        answer = np.asarray(answer).item()
    if isinstance(answer, str) and len(answer) <= MOST_CHARACTERS:
        try:
            answer = Fraction(answer.strip().replace(",", "").replace("−", "-"))
        except (ValueError, ZeroDivisionError):
            return None
    if isinstance(answer, bool) or not isinstance(answer, (numbers.Real, Decimal)):
        return None
    try:
        value = float(answer)
    except (OverflowError, ValueError):
        return None
    if isinstance(answer, int):
        return answer
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def plain_text(text):
    """A text without what does not matter: case, spaces around and between, a mark or bracket at its ends."""
    return " ".join(text.split()).strip(" .:;()[]'\"").casefold()


def spellings(answer):
    """`answer` itself and other forms of it that mean the same, to be judged in this order."""
    forms = [answer]
    number = number_in(answer)
    if number is not None:
        forms += [number, float(number)] if abs(number) < 2**53 else [number]
    if isinstance(answer, str):
        plain = plain_text(answer)
        forms += [plain, plain.upper()]
    elif isinstance(answer, (list, tuple, set, frozenset)) and answer and all(isinstance(each, str) for each in answer):
        plain = [plain_text(each) for each in answer]
        forms += [type(answer)(plain), type(answer)(each.upper() for each in plain)]
    elif isinstance(answer, dict) and all(number_in(each) is not None for each in answer.values()):
        forms.append({key: number_in(each) for key, each in answer.items()})
    return forms


class Watched:
    """A learner's function: called as it is, it remembers what came back and whether it stopped with an error."""

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function, self.returned, self.failed = function, [], False

    def __call__(self, *arguments, **named):
        try:
            result = self.function(*arguments, **named)
        except Exception:
            self.failed = True
            raise
        self.returned.append(result)
        if isinstance(result, (np.generic, Fraction, Decimal)):  # a judge need not know of these
            return result.item() if isinstance(result, np.generic) else float(result)
        return result


def watched(answer):
    """A function in a `Watched`; anything else as it is."""
    return Watched(answer) if inspect.isroutine(answer) or isinstance(answer, functools.partial) else answer


def fingerprint(answer):
    """A text that is the same when the same answer is given again, also for a function defined again in the same words."""
    code = getattr(answer, "__code__", None)
    if code is not None:
        return f"function {code.co_code!r} {code.co_consts!r:.2000} {code.co_names!r} {code.co_varnames!r}"
    number = number_in(answer)
    return f"{type(answer).__name__} {answer!r:.2000}" if number is None else f"number {number!r}"
