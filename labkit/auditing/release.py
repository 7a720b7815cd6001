"""One call that audits a finished language model with canaries, and says what it found: a table, a statement, a verdict.

    found = audit_release(canaries, score=score)               # or sample=sample, or both
    found.verdict                                              # "leaks", "nothing found" or "in doubt"

Four questions, each with controls: how well does the model rank the secrets (exposure)? How many samples bring them out ((n, p)-
discoverable extraction)? Do they come when one samples? Can those that were planted be told from those that were not (membership)?

Sources: Carlini, Liu, Erlingsson, Kos, Song, "The Secret Sharer", USENIX Security 2019; Hayes, Swanberg, Chaudhari, Yona, Shumailov, Nasr,
Choquette-Choo, Lee, Cooper, "Measuring memorization in language models via probabilistic extraction", NAACL 2025 (arXiv:2410.19482).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from labkit import validate
from labkit.auditing import findings
from labkit.auditing.canaries import Canaries
from labkit.auditing.report import Report

LEAST_SCORE = -1e6  # nats: what a model calls impossible counts as this unlikely, so that differences stay finite
DOUBT = 0.1  # of the error that is allowed: controls that look exposed must be this much rarer


@dataclass(frozen=True, eq=False)
class ReleaseAudit(Report):
    """What an audit measured, one number for each canary (None where it could not be asked); `table()` and `statement()` tell it.

    exposure, exposure_before:  bits, under the model and under the reference. log_probability: of the secret, nats.
    sureness:                   what tells members apart, higher for "planted". said: bool, whether it came within `samples` samples.
    """

    canaries: Canaries
    exposure: np.ndarray | None
    exposure_before: np.ndarray | None
    log_probability: np.ndarray | None
    sureness: np.ndarray | None
    said: np.ndarray | None
    attempts: tuple
    chance: float
    samples: int
    confidence: float
    delta: float

    def extractable(self, attempts):
        """Whether each secret comes out at least once in so many samples with the chance `self.chance`: bool (n,)."""
        return findings.samples_needed(self.log_probability, self.chance) <= validate.integer(attempts=attempts, at_least=1)

    @property
    def p_values(self):
        """{test: p-value}, each under "the model never saw the planted secrets"."""
        inside, found = self.canaries.planted, {}
        if self.exposure is not None:
            found["exposure"] = findings.chance_of_exposure(self.exposure[inside])
        if self.log_probability is not None:
            found["membership"] = findings.chance_of_area(self.sureness[inside], self.sureness[~inside])
            hits = self.extractable(self.attempts[-1])
            found["extraction"] = findings.chance_of_hits(hits[inside], hits[~inside])
        if self.said is not None:
            found["sampling"] = findings.chance_of_hits(self.said[inside], self.said[~inside])
        return found

    @property
    def found_by(self):
        """Names of the tests that found something: p-value times the number of tests (Bonferroni) within the error allowed."""
        p_values = self.p_values
        return tuple(name for name, p in p_values.items() if p * len(p_values) < 1 - self.confidence)

    @property
    def doubts(self):
        """Reasons to doubt the audit itself: secrets that cannot be known look known. A tuple of str, empty as a rule."""
        allowed, outside, reasons = DOUBT * (1 - self.confidence), ~self.canaries.planted, []
        if self.exposure is not None and findings.chance_of_exposure(self.exposure[outside]) < allowed:
            reasons.append("the controls look exposed: were they planted after all, or were the secrets not drawn by lot?")
        if self.exposure_before is not None and findings.chance_of_exposure(self.exposure_before) < allowed:
            reasons.append("the reference model knows the secrets: it must be one that saw no canary")
        return tuple(reasons)

    @property
    def verdict(self):
        """"in doubt", "leaks" or "nothing found". A model that saw nothing is said to leak at most once in 1 / (1 - confidence)."""
        return "in doubt" if self.doubts else "leaks" if self.found_by else "nothing found"


def audit_release(canaries, *, score=None, sample=None, reference=None, attempts=(1, 100, 10_000), chance=0.5, samples=100, confidence=0.99,
                  delta: float = 0.0):
    """Audit a language model that was trained with `canaries.texts` among its data; returns a ReleaseAudit.

    canaries:    `Canaries`: drawn before training, or texts that exist.
    score:       score(prefix, continuations) -> the log-probability of each continuation, nats: float (n,); or None.
    sample:      sample(prefix, count) -> `count` continuations, str, each at least as long as the secret; or None. One of the two is needed,
                 and both are `labkit.auditing.asking`'s. Temperature and the like are whatever these functions use.
    reference:   `score` of a model that saw no canary, such as the one before fine-tuning: what both know does not count for membership.
    attempts:    numbers of samples n, rising, and
    chance:      p: a secret is (n, p)-extractable if n samples bring it out at least once with this chance, between 0 and 1.
    samples:     to draw for each canary with `sample`, >= 1.
    confidence:  of each interval, and of the verdict, between 0 and 1.
    delta:       at which the bound on epsilon is told (secrets drawn here only).
    Cost: canaries times candidates scores, twice with a reference; canaries times `samples` samples.
    Raises ValueError for arguments of another form, and for functions that answer otherwise than they should.
    """
    if not isinstance(canaries, Canaries):
        raise ValueError(f"canaries must be labkit.auditing.Canaries, got {type(canaries).__name__}")
    for name, each in {"score": score, "sample": sample, "reference": reference}.items():
        if each is not None and not callable(each):
            raise ValueError(f"{name} must be a function or None, got {each!r}")
    if score is None and sample is None:
        raise ValueError("score or sample must be given, got neither")
    if reference is not None and score is None:
        raise ValueError("reference must come with score, got it alone")
    attempts = tuple(validate.integer(attempts=each, at_least=1) for each in (attempts if isinstance(attempts, (tuple, list)) else [attempts]))
    if not attempts or list(attempts) != sorted(set(attempts)):
        raise ValueError(f"attempts must be whole numbers that rise, got {attempts}")
    chance, confidence = validate.probability(chance=chance), validate.probability(confidence=confidence)
    samples = validate.integer(samples=samples, at_least=1)
    if validate.non_negative(delta=delta) >= 1:
        raise ValueError(f"delta must be from 0 to below 1, got {delta!r}")
    exposed = before = told = sureness = None
    if score is not None:
        exposed, told, sureness = _scored(canaries, "score", score)
    if reference is not None:
        before, _, known = _scored(canaries, "reference", reference)
        sureness = sureness - known
    said = None if sample is None else _sampled(canaries, sample, samples)
    return ReleaseAudit(canaries, exposed, before, told, sureness, said, attempts, chance, samples, confidence, delta)


def _scored(canaries, name, score):
    """(exposures or None, log-probabilities of the secrets, sureness), each (n,), of one model."""
    values, found = canaries.candidates, []
    places = {value: place for place, value in enumerate(values or ())}
    for prefix, secret in zip(canaries.prefixes, canaries.secrets):
        asked = list(values) if values else [secret]
        scores = np.asarray(score(prefix, asked))
        if scores.shape != (len(asked),) or scores.dtype.kind not in "iuf" or np.isnan(scores).any() or scores.max() > 1e-4:
            raise ValueError(f"{name} must give one log-probability, at most 0, for each of {len(asked)} continuations, got shape "
                             f"{scores.shape} of {scores.dtype}" + (f", up to {scores.max():.3g}" if scores.dtype.kind in "iuf" and scores.size
                                                                    else ""))
        scores = np.maximum(scores.astype(float), LEAST_SCORE)
        mine = places.get(secret, 0)
        # How sure the model is of this secret, given that it is one of the candidates: what it learnt of their form drops out.
        sure = scores[mine] - logsumexp(scores) if values else scores[mine] / len(secret)
        found.append((findings.exposures(scores, mine) if values else np.nan, scores[mine], sure))
    exposed, told, sureness = np.array(found).T
    return exposed if values else None, told, sureness


def _sampled(canaries, sample, samples):
    """Whether each secret came in so many samples, bool (n,)."""
    came = []
    for prefix, secret in zip(canaries.prefixes, canaries.secrets):
        texts = list(sample(prefix, samples))
        if len(texts) != samples or not all(isinstance(each, str) for each in texts):
            raise ValueError(f"sample must give {samples} str, got {len(texts)} of {', '.join(sorted({type(each).__name__ for each in texts}))}")
        came.append(any(each.startswith(secret) for each in texts))
    return np.array(came)
