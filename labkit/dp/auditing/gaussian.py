"""Audits that read outputs as two Gaussian hills: far fewer runs for the same answer.

A bound from counts alone (`labkit.dp.auditing.bounds`) cannot exceed about the log of the number of runs. DP-SGD gives more to go by.
Without sampling, all its steps together are one Gaussian mechanism: the best attacker sees one of two normal distributions,
`mu` standard deviations apart (mu-Gaussian differential privacy). One threshold with its two error rates then bounds mu, and
mu gives an epsilon at every delta:

    tested = Audit(with_person, without_person)
    found = gaussian_bound(tested, delta=1e-5)
    found.mu, found.epsilon

A bound above the mu that was claimed refutes that claim and assumes nothing. As a bound on epsilon it assumes that the mechanism
under test is such a pair of hills; for one that is broken in another way it can be far too high.

Source: Nasr, Hayes, Steinke, Balle, Tramer, Jagielski, Carlini, Terzis, "Tight Auditing of Differentially Private Machine
Learning", USENIX Security 2023; Dong, Roth, Su, "Gaussian Differential Privacy", JRSS B 2022.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from labkit import validate
from labkit.dp.auditing.bounds import WITH, WITHOUT, Audit, Event, clopper_pearson
from labkit.dp.mechanisms.calibration import gaussian_delta, gaussian_sigma

_MOST_THRESHOLDS = 200  # tried on the half of the runs that chooses


@dataclass(frozen=True)
class GaussianBound:
    """mu, and at this delta epsilon, are at least this much, if the mechanism is Gaussian; and the event that shows it."""

    mu: float
    epsilon: float
    delta: float
    confidence: float
    event: Event

    def __str__(self):
        return (f"with {100 * self.confidence:.6g} % confidence mu is at least {self.mu:.3g}, which is epsilon "
                f"{self.epsilon:.3g} at delta {self.delta:g} for Gaussian noise ({self.event})")


def gaussian_bound(tested, *, delta: float, confidence=0.95):
    """A lower confidence bound on mu, and the epsilon that it means for a Gaussian mechanism.

    tested:      an `Audit`: scores of runs with the person and without. One half of the runs (a random one) chooses the
                 threshold and its direction, the other half measures.
    delta:       strictly between 0 and 1: where to read the epsilon off.
    confidence:  how often such a bound is right, between 0 and 1.
    Returns a GaussianBound. Neighbouring: the relation between the two data sets that were run.
    Raises ValueError for something else than an Audit, or delta or confidence out of range.
    """
    if not isinstance(tested, Audit):
        raise ValueError(f"tested must be a labkit.dp.Audit, got {tested!r}")
    delta, confidence = validate.probability(delta=delta), validate.probability(confidence=confidence)
    choosing, measuring = {}, {}
    mix = np.random.default_rng(0).permutation  # the scores may have come sorted
    for world, scores in tested.scores.items():
        mixed, half = mix(scores), len(scores) // 2
        choosing[world], measuring[world] = np.sort(mixed[:half]), np.sort(mixed[half:])
    pooled = np.concatenate(list(choosing.values()))
    places = np.unique(np.quantile(pooled, np.linspace(0.005, 0.995, _MOST_THRESHOLDS)))
    events = [Event(relation, float(place)) for place in places for relation in (">=", "<=")]
    error = (1 - confidence) / 2  # of each of the two error rates
    event = events[int(np.argmax(_separation(events, choosing, error)))]
    mu = max(0.0, float(_separation([event], measuring, error)[0]))
    return GaussianBound(mu, gaussian_epsilon(mu=mu, delta=delta), delta, confidence, event)


def gaussian_mu(*, epsilon: float, delta: float):
    """The mu of Gaussian noise that is exactly (epsilon, delta)-private: sensitivity over standard deviation.

    epsilon > 0, delta strictly between 0 and 1; ValueError otherwise.
    """
    return 1 / gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=1)


def gaussian_epsilon(*, mu, delta: float):
    """The epsilon, at `delta`, of two normal distributions `mu` standard deviations apart.

    mu: zero or more, below 1,000; delta: strictly between 0 and 1. Returns epsilon >= 0. ValueError otherwise.
    """
    mu, delta = validate.non_negative(mu=mu), validate.probability(delta=delta)
    if mu >= 1000:
        raise ValueError(f"mu must be below 1000, got {mu!r}")
    if mu == 0 or gaussian_delta(sigma=1 / mu, epsilon=0, sensitivity=1) <= delta:
        return 0.0
    furthest = mu**2 / 2 + mu * float(-ndtri(delta)) + 1  # beyond it lies less than delta
    return float(brentq(lambda epsilon: gaussian_delta(sigma=1 / mu, epsilon=epsilon, sensitivity=1) - delta, 0, max(furthest, 1)))


def most_true_positives(false_positives, *, mu):
    """The ceiling of every attack: the highest share of members found, for each share of others that are accused.

    false_positives: from 0 to 1, scalar or array. mu: zero or more, as for DP-SGD without sampling: sqrt(steps) / noise.
    Returns the same shape. ValueError for arguments out of range. Source: Dong, Roth, Su, JRSS B 2022, equation 6.
    """
    rates, mu = validate.array(false_positives=false_positives), validate.non_negative(mu=mu)
    if rates.min() < 0 or rates.max() > 1:
        raise ValueError(f"false_positives must be from 0 to 1, got {false_positives!r}")
    return ndtr(ndtri(rates) + mu)


def _separation(events, ordered, error):
    """A lower bound on mu from each event, taken as the sign of the person being there."""
    limits = {world: clopper_pearson([event.count(scores) for event in events], len(scores), error)
              for world, scores in ordered.items()}
    return ndtri(limits[WITH][0]) - ndtri(limits[WITHOUT][1])
