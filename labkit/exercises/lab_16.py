"""Exercises of lab 16, medicine."""

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()

check.add("the first gradient", expected=137, tolerance=0.01, wrong=[63, 37, 100, 0.685, "many"],
          hint="At the start every patient's predicted risk is one half: the gradient is the sum of (0.5 - y).")


def _judge_step(answer):
    if not callable(answer):
        return f"expected a function of (before, after, deaths), you gave {answer!r}"
    for at_risk, deaths, before in ((102, 1, 1.0), (41, 3, 0.5), (7, 7, 0.1)):
        given = answer(before, before * (1 - deaths / at_risk), deaths)
        if not isinstance(given, (int, float)) or abs(given - at_risk) > 1e-6 * at_risk:
            return f"expected {at_risk} at risk for {deaths} deaths of {at_risk}, you gave {given!r}"
    return None


check.add("one step", judge=_judge_step,
          wrong=[102, lambda before, after, deaths: deaths / (before - after),
                 lambda before, after, deaths: after / before,
                 lambda before, after, deaths: round(deaths / before)],
          hint="The curve falls by the factor 1 - deaths / at risk. Solve for the number at risk.")


_judge_clinic = one_letter("C", {"A": "an exact curve is a table of patients, and rounding it to three digits hides less than half",
                                 "B": "with sixty patients the noise on a whole curve is larger than what the curve tells",
                                 "D": "a curve each month is twelve promises for the same patients, and the noise grows with them"})

check.add("the small clinic", judge=_judge_clinic, wrong=["A", "B", "D", "nothing", 3],
          hint="How many numbers does each offer ask for, and how large is the noise beside each?")
