"""Mechanisms whose answer is a choice: lying about an answer with a known chance, and picking the best of several.

All of them come down to coins of exp(-g), so they are exact: no floating point between the random bits and the choice.
`rng` is a numpy Generator, for a lab that must repeat; None takes the operating system's random bits.
"""

import math

import numpy as np

from labkit import validate
from labkit.dp.mechanisms.exact import bernoulli_exp, exact_fraction, uniform_below


def randomised_response(answers, *, epsilon, categories=2, rng=None):
    """Replace each person's answer by a random one often enough that no report convicts anybody.

    answers:     one answer per person, bool or whole numbers 0 ... categories - 1, any shape.
    epsilon:     privacy loss bound, > 0 (dimensionless); delta is 0.
    categories:  number of possible answers, 2 or more, known in advance.
    Returns the reports in the shape and dtype of `answers`: the truth with probability
    exp(epsilon) / (exp(epsilon) + categories - 1), else one of the other answers, all equally likely.
    Neighbouring: one person gives another answer. The privacy is local: it holds before anybody collects the reports.
    Raises ValueError for answers outside the categories or a bad epsilon or categories.
    Source: Warner, JASA 1965; for several categories Kairouz, Oh, Viswanath, NIPS 2014.
    """
    truth = _answers(validate.integer(categories=categories, at_least=2), answers=answers)
    loss, rng = exact_fraction(epsilon=epsilon), validate.generator(rng=rng)
    flat = truth.ravel().astype(np.int64)
    reports, missing = flat.copy(), np.arange(flat.size)
    while missing.size:  # suggest any answer; keep the truth always, another one with probability exp(-epsilon)
        suggested = uniform_below(categories, missing.size, rng)
        lie = (suggested != flat[missing]).astype(np.int64)
        kept = bernoulli_exp(lie, lambda lied: lied * loss.numerator, loss.denominator, rng)
        reports[missing[kept]] = suggested[kept]
        missing = missing[~kept]
    reports = reports.reshape(truth.shape).astype(truth.dtype)
    return reports if reports.ndim else reports.item()


def estimated_shares(reports, *, epsilon, categories=2):
    """The share of people behind each answer, estimated without bias from randomised responses.

    reports:              as `randomised_response` returned them, with the same epsilon and categories.
    Returns a float array (categories,) that sums to 1; an entry can fall below 0 or above 1, by chance.
    Costs no privacy: it uses only what was reported. Raises ValueError as `randomised_response`.
    """
    reports = _answers(validate.integer(categories=categories, at_least=2), reports=reports)
    lie = 1 / (math.exp(min(validate.positive(epsilon=epsilon), 700)) + categories - 1)  # of each wrong answer
    seen = np.bincount(reports.ravel().astype(np.int64), minlength=categories) / reports.size
    return (seen - lie) / (1 - categories * lie)


def exponential(scores, *, sensitivity, epsilon, rng=None):
    """Pick a candidate with a high score under epsilon-differential privacy.

    scores:       how good each candidate is on the data, array (k,) of finite numbers, taken as exact.
    sensitivity:  largest change of any one score between neighbouring data sets, in the units of `scores`, > 0.
    epsilon:      privacy loss bound, > 0 (dimensionless); delta is 0.
    Returns the index of one candidate, drawn with probability proportional to exp(epsilon score / (2 sensitivity)).
    The candidates must be fixed without looking at the data. Only the index is paid for: the winner's score is not.
    Neighbouring: whatever relation `sensitivity` was computed for.
    Raises ValueError for scores that are no finite list, or a bad sensitivity or epsilon.
    Source: McSherry, Talwar, FOCS 2007.
    """
    gaps, denominator, rng = _coins(scores, sensitivity, epsilon, rng)
    while True:  # suggest any candidate; keep it with probability exp(-its distance from the best)
        suggested = uniform_below(len(gaps), len(gaps), rng)
        kept = bernoulli_exp(suggested, gaps.__getitem__, denominator, rng)
        if kept.any():
            return int(suggested[kept.argmax()])


def report_noisy_max(scores, *, sensitivity, epsilon, rng=None):
    """Pick the candidate whose score plus noise is largest, under epsilon-differential privacy.

    The noise is exponential with mean 2 sensitivity / epsilon. Why that is private: hold the others' noise still; then a
    candidate wins if its own noise exceeds some threshold. On a neighbouring data set the threshold moves by at most
    2 sensitivity, and so the chance of exceeding it changes by a factor of at most exp(epsilon).
    It is sampled by permute-and-flip, which chooses with the same probabilities: in random order each candidate tosses a
    coin of exp(-epsilon (best - score) / (2 sensitivity)), and the first head wins. On average that is never worse than
    `exponential`, which tosses the same coins but may suggest a candidate twice.

    scores, sensitivity, epsilon, neighbouring relation, errors: as for `exponential`. Returns the index of the winner.
    Source: McKenna, Sheldon, NeurIPS 2020; its noise: Ding et al., arXiv 2105.07260, 2021.
    """
    gaps, denominator, rng = _coins(scores, sensitivity, epsilon, rng)
    heads = np.flatnonzero(bernoulli_exp(np.arange(len(gaps)), gaps.__getitem__, denominator, rng))
    return int(heads[uniform_below(len(heads), 1, rng)[0]])  # the first head in a random order is a random head


def _coins(scores, sensitivity, epsilon, rng):
    """Each candidate's exponent epsilon (best - score) / (2 sensitivity), as whole numbers over one denominator."""
    scores = validate.array(scores=scores, ndim=1)
    unit = exact_fraction(epsilon=epsilon) / (2 * exact_fraction(sensitivity=sensitivity))
    ratios = [each.as_integer_ratio() for each in scores.tolist()]
    shared = math.lcm(*(down for _, down in ratios))
    wholes = [up * (shared // down) for up, down in ratios]
    best = max(wholes)
    return [(best - each) * unit.numerator for each in wholes], shared * unit.denominator, validate.generator(rng=rng)


def _answers(categories, **argument):
    """Answers as an array of bool or whole numbers below `categories`."""
    ((name, value),) = argument.items()
    answers = validate.array(**argument)
    if answers.dtype.kind not in "biu" or answers.min() < 0 or answers.max() >= categories:
        shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
        raise ValueError(f"{name} must be whole numbers from 0 to {categories - 1}, got {shown}")
    return answers
