"""Exercises of lab 15b, forgetting."""

import numpy as np

from labkit.dp import gaussian_epsilon, gaussian_mu
from labkit.exercises.choices import one_letter
from labkit.lab import Checks
from labkit.unlearning import rank_exposure, two_sided_exposure

check = Checks()


def _judge_both_ends(answer):
    if not callable(answer):
        return f"expected a function of scores and mine, you gave {answer!r}"
    rng = np.random.default_rng(0)
    cases = [(np.arange(8.0), 7), (np.arange(8.0), 0), (np.arange(8.0), 3), (np.ones(5), 2), (np.r_[np.zeros(6), 1, 1], 6)]
    cases += [(rng.integers(0, 40, 100).astype(float), int(place)) for place in rng.integers(0, 100, 20)]
    for scores, mine in cases:
        expected, given = two_sided_exposure(scores, mine), float(answer(scores, mine))
        if not abs(given - expected) < 1e-6:
            below, same = int((scores < scores[mine]).sum()), int((scores == scores[mine]).sum()) - 1
            return (f"expected {expected:.3f} bits among {len(scores)} candidates of which {below} score lower than yours and {same} "
                    f"the same, you gave {given:.3f}")
    return None


check.add("both ends", judge=_judge_both_ends,
          wrong=[3.0, rank_exposure, lambda scores, mine: max(rank_exposure(scores, mine), rank_exposure(-scores, mine)),
                 lambda scores, mine: max(rank_exposure(scores, mine), rank_exposure(-scores, mine)) - 1,
                 lambda scores, mine: max(0, np.log2(len(scores)) - 1 - np.log2(
                     1 + min((scores > scores[mine]).sum(), (scores < scores[mine]).sum())))],
          hint="Count those with at least your score, and those with at most your score; the smaller of the two is the number of the guess "
               "from the better end.")


def _judge_share(answer):
    if not callable(answer):
        return f"expected a function of requests and shards, you gave {answer!r}"
    for requests, shards in [(1, 10), (10, 10), (0, 4), (3, 1), (50, 20), (2, 4)]:
        expected, given = 1 - (1 - 1 / shards) ** requests, float(answer(requests, shards))
        if not abs(given - expected) < 1e-6:
            return f"expected {expected:.3f} for {requests} requests and {shards} shards, you gave {given:.3f}"
    return None


check.add("a day's requests", judge=_judge_share,
          wrong=[0.1, lambda requests, shards: 1 / shards, lambda requests, shards: min(1, requests / shards),
                 lambda requests, shards: (1 - 1 / shards) ** requests, lambda requests, shards: 1 - (1 / shards) ** requests],
          hint="A pile is left alone if each request misses it. With which chance does one request miss it?")


def _judge_removals(answer):
    if not callable(answer):
        return f"expected a function of charges and budget, you gave {answer!r}"
    for charges, budget in [([1, 1, 1], 2.5), ([1, 1, 1], 3), ([4, 1, 1], 3), ([1, 4, 1], 3), ([], 1), ([0.5] * 9, 2)]:
        expected, given = int((np.cumsum(charges) <= budget).sum()), answer(charges, budget)
        if given != expected:
            return f"expected {expected} for the charges {charges} and the budget {budget}, you gave {given}"
    return None


def _skipping(charges, budget):
    spent = covered = 0
    for charge in charges:
        if spent + charge <= budget:
            spent, covered = spent + charge, covered + 1
    return covered


check.add("removals", judge=_judge_removals,
          wrong=[2, lambda charges, budget: int((np.array(charges) <= budget).sum()), _skipping,
                 lambda charges, budget: int((np.cumsum(charges) < budget).sum()), lambda charges, budget: len(charges)],
          hint="What matters is the sum of all charges so far; after the first refusal nothing more is removed.")

check.add("a family of four", expected=gaussian_epsilon(mu=4 * gaussian_mu(epsilon=2, delta=1e-5), delta=1e-5), tolerance=0.05,
          wrong=[8, 2, 4, gaussian_epsilon(mu=2 * gaussian_mu(epsilon=2, delta=1e-5), delta=1e-5), 0.5],
          hint="Turn epsilon into mu, the distance of the two normal distributions; four people move it four times as far.")

_judge_request = one_letter("C", {
    "A": "a loss like a stranger's left the PIN exposed, and two models side by side tell more than one",
    "B": "the difference between the old model and the new one points at what was erased",
    "D": "the model still knows it, and a filter on words is passed by other words"})

check.add("the request", judge=_judge_request, wrong=["A", "B", "D", "none", 3],
          hint="Is what you do exact? Has anybody looked? And who can still compare before with after?")
