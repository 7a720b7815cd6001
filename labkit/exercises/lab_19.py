"""Exercises of lab 19, transport."""

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()

check.add("twelve months", expected=3.0, tolerance=1e-9, wrong=[0.25, 12, 0.25 / 12, "three"],
          hint="Twelve releases about the same traveller: their epsilons add up.")


def _judge_scale(answer):
    if not callable(answer):
        return f"expected a function of (cap, epsilon), you gave {answer!r}"
    for cap, epsilon in ((100, 1.0), (30, 0.5), (1, 2.0)):
        given = answer(cap, epsilon)
        if not isinstance(given, (int, float)) or abs(given - cap / epsilon) > 1e-9:
            return f"expected {cap / epsilon:g} for a cap of {cap} and epsilon {epsilon:g}, you gave {given!r}"
    return None


check.add("scale", judge=_judge_scale, wrong=[100, lambda cap, epsilon: 1 / epsilon, lambda cap, epsilon: epsilon / cap,
                                               lambda cap, epsilon: cap * epsilon],
          hint="Laplace noise has the scale sensitivity / epsilon. By how much, in sum over all cells, can one traveller move the table?")


_judge_defend = one_letter("C", {"A": "400 trips at epsilon 1 each are an epsilon of 400 for a commuter",
                                 "B": "noise of scale 400 on 300 cells drowns flows of a few hundred trips",
                                 "D": "what is left out can be worked out from the totals"})

check.add("five hundred commuters", judge=_judge_defend, wrong=["A", "B", "D", "all", 3],
          hint="What is promised to a person, and how large is the noise beside the numbers?")
