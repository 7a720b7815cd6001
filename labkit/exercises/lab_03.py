"""Exercises of lab 03, mechanisms of differential privacy."""

import math

import numpy as np

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()

check.add("rare disease", expected=math.log(20) / 4, tolerance=0.01,
          hint="Put exp(-4 epsilon) = 1/20 and solve for epsilon; then ask whether a smaller epsilon means less noise or more.",
          wrong=[math.log(20) * 4, 4 / math.log(20), 0.05, 20])

check.add("sensitivity of a mean", expected=0.2, tolerance=1e-9,
          hint="The number of people stays 500. How far can one age move the sum, at most? Then divide.",
          wrong=[100, 0.1, 0.4, 1 / 500])


def _judge_share(answer):
    if not callable(answer):
        return f"expected a function of (share of yes among the reports, epsilon), you gave {answer!r}"
    for truth in (0.0, 0.1, 0.5, 0.9, 1.0):
        for epsilon in (0.2, 1.0, 3.0):
            honest = math.exp(epsilon) / (1 + math.exp(epsilon))
            reported = truth * honest + (1 - truth) * (1 - honest)
            given = float(answer(reported, epsilon))
            if not math.isclose(given, truth, abs_tol=1e-6):
                return (f"expected {truth:g} when a share of {reported:.3f} reports yes at epsilon {epsilon:g}, "
                        f"your function gave {given:.3f}")
    return None


check.add("undo the lies", judge=_judge_share,
          hint="A share t of true yes shows up as t p + (1 - t)(1 - p), where p = e^epsilon / (1 + e^epsilon). Solve for t.",
          wrong=[0.3, lambda reported, epsilon: reported, lambda reported, epsilon: reported * (1 + np.exp(-epsilon)),
                 lambda reported, epsilon: 2 * reported - 0.5])

check.add("which one is private", expected="C",
          hint="Ask of each: is there a number, known before seeing the data, that one person cannot exceed? Is the noise "
               "scaled to that number? Could somebody who reads the code, or the last bits, take the noise away?",
          wrong=["A", "B", "D", "E", "c?", 3])

check.add("what epsilon promises", judge=one_letter("B", {
    "A": "something can be learnt at any epsilon above 0, only not much about whether you took part",
    "C": "epsilon is no probability; with delta 0 the bound holds for every answer",
    "D": "the error depends on the question as well; epsilon bounds what the answers tell of one person"}),
          hint="The definition compares the probabilities of one and the same answer with you and without you.",
          wrong=["A", "C", "D", 0.5])


def _judge_choice(answer):
    if not callable(answer):
        return f"expected a function of (scores, epsilon), you gave {answer!r}"
    for scores in ([3, 1, 0], [5, 5], [120, 118, 60, 0]):
        for epsilon in (0.2, 1.0):
            given = np.asarray(answer(np.array(scores, float), epsilon), float)
            weights = np.exp(epsilon * (np.array(scores) - max(scores)) / 2)
            expected = weights / weights.sum()
            if given.shape != expected.shape or not np.allclose(given, expected, atol=1e-6):
                return (f"expected {np.round(expected, 3).tolist()} for the scores {scores} at epsilon {epsilon:g}, "
                        f"your function gave {np.round(given, 3).tolist()}")
    return None


check.add("a private choice", judge=_judge_choice,
          hint="Weigh each candidate by the exponential of epsilon times its score over 2, then divide by the sum of the weights.",
          wrong=[0.5, lambda scores, epsilon: scores / scores.sum(),
                 lambda scores, epsilon: np.exp(epsilon * scores) / np.exp(epsilon * scores).sum(),
                 lambda scores, epsilon: np.exp(epsilon * scores / 2)])
