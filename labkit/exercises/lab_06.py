"""Exercises of lab 06, attacks and audits."""

import math

import numpy as np
from scipy.stats import norm

from labkit.dp.auditing.bounds import clopper_pearson
from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()

check.add("ceiling at one percent", expected=math.e * 0.01, tolerance=2e-4,
          hint="True positives are at most e^epsilon times false positives, plus delta. Here epsilon is 1 and delta is 0.",
          wrong=[0.01, math.e, 0.02, 1.0, 0.7311])


def _judge_bound(answer):
    if not callable(answer):
        return f"expected a function of (hits with, hits without, runs, delta), you gave {answer!r}"
    for hits_with, hits_without, runs, delta in [(900, 300, 1000, 0.0), (60, 5, 1000, 0.0), (100, 0, 5000, 0.01), (10, 12, 1000, 0.0),
                                                 (40, 2, 1000, 0.1)]:
        low, high = clopper_pearson(hits_with, runs, 0.025)[0], clopper_pearson(hits_without, runs, 0.025)[1]
        expected = max(0.0, math.log(max(float(low) - delta, 1e-300) / float(high)))
        given = float(answer(hits_with, hits_without, runs, delta))
        if not math.isclose(given, expected, abs_tol=1e-3):
            return (f"expected {expected:.3f} for {hits_with} and {hits_without} hits in {runs} runs each at delta {delta:g}, "
                    f"your function gave {given:.3f}")
    return None


check.add("your own audit", judge=_judge_bound,
          hint="Take the lower end of the interval for `hits_with`, less delta, over the upper end for `hits_without`; then the log, and 0 "
               "where that would be negative or the lower end is not above delta.",
          wrong=[1.0, lambda a, b, n, d: math.log(max(a, 1) / max(b, 1)), lambda a, b, n, d: 0.0,
                 lambda a, b, n, d: math.log(max(float(clopper_pearson(a, n, 0.025)[0]), 1e-9) / float(clopper_pearson(b, n, 0.025)[1]))])

check.add("sparse vectors that keep their claim", expected={1, 2},
          hint="Look for three things in the code: noise on the threshold, noise on each answer that grows with `most`, and an end after "
               "`most`. And is more than above or below published?",
          wrong=[{1}, {1, 2, 4}, {3, 5, 6}, [1, 3], "1 and 2"])

check.add("what a pass means", expected="C",
          hint="A lower bound says that epsilon is at least something. What does that tell about how large it may be?",
          wrong=["A", "B", "D", 0.4])


def _judge_evidence(answer):
    if not callable(answer):
        return f"expected a function of (sure, shadows with the photo, shadows without it), you gave {answer!r}"
    rng = np.random.default_rng(6)
    for sure, middle, spread in [(3.0, 4.0, 1.0), (0.5, 3.0, 0.5), (2.0, 1.0, 2.0)]:
        had, had_not = rng.normal(middle, spread, 32), rng.normal(1.0, 1.0, 31)
        expected = norm.logpdf(sure, had.mean(), had.std()) - norm.logpdf(sure, had_not.mean(), had_not.std())
        sample = norm.logpdf(sure, had.mean(), had.std(ddof=1)) - norm.logpdf(sure, had_not.mean(), had_not.std(ddof=1))
        given = float(answer(sure, had, had_not))
        if not min(abs(given - expected), abs(given - sample)) < 1e-6:
            return f"expected {expected:.2f} for a model that is {sure:g} sure, your function gave {given:.2f}"
    return None


check.add("one photo", judge=_judge_evidence,
          hint="norm.logpdf(sure, mean, spread) for the shadows that had the photo, less the same for those that had not.",
          wrong=[1.0, lambda sure, had, had_not: sure - np.mean(had_not),
                 lambda sure, had, had_not: norm.logpdf(sure, np.mean(had), np.std(had)),
                 lambda sure, had, had_not: (norm.logpdf(sure, np.mean(had_not), np.std(had_not))
                                             - norm.logpdf(sure, np.mean(had), np.std(had)))])

check.add("three mistakes", judge=one_letter("B", {
    "A": "where do its bounds come from?",
    "C": "how far can one salary of ten million move the mean before it is clipped?",
    "D": "what is the distribution of an answer that was drawn again until it fitted?"}),
          hint="Ask of each: is the sensitivity bounded before the noise is added, by a number known in advance, and is the noise as it was planned?",
          wrong=["A", "C", "D", 100])
