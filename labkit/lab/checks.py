"""Exercises with immediate checks that teach.

A lab's exercises live in `labkit/exercises/`, so that a student's notebook holds no answers. The lab does

    from labkit.exercises.lab_03 import check
    check("rare disease", epsilon_needed)

An untouched stub (`...`) is reported as not attempted, so that *Run all cells* gets to the end. The first wrong answer is
told what kind of error it is, the second gets the hint, the third sees what was expected beside what came. The same answer
given again is no new try. Case, spaces and number types do not matter.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labkit.lab.answers import fingerprint, number_in, plain_text, spellings, watched
from labkit.lab.slips import kind_of_slip

HINT_AT, ANSWER_AT = 2, 3  # which wrong try shows what


@dataclass(frozen=True)
class Exercise:
    """One exercise: how to judge an answer, and answers that must be judged wrong."""

    name: str
    judge: Callable[[Any], str | None]  # None: right; otherwise what was expected beside what came
    hint: str
    wrong: list = field(default_factory=list)  # answers a learner might give; tests feed each to the judge
    expected: Any = None
    tolerance: float = 0.0


@dataclass(frozen=True)
class Judgement:
    """What came of an answer. right: True, False, or None for a stub; kind: the kind of error; problem: expected against given."""

    right: bool | None
    kind: str = ""
    problem: str = ""


@dataclass
class Tries:
    """What was tried at one exercise in this session."""

    wrong: list = field(default_factory=list)  # fingerprints of the wrong answers, each once
    right: bool = False


class Checks:
    """The exercises of one lab. Call it with a name and an answer: prints ✓, ✗ with what helps, or ○."""

    def __init__(self):
        self.exercises = {}
        self.tries = {}

    def add(self, name, *, hint, wrong, expected=None, tolerance=0.0, judge=None):
        """Register an exercise.

        name:      how the notebook calls it.
        hint:      one sentence shown after the second wrong answer.
        wrong:     at least one plausible wrong answer, for the tests.
        expected:  the right value, compared exactly, or within `tolerance` (absolute) for numbers; or
        judge:     a function of the answer that returns None when it is right, else a sentence that says
                   what was expected and what came instead.
        Raises ValueError on a name already taken, on no or both of expected and judge, or on no wrong answer.
        """
        if name in self.exercises:
            raise ValueError(f"name must be new, got {name!r} a second time")
        if (expected is None) == (judge is None):
            raise ValueError("give exactly one of expected and judge")
        if not wrong:
            raise ValueError(f"wrong must hold at least one wrong answer, got {wrong!r}")
        if judge is None:
            judge = _matches(expected, tolerance)
        self.exercises[name] = Exercise(name, judge, hint, list(wrong), expected, tolerance)
        self.tries[name] = Tries()

    def outcome(self, name, answer):
        """Judge `answer` without printing or remembering anything; returns an `Judgement`. ValueError for an unknown name."""
        if name not in self.exercises:
            known = ", ".join(map(repr, self.exercises))
            raise ValueError(f"name must be one of {known}, got {name!r}")
        if answer is ...:
            return Judgement(None)
        exercise, first = self.exercises[name], None
        for form in spellings(answer):
            form, error = watched(form), None
            try:
                problem = exercise.judge(form)
            except Exception as raised:  # a learner's function may raise anything: that is a wrong answer, not a crash
                error, problem = raised, f"your answer stopped with {type(raised).__name__}: {raised}"
            if problem is None:
                return Judgement(True)
            first = first or (form, problem, error)
        form, problem, error = first
        kind = kind_of_slip(form, problem, expected=exercise.expected, tolerance=exercise.tolerance, error=error)
        return Judgement(False, kind, problem)

    def __call__(self, name, answer):
        """Judge `answer`, print the outcome, and return True, False, or None when not attempted."""
        outcome = self.outcome(name, answer)
        if outcome.right is None:
            print(f"○ {name}: not attempted yet")
            return None
        tries = self.tries[name]
        if outcome.right:
            tries.right = True
            print(f"✓ {name}: right")
            return True
        print(self._told(name, outcome, tries, fingerprint(answer)))
        return False

    def _told(self, name, outcome, tries, mark):
        again = mark in tries.wrong
        if not again:
            tries.wrong.append(mark)
        number = len(tries.wrong)
        lines = [f"✗ {name}: {outcome.problem if number >= ANSWER_AT else outcome.kind}"]
        if number >= HINT_AT:
            lines.append(f"  Hint: {self.exercises[name].hint}")
        if number < ANSWER_AT:
            following = "the hint" if number < HINT_AT else "what was expected"
            lines.append(f"  {'You gave this answer before. ' if again else ''}"
                         f"Try {number} of {ANSWER_AT}; another wrong one shows {following}.")
        return "\n".join(lines)

    def forget(self):
        """Begin the tries anew, as after a restart of the kernel."""
        self.tries = {name: Tries() for name in self.exercises}


def _matches(expected, tolerance):
    number = number_in(expected) if not isinstance(expected, str) else None

    def judge(answer):
        if number is not None:
            given = number_in(answer)
            if given is None:
                return f"expected a number, you gave {answer!r}"
            if abs(given - expected) <= tolerance:
                return None
            within = f" (within {tolerance:g})" if tolerance else ""
            return f"expected {expected:.10g}{within}, you gave {given:.10g}"
        if isinstance(expected, str) and isinstance(answer, str):
            same = plain_text(answer) == plain_text(expected)
        elif isinstance(expected, set) and isinstance(answer, (list, tuple, set, frozenset, str)):
            same = set(answer.replace(",", " ").split() if isinstance(answer, str) else answer) == expected
        else:
            same = type(answer) is type(expected) and bool(np.all(answer == expected))
        return None if same else f"expected {expected!r}, you gave {answer!r}"

    return judge
