"""Reconstruction: turn many answers about groups back into the column of secrets that they were computed from.

The office holds one bit about each of n people, and answers how many of a group have it. The attacker chooses the groups, or
just knows them. Subtracting two groups that differ by one person reads a bit off exact answers (`differencing`). Against
noisy answers the attacker looks for the column that fits all of them best (`by_linear_programming`, `by_least_squares`): every
person is in many groups, and the noise averages out. `ceiling` is what no attacker can beat.
"""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, hstack, identity

from labkit import validate


def subset_questions(people, count, *, rng=None):
    """Random groups: each person is in each group with probability one half.

    people, count: whole numbers >= 1. rng: a numpy Generator; None takes the operating system's randomness.
    Returns a bool array (count, people). Raises ValueError for arguments out of their range.
    """
    people, count = validate.integer(people=people, at_least=1), validate.integer(count=count, at_least=1)
    rng = np.random.default_rng() if validate.generator(rng=rng) is None else rng
    return rng.random((count, people)) < 0.5


def differencing(ask, people, *, repeats=1):
    """Ask about everybody, and about everybody but one person, for each person; subtract.

    ask:      function of a bool array (people,), the group, that returns the office's answer, a number.
    people:   how many there are, a whole number >= 2.
    repeats:  how often to ask each question. Where every answer has noise of its own, the average has less.
    Returns beliefs, a float array (people,): each person's bit plus what noise is left. Asks repeats * (people + 1) times.
    Raises ValueError for bad arguments. Source: Denning, Denning, Schwartz, "The tracker", ACM TODS 1979, take it further.
    """
    if not callable(ask):
        raise ValueError(f"ask must be a function of a group, got {ask!r}")
    people, repeats = validate.integer(people=people, at_least=2), validate.integer(repeats=repeats, at_least=1)
    all_but = ~np.eye(people, dtype=bool)

    def average(group):
        return np.mean([ask(group) for _ in range(repeats)])

    everybody = average(np.ones(people, dtype=bool))
    return np.array([everybody - average(group) for group in all_but])


def by_linear_programming(questions, answers):
    """The column, with entries from 0 to 1, whose group totals are nearest to the answers: least sum of absolute errors.

    questions: 0/1 or bool array (count, people). answers: 1-D array (count,), finite.
    Returns beliefs, a float array (people,) within [0, 1]. The attacker need know neither the noise nor the bit's frequency.
    Raises ValueError for other questions, or lengths that do not match.
    Source: Dinur, Nissim, "Revealing information while preserving privacy", PODS 2003; with this objective: Dwork, McSherry,
    Talwar, "The price of privacy and the limits of LP decoding", STOC 2007.
    """
    questions, answers = _asked(questions, answers)
    count, people = questions.shape
    # Solved by its dual, which has one constraint per person and not two per question: several times faster.
    # Primal: min over 0 <= x <= 1 of |Qx - a|. Dual: max a.u - sum(v) over |u| <= 1, v >= 0, v >= Q'u; x prices v >= Q'u.
    solved = linprog(np.concatenate([-answers, np.ones(people)]), b_ub=np.zeros(people), method="highs",
                     A_ub=hstack([csr_matrix(questions.T), -identity(people)], format="csc"),
                     bounds=[(-1, 1)] * count + [(0, None)] * people)
    if not solved.success:
        raise RuntimeError(f"the linear program was not solved: {solved.message}")
    return np.clip(-solved.ineqlin.marginals, 0, 1)


def by_least_squares(questions, answers, *, noise, share):
    """The best linear estimate of each bit, for an attacker who knows how noisy the answers are and how frequent the bit is.

    questions, answers: as for `by_linear_programming`.
    noise:  standard deviation of the noise of an answer, zero or more.
    share:  how frequent the bit is among people like these, strictly between 0 and 1.
    Returns beliefs, a float array (people,) within [0, 1]. They shrink towards `share` as the noise grows, so that a bit
    which the answers leave open is guessed like the majority. Much faster than the linear program, and somewhat weaker.
    Raises ValueError for bad arguments.
    """
    questions, answers = _asked(questions, answers)
    noise, share = validate.non_negative(noise=noise), validate.probability(share=share)
    normal = questions.T @ questions
    normal[np.diag_indices_from(normal)] += max(noise**2 / (share * (1 - share)), 1e-6)
    return np.clip(share + np.linalg.solve(normal, questions.T @ (answers - share * questions.sum(axis=1))), 0, 1)


def accuracy(beliefs, secret):
    """Share of the people whose bit is right when beliefs above one half are read as 1.

    beliefs: 1-D float array. secret: the true bits, 0/1 or bool, of the same length. Raises ValueError otherwise.
    """
    beliefs, secret = validate.array(beliefs=beliefs, ndim=1), validate.array(secret=secret, ndim=1)
    validate.same_length(beliefs=beliefs, secret=secret)
    if not np.isin(secret, [0, 1]).all():
        raise ValueError(f"secret must hold only 0 and 1, got {secret!r}")
    return float(np.mean((beliefs > 0.5) == secret))


def ceiling(loss, share):
    """The largest chance with which any attacker can name one person's bit, knowing everybody else's and all the questions.

    loss:   the privacy loss of all the answers together, for two data sets that differ in this bit: an object with a method
            `delta(epsilon)`, such as labkit.dp.accounting.composition.PrivacyLoss. The noise must be symmetric.
    share:  how frequent the bit is, strictly between 0 and 1.
    Returns a number from max(share, 1 - share), the trivial guess, to 1. Guessing "1" on a set of outputs E gains
    share P(E) - (1 - share) Q(E) over always guessing "0", and the most that can be is share * delta(log((1 - share) / share)).
    Raises ValueError for a bad share.
    """
    share = validate.probability(share=share)
    rarer = min(share, 1 - share)
    return (1 - rarer) + rarer * loss.delta(float(np.log((1 - rarer) / rarer)))


def _asked(questions, answers):
    questions = validate.array(questions=questions, ndim=2)
    if not np.isin(questions, [0, 1]).all():
        raise ValueError(f"questions must hold only 0 and 1, got {questions!r}")
    answers = validate.array(answers=answers, ndim=1).astype(float)
    validate.same_length(questions=questions, answers=answers)
    return questions.astype(float), answers
