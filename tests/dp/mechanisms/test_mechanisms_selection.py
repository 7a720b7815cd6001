"""Mechanisms that choose: their exact probabilities, and arguments."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from labkit import dp

RARE = 1e-6  # each statistical test below fails by chance once in a million seeds


def seeded():
    return np.random.default_rng(22)


def exponential_probabilities(scores, epsilon, sensitivity=1):
    weights = np.exp(epsilon * (np.array(scores) - max(scores)) / (2 * sensitivity))
    return weights / weights.sum()


def permute_and_flip_probabilities(scores, epsilon, sensitivity=1):
    """By going through every order of the candidates."""
    heads = np.exp(epsilon * (np.array(scores) - max(scores)) / (2 * sensitivity))
    orders = list(itertools.permutations(range(len(scores))))
    won = np.zeros(len(scores))
    for order in orders:
        still = 1.0
        for candidate in order:
            won[candidate] += still * heads[candidate] / len(orders)
            still *= 1 - heads[candidate]
    return won


# --- randomised response


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("categories", [2, 3, 10])
@pytest.mark.parametrize("rng", [seeded, lambda: None], ids=["seeded", "system"])
def test_randomised_response_tells_the_truth_as_often_as_it_may(epsilon, categories, rng):
    truth = categories - 1
    reports = dp.randomised_response(np.full(30_000, truth), epsilon=epsilon, categories=categories, rng=rng())
    lie = 1 / (math.exp(epsilon) + categories - 1)
    expected = np.full(categories, lie)
    expected[truth] = math.exp(epsilon) * lie
    assert stats.chisquare(np.bincount(reports, minlength=categories), expected * 30_000).pvalue > RARE


def test_reports_have_the_shape_and_type_of_the_answers():
    for answers in (np.array([True, False]), np.zeros((2, 3), np.uint8), np.ones(4, np.int32)):
        reports = dp.randomised_response(answers, epsilon=1, rng=seeded())
        assert (reports.shape, reports.dtype) == (answers.shape, answers.dtype)
    assert type(dp.randomised_response(True, epsilon=1)) is bool
    assert type(dp.randomised_response(1, epsilon=1)) is int
    assert dp.randomised_response(1, epsilon=1000) == 1


def test_people_lie_independently():
    first, second = dp.randomised_response(np.ones((40_000, 2), int), epsilon=1, rng=seeded()).T
    # the correlation of independent reports exceeds 5 standard errors once in 1.7 million
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(40_000)


def test_estimated_shares_are_unbiased_and_sum_to_one():
    answers = np.repeat([0, 1, 2, 3], [10_000, 20_000, 30_000, 40_000])
    estimate = dp.estimated_shares(dp.randomised_response(answers, epsilon=1, categories=4, rng=seeded()), epsilon=1,
                                   categories=4)
    assert estimate.sum() == pytest.approx(1)
    # standard error about 0.006 each; six of them are exceeded once in 500 million
    assert np.abs(estimate - [0.1, 0.2, 0.3, 0.4]).max() < 0.04
    assert dp.estimated_shares([1, 1, 0, 1], epsilon=5000) == pytest.approx([0.25, 0.75])


# --- picking the best

SCORES = [0.0, 1.0, 2.5, 2.0]


@pytest.mark.parametrize("rng", [seeded, lambda: None], ids=["seeded", "system"])
@pytest.mark.parametrize("epsilon, sensitivity", [(0.5, 1), (2.0, 1), (2.0, 0.25)])
def test_exponential_has_its_exact_probabilities(epsilon, sensitivity, rng):
    rng = rng()
    won = [dp.exponential(SCORES, sensitivity=sensitivity, epsilon=epsilon, rng=rng) for _ in range(3000)]
    expected = 3000 * exponential_probabilities(SCORES, epsilon, sensitivity)
    kept = expected > 5
    counts = np.bincount(won, minlength=4)
    assert stats.chisquare(counts[kept], expected[kept] * counts[kept].sum() / expected[kept].sum()).pvalue > RARE


@pytest.mark.parametrize("rng", [seeded, lambda: None], ids=["seeded", "system"])
@pytest.mark.parametrize("epsilon", [0.5, 2.0])
def test_report_noisy_max_has_the_probabilities_of_permute_and_flip(epsilon, rng):
    rng = rng()
    won = [dp.report_noisy_max(SCORES, sensitivity=1, epsilon=epsilon, rng=rng) for _ in range(3000)]
    expected = 3000 * permute_and_flip_probabilities(SCORES, epsilon)
    assert stats.chisquare(np.bincount(won, minlength=4), expected).pvalue > RARE


def test_permute_and_flip_is_noisy_max_with_exponential_noise():
    noise = seeded().exponential(scale=2 / 1.5, size=(200_000, 4))
    won = np.bincount(np.argmax(SCORES + noise, axis=1), minlength=4)
    assert stats.chisquare(won, 200_000 * permute_and_flip_probabilities(SCORES, 1.5)).pvalue > RARE


@pytest.mark.parametrize("probabilities", [exponential_probabilities, permute_and_flip_probabilities])
def test_the_worst_ratio_over_neighbouring_scores_stays_within_epsilon(probabilities):
    epsilon, worst = 1.0, 0.0
    for scores in itertools.product([0, 1, 3], repeat=4):
        for change in itertools.product([-1, 0, 1], repeat=4):
            p, q = probabilities(scores, epsilon), probabilities(np.add(scores, change), epsilon)
            worst = max(worst, np.abs(np.log(p / q)).max())
    assert 0.6 < worst <= epsilon + 1e-9


def test_noisy_max_is_never_worse_on_average_than_exponential():
    for scores in itertools.product([0, 1, 3, 6], repeat=4):
        flip = permute_and_flip_probabilities(scores, 1.0) @ scores
        assert flip >= exponential_probabilities(scores, 1.0) @ scores - 1e-12


@pytest.mark.parametrize("pick", [dp.exponential, dp.report_noisy_max])
def test_a_choice_is_a_python_int_and_repeats_with_a_seed(pick):
    picks = [[pick(SCORES, sensitivity=1, epsilon=1, rng=rng) for _ in range(30)] for rng in (seeded(), seeded())]
    assert picks[0] == picks[1] and type(picks[0][0]) is int
    assert pick([3], sensitivity=1, epsilon=1) == 0
    assert pick(np.arange(3000), sensitivity=1, epsilon=1000) == 2999
    assert pick([-1e300, 1e300, 1e-300], sensitivity=1, epsilon=1) == 1  # no overflow


# --- arguments

NAN, INF = float("nan"), float("inf")
NOT_POSITIVE = [0, -1, NAN, INF, "1", None, True, [1]]
NO_SCORES = [[], [NAN], [1, INF], 5, [[1, 2]], "best", None, [[1], [1, 2]]]
NO_ANSWERS = [[], [2], [-1], [0.0, 1.0], [NAN], ["yes"], None, 7]
BAD = [
    (dp.randomised_response, dict(answers=[0, 1], epsilon=1),
     dict(answers=NO_ANSWERS, epsilon=NOT_POSITIVE, categories=[1, 0, 2.0, None], rng=[0])),
    (dp.estimated_shares, dict(reports=[0, 1], epsilon=1),
     dict(reports=NO_ANSWERS, epsilon=NOT_POSITIVE, categories=[1, 0, 2.0, None])),
    (dp.exponential, dict(scores=[1, 2], sensitivity=1, epsilon=1),
     dict(scores=NO_SCORES, sensitivity=NOT_POSITIVE, epsilon=NOT_POSITIVE, rng=[0])),
    (dp.report_noisy_max, dict(scores=[1, 2], sensitivity=1, epsilon=1),
     dict(scores=NO_SCORES, sensitivity=NOT_POSITIVE, epsilon=NOT_POSITIVE, rng=[0])),
]
CASES = [(call, {**good, name: bad}, name) for call, good, table in BAD for name, bads in table.items() for bad in bads]


@pytest.mark.parametrize("call, arguments, name", CASES, ids=[f"{c.__name__}-{n}-{a[n]!r}"[:60] for c, a, n in CASES])
def test_bad_arguments_are_refused_by_name(call, arguments, name):
    positional = [arguments.pop(first) for first in ("answers", "reports", "scores") if first in arguments]
    with pytest.raises(ValueError, match=name):
        call(*positional, **arguments)


@pytest.mark.parametrize("call, good", [(call, good) for call, good, _ in BAD], ids=[call.__name__ for call, *_ in BAD])
def test_the_good_arguments_of_that_table_are_accepted(call, good):
    good = dict(good)
    call(*[good.pop(first) for first in ("answers", "reports", "scores") if first in good], **good)


@pytest.mark.parametrize("dtype, categories", [(bool, 3), (np.uint8, 300), (np.int8, 200), (np.uint8, 256), (np.int8, 128), (bool, 2)])
def test_reports_of_a_narrow_type_name_every_category(dtype, categories):
    """Where the answers' type cannot hold a category, the reports have a wider one: each is told about equally often."""
    answers = np.ones(categories * 100, dtype)
    reports = dp.randomised_response(answers, epsilon=1e-6, categories=categories, rng=seeded())
    counts = np.bincount(reports.astype(np.int64), minlength=categories)
    assert reports.min() == 0 and reports.max() == categories - 1 and len(counts) == categories
    assert np.abs(counts - 100).max() < 60  # six standard deviations of 10, at most 300 counts
    assert (reports.dtype == dtype) == (categories <= {bool: 2, np.uint8: 256, np.int8: 128}[dtype])
    likely = dp.randomised_response(answers[:20], epsilon=50, categories=categories, rng=seeded())
    assert likely.dtype == reports.dtype and (likely == 1).all()
