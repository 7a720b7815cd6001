"""Reconstruction: succeeds where the noise is small against the number of answers, fails where it is large, and knows why."""

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from labkit import datasets
from labkit.attacks import reconstruction
from labkit.attacks.reconstruction import (
    accuracy,
    by_least_squares,
    by_linear_programming,
    ceiling,
    subset_questions,
)
from labkit.dp import geometric
from labkit.dp.accounting.composition import PrivacyLoss, pure_loss

PEOPLE, QUESTIONS, SHARE = 120, 800, 0.24


def target(seed, people=PEOPLE, count=QUESTIONS):
    """A column of real incomes and random questions about it."""
    rng = np.random.default_rng(seed)
    labels = datasets.adult().y
    return labels[rng.choice(len(labels), people, replace=False)], subset_questions(people, count, rng=rng), rng


def noisy_answers(secret, questions, epsilon, rng):
    return geometric(questions @ secret, sensitivity=1, epsilon=epsilon, rng=rng)


def spread(epsilon):
    return math.sqrt(2 * math.exp(-epsilon)) / -math.expm1(-epsilon)


@pytest.mark.parametrize("seed", range(3))
def test_little_noise_gives_everything_away(seed):
    """Noise of 0.86 an answer leaves 2 * 0.86 / sqrt(800 - 120) = 0.07 on a bit; an error is seven deviations off."""
    secret, questions, rng = target(seed)
    answers = noisy_answers(secret, questions, 1.5, rng)
    assert accuracy(by_linear_programming(questions, answers), secret) == 1
    assert accuracy(by_least_squares(questions, answers, noise=spread(1.5), share=SHARE), secret) == 1


@pytest.mark.parametrize("seed", range(3))
def test_much_noise_leaves_the_trivial_guess(seed):
    """At 1/300 an answer the ceiling is within a hundredth of a point of the trivial guess; the fast attack falls back on it."""
    secret, questions, rng = target(seed)
    answers = noisy_answers(secret, questions, 1 / 300, rng)
    trivial = max(secret.mean(), 1 - secret.mean())
    assert ceiling(pure_loss(1 / 300).composed(QUESTIONS), secret.mean()) < trivial + 1e-4
    assert accuracy(by_least_squares(questions, answers, noise=spread(1 / 300), share=SHARE), secret) == trivial
    # The linear program does not know the base rate: over 60 seeds it had 58 % right, deviation 7.4 points. 90 % is four off.
    assert accuracy(by_linear_programming(questions, answers), secret) < 0.9


def test_answers_about_others_tell_nothing():
    secret, questions, rng = target(5)
    others = rng.permutation(secret)
    belief = by_least_squares(questions, questions @ others, noise=0, share=SHARE)
    assert accuracy(belief, others) == 1
    # Two random columns with 24 % ones agree in 64 % of 120 places, deviation 4.6 points; 85 % is four and a half off.
    assert accuracy(belief, secret) < 0.85


def test_the_attacks_never_beat_the_ceiling():
    """20 populations of 120 at a middling noise: the mean accuracy of 2,400 bits, 5 deviations (1 point each) above it."""
    epsilon, found = 0.12, {"programme": [], "squares": []}
    for seed in range(20):
        secret, questions, rng = target(100 + seed, count=300)
        answers = noisy_answers(secret, questions, epsilon, rng)
        found["programme"].append(accuracy(by_linear_programming(questions, answers), secret))
        found["squares"].append(accuracy(by_least_squares(questions, answers, noise=spread(epsilon), share=SHARE), secret))
    best = ceiling(pure_loss(epsilon).composed(190), SHARE)  # nobody is in more than 190 of 300 questions
    assert 0.78 < best < 0.95
    for name, each in found.items():
        assert np.mean(each) < best + 0.05, name
    assert np.mean(found["squares"]) > 1 - SHARE - 0.05


def test_more_answers_overcome_more_noise():
    few, many = [], []
    for seed in range(5):
        secret, questions, rng = target(seed, count=3_000)
        answers = noisy_answers(secret, questions, 0.15, rng)
        few.append(accuracy(by_least_squares(questions[:150], answers[:150], noise=spread(0.15), share=SHARE), secret))
        many.append(accuracy(by_least_squares(questions, answers, noise=spread(0.15), share=SHARE), secret))
    # Over 60 seeds: 94 % (deviation of the mean of five 0.8 points) and 77 % (1.5 points). Both bounds are 4.8 or more off.
    assert np.mean(many) > 0.9 > 0.86 > np.mean(few)


def test_bounded_errors_however_chosen_reconstruct():
    """Dinur and Nissim's setting: errors of at most 1, not random, even adversarially of one sign on half the questions."""
    secret, questions, _ = target(7)
    answers = questions @ secret + np.where(np.arange(QUESTIONS) % 2, 1, -1)
    assert accuracy(by_linear_programming(questions, answers), secret) > 0.95


def test_the_linear_program_is_solved_to_optimality():
    """The dual's prices reach the optimum of the primal, written out in full."""
    rng = np.random.default_rng(8)
    questions = subset_questions(12, 40, rng=rng)
    answers = questions @ rng.integers(0, 2, 12) + rng.normal(0, 3, 40)
    matrix = questions.astype(float)
    primal = linprog(np.r_[np.zeros(12), np.ones(40)], b_ub=np.r_[answers, -answers],
                     A_ub=np.block([[matrix, -np.eye(40)], [-matrix, -np.eye(40)]]), bounds=[(0, 1)] * 12 + [(0, None)] * 40)
    assert np.abs(matrix @ by_linear_programming(questions, answers) - answers).sum() == pytest.approx(primal.fun, rel=1e-7)


def test_differencing_reads_exact_answers_and_not_noisy_ones_unless_repeated():
    secret, _, rng = target(9)

    def noisy(group):
        return secret[group].sum() + rng.normal(0, 3)

    asked = []
    exact = reconstruction.differencing(lambda group: asked.append(group) or secret[group].sum(), PEOPLE)
    assert accuracy(exact, secret) == 1 and np.array_equal(exact, secret)
    assert len(asked) == PEOPLE + 1 and min(group.sum() for group in asked) == PEOPLE - 1
    # However the noise of the answer about everybody falls, 77 % are right at the most on average, deviation 4 points.
    assert accuracy(reconstruction.differencing(noisy, PEOPLE), secret) < 0.93
    # The average of 2,500 leaves 0.085, six deviations within the half that matters.
    assert accuracy(reconstruction.differencing(noisy, PEOPLE, repeats=2_500), secret) == 1


def test_the_ceiling_is_reached_by_the_attacker_who_weighs_the_odds():
    """One answer about one person, by counting outputs: report "1" where its odds exceed the prior odds."""
    epsilon, share, k = 2.5, 0.3, np.arange(-80, 81)
    with_bit = np.exp(-epsilon * abs(k - 1)) * math.tanh(epsilon / 2)
    without = np.exp(-epsilon * abs(k)) * math.tanh(epsilon / 2)
    best = np.maximum(share * with_bit, (1 - share) * without).sum()
    assert ceiling(pure_loss(epsilon), share) == pytest.approx(best, abs=1e-12)
    assert best > 1 - share + 0.1


def test_the_ceiling_at_its_ends():
    assert ceiling(pure_loss(1e-9), 0.3) == pytest.approx(0.7)
    assert ceiling(pure_loss(50), 0.3) == pytest.approx(1)
    assert ceiling(PrivacyLoss(0.0, 1.0, np.array([0.0]), 1.0), 0.3) == 1  # all is lost for certain
    assert ceiling(pure_loss(1.3), 0.3) == pytest.approx(ceiling(pure_loss(1.3), 0.7))


def test_questions_are_fair_coins():
    questions = subset_questions(200, 500, rng=np.random.default_rng(10))
    assert questions.shape == (500, 200) and questions.dtype == bool
    assert abs(questions.mean() - 0.5) < 5 * 0.5 / math.sqrt(100_000)  # 5 deviations: once in two million seeds
    assert not np.array_equal(subset_questions(50, 5), subset_questions(50, 5))


Q, A = np.eye(3), np.ones(3)
BAD_QUESTIONS = [[], [1, 0], [[0.5, 1]], [[math.nan, 1]], [[2, 0]], "10", None]
BAD_ANSWERS = [[], [1.0], [1, 2, math.nan], [[1, 2, 3]], ["a", "b", "c"], None]


@pytest.mark.parametrize("call, name", [
    *[(lambda value=value: subset_questions(value, 3), "people") for value in (0, -1, 2.0, math.nan, None)],
    *[(lambda value=value: subset_questions(3, value), "count") for value in (0, -1, 2.0, "3")],
    (lambda: subset_questions(3, 3, rng=7), "rng"),
    *[(lambda value=value: by_linear_programming(value, A), "questions") for value in BAD_QUESTIONS],
    *[(lambda value=value: by_linear_programming(Q, value), "answers") for value in BAD_ANSWERS],
    *[(lambda value=value: by_least_squares(value, A, noise=1, share=0.5), "questions") for value in BAD_QUESTIONS],
    *[(lambda value=value: by_least_squares(Q, value, noise=1, share=0.5), "answers") for value in BAD_ANSWERS],
    *[(lambda value=value: by_least_squares(Q, A, noise=value, share=0.5), "noise") for value in (-1, math.nan, math.inf, "1")],
    *[(lambda value=value: by_least_squares(Q, A, noise=1, share=value), "share") for value in (0, 1, -1, math.nan, None)],
    *[(lambda value=value: ceiling(pure_loss(1), value), "share") for value in (0, 1, -1, math.nan, None)],
    *[(lambda value=value: accuracy(value, [0, 1]), "beliefs") for value in ([], [math.nan, 1], [[0, 1]], "01", [0.5])],
    *[(lambda value=value: accuracy([0.1, 0.9], value), "secret") for value in ([], [0, 2], [0, math.nan], None, [1])],
    *[(lambda value=value: reconstruction.differencing(sum, value), "people") for value in (0, 1, 2.5, math.nan)],
    *[(lambda value=value: reconstruction.differencing(sum, 3, repeats=value), "repeats") for value in (0, -1, 1.5)],
    (lambda: reconstruction.differencing("ask", 3), "ask"),
])
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()
