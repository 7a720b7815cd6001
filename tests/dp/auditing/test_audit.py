"""Audits: every mechanism keeps its epsilon, every broken twin is caught, and the bounds are as often right as they say."""

import numpy as np
import pytest
from scipy import stats

from labkit import dp
from labkit.dp.auditing.bounds import Audit, Event, audit, clopper_pearson
from tests.dp import broken

# A correct mechanism is called broken once in 10,000 audits: by the confidence, whatever the mechanism.
SURE = 0.9999
RUNS = 60_000
DELTA = 0.05  # large, so that 60,000 runs can see what lies beyond epsilon; never a delta to publish with


def seeded():
    return np.random.default_rng(23)


def whole(with_person, without_person, make):
    """An audit of a mechanism that takes one exact answer per run."""
    return audit(lambda answer, runs: make(np.full(runs, answer)), with_person, without_person, runs=RUNS, batched=True)


def one_by_one(mechanism, with_person, without_person, runs=5000):
    """An audit of a mechanism that answers once per call."""
    return audit(mechanism, with_person, without_person, runs=runs)


def additive(mechanism, change=2, **claim):
    """One person moves the answer by `change`, which is the declared sensitivity."""
    rng = seeded()
    return whole(40 + change, 40, lambda answers: mechanism(answers, sensitivity=change, rng=rng, **claim))


def reporting(mechanism):
    rng = seeded()
    return whole(1, 0, lambda answers: mechanism(answers, epsilon=1, categories=3, rng=rng))


# One candidate gains by one while the others lose one: the worst that one person can do to scores of sensitivity 1.
AHEAD, BEHIND = [1] + [0] * 5, [0] + [1] * 5


def picking(mechanism):
    rng = seeded()
    return one_by_one(lambda scores: mechanism(scores, sensitivity=1, epsilon=1, rng=rng), AHEAD, BEHIND)


def clipping(mechanism):
    rng, hours = seeded(), [38, 40, 35]
    return audit(lambda rows, runs: mechanism(rows, runs, bound=60, epsilon=1, rng=rng), hours + [168], hours, runs=RUNS,
                 batched=True)


PURE, APPROXIMATE = dict(epsilon=1), dict(epsilon=1, delta=DELTA)

KEEP = {
    "laplace": (lambda: additive(dp.laplace, **PURE), 0),
    "geometric": (lambda: additive(dp.geometric, **PURE), 0),
    "gaussian": (lambda: additive(dp.gaussian, **APPROXIMATE), DELTA),
    "discrete_gaussian": (lambda: additive(dp.discrete_gaussian, **APPROXIMATE), DELTA),
    "randomised_response": (lambda: reporting(dp.randomised_response), 0),
    "exponential": (lambda: picking(dp.exponential), 0),
    "report_noisy_max": (lambda: picking(dp.report_noisy_max), 0),
    "clamp, then laplace": (lambda: clipping(broken.sum_clipped_before), 0),
}
# What an audit with these runs finds at least of the claimed 1. The selections lose less on these scores than they may.
SEEN = {"gaussian": 0.75, "discrete_gaussian": 0.6, "exponential": 0.35, "report_noisy_max": 0.35}

BREAK = {
    "laplace, half the noise": (lambda: additive(broken.laplace_half_noise, **PURE), 0),
    "laplace, sensitivity forgotten": (lambda: additive(broken.laplace_forgets_sensitivity, **PURE), 0),
    "laplace, noise seeded": (lambda: additive(broken.laplace_seeded, **PURE), 0),
    "sum clipped after": (lambda: clipping(broken.sum_clipped_after), 0),
    "geometric, half the noise": (lambda: additive(broken.geometric_half_noise, **PURE), 0),
    "geometric, one-sided": (lambda: additive(broken.geometric_one_sided, **PURE), 0),
    "gaussian, root of the deviation": (lambda: additive(broken.gaussian_variance_for_deviation, **APPROXIMATE), DELTA),
    "discrete gaussian, half the noise": (lambda: additive(broken.discrete_gaussian_half_noise, **APPROXIMATE), DELTA),
    "randomised response, any lie": (lambda: reporting(broken.randomised_response_any_lie), 0),
    "exponential without the two": (lambda: picking(broken.exponential_without_two), 0),
    "noisy max without the two": (lambda: picking(broken.noisy_max_without_two), 0),
    "noisy max without noise": (lambda: picking(broken.noisy_max_without_noise), 0),
}


@pytest.mark.parametrize("name", KEEP)
def test_every_mechanism_keeps_its_epsilon(name):
    make, delta = KEEP[name]
    tested = make()
    measured = tested.epsilon_lower_bound(delta=delta, confidence=SURE)
    assert SEEN.get(name, 0.85) < measured <= 1  # and the audit is not blind
    assert tested.verdict(epsilon=1, delta=delta, confidence=SURE).startswith("Not refuted")


@pytest.mark.parametrize("name", BREAK)
def test_every_broken_twin_is_caught(name):
    make, delta = BREAK[name]
    tested = make()
    assert tested.epsilon_lower_bound(delta=delta, confidence=SURE) > 1
    assert tested.verdict(epsilon=1, delta=delta, confidence=SURE).startswith("Refuted")


@pytest.mark.parametrize("name", ["laplace", "geometric", "gaussian"])
def test_noise_scaled_by_0_8_is_caught(name):
    """Not the discrete Gaussian: its calibration leaves a margin, and 0.8 of it still keeps (1, 0.05); at half it breaks."""
    mechanism, delta = getattr(dp, name), KEEP[name][1]
    claim, rng = APPROXIMATE if delta else PURE, seeded()
    # the query has sensitivity 5, the noise is that for 4
    tested = whole(45, 40, lambda answers: mechanism(answers, sensitivity=4, rng=rng, **claim))
    assert tested.epsilon_lower_bound(delta=delta, confidence=SURE) > 1


def test_a_pass_proves_nothing():
    """Scale = epsilon instead of 1 / epsilon: invisible at epsilon 1, plain at one half."""
    rng = seeded()
    for epsilon, caught in [(1, False), (0.5, True)]:
        tested = whole(41, 40, lambda answers: broken.laplace_inverted(answers, sensitivity=1, epsilon=epsilon, rng=rng))
        assert (tested.epsilon_lower_bound(confidence=SURE) > epsilon) == caught


# --- the bounds themselves


def tight(runs, rng):
    """Randomised response at epsilon 1: the outputs differ by exactly e, the hardest case for a bound."""
    ones = dp.randomised_response(np.ones(runs, int), epsilon=1, rng=rng)
    return Audit(ones, dp.randomised_response(np.zeros(runs, int), epsilon=1, rng=rng))


@pytest.mark.parametrize("thresholds", ["split", 0.5, [0.5, 1.0]])
def test_a_bound_is_wrong_no_more_often_than_its_confidence_says(thresholds):
    rng, audits = seeded(), 300
    wrong = sum(tight(600, rng).epsilon_lower_bound(confidence=0.8, thresholds=thresholds) > 1 for _ in range(audits))
    assert stats.binomtest(wrong, audits, 0.2, alternative="greater").pvalue > 1e-5  # fails by chance once in 100,000


def test_choosing_the_event_on_the_runs_that_measure_it_would_be_wrong_more_often():
    """Why the sample is split: the same audits without the split break their confidence."""
    rng, audits, wrong = seeded(), 200, 0
    for _ in range(audits):
        same = rng.laplace(size=(2, 300))  # no privacy loss at all
        first, second = ((scores[:, None] >= np.linspace(-3, 3, 60)).sum(axis=0) for scores in same)
        wrong += any((clopper_pearson(one, 300, 0.1)[0] > clopper_pearson(other, 300, 0.1)[1]).any()
                     for one, other in [(first, second), (second, first)])
    assert stats.binomtest(wrong, audits, 0.2, alternative="greater").pvalue < 1e-5


def test_more_runs_and_less_confidence_tighten_the_bound():
    rng = seeded()
    few, many = tight(500, rng), tight(100_000, rng)
    assert many.epsilon_lower_bound() > few.epsilon_lower_bound()
    assert many.epsilon_lower_bound(confidence=0.5) > many.epsilon_lower_bound(confidence=0.999)
    assert 0.95 < many.epsilon_lower_bound() <= 1  # above 1: once in 20 seeds, and this one is fixed


def test_both_directions_are_tested():
    one_way = Audit([0] * 500 + [1] * 500, [0] * 1000)  # only "with the person" ever shows a 1
    other_way = Audit([0] * 1000, [0] * 500 + [1] * 500)
    assert one_way.epsilon_lower_bound() > 3 and other_way.epsilon_lower_bound() > 3
    assert one_way.bound().likelier == "with the person" and other_way.bound().likelier == "without the person"


def test_an_event_in_the_middle_is_found_when_there_are_few_outputs():
    middle = Audit([0, 1, 2] * 1000, [0, 2] * 1500)
    assert middle.epsilon_lower_bound() > 3
    assert middle.bound().event == Event("==", 1.0)


def test_sorted_scores_are_no_trap():
    scores = np.sort(seeded().normal(size=4000))
    assert Audit(scores, scores).epsilon_lower_bound(confidence=SURE) == 0


def test_delta_is_taken_off_what_was_seen():
    """Publishing a record outright one time in twenty is (0, 0.05)-private, and no pure epsilon holds for it."""
    rng = seeded()
    leaks = Audit(rng.random(20_000) < 0.05, np.zeros(20_000, int))
    assert leaks.epsilon_lower_bound(confidence=SURE) > 3
    assert leaks.epsilon_lower_bound(delta=0.05, confidence=SURE) == 0
    assert leaks.epsilon_lower_bound(delta=0.03, confidence=SURE) > 0


def test_equal_outputs_give_zero():
    assert Audit([1, 1, 1], [1, 1]).epsilon_lower_bound() == 0


def test_clopper_pearson_against_scipy():
    for hits, runs in [(0, 10), (1, 10), (5, 10), (10, 10), (37, 1000)]:
        low, high = clopper_pearson(hits, runs, 0.025)
        theirs = stats.binomtest(hits, runs).proportion_ci(0.95, method="exact")
        assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_events_count_what_they_say():
    ordered = np.array([1.0, 2.0, 2.0, 5.0])
    assert [Event(relation, 2.0).count(ordered) for relation in (">=", "<=", "==")] == [3, 3, 2]
    assert str(Event(">=", 2.0)) == "the output >= 2"


def test_the_verdict_says_what_a_pass_does_not_prove():
    told = tight(2000, seeded()).verdict(epsilon=2)
    assert "proves nothing" in told and "95 % confidence" in told and "of 1000 runs" in told


def test_a_score_looks_at_the_output_in_another_way():
    """Noise that only ever moves the answer by whole steps hides nothing from whoever looks at the fraction."""
    rng = seeded()

    def noisy(value, runs):
        return value + rng.integers(-50, 51, runs)

    assert audit(noisy, 7.5, 7.0, runs=2000, batched=True).epsilon_lower_bound() < 1
    assert audit(noisy, 7.5, 7.0, runs=2000, batched=True, score=lambda answers: answers % 1).epsilon_lower_bound() > 4
    assert audit(lambda value: noisy(value, 1)[0], 7.5, 7.0, runs=300, score=lambda answer: answer % 1).epsilon_lower_bound() > 3


# --- arguments

NAN, INF = float("nan"), float("inf")
FINE = Audit([0, 1, 0, 1], [0, 0, 1, 1])


@pytest.mark.parametrize("scores", [[], [1], [NAN, 1], [INF, 1], 5, None, "scores", [[1, 2]], [[1], [1, 2]]])
def test_bad_scores_are_refused_by_name(scores):
    with pytest.raises(ValueError, match="with_person"):
        Audit(scores, [1, 2])
    with pytest.raises(ValueError, match="without_person"):
        Audit([1, 2], scores)


@pytest.mark.parametrize("name, bad", [
    *[("delta", bad) for bad in (-0.1, 1, 2, NAN, INF, "small", None)],
    *[("confidence", bad) for bad in (0, 1, 1.5, -1, NAN, INF, "high", None)],
    *[("thresholds", bad) for bad in ("half", [], [NAN], INF, None, ["a"])],
])
def test_bad_options_of_a_bound_are_refused_by_name(name, bad):
    for call in (FINE.bound, FINE.epsilon_lower_bound, lambda **options: FINE.verdict(epsilon=1, **options)):
        with pytest.raises(ValueError, match=name):
            call(**{name: bad})


@pytest.mark.parametrize("bad", [-1, NAN, INF, "one", None])
def test_a_bad_claim_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="epsilon"):
        FINE.verdict(epsilon=bad)


@pytest.mark.parametrize("name, arguments", [
    ("runs", dict(runs=1)), ("runs", dict(runs=0)), ("runs", dict(runs=2.5)), ("runs", dict(runs=None)),
    ("mechanism", dict(mechanism=5)), ("mechanism", dict(mechanism=None)), ("score", dict(score=3)),
    ("mechanism", dict(mechanism=lambda value: [1, 2])), ("mechanism", dict(mechanism=lambda value, runs: 3.0, batched=True)),
    ("with_person", dict(mechanism=lambda value: NAN)),
])
def test_bad_audits_are_refused_by_name(name, arguments):
    mechanism = arguments.pop("mechanism", lambda value: value)
    with pytest.raises(ValueError, match=name):
        audit(mechanism, 1, 0, **{"runs": 10, **arguments})
