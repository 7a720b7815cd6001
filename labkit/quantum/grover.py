"""Grover's search on a state vector: one entry among many, in a square root of the questions.

Source: Grover, "A fast quantum mechanical algorithm for database search", STOC 1996. That no quantum algorithm does
better: Bennett, Bernstein, Brassard, Vazirani, SIAM J. Computing 26, 1997. Several marked entries, and how often to
ask: Boyer, Brassard, Hoyer, Tapp, Fortschritte der Physik 46, 1998.
"""

import math
from dataclasses import dataclass

import numpy as np

from labkit import validate


@dataclass(frozen=True)
class GroverSearch:
    """How a search went.

    entry:      what was measured, the index of an entry.
    right:      whether it is a marked one.
    questions:  how often the question "is this it?" was asked, of all entries at once.
    chance:     of measuring a marked entry.
    """

    entry: int
    right: bool
    questions: int
    chance: float


def best_rounds(entries, marked=1):
    """After how many questions to measure: about pi / 4 times the square root of entries / marked."""
    entries = validate.integer(entries=entries, at_least=1)
    marked = validate.integer(marked=marked, at_least=1, at_most=entries)
    return int(math.pi / 4 / math.asin(math.sqrt(marked / entries)))


def search(marks, *, rounds=None, rng=None):
    """Look for a marked entry: a `GroverSearch`.

    marks:   what the question answers for each entry, an array of bool of which at least one is true. (A quantum
             computer computes the answer in superposition; here all are computed beforehand.)
    rounds:  questions before the measurement; by default `best_rounds`, which knows how many are marked.
    rng:     a numpy Generator; None is the operating system's randomness.
    """
    marks = np.asarray(marks)
    if marks.dtype != bool or marks.ndim != 1 or not marks.any():
        raise ValueError(f"marks must be a row of True and False with at least one True, got {marks.dtype} {marks.shape}")
    rng = np.random.default_rng() if validate.generator(rng=rng) is None else rng
    if rounds is None:
        rounds = best_rounds(len(marks), int(marks.sum()))
    rounds = validate.integer(rounds=rounds, at_least=0)
    amplitudes = np.full(len(marks), 1 / math.sqrt(len(marks)))
    for _ in range(rounds):
        amplitudes[marks] *= -1                            # the question: marked entries change their sign
        amplitudes = 2 * amplitudes.mean() - amplitudes    # every amplitude is mirrored at the mean
    chances = amplitudes**2
    entry = int(rng.choice(len(marks), p=chances / chances.sum()))
    return GroverSearch(entry, bool(marks[entry]), rounds, float(chances[marks].sum()))
