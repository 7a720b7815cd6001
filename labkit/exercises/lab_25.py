"""Exercises of lab 25, your own data."""

import math

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()

check.add("clinic", expected=0.2 * math.log(20), tolerance=0.005, wrong=[0.2, 0.3, 0.4, 0.28, "ten"],
          hint="The sum moves by at most 100 days, and the mean by a 500th of that. With Laplace noise of scale b, 95 % of the answers lie "
               "within b times ln 20.")


def _judge_noise(answer):
    if not callable(answer):
        return f"expected a function of epsilon, low, high and most, you gave {answer!r}"
    for epsilon, low, high, most in [(1.0, 0, 10, 1), (0.5, -20, 10, 1), (2.0, 5, 10, 4)]:
        given, right = answer(epsilon, low, high, most), most * max(abs(low), abs(high)) / epsilon
        if not isinstance(given, (int, float)) or abs(given - right) > 1e-9 * right:
            return f"expected {right:g} for epsilon {epsilon}, bounds {low} and {high}, {most} lines each, you gave {given!r}"
    return None


check.add("noise of a sum", judge=_judge_noise,
          wrong=[3, lambda e, low, high, most: high / e, lambda e, low, high, most: (high - low) * most / e,
                 lambda e, low, high, most: max(abs(low), abs(high)) / e],
          hint="How far can one person who comes or goes move the sum, with all the lines that count? Negative numbers move it, too.")


_judge_sentence = one_letter("C", {"A": "epsilon 1 for a record is no epsilon 1 for a patient who has up to twelve of them",
                                   "B": "two models from one data set share a budget: their epsilons add up",
                                   "D": "choosing the best of twenty runs tells of the data, too, and nobody paid for it"})

check.add("which sentence", judge=_judge_sentence, wrong=["A", "B", "D", "all", 3],
          hint="Ask of each: whose privacy, what else came out of the data, and what was tried before?")
