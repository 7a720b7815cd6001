"""Audits: run a mechanism, and measure how much privacy it loses at the least.

The auditor takes two neighbouring data sets, runs the mechanism many times on each, and looks for an event, such as "the
answer is at least 12", that is likelier on one of them. Under (epsilon, delta)-differential privacy every event E obeys

    P(E with the person) <= exp(epsilon) P(E without) + delta,      and the same with the two exchanged,

so an event that breaks this refutes the claim. The probabilities are bounded by Clopper and Pearson's exact intervals.

    tested = audit(lambda count: laplace(count, sensitivity=1, epsilon=1), 41, 40, runs=10_000)
    tested.epsilon_lower_bound()
    print(tested.verdict(epsilon=1))

A bound above the claim means: broken, at the stated confidence. A bound below it proves nothing: another pair of data
sets, another way of looking at the outputs, or an event too rare for so many runs may lose more.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from labkit import validate

WITH, WITHOUT = "with the person", "without the person"
_MOST_THRESHOLDS = 400  # tried on the half of the runs that chooses
_MOST_CATEGORIES = 64  # distinct outputs up to which each is also tried as an event of its own


@dataclass(frozen=True)
class Event:
    """A set of outputs: those that stand in `relation` (">=", "<=" or "==") to `value`."""

    relation: str
    value: float

    def count(self, ordered):
        """How many of the sorted scores are in the event."""
        if self.relation == ">=":
            return len(ordered) - int(np.searchsorted(ordered, self.value, "left"))
        up_to = int(np.searchsorted(ordered, self.value, "right"))
        return up_to if self.relation == "<=" else up_to - int(np.searchsorted(ordered, self.value, "left"))

    def __str__(self):
        return f"the output {self.relation} {self.value:.6g}"


@dataclass(frozen=True)
class Bound:
    """Epsilon is at least this, at this delta and confidence; and the event that shows it."""

    epsilon: float
    delta: float
    confidence: float
    event: Event
    likelier: str  # WITH or WITHOUT
    seen: dict  # {WITH: (hits, runs), WITHOUT: (hits, runs)}, among the runs that measured

    def __str__(self):
        counts = ", ".join(f"{hits} of {runs} runs {world}" for world, (hits, runs) in self.seen.items())
        return (f"with {100 * self.confidence:.6g} % confidence epsilon is at least {self.epsilon:.3g} at delta {self.delta:g} "
                f"({self.event}: {counts})")


class Audit:
    """Scores of a mechanism's outputs with one person in the data and without, and the bounds that they imply.

    with_person, without_person:  one number per independent run, arrays (n,) and (m,), at least 2 each. A score may be
                                  the output itself or any function of it, chosen without looking at these outputs.
    Raises ValueError for scores that are no finite list of at least 2.
    """

    def __init__(self, with_person, without_person):
        self.scores = {}
        for world, given in [(WITH, {"with_person": with_person}), (WITHOUT, {"without_person": without_person})]:
            self.scores[world] = validate.array(**given, ndim=1)
            if len(self.scores[world]) < 2:
                raise ValueError(f"{next(iter(given))} must hold at least 2 scores, got {len(self.scores[world])}")

    def epsilon_lower_bound(self, *, delta: float = 0.0, confidence=0.95, thresholds="split"):
        """The epsilon of `bound`: a number that the true epsilon exceeds, save with probability 1 - confidence."""
        return self.bound(delta=delta, confidence=confidence, thresholds=thresholds).epsilon

    def bound(self, *, delta: float = 0.0, confidence=0.95, thresholds="split"):
        """A lower confidence bound on epsilon, from the events output >= t and output <= t.

        delta:       the delta of the claim, from 0 (pure epsilon) to below 1.
        confidence:  how often such a bound is right, between 0 and 1.
        thresholds:  "split": one half of the runs (a random one) chooses the event, the other half measures it; when
                     there are few distinct outputs, each is tried as an event too. Or one number, or a list of them,
                     fixed without looking at the outputs: all runs measure, and the confidence is shared out among the
                     thresholds (Bonferroni).
        Neighbouring: the relation between the two data sets that were run. Both directions are tested.
        Raises ValueError for delta or confidence out of range, or thresholds that are neither.
        Source: the events of Ding et al., CCS 2018; Clopper, Pearson, Biometrika 1934; delta as in Nasr et al., S&P 2021.
        """
        delta = validate.non_negative(delta=delta)
        if delta >= 1:
            raise ValueError(f"delta must be from 0 to below 1, got {delta!r}")
        error = 1 - validate.probability(confidence=confidence)
        if isinstance(thresholds, str):
            validate.one_of(thresholds=thresholds, options=["split"])
            choosing, measuring = self._halves()
            events = _candidates(choosing)
            best = np.argmax(_epsilons(events, choosing, delta, error / 2))
            event, (likelier, _) = events[best // 2], _roles(best)
            events, bounds = [event], _epsilons([event], measuring, delta, error / 2)
            chosen = 0 if likelier == WITH else 1
        else:
            fixed = validate.array(thresholds=thresholds)
            events = [Event(relation, float(value)) for value in fixed.ravel() for relation in (">=", "<=")]
            measuring = {world: np.sort(scores) for world, scores in self.scores.items()}
            bounds = _epsilons(events, measuring, delta, error / (4 * len(events)))  # 2 data sets, 2 bounds each
            chosen = int(np.argmax(bounds))
        event, (likelier, _) = events[chosen // 2], _roles(chosen)
        seen = {world: (event.count(scores), len(scores)) for world, scores in measuring.items()}
        return Bound(max(0.0, float(bounds[chosen])), delta, confidence, event, likelier, seen)

    def verdict(self, *, epsilon: float, delta: float = 0.0, confidence=0.95, thresholds="split"):
        """The outcome for a claimed epsilon and delta, in words, with what a pass does not prove."""
        epsilon = validate.non_negative(epsilon=epsilon)
        bound = self.bound(delta=delta, confidence=confidence, thresholds=thresholds)
        if bound.epsilon > epsilon:
            return f"Refuted: the claim is epsilon {epsilon:g}, but {bound}."
        return (f"Not refuted: the claim is epsilon {epsilon:g}, and {bound}. This proves nothing: other neighbouring data "
                "sets, other looks at the output, or events too rare for so many runs may lose more.")

    def _halves(self):
        """A half of the runs to choose an event, the rest to measure it: random, in case the scores came sorted."""
        shuffle = np.random.default_rng(0).permutation
        choosing, measuring = {}, {}
        for world, scores in self.scores.items():
            mixed, half = shuffle(scores), len(scores) // 2
            choosing[world], measuring[world] = np.sort(mixed[:half]), np.sort(mixed[half:])
        return choosing, measuring


def audit(mechanism, with_person, without_person, *, runs=10_000, batched=False, score=None):
    """Run a mechanism on two neighbouring inputs, and return the `Audit` of its outputs.

    mechanism:                    function of one input (data set, or exact answer) to one output; it must draw fresh
                                  randomness at each call. With `batched`: function of the input and a number of runs to
                                  an array of that many independent outputs.
    with_person, without_person:  the two inputs, neighbours under the relation of the claim.
    runs:                         how often on each, at least 2; half of them choose the event, half measure it.
    score:                        function of an output (with `batched`: of the array) to a number (one per run); the
                                  output itself by default.
    Raises ValueError for a mechanism or score that is no function, too few runs, or scores that are not finite numbers.
    """
    runs = validate.integer(runs=runs, at_least=2)
    for name, each in [("mechanism", mechanism), ("score", score)]:
        if not callable(each) and not (name == "score" and each is None):
            raise ValueError(f"{name} must be a function, got {each!r}")
    score = score or (lambda output: output)

    def scores(given):
        outputs = score(mechanism(given, runs)) if batched else [score(mechanism(given)) for _ in range(runs)]
        if np.shape(outputs) != (runs,):
            raise ValueError(f"mechanism must give one number per run, {runs} in all, got shape {np.shape(outputs)}")
        return outputs

    return Audit(scores(with_person), scores(without_person))


def clopper_pearson(hits, runs, error):
    """Lower and upper confidence bound on a probability, each wrong with probability at most `error`.

    hits: number of successes, int or array; runs: number of trials. Returns two floats or arrays.
    Source: Clopper, Pearson, Biometrika 1934.
    """
    hits = np.asarray(hits)
    lower = np.where(hits > 0, betaincinv(np.maximum(hits, 1), runs - hits + 1, error), 0.0)
    upper = np.where(hits < runs, betaincinv(hits + 1, np.maximum(runs - hits, 1), 1 - error), 1.0)
    return lower, upper


def _epsilons(events, ordered, delta, error):
    """Two lower bounds on epsilon for each event, likelier with the person and likelier without, in one flat array.

    Each bound uses two Clopper-Pearson bounds, wrong with probability at most `error` each.
    """
    limits = {world: clopper_pearson([event.count(scores) for event in events], len(scores), error)
              for world, scores in ordered.items()}
    both = [np.log(np.maximum(limits[high][0] - delta, 1e-300) / limits[low][1]) for high, low in map(_roles, (0, 1))]
    return np.stack(both, axis=1).ravel()


def _roles(position):
    """Which world the event is likelier in, and the other, at an even or odd position of `_epsilons`."""
    return (WITH, WITHOUT) if position % 2 == 0 else (WITHOUT, WITH)


def _candidates(ordered):
    """Events worth trying, from the scores that choose."""
    values = np.unique(np.concatenate(list(ordered.values())))
    relations = (">=", "<=", "==") if len(values) <= _MOST_CATEGORIES else (">=", "<=")
    if len(values) > _MOST_THRESHOLDS:
        pooled = np.concatenate(list(ordered.values()))
        values = np.unique(np.quantile(pooled, np.linspace(0.001, 0.999, _MOST_THRESHOLDS)))
    return [Event(relation, float(value)) for value in values for relation in relations]
