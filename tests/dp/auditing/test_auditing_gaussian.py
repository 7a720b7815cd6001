"""The Gaussian reading: right for Gaussian mechanisms, as often as it says, and told apart from what it is not."""

import numpy as np
import pytest
from scipy import stats

from labkit import dp
from labkit.dp.auditing.bounds import Audit
from labkit.dp.auditing.gaussian import gaussian_bound, gaussian_epsilon, gaussian_mu, most_true_positives


def hills(mu, runs, rng):
    return Audit(mu + rng.normal(size=runs), rng.normal(size=runs))


@pytest.mark.parametrize("epsilon, delta", [(0.1, 1e-5), (1, 1e-5), (1, 0.01), (4, 1e-9), (8, 1e-5), (50, 1e-5)])
def test_mu_and_epsilon_are_inverse_to_each_other(epsilon, delta):
    mu = gaussian_mu(epsilon=epsilon, delta=delta)
    assert gaussian_epsilon(mu=mu, delta=delta) == pytest.approx(epsilon, rel=1e-6)


def test_epsilon_of_steps_without_sampling_is_the_accountants():
    for noise, steps in [(2.0, 5), (9.1, 40), (1.0, 1)]:
        ours = gaussian_epsilon(mu=np.sqrt(steps) / noise, delta=1e-5)
        assert ours == pytest.approx(dp.epsilon_spent(noise_multiplier=noise, sample_rate=1.0, steps=steps, delta=1e-5), rel=5e-3)


def test_no_distance_is_no_epsilon():
    assert gaussian_epsilon(mu=0, delta=1e-5) == 0
    assert gaussian_epsilon(mu=0.1, delta=0.5) == 0  # all of it fits into delta
    assert gaussian_epsilon(mu=900, delta=1e-5) > 1e5


@pytest.mark.parametrize("mu", [0.0, 0.5, 2.0])
def test_a_bound_is_wrong_no_more_often_than_its_confidence_says(mu):
    rng, audits = np.random.default_rng(5), 300
    wrong = sum(gaussian_bound(hills(mu, 400, rng), delta=1e-5, confidence=0.8).mu > mu for _ in range(audits))
    assert stats.binomtest(wrong, audits, 0.2, alternative="greater").pvalue > 1e-5  # fails by chance once in 100,000


def test_it_is_tight_and_needs_few_runs():
    rng = np.random.default_rng(6)
    few = hills(gaussian_mu(epsilon=8, delta=1e-5), 2_000, rng)
    assert 6 < gaussian_bound(few, delta=1e-5).epsilon <= 8
    assert few.epsilon_lower_bound(delta=1e-5) < 6  # counting alone cannot see so far with so few


def test_both_directions_are_tested():
    rng = np.random.default_rng(7)
    up, down = hills(2, 2000, rng), hills(-2, 2000, rng)
    assert gaussian_bound(up, delta=1e-5).mu > 1.6 and gaussian_bound(down, delta=1e-5).mu > 1.6
    assert gaussian_bound(up, delta=1e-5).event.relation == ">=" and gaussian_bound(down, delta=1e-5).event.relation == "<="


def test_equal_scores_and_sorted_scores_give_zero():
    assert gaussian_bound(Audit(np.zeros(100), np.zeros(100)), delta=1e-5).epsilon == 0
    scores = np.sort(np.random.default_rng(8).normal(size=4000))
    assert gaussian_bound(Audit(scores, scores), delta=1e-5, confidence=0.9999).mu == 0


def test_other_mechanisms_are_not_hills():
    """Why the docstring warns: randomised response at epsilon 3 is no pair of Gaussian hills, and the reading is too high."""
    rng = np.random.default_rng(9)
    ones, zeros = (dp.randomised_response(np.full(20_000, bit), epsilon=3, rng=rng) for bit in (1, 0))
    tested = Audit(ones, zeros)
    assert tested.epsilon_lower_bound(confidence=0.9999) <= 3 < gaussian_bound(tested, delta=1e-5, confidence=0.9999).epsilon


def test_it_says_what_it_assumes():
    told = str(gaussian_bound(hills(1, 1000, np.random.default_rng(10)), delta=1e-5))
    assert "95 % confidence" in told and "for Gaussian noise" in told and "delta 1e-05" in told


def test_the_ceiling_on_attacks():
    rates = np.linspace(0, 1, 101)
    assert most_true_positives(rates, mu=0) == pytest.approx(rates)
    ceiling = most_true_positives(rates, mu=1.3)
    assert ceiling[0] == 0 and ceiling[-1] == 1 and (np.diff(ceiling, 2) < 1e-12).all()
    rng = np.random.default_rng(11)  # the best attack on two hills reaches it
    members, others = 1.3 + rng.normal(size=200_000), rng.normal(size=200_000)
    for rate in (0.01, 0.3):
        reached = (members > np.quantile(others, 1 - rate)).mean()
        assert reached == pytest.approx(most_true_positives(rate, mu=1.3), abs=0.01)  # 5 standard errors and more


def test_the_ceiling_is_inside_what_epsilon_and_delta_allow():
    rates, mu = np.linspace(0, 1, 101), gaussian_mu(epsilon=2, delta=1e-3)
    assert (most_true_positives(rates, mu=mu) <= np.exp(2) * rates + 1e-3 + 1e-9).all()


NAN, INF = float("nan"), float("inf")
FINE = Audit([0, 1, 0, 1], [0, 0, 1, 1])


@pytest.mark.parametrize("name, call", [
    *[("tested", lambda bad=bad: gaussian_bound(bad, delta=1e-5)) for bad in (None, [1, 2], "audit", 3)],
    *[("delta", lambda bad=bad: gaussian_bound(FINE, delta=bad)) for bad in (0, 1, -1, NAN, INF, None, "small")],
    *[("confidence", lambda bad=bad: gaussian_bound(FINE, delta=0.1, confidence=bad)) for bad in (0, 1, -1, NAN, INF, None)],
    *[("epsilon", lambda bad=bad: gaussian_mu(epsilon=bad, delta=0.1)) for bad in (0, -1, NAN, INF, None, "one")],
    *[("delta", lambda bad=bad: gaussian_mu(epsilon=1, delta=bad)) for bad in (0, 1, -1, NAN, INF, None)],
    *[("mu", lambda bad=bad: gaussian_epsilon(mu=bad, delta=0.1)) for bad in (-1, 1000, NAN, INF, None, "one")],
    *[("delta", lambda bad=bad: gaussian_epsilon(mu=1, delta=bad)) for bad in (0, 1, -1, NAN, INF, None)],
    *[("mu", lambda bad=bad: most_true_positives(0.1, mu=bad)) for bad in (-1, NAN, INF, None, "one")],
    *[("false_positives", lambda bad=bad: most_true_positives(bad, mu=1)) for bad in (-0.1, 1.1, NAN, [], None, [0.1, 2], "all")],
])
def test_bad_arguments_are_refused_by_name(name, call):
    with pytest.raises(ValueError, match=name):
        call()
