"""Exercises of lab 11, encrypted machine learning."""

import numpy as np

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()

check.add("deep network", expected=5,
          hint="Count what happens one after the other: weights, square, weights, square, weights. Additions are free.",
          wrong=[2, 3, 4, 6, 58, "five or so", None])


class _Counted:
    """Stands for an encrypted number: knows its value and the multiplications it has been through."""

    def __init__(self, value, level=0):
        self.value, self.level = value, level

    def __mul__(self, other):
        if not isinstance(other, _Counted):
            return _Counted(self.value * other, self.level + 1)
        return _Counted(self.value * other.value, max(self.level, other.level) + 1)

    def __add__(self, other):
        if not isinstance(other, _Counted):
            return _Counted(self.value + other, self.level)
        return _Counted(self.value + other.value, max(self.level, other.level))

    __rmul__, __radd__ = __mul__, __add__

    def __neg__(self):
        return _Counted(-self.value, self.level)

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return -self + other


def _judge_two_levels(answer):
    if not callable(answer):
        return f"expected a function of an encrypted u, you gave {answer!r}"
    for u in (-1.0, -0.3, 0.0, 0.5, 1.0):
        result = answer(_Counted(u))
        if not isinstance(result, _Counted):
            return f"expected your function to compute with what it is given and return it, it returned {result!r}"
        expected = 0.5 + 1.2 * u - 0.8 * u**3
        if abs(result.value - expected) > 1e-9:
            return f"expected {expected:.3f} at u = {u:g}, your function made {result.value:.3f}"
        if result.level > 2:
            return f"expected at most 2 levels, your function spends {result.level}"
    return None


check.add("two levels", judge=_judge_two_levels,
          hint="Multiplying by a number in the clear costs a level as well. What can be multiplied by -0.8 while u is being squared?",
          wrong=[0.5, lambda u: 0.5 + 1.2 * u - 0.8 * (u * u * u), lambda u: 0.5 + 1.2 * u, lambda u: 0.9,
                 lambda u: (u * u) * (u * -0.8) + 0.5, lambda u: 1 / u])


def _judge_masks(answer):
    if not callable(answer):
        return f"expected a function of n, you gave {answer!r}"
    for n in (2, 5, 300):
        first, second = (np.asarray(answer(n), float) for _ in range(2))
        if first.shape != (n,) or not np.isfinite(first).all():
            return f"expected {n} finite numbers, your function returned an array of shape {first.shape}"
        if abs(first.sum()) > 1e-6:
            return f"expected a sum of zero for n = {n}, yours is {first.sum():.3g}"
        if (first == second).any():
            return f"expected every number to be random, number {int((first == second).argmax())} (counted from 0) came out the same twice"
    largest = np.abs(first).max()
    if not 1e3 <= largest <= 1e5:
        return f"expected numbers in the thousands, the largest of 300 has size {largest:.3g}"
    return None


check.add("masks", judge=_judge_masks,
          hint="Draw random numbers, then subtract something from them that has the same sum.",
          wrong=[0, np.zeros, lambda n: np.random.default_rng().uniform(-5000, 5000, n), lambda n: np.r_[5000.0, -5000.0, np.zeros(n - 2)],
                 lambda n: (lambda x: x - x.mean())(np.random.default_rng().uniform(-1, 1, n)), lambda n: [1.0, 2.0]])

check.add("who holds which key", judge=one_letter("C", {
    "A": "what does a hospital hold besides its own table and the public key?",
    "B": "the cloud has the ciphertexts; does a hospital have what opens them?",
    "D": "somebody has the secret key, and somebody has the ciphertexts"}),
          hint="Look at the last row of the table of roles.", wrong=["A", "B", "D", 3])

check.add("a weight in steps", expected=75, tolerance=1e-9,
          hint="Multiply the weight by the school's share, then count how many steps that is.",
          wrong=[300, 0.075, 0.3, 1200, 30])

check.add("a theft", expected=13, hint="How many unknown numbers does the score have?", wrong=[12, 1, 144, 4096])
