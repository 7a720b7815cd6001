"""Exercises of lab 20, public safety."""

import math

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()

check.add("threshold", expected=math.log(4000 / 0.1) / 0.5, tolerance=0.9, wrong=[math.log(40_000), math.log(40_000) * 0.5, 4000, "many"],
          hint="The rule is ln(cells / 0.1) / epsilon.")


def _judge_two(answer):
    if not callable(answer):
        return f"expected a function of epsilon, you gave {answer!r}"
    for epsilon in (0.1, 1.0, 2.0):
        given = answer(epsilon)
        if not isinstance(given, (int, float)) or abs(given - 2 / epsilon) > 1e-9:
            return f"expected {2 / epsilon:g} for epsilon {epsilon:g}, you gave {given!r}"
    return None


check.add("two counts", judge=_judge_two, wrong=[2, lambda epsilon: 1 / epsilon, lambda epsilon: epsilon / 2, lambda epsilon: 2 * epsilon],
          hint="Sensitivity of the pair of counts: by how much, in sum, does one searched stop move them?")


_judge_film = one_letter("D", {"A": "a mosaic is a function of the plate: draw every digit, put the mosaic over it, compare",
                               "B": "fresh noise is averaged away over the frames",
                               "C": "what a person cannot read a program still fits"})

check.add("the film", judge=_judge_film, wrong=["A", "B", "C", "none", 4],
          hint="Which of the four publishes nothing that depends on the number?")
