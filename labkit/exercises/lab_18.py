"""Exercises of lab 18, smart home."""

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()

check.add("a week", expected=7**0.5, tolerance=1e-6, wrong=[7, 49, 1, 1 / 7**0.5, "seven"],
          hint="How long is a vector of seven curves, each of length 12 at most?")


def _judge_part(answer):
    if not callable(answer):
        return f"expected a function of (sigma, homes, colluding), you gave {answer!r}"
    for sigma, homes, colluding in ((57.0, 20, 0), (57.0, 20, 9), (3.0, 100, 50)):
        given, right = answer(sigma, homes, colluding), sigma / (homes - colluding) ** 0.5
        if not isinstance(given, (int, float)) or abs(given - right) > 1e-6 * right:
            return f"expected {right:.4g} for sigma {sigma:g}, {homes} homes of whom {colluding} collude, you gave {given!r}"
    return None


check.add("my part of the noise", judge=_judge_part,
          wrong=[57, lambda sigma, homes, colluding: sigma / homes**0.5, lambda sigma, homes, colluding: sigma / (homes - colluding),
                 lambda sigma, homes, colluding: sigma],
          hint="Variances of independent noise add up. Whose noise is left when the colluding homes take theirs away?")


_judge_grant = one_letter("B", {"A": "forty homes drown in noise made for one home-day, and 365 such days add up",
                                "C": "a week of curves names the home and shows when it is empty"})

check.add("the village", judge=_judge_grant, wrong=["A", "C", "none", 2],
          hint="Which request asks least of each home, and how large is the noise beside what is asked?")
