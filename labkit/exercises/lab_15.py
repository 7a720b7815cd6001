"""Exercises of lab 15, protecting the model itself."""

import numpy as np

from labkit.exercises.choices import one_letter
from labkit.lab.checks import Checks

check = Checks()

check.add("thirty of thirty-two bits", expected=(1 + 32 + 496) / 2**32, tolerance=1e-10,
          hint="Count the ways to get 30, 31 and 32 of 32 fair coins right, over all 2^32 ways: math.comb(32, k) counts the ways to get k.",
          wrong=[2.0**-30, 496 / 2**32, 30 / 32, 2.0**-32, 0.05])


def _judge_step(step):
    if not callable(step):
        return f"expected a function of (now, start, gradient, step_size, epsilon), you gave {step!r}"
    start = np.array([0.5, 0.98, 0.02, 0.5])
    for now, gradient in [(start, [2.0, 3.0, -1.0, 0.0]), (start + [0.09, 0.0, 0.0, -0.1], [0.1, -0.1, 5.0, -4.0])]:
        gradient = np.array(gradient)
        expected = np.clip(start + np.clip(now + 0.04 * np.sign(gradient) - start, -0.1, 0.1), 0, 1)
        given = np.asarray(step(now.copy(), start.copy(), gradient.copy(), 0.04, 0.1), dtype=float)
        if given.shape != expected.shape or not np.allclose(given, expected):
            return f"from {now.round(2)}, start {start}, gradient {gradient} expected {expected.round(3)}, you returned {given.round(3)}"
    return None


def _never_projected(now, start, gradient, step_size, epsilon):
    return np.clip(now + step_size * np.sign(gradient), 0, 1)


def _no_sign(now, start, gradient, step_size, epsilon):
    return np.clip(start + np.clip(now + step_size * gradient - start, -epsilon, epsilon), 0, 1)


def _downhill(now, start, gradient, step_size, epsilon):
    return np.clip(start + np.clip(now - step_size * np.sign(gradient) - start, -epsilon, epsilon), 0, 1)


check.add("one step of PGD", judge=_judge_step, wrong=[_never_projected, _no_sign, _downhill, 0.1],
          hint="Step by step_size times the *sign* of the gradient, uphill; then no number may be further than epsilon from `start`, nor "
               "outside 0 to 1 (np.clip does both).")


def _judge_count(count):
    if not callable(count):
        return f"expected a function of (tokens, is_green), you gave {count!r}"

    def is_green(previous, word):
        return (3 * previous + word) % 2 == 0

    for tokens in ([1, 2, 3, 5, 4], [7, 1, 7, 1, 7, 1, 4], [2, 2, 2, 2], list(range(10)) * 3):
        pairs = set(zip(tokens, tokens[1:]))
        expected = sum(is_green(*pair) for pair in pairs), len(pairs)
        given = tuple(int(each) for each in count(tokens, is_green))
        if given != expected:
            return f"for the words {tokens[:12]} expected {expected[0]} green of {expected[1]} distinct pairs, you returned {given}"
    return None


check.add("count green words", judge=_judge_count,
          hint="Make the pairs (word before, word), put them into a set so that each counts once, and count those that are green.",
          wrong=[lambda tokens, is_green: (sum(is_green(a, b) for a, b in zip(tokens, tokens[1:])), len(tokens) - 1),
                 lambda tokens, is_green: (sum(is_green(a, b) for a, b in set(zip(tokens, tokens[1:]))), len(tokens)),
                 lambda tokens, is_green: None, (3, 4)])

check.add("what a stolen copy still shows", expected="C",
          hint="The thief's weights start from the thief's own random numbers, and nobody asked the model about the triggers.",
          wrong=["A", "B", "D", 64])

check.add("what protects people", judge=one_letter("D", {
    "A": "it tells whose model it is, and says nothing about who was in the data",
    "B": "the attack on members was as good afterwards as before",
    "C": "it guards the answers; who was in the data became easier to find"}),
          hint="Which of them comes with a bound that holds for attacks nobody has thought of?", wrong=["A", "B", "C", 1])


def _judge_cut(answer):
    if not callable(answer):
        return f"expected a function of (weights, share), you gave {answer!r}"
    rng = np.random.default_rng(15)
    for share in (0.0, 0.25, 0.5, 0.9):
        weights = rng.normal(size=(5, 8))
        before, given = weights.copy(), np.asarray(answer(weights, share), float)
        if not np.array_equal(weights, before):
            return "expected a copy with zeros, your function changed the matrix that it was given"
        if given.shape != weights.shape:
            return f"expected shape {weights.shape}, your function returned shape {given.shape}"
        cut, wanted = int((given == 0).sum()), round(share * weights.size)
        if cut != wanted:
            return f"expected {wanted} zeros of {weights.size} for a share of {share:g}, your function made {cut}"
        kept = given != 0
        if not np.array_equal(given[kept], weights[kept]) or (
                cut and kept.any() and np.abs(weights[~kept]).max() > np.abs(weights[kept]).min()):
            return "expected the smallest entries in size to be 0 and the others as they were, yours differs"
    return None


check.add("prune a matrix", judge=_judge_cut,
          hint="np.argsort of the sizes tells which entries are the smallest; set so many of them to 0 in a copy.",
          wrong=[0.5, lambda weights, share: weights * (1 - share), lambda weights, share: np.where(weights < share, 0, weights),
                 lambda weights, share: np.where(np.abs(weights) < share, 0, weights)])
