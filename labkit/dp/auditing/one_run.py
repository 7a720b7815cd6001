"""Audits from one single run: a thousand coins at once in place of a thousand runs.

Training a model thousands of times is out of reach for most models. Instead plant many *canaries*, records made to be
noticed, each in or out of the data by its own coin. Run once, and guess from the result which coins came up heads. Privacy
bounds how many guesses can be right: at epsilon 0 half of them, and at epsilon each is right with probability at most
e^epsilon / (1 + e^epsilon), as if it had been answered by randomised response. More right guesses refute the epsilon.

    found = one_run_bound(scores, members, delta=1e-5)
    found.epsilon, found.correct, found.guesses

Source: Steinke, Nasr, Jagielski, "Privacy Auditing with One (1) Training Run", NeurIPS 2023 (arXiv:2305.08846), theorem 5.2.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from labkit import validate

SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)  # of the canaries that are guessed about; each is tried
_HIGHEST = 40.0  # no number of canaries shows a larger epsilon


@dataclass(frozen=True)
class OneRunBound:
    """Epsilon is at least this, at this delta and confidence: so many guesses were right."""

    epsilon: float
    delta: float
    confidence: float
    guesses: int
    correct: int
    canaries: int

    def __str__(self):
        return (f"with {100 * self.confidence:.6g} % confidence epsilon is at least {self.epsilon:.3g} at delta {self.delta:g} "
                f"({self.correct} of {self.guesses} guesses right, {self.canaries} canaries, one run)")


def one_run_bound(scores, members, *, delta: float = 0.0, confidence=0.95, guesses=None):
    """A lower confidence bound on epsilon from one run with many canaries.

    scores:      one number per canary, array (m,): higher where it looks more as if the canary was in the data. Any function
                 of the run's output; it must not use `members`.
    members:     bool (m,): whether each was in, decided by independent fair coins before the run.
    delta:       the delta of the claim, from 0 to below 1.
    confidence:  how often such a bound is right, between 0 and 1.
    guesses:     how many to guess: the highest-scored half of them are called in, the lowest-scored half out, the rest
                 skipped. A whole number from 2 to m, or a list of such; fixed without looking at `members`. With several the
                 confidence is shared out (Bonferroni). None: six shares of m, from a fiftieth to four fifths.
    Returns a OneRunBound, the best of those tried. Neighbouring: one canary added or removed.
    Raises ValueError for scores that are not finite, members that are not bool, unequal lengths, or bad delta, confidence
    or guesses.
    """
    scores, members = validate.array(scores=scores, ndim=1), validate.array(members=members, ndim=1)
    if members.dtype != bool:
        raise ValueError(f"members must be an array of True and False, got dtype {members.dtype}")
    m = validate.same_length(scores=scores, members=members)
    if m < 2:
        raise ValueError(f"scores must hold at least 2 canaries, got {m}")
    if validate.non_negative(delta=delta) >= 1:
        raise ValueError(f"delta must be from 0 to below 1, got {delta!r}")
    error = 1 - validate.probability(confidence=confidence)
    tried = _halves(guesses, m)
    mixed = np.random.default_rng(0).permutation(m)  # so that ties are broken without looking at members
    order = mixed[np.argsort(-scores[mixed], kind="stable")]
    best = None
    for half in tried:
        correct = int(members[order[:half]].sum() + (~members[order[-half:]]).sum())
        epsilon = _smallest_epsilon(m, 2 * half, correct, delta, error / len(tried))
        if best is None or epsilon > best.epsilon:
            best = OneRunBound(epsilon, delta, confidence, 2 * half, correct, m)
    return best


def chance_of_as_many(correct, *, guesses, canaries, epsilon, delta=0.0):
    """The most likely that (epsilon, delta)-privacy makes `correct` or more right guesses: a p-value for the claim.

    correct, guesses, canaries:  whole numbers, 0 <= correct <= guesses <= canaries.
    epsilon, delta:              the claim; epsilon >= 0, delta from 0 to below 1.
    Returns a probability. Raises ValueError for arguments out of range.
    """
    canaries = validate.integer(canaries=canaries, at_least=1)
    guesses = validate.integer(guesses=guesses, at_least=1, at_most=canaries)
    correct = validate.integer(correct=correct, at_least=0, at_most=guesses)
    if validate.non_negative(delta=delta) >= 1:
        raise ValueError(f"delta must be from 0 to below 1, got {delta!r}")
    honest = 1 / (1 + math.exp(-validate.non_negative(epsilon=epsilon)))  # how often one guess can be right
    chance = float(binom.sf(correct - 1, guesses, honest))
    if delta and correct:
        # Delta may lift the count from correct - i to correct, at a price that grows with i: take the best such i.
        steps = np.arange(1, correct + 1)
        lifted = np.cumsum(binom.pmf(correct - steps, guesses, honest))
        chance += 2 * canaries * delta * float((lifted / steps).max())
    return min(1.0, chance)


def _smallest_epsilon(canaries, guesses, correct, delta, error):
    """The largest epsilon that so many right guesses refute, by bisection; 0 where they refute none."""

    def refuted(epsilon):
        return chance_of_as_many(correct, guesses=guesses, canaries=canaries, epsilon=epsilon, delta=delta) < error

    if not refuted(0.0):
        return 0.0
    low, high = 0.0, _HIGHEST
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def _halves(guesses, m):
    """Half of each number of guesses to try, as whole numbers of at least 1."""
    if guesses is None:
        return sorted({max(1, int(share * m / 2)) for share in SHARES})
    listed = guesses if isinstance(guesses, (list, tuple, range)) else [guesses]
    if not len(listed):
        raise ValueError("guesses must hold at least one number, got none")
    return [validate.integer(guesses=each, at_least=2, at_most=m) // 2 for each in listed]
