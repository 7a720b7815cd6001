"""The six published sparse-vector algorithms that Lyu, Su and Li (PVLDB 2017, figure 1) compared, each claiming epsilon.

`answers` are exact counts, one per question, and the threshold is 0. A function makes many independent runs; it gives 1 for
above, 0 for below (variant 3: a number for above, NaN for below), and -1 (NaN) after the end. When a person is added each count
stays or grows by 1, and then noise for `most` shifts is enough; when a person is replaced some counts may grow while others
shrink, and it must be noise for twice as many. Variants 1 and 2 have that; they keep their claim for both relations.
"""

import numpy as np

from labkit.dp.mechanisms.sparse_vector import end_after
from labkit.dp.zoo.answers import ADD, REPLACE
from labkit.dp.zoo.specimen import AuditSetting, Specimen

MANY = 100


def variant_1(answers, runs, rng, *, epsilon, delta, most=1):
    threshold = rng.laplace(scale=2 / epsilon, size=(runs, 1))
    noise = rng.laplace(scale=4 * most / epsilon, size=(runs, len(answers)))
    return end_after(answers + noise >= threshold, most)


def variant_2(answers, runs, rng, *, epsilon, delta, most=1):
    threshold = rng.laplace(scale=2 * most / epsilon, size=(runs, most + 1))
    noise = rng.laplace(scale=4 * most / epsilon, size=(runs, len(answers)))
    said, counted = np.empty(noise.shape, int), np.zeros(runs, int)
    for question, answer in enumerate(answers):  # each "above" renews the threshold's noise
        said[:, question] = answer + noise[:, question] >= threshold[np.arange(runs), counted]
        counted = np.minimum(counted + said[:, question], most)
    return end_after(said, most)


def variant_3(answers, runs, rng, *, epsilon, delta, most=1):
    threshold = rng.laplace(scale=2 / epsilon, size=(runs, 1))
    noise = rng.laplace(scale=2 * most / epsilon, size=(runs, len(answers)))
    said = end_after(answers + noise >= threshold, most)
    return np.where(said == 1, answers + noise, np.nan)


def variant_3_repaired(answers, runs, rng, *, epsilon, delta, most=1):
    threshold = rng.laplace(scale=2 / epsilon, size=(runs, 1))
    noise = rng.laplace(scale=2 * most / epsilon, size=(runs, len(answers)))
    said = end_after(answers + noise >= threshold, most)
    return np.where(said == 1, 1, np.nan)


def variant_4(answers, runs, rng, *, epsilon, delta, most=1):
    threshold = rng.laplace(scale=4 / epsilon, size=(runs, 1))
    noise = rng.laplace(scale=4 / (3 * epsilon), size=(runs, len(answers)))
    return end_after(answers + noise >= threshold, most)


def variant_4_repaired(answers, runs, rng, *, epsilon, delta, most=1):
    threshold = rng.laplace(scale=4 / epsilon, size=(runs, 1))
    noise = rng.laplace(scale=2 * most * 4 / (3 * epsilon), size=(runs, len(answers)))
    return end_after(answers + noise >= threshold, most)


def variant_5(answers, runs, rng, *, epsilon, delta):
    threshold = rng.laplace(scale=2 / epsilon, size=(runs, 1))
    noise = 0
    return (answers + noise >= threshold).astype(int)


def variant_5_repaired(answers, runs, rng, *, epsilon, delta):
    threshold = rng.laplace(scale=2 / epsilon, size=(runs, 1))
    noise = rng.laplace(scale=4 * len(answers) / epsilon, size=(runs, len(answers)))
    return (answers + noise >= threshold).astype(int)


def variant_6(answers, runs, rng, *, epsilon, delta):
    threshold = rng.laplace(scale=2 / epsilon, size=(runs, 1))
    noise = rng.laplace(scale=2 / epsilon, size=(runs, len(answers)))
    return (answers + noise >= threshold).astype(int)


def variant_6_repaired(answers, runs, rng, *, epsilon, delta):
    threshold = rng.laplace(scale=2 / epsilon, size=(runs, 1))
    noise = rng.laplace(scale=4 * len(answers) / epsilon, size=(runs, len(answers)))
    return (answers + noise >= threshold).astype(int)


def half_against_half(said):
    """How many more "above" in the first half of the questions, about the person, than in the second."""
    half = said.shape[1] // 2
    return (said[:, :half] == 1).sum(axis=1) - (said[:, half:] == 1).sum(axis=1)


def silence_against_value(said, unit=2 / 2.5):
    """How long it stayed silent, on the scale of the noise, against how large a value then broke the silence."""
    spoke = ~np.isnan(said)
    first = np.where(spoke.any(axis=1), spoke.argmax(axis=1), 0)
    value = said[np.arange(len(said)), first]
    return np.where(np.isnan(value), -99.0, unit * np.log(first + 1) - np.nan_to_num(value))


HALF_MINE = np.repeat([1, 0], MANY), np.zeros(2 * MANY)  # the first hundred questions count the person, the rest do not
ALL_MINE = np.full(3 * MANY, -1.0), np.full(3 * MANY, -2.0)
ONE_QUESTION = np.array([1.0]), np.array([0.0])
TWO_QUESTIONS = np.array([1.0, 0.0]), np.array([0.0, 0.0])


def _hundreds(epsilon=1.0, **options):
    return AuditSetting("200 questions: the first 100 count the person, the others do not.", epsilon, 0.0, HALF_MINE,
                   half_against_half, options=options)


def _one_question(epsilon=1.0, **options):
    return AuditSetting("A single question.", epsilon, 0.0, ONE_QUESTION, lambda said: np.nan_to_num(said[:, 0], nan=-9),
                   options=options)


_FIVE = AuditSetting("Five questions: the person pushes four answers down and one up. Silent four times, then above?", 4.0, 0.0,
                (np.array([-1, -1, -1, -1, 0]), np.array([0, 0, 0, 0, -1])),
                lambda said: (said == [0, 0, 0, 0, 1]).all(axis=1).astype(int))

SPECIMENS = (
    Specimen("Sparse vector 1", "", "", REPLACE, variant_1, None, look=_FIVE),
    Specimen("Sparse vector 2", "", "", REPLACE, variant_2, None, look=_FIVE),
    Specimen(
        "Sparse vector 3",
        "It publishes the noisy count itself. That tells where the hidden threshold is not, and each silence then says more.",
        "Say only that it was above.", ADD, variant_3, variant_3_repaired,
        look=AuditSetting("300 questions about the person's group: how long was it silent, and which value broke the silence?", 2.5, 0.0,
                     ALL_MINE, silence_against_value),
        overlook=_one_question(2.5)),
    Specimen(
        "Sparse vector 4",
        "The noise of the answers does not grow with how often it may say 'above'. Private, but with (1 + 3 most) / 4 times the "
        "epsilon that it claims, and up to (1 + 6 most) / 4 when counts may also shrink.",
        "Noise of the answers for 2 most.", ADD, variant_4, variant_4_repaired,
        look=_hundreds(most=50), overlook=_one_question(most=1)),
    Specimen(
        "Sparse vector 5",
        "No noise on the answers, and no end: two equal counts always get the same answer.",
        "Noise on each answer, for as many 'above' as there are questions.", ADD, variant_5, variant_5_repaired,
        look=AuditSetting("Two questions: the first counts the person, the second does not.", 1.0, 0.0, TWO_QUESTIONS, half_against_half),
        overlook=_one_question()),
    Specimen(
        "Sparse vector 6",
        "No end: noise for a single 'above', spent on any number of them.",
        "Noise for as many 'above' as there are questions.", ADD, variant_6, variant_6_repaired,
        look=_hundreds(), overlook=_one_question()),
)
