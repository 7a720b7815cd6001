"""Exercises of lab 00, start here."""

import math

from labkit.lab import Checks

check = Checks()

check.add("fair coin", expected=math.log(3), tolerance=0.005,
          hint="The answer is true when the first coin says so, or when the second coin happens to agree: 3 times in 4. "
               "Divide by the probability of the other answer, and take the logarithm.",
          wrong=[math.log(2), 3, 0.75, 0.5])

_STEPS = {"a stolen laptop": 2, "a model that recites a customer's address": 5, "a published table without names": 1,
          "a hospital's gradient turned back into an X-ray": 3, "a cloud service that reads the photos it classifies": 4}


def _judge_steps(answer):
    if not isinstance(answer, dict):
        return f"expected a dict from each accident to a step, you gave {type(answer).__name__}"
    for accident, step in _STEPS.items():
        if answer.get(accident) != step:
            return f"for {accident!r} expected step {step}, you gave {answer.get(accident)!r}"
    return None


check.add("which step", judge=_judge_steps, hint="Ask who holds the data, or the model, at that moment.",
          wrong=[{}, dict.fromkeys(_STEPS, 2), [1, 2, 3]])
