"""Randomised response: each person lies about an answer with a known chance, before anybody collects it.

A lie is a coin of exp(-epsilon), tossed exactly: no floating point between the random bits and the report.
`rng` is a numpy Generator, for a lab that must repeat; None takes the operating system's random bits.
"""

import math

import numpy as np

from labkit import validate
from labkit.dp.mechanisms.exact import bernoulli_exp, exact_fraction, uniform_below
from labkit.dp.relations import REPLACE

MOST_CATEGORIES = 1 << 40
MOST_ESTIMATED = 1 << 26  # a list with an entry for each must fit in memory
LEAST_EPSILON = 1e-9  # below it the estimate's standard error exceeds 10^6 for a million people


def randomised_response(answers, *, epsilon: float, categories=2, rng: np.random.Generator | None = None):
    """Replace each person's answer by a random one often enough that no report convicts anybody.

    answers:     one answer per person, bool or whole numbers 0 ... categories - 1, any shape.
    epsilon:     privacy loss bound, > 0 (dimensionless); delta is 0.
    categories:  number of possible answers, 2 or more, known in advance.
    Returns the reports in the shape of `answers`, and in its dtype unless that cannot hold every category (then int64): the truth
    with probability exp(epsilon) / (exp(epsilon) + categories - 1), else one of the other answers, all equally likely.
    Neighbouring: one person gives another answer. The privacy is local: it holds before anybody collects the reports.
    Raises ValueError for answers outside the categories or a bad epsilon or categories.
    Source: Warner, JASA 1965; for several categories Kairouz, Oh, Viswanath, NIPS 2014.
    """
    truth = _answers(validate.integer(categories=categories, at_least=2, at_most=MOST_CATEGORIES), answers=answers)
    loss, rng = exact_fraction(epsilon=epsilon), validate.generator(rng=rng)
    flat = truth.ravel().astype(np.int64)
    reports, missing = flat.copy(), np.arange(flat.size)
    while missing.size:  # suggest any answer; keep the truth always, another one with probability exp(-epsilon)
        suggested = uniform_below(categories, missing.size, rng)
        lie = (suggested != flat[missing]).astype(np.int64)
        kept = bernoulli_exp(lie, lambda lied: lied * loss.numerator, loss.denominator, rng)
        reports[missing[kept]] = suggested[kept]
        missing = missing[~kept]
    reports = reports.reshape(truth.shape)
    largest = 1 if truth.dtype.kind == "b" else np.iinfo(truth.dtype).max
    reports = reports.astype(truth.dtype) if largest >= categories - 1 else reports
    return reports if reports.ndim else reports.item()


randomised_response.relation = REPLACE  # of one answer by another


def estimated_shares(reports, *, epsilon: float, categories=2):
    """The share of people behind each answer, estimated without bias from randomised responses.

    reports:              as `randomised_response` returned them, with the same epsilon and categories.
    Returns a float array (categories,) that sums to 1; an entry can fall below 0 or above 1, by chance.
    Costs no privacy: it uses only what was reported. Raises ValueError as `randomised_response`.
    """
    reports = _answers(validate.integer(categories=categories, at_least=2, at_most=MOST_ESTIMATED), reports=reports)
    epsilon = validate.positive(epsilon=epsilon)
    if epsilon < LEAST_EPSILON:
        raise ValueError(f"epsilon must be at least {LEAST_EPSILON:g} to estimate anything from the reports, got {epsilon!r}")
    gain = math.expm1(min(epsilon, 700))  # how much likelier the truth is than each lie, less 1
    seen = np.bincount(reports.ravel().astype(np.int64), minlength=categories) / reports.size
    return seen + (categories * seen - 1) / gain  # (seen - lie) / (truth - lie), without cancellation


def _answers(categories, **argument):
    """Answers as an array of bool or whole numbers below `categories`."""
    ((name, value),) = argument.items()
    answers = validate.array(**argument)
    if answers.dtype.kind not in "biu" or answers.min() < 0 or answers.max() >= categories:
        shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
        raise ValueError(f"{name} must be whole numbers from 0 to {categories - 1}, got {shown}")
    return answers
