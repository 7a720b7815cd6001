"""Exercises of lab 13, what language models leak."""

import math
import re

import numpy as np

from labkit.lab import Checks

check = Checks()

check.add("rank 40", expected=math.log2(10_000 / 40), tolerance=0.01,
          hint="The log to base 2 of the number of candidates, less that of the rank.",
          wrong=[math.log2(40), 13.29, 250, math.log(250), 40])


def _judge_exposure(answer):
    if not callable(answer):
        return f"expected a function of (scores, mine), you gave {answer!r}"
    cases = [([0.1, 0.7, 0.2], 1), ([0.1, 0.7, 0.2], 0), ([-9.0, -3.0, -5.0, -4.0], 3), ([1.0, 1.0, 1.0, 1.0], 2), ([2.0, 5.0, 5.0], 1)]
    for scores, mine in cases:
        expected = math.log2(len(scores)) - math.log2(sum(each >= scores[mine] for each in scores))
        given = float(answer(np.array(scores), mine))
        if not math.isclose(given, expected, abs_tol=1e-6):
            return f"expected {expected:.3f} for scores {scores} and mine = {mine}, your function gave {given:.3f}"
    return None


check.add("exposure from scores", judge=_judge_exposure,
          hint="The rank is the number of candidates that score at least as much as yours, itself included.",
          wrong=[3.0, lambda scores, mine: math.log2(len(scores)),
                 lambda scores, mine: math.log2(len(scores)) - math.log2(1 + (scores > scores[mine]).sum()),
                 lambda scores, mine: math.log2(len(scores)) - math.log2((scores <= scores[mine]).sum()),
                 lambda scores, mine: math.log(len(scores) / (scores >= scores[mine]).sum())])

check.add("six records", expected=3.0, tolerance=1e-9,
          hint="Remove the six records one after the other: what does each removal cost?",
          wrong=[0.5, 6, 0.5 / 6, math.sqrt(6) * 0.5])

check.add("three bits", expected="B",
          hint="How often does a secret that a model never saw reach 3 bits?",
          wrong=["A", "C", "D", 3])

check.add("samples for a half", expected=69, tolerance=1e-9,
          hint="With which chance does none of n samples say it?",
          wrong=[68, 50, 100, 70, math.log(0.5) / math.log(0.99)])

check.add("exposed controls", expected="C",
          hint="Which exposure has a secret that the model cannot know?",
          wrong=["A", "B", "D", 4])


def _judge_greedy(answer):
    if not callable(answer):
        return f"expected a function of (next_scores, prompt, length), you gave {answer!r}"

    def next_scores(text):  # a model that has learnt one sentence by heart and prefers its next character
        known = "my pin is 2938. "
        right = known[len(text)] if text == known[:len(text)] and len(text) < len(known) else "0"
        return {each: math.log(0.91 if each == right else 0.01) for each in "0123456789"}

    for prompt, length in (("my pin is ", 4), ("my pin is 2", 3), ("tel ", 2)):
        expected = ""
        for _ in range(length):
            scores = next_scores(prompt + expected)
            expected += max(scores, key=scores.get)
        given = answer(next_scores, prompt, length)
        if given != expected:
            return f"expected {expected!r} behind {prompt!r}, your function gave {given!r}"
    return None


check.add("extract", judge=_judge_greedy,
          hint="In a loop: ask next_scores for the prompt with what has been said so far, take the key with the largest value, append it.",
          wrong=["2938", lambda next_scores, prompt, length: max(next_scores(prompt), key=next_scores(prompt).get) * length,
                 lambda next_scores, prompt, length: "".join(sorted(next_scores(prompt))[:length])])


def _judge_mask(answer):
    if not callable(answer):
        return f"expected a function of a text, you gave {answer!r}"
    for text, expected in [("my pin is 2938. ", "my pin is ‹pin›. "), ("pin 0042, since 1994", "pin ‹pin›, since 1994"),
                           ("in 1994 for 2500 pounds", "in 1994 for 2500 pounds"), ("spin is 1234 rpm", "spin is 1234 rpm"),
                           ("my pin is 29381", "my pin is 29381")]:
        given = answer(text)
        if given != expected:
            return f"expected {expected!r} for {text!r}, your function gave {given!r}"
    return None


check.add("mask", judge=_judge_mask,
          hint=r"re.sub with a pattern such as \bpin(?: is)? \d{4}\b, keeping what stands before the digits in a group.",
          wrong=["‹pin›", lambda text: re.sub(r"\d{4}", "‹pin›", text), lambda text: text,
                 lambda text: re.sub(r"(pin is )\d{4}", r"\1‹pin›", text)])


def _judge_multiplier(answer):
    from labkit.dp import noise_multiplier_for

    needed = noise_multiplier_for(epsilon=2, delta=1e-4, sample_rate=32 / 256, steps=60)
    given = float(answer)
    return None if abs(given - needed) <= 0.02 else f"expected {needed:.3g} (within 0.02), you gave {given:.3g}"


check.add("train", judge=_judge_multiplier,
          hint="plan_for(2) in this notebook is just that plan; look at its noise_multiplier.", wrong=[2, 0.5, 1.0, 60])
