"""What a specimen of the zoo is: a mechanism that claims an epsilon, its repair, and ways to audit both."""

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from labkit import validate
from labkit.dp.auditing.bounds import audit
from labkit.dp.auditing.gaussian import gaussian_bound
from labkit.dp.auditing.one_run import one_run_bound

CONFIDENCE = 0.9999
READINGS = ("counts", "Gaussian", "one run")


@dataclass(frozen=True)
class AuditSetting:
    """One way to audit a mechanism: a claim, two neighbouring inputs, and what the auditor looks at.

    told:           what the auditor does, in one sentence.
    epsilon, delta: what the mechanism claims with these options.
    inputs:         (with the person, without the person); for "one run" a function rng -> (input, members).
    score:          outputs of all runs -> one number each; for "one run" output -> one number per canary.
    runs:           how often the mechanism runs on each input ("one run": 1).
    reading:        how the scores become a bound: "counts" (Clopper and Pearson), "Gaussian" (Nasr et al.) or "one run"
                    (Steinke et al.).
    options:        further keyword arguments of the mechanism.
    """

    told: str
    epsilon: float
    delta: float
    inputs: Any
    score: Callable = np.asarray
    runs: int = 20_000
    reading: str = "counts"
    options: dict = field(default_factory=dict)

    def bound(self, mechanism, rng, confidence=CONFIDENCE):
        """The lower bound on epsilon that this audit finds for a mechanism(input, runs, rng, epsilon=, delta=, **options)."""

        def run(given, runs):
            return mechanism(given, runs, rng, epsilon=self.epsilon, delta=self.delta, **self.options)

        if self.reading == "one run":
            given, members = self.inputs(rng)
            return one_run_bound(self.score(run(given, 1)), members, delta=self.delta, confidence=confidence)
        tested = audit(run, *self.inputs, runs=self.runs, batched=True, score=self.score)
        if self.reading == "Gaussian":
            return gaussian_bound(tested, delta=self.delta, confidence=confidence)
        return tested.bound(delta=self.delta, confidence=confidence)


@dataclass(frozen=True)
class Specimen:
    """A mechanism as somebody wrote it, and the same with one line put right.

    name, flaw, repair:  in words; flaw and repair are empty for a specimen that keeps its claim.
    relation:            which data sets the claim calls neighbours.
    wrong, repaired:     mechanism(input, runs, rng, *, epsilon, delta, **options) -> outputs of that many independent runs.
    look:                the setting in which the audit shows the flaw.
    overlook:            a setting in which the same audit finds nothing; None where no sensible one exists.
    """

    name: str
    flaw: str
    repair: str
    relation: str
    wrong: Callable
    repaired: Callable | None
    look: AuditSetting
    overlook: AuditSetting | None = None

    @property
    def private(self):
        """Whether the specimen keeps its claim, although it stands among the broken ones."""
        return self.repaired is None

    def setting(self, overlook=False):
        """`look`, or `overlook`; ValueError when there is none."""
        if overlook and self.overlook is None:
            raise ValueError(f"overlook must be False for {self.name!r}: no setting is known that hides its flaw")
        return self.overlook if overlook else self.look

    def measure(self, *, repaired=False, overlook=False, seed=0):
        """Audit it: a bound whose `epsilon` is to be compared with `setting(overlook).epsilon`. Remembered after the first time.

        Raises ValueError for a repair or a setting that the specimen does not have, or a bad seed.
        """
        if repaired and self.private:
            raise ValueError(f"repaired must be False for {self.name!r}: it needs no repair")
        self.setting(overlook)
        return _measured(self, bool(repaired), bool(overlook), validate.integer(seed=seed, at_least=0))

    def code(self, repaired=False):
        """The source of the mechanism, a list of lines without docstring; and the set of those that the repair changes."""
        wrong = _lines(self.wrong)
        right = wrong if self.private else _lines(self.repaired)
        shown = right if repaired else wrong
        matcher = difflib.SequenceMatcher(a=wrong[1:], b=right[1:], autojunk=False)  # the names differ anyway
        changed = set()
        for tag, a, a_end, b, b_end in matcher.get_opcodes():
            if tag != "equal":
                changed |= set(range(b + 1, b_end + 1) if repaired else range(a + 1, a_end + 1))
        return shown, changed

    def __hash__(self):
        return hash(self.name)


@lru_cache(maxsize=256)
def _measured(specimen, repaired, overlook, seed):
    mechanism = specimen.repaired if repaired else specimen.wrong
    return specimen.setting(overlook).bound(mechanism, np.random.default_rng(seed))


def _lines(function):
    """The source lines of a function, its docstring left out."""
    lines = inspect.getsource(function).rstrip().splitlines()
    quotes = [number for number, line in enumerate(lines) if '"""' in line]
    if quotes and quotes[0] == 1:
        last = quotes[0] if lines[quotes[0]].count('"""') == 2 else quotes[1]
        lines = lines[:1] + lines[last + 1:]
    return lines
