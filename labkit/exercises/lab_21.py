"""Exercises of lab 21, recommendation."""

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()

check.add("accused", expected=0.25 / (0.25 + 9.99), tolerance=0.003, wrong=[0.25, 0.99, 0.25 / 0.26, 0.01, "few"],
          hint="How many right accusations are to be expected, and how many wrong ones among the 999 others?")


def _judge_user(answer):
    if not callable(answer):
        return f"expected a function of cap, you gave {answer!r}"
    for cap in (1, 9, 100):
        given = answer(cap)
        if not isinstance(given, (int, float)) or abs(given - cap**0.5) > 1e-9:
            return f"expected {cap**0.5:g} for a cap of {cap}, you gave {given!r}"
    return None


check.add("one user", judge=_judge_user, wrong=[10, lambda cap: cap, lambda cap: (2 * cap) ** 0.5, lambda cap: cap**2],
          hint="The length of a vector with `cap` ones.")


_judge_propose = one_letter("B", {"A": "nine thousand averages at epsilon 1 for a user are worse than sharing nothing",
                                  "C": "exact averages give a joining member's rating away by subtraction, whatever the number of raters",
                                  "D": "a promise for a rating is no promise for a member with seventy of them"})

check.add("seven hundred members", judge=_judge_propose, wrong=["A", "C", "D", "all", 2],
          hint="Who is promised what, and how large is the noise beside the numbers that are asked for?")
