"""Exercises of lab 13b, retrieval and agents."""

from itertools import combinations

import numpy as np

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()

check.add("filter after the search", expected=0.2, tolerance=0.001, wrong=[10, 1 / 50, 0.1, 5, "few"],
          hint="Each of the ten texts belongs to the asker with the same chance.")


def _judge_rule(answer):
    if not callable(answer):
        return f"expected a function of context and planned, you gave {answer!r}"
    sources = ("user", "private mail", "an outsider's mail", "web page")
    for size in range(len(sources) + 1):
        for context in map(set, combinations(sources, size)):
            for planned in (False, True):
                private, outsider = "private mail" in context, "an outsider's mail" in context
                mixed = private and (outsider or "web page" in context)
                expected = not mixed and (planned or not (private or outsider))
                given = answer(context, planned)
                if not isinstance(given, bool) or given != expected:
                    return f"expected {expected} for {sorted(context)}, planned {planned}, you gave {given!r}"
    return None


check.add("the rule", judge=_judge_rule,
          wrong=[True, lambda context, planned: planned, lambda context, planned: "private mail" not in context,
                 lambda context, planned: not {"private mail", "an outsider's mail"} <= context,
                 lambda context, planned: planned or not {"private mail", "an outsider's mail"} & context],
          hint="Refuse when private mail meets a stranger's text, "
               "and when either has been read and the user did not name the place.")


_judge_helpdesk = one_letter("C", {"A": "an order can be said in any words, in any language, and in code",
                                   "B": "a known host with a page that anybody may edit or count is a way out",
                                   "D": "which customer is written to, and how often, is a choice, and labels of arguments do not see choices"})

check.add("the help desk", judge=_judge_helpdesk, wrong=["A", "B", "D", "all", 3],
          hint="Who may decide what is done: the text that a stranger wrote, or the text that your own user wrote?")


def _judge_point(answer):
    if not callable(answer):
        return f"expected a function of (point, listed), you gave {answer!r}"
    rng = np.random.default_rng(13)
    for count, width in ((5, 3), (40, 8)):
        listed = rng.normal(size=(count, width))
        listed /= np.linalg.norm(listed, axis=1, keepdims=True)
        for row in (0, count // 2, count - 1):
            point = listed[row] + 0.02 * rng.normal(size=width)
            expected, given = int(np.argmax(listed @ point)), answer(point / np.linalg.norm(point), listed)
            if given != expected:
                return f"expected sentence {expected} of {count}, your function gave {given}"
    return None


check.add("whose point is it", judge=_judge_point, hint="Which row of the list has the largest inner product with the point? np.argmax tells.",
          wrong=[0, lambda point, listed: 0, lambda point, listed: int(np.argmin(listed @ point))])

check.add("six digits", expected=60, hint="One digit after the other: how many questions does a single digit take at the most?",
          wrong=[10**6, 6, 10, 36])
