"""Additive noise and clipping: distributions, sensitivities, arguments."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from labkit import dp

RARE = 1e-6  # each statistical test below fails by chance once in a million seeds


def seeded():
    return np.random.default_rng(20)


def discrete_laplace_pmf(k, scale):
    return np.tanh(1 / (2 * scale)) * np.exp(-np.abs(k) / scale)


def discrete_gaussian_pmf(k, sigma):
    reach = np.arange(-int(40 * sigma) - 40, int(40 * sigma) + 41)
    return np.exp(-np.asarray(k) ** 2 / (2 * sigma**2)) / np.exp(-(reach**2) / (2 * sigma**2)).sum()


def chance(draws, pmf):
    """p-value of Pearson's test of whole-number draws against a probability mass function; tails pooled."""
    n = len(draws)
    reach = np.arange(draws.min() - 1, draws.max() + 2)
    kept = reach[pmf(reach) * n >= 10]  # the chi-square approximation wants at least a few per cell
    observed = np.array([(draws == k).sum() for k in kept] + [np.isin(draws, kept, invert=True).sum()])
    expected = np.append(pmf(kept), max(1 - pmf(kept).sum(), 1e-12)) * n
    keep = expected >= 5
    assert observed[~keep].sum() <= 25  # a tail of 5 expected draws at most: more than 25 once in 10^10
    return stats.chisquare(observed[keep], expected[keep] * observed[keep].sum() / expected[keep].sum()).pvalue


# --- distributions


@pytest.mark.parametrize("sensitivity, epsilon", [(1, 0.1), (1, 1.0), (1, 5.0), (3, 0.7), (1, Fraction(1, 3)), (2, 10.0)])
@pytest.mark.parametrize("rng", [seeded, lambda: None], ids=["seeded", "system"])
def test_geometric_has_its_exact_distribution(sensitivity, epsilon, rng):
    noise = dp.geometric(np.zeros(60_000, int), sensitivity=sensitivity, epsilon=epsilon, rng=rng())
    assert chance(noise, lambda k: discrete_laplace_pmf(k, sensitivity / float(epsilon))) > RARE


@pytest.mark.parametrize("sigma", [0.3, 0.5, 1.0, 3.7, Fraction(10, 3), 50])
@pytest.mark.parametrize("rng", [seeded, lambda: None], ids=["seeded", "system"])
def test_discrete_gaussian_has_its_exact_distribution(sigma, rng):
    noise = dp.sample_discrete_gaussian(sigma=sigma, count=60_000, rng=rng())
    assert chance(noise, lambda k: discrete_gaussian_pmf(k, float(sigma))) > RARE


@pytest.mark.parametrize("wrong", [0.95, 1.05])
def test_the_distribution_test_sees_noise_that_is_5_percent_off(wrong):
    laplace = dp.sample_discrete_laplace(scale=wrong * 10, count=60_000, rng=seeded())
    gauss = dp.sample_discrete_gaussian(sigma=wrong * 10, count=60_000, rng=seeded())
    assert chance(laplace, lambda k: discrete_laplace_pmf(k, 10)) < RARE
    assert chance(gauss, lambda k: discrete_gaussian_pmf(k, 10)) < RARE


def test_laplace_noise_is_laplace_with_the_stated_scale():
    noise = dp.laplace(np.zeros(50_000), sensitivity=3, epsilon=0.5, rng=seeded())
    assert stats.kstest(noise, stats.laplace(scale=6).cdf).pvalue > RARE
    assert stats.kstest(noise, stats.laplace(scale=6 * 1.1).cdf).pvalue < RARE


def test_gaussian_noise_is_normal_with_the_calibrated_width():
    noise = dp.gaussian(np.zeros(50_000), sensitivity=2, epsilon=1, delta=1e-5, rng=seeded())
    sigma = dp.gaussian_sigma(epsilon=1, delta=1e-5, sensitivity=2)
    assert stats.kstest(noise, stats.norm(scale=sigma).cdf).pvalue > RARE
    assert stats.kstest(noise, stats.norm(scale=sigma * 1.1).cdf).pvalue < RARE


def test_discrete_gaussian_answers_with_the_calibrated_width():
    noise = dp.discrete_gaussian(np.zeros(60_000, int), sensitivity=1, epsilon=1, delta=1e-5, rng=seeded())
    sigma = dp.discrete_gaussian_sigma(epsilon=1, delta=1e-5, sensitivity=1)
    assert chance(noise, lambda k: discrete_gaussian_pmf(k, sigma)) > RARE


@pytest.mark.parametrize("answer", [
    lambda value, rng: dp.laplace(value, sensitivity=1, epsilon=1, rng=rng),
    lambda value, rng: dp.gaussian(value, sensitivity=1, epsilon=1, delta=1e-5, rng=rng),
    lambda value, rng: dp.geometric(value, sensitivity=1, epsilon=1, rng=rng),
    lambda value, rng: dp.discrete_gaussian(value, sensitivity=1, epsilon=1, delta=1e-5, rng=rng),
], ids=["laplace", "gaussian", "geometric", "discrete_gaussian"])
class TestEveryAdditiveMechanism:
    def test_the_entries_of_an_answer_get_independent_noise(self, answer):
        first, second = answer(np.zeros((40_000, 2), int), seeded()).T
        # the correlation of independent noise exceeds 5 standard errors once in 1.7 million
        assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(40_000)

    def test_repeats_with_a_seed_and_differs_without(self, answer):
        value = np.arange(50)
        assert np.array_equal(answer(value, seeded()), answer(value, seeded()))
        assert not np.array_equal(answer(value, None), answer(value, None))  # equal once in 10^20 at most

    def test_advances_the_generator(self, answer):
        rng = seeded()
        assert not np.array_equal(answer(np.arange(50), rng), answer(np.arange(50), rng))

    def test_keeps_the_shape_and_leaves_the_input_alone(self, answer):
        value = np.arange(12).reshape(3, 4)
        assert answer(value, seeded()).shape == (3, 4)
        assert np.array_equal(value, np.arange(12).reshape(3, 4))

    def test_a_single_number_gives_a_python_number(self, answer):
        assert type(answer(5, seeded())) in (int, float)
        assert type(answer(np.int32(5), None)) in (int, float)

    def test_noise_does_not_depend_on_the_value(self, answer):
        assert np.allclose(answer(np.full(50, 1000), seeded()) - 1000, answer(np.zeros(50, int), seeded()))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.int64, np.uint64])
def test_whole_numbers_stay_whole_and_never_wrap(dtype):
    value = np.zeros(2000, dtype)
    for noisy in (dp.geometric(value, sensitivity=1, epsilon=0.01, rng=seeded()),
                  dp.discrete_gaussian(value, sensitivity=1, epsilon=0.01, delta=1e-5, rng=seeded())):
        assert noisy.dtype == np.int64
        assert (noisy < 0).any() and (noisy > 127).any()
    assert type(dp.geometric(5, sensitivity=1, epsilon=1)) is int


def test_real_numbers_come_back_as_float64():
    assert dp.laplace(np.ones(3, np.float32), sensitivity=1, epsilon=1).dtype == np.float64
    assert dp.gaussian([1, 2], sensitivity=1, epsilon=1, delta=1e-5).dtype == np.float64


# --- calibration


@pytest.mark.parametrize("epsilon", [1e-4, 0.1, 1, 3, 10, 100, 1000])
@pytest.mark.parametrize("delta", [1e-12, 1e-5, 0.05, 0.9])
def test_gaussian_sigma_is_enough_and_hardly_more(epsilon, delta):
    mp = pytest.importorskip("mpmath")
    with mp.workdps(60):
        sigma, e = mp.mpf(dp.gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=1)), mp.mpf(epsilon)
        exact = mp.ncdf(1 / (2 * sigma) - e * sigma) - mp.exp(e) * mp.ncdf(-1 / (2 * sigma) - e * sigma)
        assert delta * (1 - 1e-5) < exact <= delta


def test_gaussian_sigma_agrees_with_dp_accounting_and_scales_with_sensitivity():
    from dp_accounting.pld.common import DifferentialPrivacyParameters
    from dp_accounting.pld.privacy_loss_mechanism import GaussianPrivacyLoss

    for epsilon, delta in [(0.1, 1e-6), (1, 1e-5), (8, 1e-5)]:
        theirs = GaussianPrivacyLoss.from_privacy_guarantee(DifferentialPrivacyParameters(epsilon, delta))
        ours = dp.gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=1)
        assert ours == pytest.approx(theirs.standard_deviation, rel=1e-5)
        assert dp.gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=7) == pytest.approx(7 * ours)


def test_gaussian_delta_inverts_gaussian_sigma():
    sigma = dp.gaussian_sigma(epsilon=0.7, delta=1e-6, sensitivity=3)
    assert dp.gaussian_delta(sigma=sigma, epsilon=0.7, sensitivity=3) == pytest.approx(1e-6, rel=1e-5)


def test_the_classic_gaussian_formula_is_wasteful_at_1_and_wrong_at_9():
    def classic(epsilon):
        return math.sqrt(2 * math.log(1.25 / 1e-5)) / epsilon

    assert classic(1) == pytest.approx(4.845, abs=5e-4)
    assert dp.gaussian_sigma(epsilon=1, delta=1e-5, sensitivity=1) == pytest.approx(3.731, abs=5e-4)
    assert dp.gaussian_delta(sigma=classic(8), epsilon=8, sensitivity=1) < 1e-5
    assert dp.gaussian_delta(sigma=classic(9), epsilon=9, sensitivity=1) == pytest.approx(1.36e-5, rel=0.01)


@pytest.mark.parametrize("epsilon, delta", [(0.1, 1e-6), (0.5, 1e-3), (1, 1e-5), (3, 1e-6), (8, 1e-5)])
def test_discrete_gaussian_sigma_is_enough_by_the_tight_accountant(epsilon, delta):
    from dp_accounting.pld.privacy_loss_mechanism import DiscreteGaussianPrivacyLoss

    sigma = dp.discrete_gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=1)
    tight = DiscreteGaussianPrivacyLoss(sigma, sensitivity=1).get_delta_for_epsilon(epsilon)
    assert tight <= delta
    assert sigma < 1.15 * dp.gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=1)


def test_the_margin_of_the_discrete_gaussian_is_the_documented_one():
    wider = dp.discrete_gaussian_sigma(epsilon=1, delta=1e-5, sensitivity=1)
    assert wider / dp.gaussian_sigma(epsilon=1, delta=1e-5, sensitivity=1) == pytest.approx(1.08, abs=0.005)


# --- clipping


def test_clip_bounds_every_norm_and_keeps_short_rows():
    rows = seeded().normal(size=(500, 7)) * seeded().exponential(3, size=(500, 1))
    clipped = dp.clip(rows, max_grad_norm=2.0)
    norms = np.linalg.norm(rows, axis=1)
    assert (np.linalg.norm(clipped, axis=1) <= 2 * (1 + 1e-12)).all()
    assert np.array_equal(clipped[norms <= 2], rows[norms <= 2])
    assert np.allclose(clipped[norms > 2] / 2, rows[norms > 2] / norms[norms > 2, None])


def test_clip_takes_zero_rows_whole_numbers_and_rows_too_long_for_a_float():
    clipped = dp.clip(np.array([[0, 0], [3, 4]]), max_grad_norm=1)
    assert np.allclose(clipped, [[0, 0], [0.6, 0.8]])
    assert np.linalg.norm(dp.clip([[1e300, 1e300]], max_grad_norm=1)) <= 1
    assert dp.clip(np.ones((2, 3), np.float32), max_grad_norm=1).dtype == np.float64


def test_one_row_moves_a_clipped_sum_by_at_most_the_bound():
    rows = seeded().normal(size=(50, 4)) * 100
    total = dp.clip(rows, max_grad_norm=1.5).sum(axis=0)
    moves = [np.linalg.norm(total - dp.clip(np.delete(rows, i, 0), max_grad_norm=1.5).sum(axis=0)) for i in range(50)]
    assert max(moves) == pytest.approx(1.5)


def test_clamp_bounds_values_and_keeps_whole_numbers():
    assert np.array_equal(dp.clamp([-5.0, 0.5, 7], low=0, high=1), [0, 0.5, 1])
    assert dp.clamp(np.array([1, 50]), low=0, high=9).dtype.kind == "i"
    assert dp.clamp(12, low=0, high=9) == 9


# --- arguments

NAN, INF = float("nan"), float("inf")
NOT_POSITIVE = [0, -1, NAN, INF, "1", None, True, [1]]
NOT_DELTA = [0, 1, -0.1, 1.5, NAN, INF, "small", None]
NOT_REAL = [NAN, INF, [], [1, NAN], "five", None, [[1], [1, 2]]]
NOT_WHOLE = [1.5, NAN, [], [0.5], "five", None, True, 2**63, [[1], [1, 2]], np.array([2**63], np.uint64)]
LAPLACE = dict(value=1, sensitivity=1, epsilon=1)
GAUSS = dict(value=1, sensitivity=1, epsilon=1, delta=1e-5)
BAD = [
    (dp.laplace, LAPLACE, dict(value=NOT_REAL, sensitivity=NOT_POSITIVE, epsilon=NOT_POSITIVE, rng=[0, "seed"])),
    (dp.geometric, LAPLACE, dict(value=NOT_WHOLE, sensitivity=[*NOT_POSITIVE, 1.5], epsilon=NOT_POSITIVE, rng=[0])),
    (dp.gaussian, GAUSS, dict(value=NOT_REAL, sensitivity=NOT_POSITIVE, epsilon=NOT_POSITIVE, delta=NOT_DELTA, rng=[0])),
    (dp.discrete_gaussian, GAUSS,
     dict(value=NOT_WHOLE, sensitivity=NOT_POSITIVE, epsilon=NOT_POSITIVE, delta=NOT_DELTA, rng=[0])),
    (dp.gaussian_sigma, dict(epsilon=1, delta=1e-5, sensitivity=1),
     dict(epsilon=NOT_POSITIVE, delta=NOT_DELTA, sensitivity=NOT_POSITIVE)),
    (dp.discrete_gaussian_sigma, dict(epsilon=1, delta=1e-5, sensitivity=1),
     dict(epsilon=NOT_POSITIVE, delta=NOT_DELTA, sensitivity=NOT_POSITIVE)),
    (dp.gaussian_delta, dict(sigma=1, epsilon=1, sensitivity=1),
     dict(sigma=NOT_POSITIVE, epsilon=[-1, NAN, INF, None], sensitivity=NOT_POSITIVE)),
    (dp.sample_discrete_laplace, dict(scale=1, count=3), dict(scale=[*NOT_POSITIVE, 2**41], count=[-1, 1.5, None], rng=[0])),
    (dp.sample_discrete_gaussian, dict(sigma=1, count=3), dict(sigma=[*NOT_POSITIVE, 2**41], count=[-1, 1.5, None], rng=[0])),
    (dp.clip, dict(rows=[[1, 2]], max_grad_norm=1), dict(rows=["five", ["a"], [1, 2], 5, None], max_grad_norm=NOT_POSITIVE)),
    (dp.clamp, dict(values=[1, 2], low=0, high=1), dict(values=["five", ["a", "b"], [[1], [1, 2]]], low=[1, 2, NAN, -INF, "0"], high=[0, INF, None])),
]
CASES = [(call, {**good, name: bad}, name) for call, good, table in BAD for name, bads in table.items() for bad in bads]


@pytest.mark.parametrize("call, arguments, name", CASES, ids=[f"{c.__name__}-{n}-{a[n]!r}"[:60] for c, a, n in CASES])
def test_bad_arguments_are_refused_by_name(call, arguments, name):
    positional = [arguments.pop(first) for first in ("value", "rows", "values") if first in arguments]
    with pytest.raises(ValueError, match=name):
        call(*positional, **arguments)


@pytest.mark.parametrize("call, good", [(call, good) for call, good, _ in BAD], ids=[call.__name__ for call, *_ in BAD])
def test_the_good_arguments_of_that_table_are_accepted(call, good):
    good = dict(good)
    call(*[good.pop(first) for first in ("value", "rows", "values") if first in good], **good)


def test_noise_too_wide_to_be_useful_is_refused():
    with pytest.raises(ValueError, match="sensitivity / epsilon"):
        dp.laplace(1, sensitivity=1e300, epsilon=1e-300)
    with pytest.raises(ValueError, match="2\\^40"):
        dp.geometric(1, sensitivity=1, epsilon=1e-13)
