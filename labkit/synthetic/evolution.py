"""Private evolution: vote, keep what got votes, vary it, and vote again.

Candidates that start far from the private texts come nearer round by round. Each round is a vote of its own, so that the noise
in each grows with the square root of their number; and how near they come is up to whoever varies them. Where the variation only makes
texts of the same quality, more rounds buy noise and nothing else.

Source: Lin, Gopi, Kulkarni, Nori, Yekhanin, ICLR 2024 (arXiv:2305.15560); Xie et al., ICML 2024 (arXiv:2403.01749).
"""

from dataclasses import dataclass

import numpy as np

from labkit import validate
from labkit.synthetic.voting import ClassVotes, nearest_candidate, private_class_votes


@dataclass(frozen=True, eq=False)
class Evolved:
    """The last population and the votes for it; `votes` tells what all rounds together have spent."""

    candidates: list
    votes: ClassVotes


def evolve(points, labels, start, *, classes, embed, vary, rounds, keep, epsilon: float, delta: float,
           rng: np.random.Generator | None = None):
    """Some rounds of votes, and of variations of what was voted for.

    points, labels:  the private records, one a person: array (n, d) and whole numbers (n,); as for `private_class_votes`.
    start:           the candidates of the first round, a list of anything that `embed` takes.
    embed:           function of a list of candidates to an array (candidates, d).
    vary:            function of (a list of kept candidates, how many are wanted) to a list of new ones. It must not look at private data.
    rounds:          votes, >= 1. keep: candidates that survive a round, from 1 to len(start); the rest are replaced by variations.
    epsilon, delta:  for all rounds together. rng: numpy Generator, or None for the operating system's random bits.
    Returns `Evolved`. Raises ValueError for arguments out of range, or a `vary` that gives another number.
    """
    population = list(start)
    keep = validate.integer(keep=keep, at_least=1, at_most=max(1, len(population)))
    rounds = validate.integer(rounds=rounds, at_least=1)
    for name, function in [("embed", embed), ("vary", vary)]:
        if not callable(function):
            raise ValueError(f"{name} must be a function, got {function!r}")
    for number in range(rounds):
        choices = nearest_candidate(points, embed(population))
        votes = private_class_votes(choices, labels, candidates=len(population), classes=classes, epsilon=epsilon, delta=delta,
                                    rounds=rounds, rng=rng)
        if number == rounds - 1:
            return Evolved(population, votes)
        best = np.argsort(-votes.weights.sum(axis=1), kind="stable")[:keep]
        kept = [population[place] for place in best]
        new = list(vary(kept, len(population) - keep))
        if len(new) != len(population) - keep:
            raise ValueError(f"vary must give {len(population) - keep} new candidates, got {len(new)}")
        population = kept + new
