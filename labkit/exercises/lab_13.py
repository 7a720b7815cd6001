"""Exercises of lab 13, what language models leak."""

import math

import numpy as np

from labkit.lab import Checks

check = Checks()

check.add("rank 40", expected=math.log2(10_000 / 40), tolerance=0.01,
          hint="The log to base 2 of the number of candidates, less that of the rank.",
          wrong=[math.log2(40), 13.29, 250, math.log(250), 40])


def _judge_exposure(answer):
    if not callable(answer):
        return f"expected a function of (scores, mine), you gave {answer!r}"
    cases = [([0.1, 0.7, 0.2], 1), ([0.1, 0.7, 0.2], 0), ([-9.0, -3.0, -5.0, -4.0], 3), ([1.0, 1.0, 1.0, 1.0], 2), ([2.0, 5.0, 5.0], 1)]
    for scores, mine in cases:
        expected = math.log2(len(scores)) - math.log2(sum(each >= scores[mine] for each in scores))
        given = float(answer(np.array(scores), mine))
        if not math.isclose(given, expected, abs_tol=1e-6):
            return f"expected {expected:.3f} for scores {scores} and mine = {mine}, your function gave {given:.3f}"
    return None


check.add("exposure from scores", judge=_judge_exposure,
          hint="The rank is the number of candidates that score at least as much as yours, itself included.",
          wrong=[3.0, lambda scores, mine: math.log2(len(scores)),
                 lambda scores, mine: math.log2(len(scores)) - math.log2(1 + (scores > scores[mine]).sum()),
                 lambda scores, mine: math.log2(len(scores)) - math.log2((scores <= scores[mine]).sum()),
                 lambda scores, mine: math.log(len(scores) / (scores >= scores[mine]).sum())])

check.add("six records", expected=3.0, tolerance=1e-9,
          hint="Remove the six records one after the other: what does each removal cost?",
          wrong=[0.5, 6, 0.5 / 6, math.sqrt(6) * 0.5])

check.add("three bits", expected="B",
          hint="How often does a secret that a model never saw reach 3 bits?",
          wrong=["A", "C", "D", 3])

check.add("samples for a half", expected=69, tolerance=1e-9,
          hint="With which chance does none of n samples say it?",
          wrong=[68, 50, 100, 70, math.log(0.5) / math.log(0.99)])

check.add("exposed controls", expected="C",
          hint="Which exposure has a secret that the model cannot know?",
          wrong=["A", "B", "D", 4])
