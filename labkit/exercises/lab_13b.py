"""Exercises of lab 13b, retrieval and agents."""

from itertools import combinations

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
