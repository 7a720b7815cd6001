"""Exercises of lab 14b, text with a privacy budget."""

import numpy as np

from labkit.dp.accounting.groups import epsilon_of_group
from labkit.exercises.choices import one_letter, set_of_letters
from labkit.lab import Checks

check = Checks()


def _five_records(answer):
    right = epsilon_of_group(noise_multiplier=2, sample_rate=0.1, steps=50, delta=1e-4, count=5)
    given = float(answer)
    return None if abs(given / right - 1) <= 0.03 else f"expected {right:.3g} (within 3 %), you gave {given:.3g}"


check.add("a user with five records", judge=_five_records, wrong=[1.75, 5 * 1.75, 5, 0.35, 100],
          hint="Each step moves by a binomial number of clip bounds: of 5 records each is drawn with chance 0.1. "
               "k times the epsilon of one record is not it.")


def _one_vote(function):
    rng = np.random.default_rng(0)
    for people in ([3, 3, 3, 8], [1, 2, 3], rng.integers(6, size=40).tolist()):
        choices = rng.integers(100, size=len(people))
        votes = np.asarray(function(people, choices)).tolist()
        if len(votes) != len(set(people)):
            return f"expected {len(set(people))} votes from {len(people)} reviews of {len(set(people))} people, you gave {len(votes)}"
        left = list(votes)
        for person in sorted(set(people), key=people.count):
            own = {int(choice) for who, choice in zip(people, choices) if who == person} & set(left)
            if not own:
                return f"expected a vote that each person cast, you gave {votes} for the choices {choices.tolist()} of {people}"
    return None


check.add("one vote a person", judge=_one_vote,
          hint="dp.bounded(people, contributions=1) says which records to keep.",
          wrong=[lambda people, choices: choices, lambda people, choices: choices[:1], lambda people, choices: sorted(set(choices.tolist())),
                 lambda people, choices: [0] * len(set(people)), 3])



def _user_sum(function):
    rng = np.random.default_rng(1)
    for bound in (0.5, 3.0):
        gradients, users = rng.normal(size=(12, 5)) * 2, np.array([4, 1, 4, 4, 2, 1, 4, 7, 7, 4, 4, 2])
        means = np.stack([gradients[users == user].mean(axis=0) for user in np.unique(users)])
        expected = (means * np.minimum(1, bound / np.linalg.norm(means, axis=1, keepdims=True))).sum(axis=0)
        given = np.asarray(function(gradients, users, bound), float)
        if given.shape != (5,):
            return f"expected one sum with an entry for each weight, shape (5,), you gave shape {given.shape}"
        if not np.allclose(given, expected):
            return (f"expected a sum of length {np.linalg.norm(expected):.4g} for 12 records of 4 users and a clip bound of {bound:g}, "
                    f"you gave one of length {np.linalg.norm(given):.4g}")
    return None


def _clipped(rows, bound):
    return rows * np.minimum(1, bound / np.linalg.norm(rows, axis=1, keepdims=True))


check.add("a sum that hides users", judge=_user_sum,
          hint="First one mean for each user, then clip each of these, then add them up.",
          wrong=[lambda gradients, users, bound: _clipped(gradients, bound).sum(axis=0),
                 lambda gradients, users, bound: np.sum([gradients[users == each].mean(axis=0) for each in set(users.tolist())], axis=0),
                 lambda gradients, users, bound: _clipped(np.stack([gradients[users == each].sum(axis=0) for each in set(users.tolist())]),
                                                          bound).sum(axis=0),
                 lambda gradients, users, bound: _clipped(gradients, bound), 3])

FREE = {"c", "e"}
WHY = {
    "a": "without privacy the generator repeats single visitors, and a code that stood there once was among its first guesses",
    "b": "exact counts told every voter to whoever knows the rest",
    "c": "every cell has its noise, and a person moves one cell by one",
    "d": "where nobody voted the 0 is exact, and where one person did it is not: the noise itself tells of the person",
    "e": "drawing rows from what was released looks at nothing else",
    "f": "twenty votes were taken, and which was best is known from private data too",
}

check.add("what may go out", judge=set_of_letters(FREE, WHY), wrong=[set(), {"a", "c", "e"}, {"c", "d", "e"}, {"c"}, {"c", "e", "f"}, "cez"],
          hint="For each, ask: if one visitor had stayed away, is anything more different than the noise on one count can hide?")

check.add("the hospital", wrong=["A", "B", "C", "both", 4],
          judge=one_letter("D", {"A": "its texts are the letters: that was the first accident",
                                 "B": "the promise would be to a letter, and a patient has several",
                                 "C": "that is right for tasks nobody knows yet and for reading; here one known task is trained once"}),
          hint="One known task, trained once: look at the first table of what it costs. And whose privacy is it?")
