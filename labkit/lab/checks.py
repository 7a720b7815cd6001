"""Exercises with immediate checks.

A lab's exercises live in `labkit/exercises/`, so that a student's notebook holds no answers. The lab does

    from labkit.exercises.lab_03 import check
    check("rare disease", epsilon_needed)

An untouched stub (`...`) is reported as not attempted, so that *Run all cells* gets to the end.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Exercise:
    """One exercise: how to judge an answer, and answers that must be judged wrong."""

    name: str
    judge: Callable[[Any], str | None]  # None: right; otherwise what was expected beside what came
    hint: str
    wrong: list = field(default_factory=list)  # answers a learner might give; tests feed each to the judge


class Checks:
    """The exercises of one lab. Call it with a name and an answer: prints ✓, ✗ with a hint, or ○."""

    def __init__(self):
        self.exercises = {}

    def add(self, name, *, hint, wrong, expected=None, tolerance=0.0, judge=None):
        """Register an exercise.

        name:      how the notebook calls it.
        hint:      one sentence shown after a wrong answer.
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
        self.exercises[name] = Exercise(name, judge, hint, list(wrong))

    def __call__(self, name, answer):
        """Judge `answer`, print the outcome, and return True, False, or None when not attempted."""
        if name not in self.exercises:
            known = ", ".join(map(repr, self.exercises))
            raise ValueError(f"name must be one of {known}, got {name!r}")
        exercise = self.exercises[name]
        if answer is ...:
            print(f"○ {name}: not attempted yet")
            return None
        try:
            problem = exercise.judge(answer)
        except Exception as error:  # a learner's function may raise anything: that is a wrong answer, not a crash
            problem = f"your answer stopped with {type(error).__name__}: {error}"
        if problem is None:
            print(f"✓ {name}: right")
            return True
        print(f"✗ {name}: {problem}\n  Hint: {exercise.hint}")
        return False


def _matches(expected, tolerance):
    def judge(answer):
        if isinstance(expected, (int, float)) and not isinstance(expected, bool):
            try:
                number = float(answer)
            except (TypeError, ValueError):
                return f"expected a number, you gave {answer!r}"
            if math.isfinite(number) and abs(number - expected) <= tolerance:
                return None
            within = f" (within {tolerance:g})" if tolerance else ""
            return f"expected {expected:g}{within}, you gave {number:g}"
        return None if answer == expected else f"expected {expected!r}, you gave {answer!r}"

    return judge
