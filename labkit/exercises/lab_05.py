"""Exercises of lab 05, training with differential privacy."""

import math

import numpy as np

from labkit.dp import noise_multiplier_for
from labkit.lab import Checks

check = Checks()

SETTING = dict(epsilon=1, delta=1e-5, sample_rate=256 / 1438)
BREAKS = {"b", "d", "e"}
WHY = {
    "a": "the divisor of the plan is a public constant, and that is right",
    "b": "a skipped step tells that nobody was drawn",
    "c": "momentum only sees gradients that are private already",
    "d": "shuffled batches are not the coin tosses that were accounted",
    "e": "a median of the private gradients is itself computed from the records, and was paid for by nobody",
    "f": "the account already lets the attacker see every step",
}


def _clips_each_row(function):
    rng = np.random.default_rng(0)
    for rows in [rng.normal(size=(6, 4)), rng.normal(size=(6, 4)) * [[1e-3], [0.1], [1], [10], [100], [1e6]]]:
        for limit in (0.5, 2.0):
            norms = np.linalg.norm(rows, axis=1, keepdims=True)
            expected = rows * np.minimum(1, limit / norms)
            clipped = np.asarray(function(rows.copy(), limit))
            if clipped.shape != rows.shape:
                return f"expected an array of shape {rows.shape}, one row per example, you gave shape {clipped.shape}"
            lengths = np.linalg.norm(clipped, axis=1)
            if lengths.max() > limit * (1 + 1e-9):
                return f"expected no row longer than {limit:g}, one of yours has length {lengths.max():.3g}"
            if not np.allclose(clipped, expected):
                worst = int(np.abs(clipped - expected).sum(axis=1).argmax())
                return (f"expected the row of length {norms[worst, 0]:.3g} to come out with length "
                        f"{np.linalg.norm(expected[worst]):.3g} and unchanged direction, yours has length {lengths[worst]:.3g}")
    return None


check.add(
    "clip each row", judge=_clips_each_row,
    hint="Every row needs a factor of its own: min(1, limit / its length). Direction and short rows stay as they are.",
    wrong=[lambda rows, limit: rows,
           lambda rows, limit: rows * min(1, limit / np.linalg.norm(rows)),
           lambda rows, limit: np.clip(rows, -limit, limit),
           lambda rows, limit: rows * limit / np.linalg.norm(rows, axis=1, keepdims=True)],
)


def _factor(answer):
    answer = float(answer)
    factor = noise_multiplier_for(**SETTING, steps=800) / noise_multiplier_for(**SETTING, steps=200)
    return None if abs(answer - factor) <= 0.05 else f"expected {factor:.3g} (within 0.05), you gave {answer:.3g}"


check.add(
    "four times the steps", judge=_factor,
    hint="Call noise_multiplier_for twice, with steps=200 and steps=800, and divide. Independent losses add up like random "
         "steps: their spread grows with the square root of their number.",
    wrong=[4, 1, 0.5, 1.41],
)


def _broken(answer):
    named = set("".join(answer) if not isinstance(answer, str) else answer.replace(",", " ").replace(" ", ""))
    if named == BREAKS:
        return None
    unknown = named - WHY.keys()
    if unknown:
        return f"expected letters from a to f, you gave {', '.join(sorted(unknown))}"
    first = min(named ^ BREAKS)
    return f"{first} {'belongs' if first in BREAKS else 'does not belong'} to the answer: {WHY[first]}"


check.add(
    "what breaks the promise", judge=_broken,
    hint="For each, ask: does it use the records in a way that the account does not know of? What is computed from private "
         "gradients alone is free.",
    wrong=[set(), {"b", "d"}, {"a", "b", "d", "e"}, {"b", "c", "d", "e"}, "bdx"],
)

check.add("what a gap gives away", expected=0.69, tolerance=0.005,
          hint="It is right about a member when the network is right, and about somebody else when the network is wrong. Take the mean of the two.",
          wrong=[0.98, 0.79, 0.38, 0.6])

check.add("what epsilon 1 means", expected=math.e / (1 + math.e), tolerance=0.002,
          hint="Odds of 1 to 1 become at most e to 1. What probability is that?", wrong=[math.e, 0.5, 0.63, 1.0])
