"""Exercises of lab 09, privacy for whole users in federated learning."""

import numpy as np

from labkit.dp.auditing.replay import sensitivity_at_least
from labkit.exercises.choices import one_letter
from labkit.lab.checks import Checks

check = Checks()

check.add(
    "a thousand records", expected=10.0, tolerance=1e-9, wrong=[0.01, 1000, 0.00001, "ten"],
    hint="Take his records out one after the other: each step changes the log of any probability by at most epsilon. How far is it "
         "from all to none?")


def _judge_average(function):
    if not callable(function):
        return f"expected a function of (changes, max_grad_norm, noise_multiplier, divisor, rng), you gave {function!r}"
    others = np.array([[0.3, 0.0, 0.1], [30.0, -40.0, 0.0], [0.0, 0.2, 0.0]])
    max_grad_norm, multiplier, divisor = 0.5, 2.0, 10

    def published(changes, rng):
        return np.asarray(function(np.array(changes, dtype=float), max_grad_norm, multiplier, divisor, rng), dtype=float)

    shape = published(others, np.random.default_rng(0)).shape
    if shape != (3,):
        return f"expected one average of shape (3,), you returned shape {shape}"
    limit = max_grad_norm / divisor
    for person in ([60.0, 0.0, -80.0], [0.0, 1e6, 0.0], [0.1, 0.0, 0.0]):
        moved = sensitivity_at_least(published, np.vstack([others, person]), others, rng=np.random.default_rng(1))
        if moved > limit * (1 + 1e-6):
            return f"a user who sends {person} should move the average by at most max_grad_norm / divisor = {limit:g}, yours moved by {moved:.3g}"
    rng = np.random.default_rng(2)
    drawn = np.array([published(others, rng) for _ in range(4000)])
    exact = (others[0] + 0.01 * others[1] + others[2]) / divisor
    if np.abs(drawn.mean(axis=0) - exact).max() > 0.01:
        return f"expected {exact.round(3)} on average, yours gives {drawn.mean(axis=0).round(3)}"
    wanted, spread = multiplier * max_grad_norm / divisor, drawn.std(axis=0)
    if np.abs(spread - wanted).max() > 0.05 * wanted:
        return f"expected noise of standard deviation {wanted:g} on each number, yours has {spread.round(4)}"
    return None


def _clipped(changes, max_grad_norm):
    return changes * np.minimum(1, max_grad_norm / np.linalg.norm(changes, axis=1, keepdims=True))


check.add(
    "average of users", judge=_judge_average,
    wrong=[lambda changes, max_grad_norm, noise, divisor, rng: changes.sum(0) / divisor + rng.normal(0, noise * max_grad_norm / divisor, 3),
           lambda changes, max_grad_norm, noise, divisor,
           rng: _clipped(changes, max_grad_norm).mean(0) + rng.normal(0, noise * max_grad_norm / divisor, 3),
           lambda changes, max_grad_norm, noise, divisor,
           rng: (_clipped(changes, max_grad_norm).sum(0) + rng.normal(0, noise * max_grad_norm / divisor, 3)) / divisor,
           lambda changes, max_grad_norm, noise, divisor, rng: _clipped(changes, max_grad_norm).sum(0) / divisor, None, 3],
    hint="Clip each row, add the rows up, add noise of noise_multiplier * max_grad_norm to the sum, and divide everything by the divisor, once.")

check.add(
    "noise per parameter", expected=6e-5, tolerance=1e-9, wrong=[0.6, 6e-3, 1.2, 1.2e-4, 6e-7],
    hint="The noise on the sum is noise_multiplier * max_grad_norm; the sum is divided by the expected cohort.")


def _judge_next(function):
    if not callable(function):
        return f"expected a function of (max_grad_norm, share, quantile, learning_rate), you gave {function!r}"
    for norm, share, quantile, rate in [(1.0, 0.9, 0.5, 0.2), (0.3, 0.1, 0.5, 0.2), (2.0, 0.5, 0.5, 1.0), (5.0, 0.2, 0.8, 0.5)]:
        expected, found = norm * np.exp(-rate * (share - quantile)), float(function(norm, share, quantile, rate))
        if not np.isclose(found, expected):
            return (f"with norm {norm}, of which {share:.0%} were within, quantile {quantile} and rate {rate} expected {expected:.4g}, "
                    f"you returned {found:.4g}")
    return None


check.add(
    "next norm", judge=_judge_next,
    wrong=[lambda max_grad_norm, share, quantile, rate: max_grad_norm * np.exp(rate * (share - quantile)),
           lambda max_grad_norm, share, quantile, rate: max_grad_norm - rate * (share - quantile),
           lambda max_grad_norm, share, quantile, rate: max_grad_norm, 1.0],
    hint="If more users than wanted are within the norm, it is too large: multiply it by the exponential of minus the rate times the "
         "surplus.")

check.add("a part of the noise", expected=6 / 200**0.5, tolerance=0.005, wrong=[6 / 200, 6, 6 * 200**0.5, 0.03],
          hint="The variances of independent noises add up, not their standard deviations.")

check.add("a run that ended", wrong=["A", "B", "D", 0], hint="Look again at the two traps under the commands.", judge=one_letter("C", {
    "A": "the exit code is the same when the run crashed",
    "B": "a round in which every client fails can end the same way",
    "D": "only a comparison shows that"}))
