"""Expected errors against what the mechanisms do, against OpenDP's accuracy functions, and their inverse.

Simulations draw 40,000 answers or more. The relative standard error of a root mean square of Laplace noise is then below
sqrt(5 / 40,000) / 2 = 0.56 %, that of the 95 % interval's half width 0.73 % (of a mean over a noisy count a little more): 3 % is over four of
them, so that of 60 comparisons one fails by chance in fewer than 1 of 10,000 runs. Whole numbers get their step on top.
"""

import math

import numpy as np
import opendp.prelude as odp
import pytest

from labkit import dp
from labkit.dp.mechanisms.exact import exact_fraction, sample_discrete_laplace
from labkit.dp.mechanisms.quantile import cumulative_weights, draw, stretches

DRAWS = 40_000
WAGES = np.random.default_rng(5).lognormal(10, 0.6, 400)  # a made-up population with a long tail
REPLACE = "replace one record"


def whole_noise(epsilon, rng):
    return sample_discrete_laplace(scale=1 / exact_fraction(epsilon=epsilon), count=DRAWS, rng=rng)


def count(epsilon, n, rng):
    return dp.geometric(np.full(DRAWS, n), sensitivity=1, epsilon=epsilon, rng=rng) - n


def histogram(epsilon, n, rng, relation="add or remove one record"):
    """Bins that nobody is in, and one that all are in."""
    drawn = np.array([dp.private_histogram([0] * n, bins=range(400), epsilon=epsilon, relation=relation, rng=rng)
                      for _ in range(DRAWS // 400)])
    drawn[:, 0] -= n
    return drawn.ravel()


def total(epsilon, n, bounds, rng, replaced=False, people=WAGES):
    values = np.resize(people, n)
    exact = dp.clamp(values, low=bounds[0], high=bounds[1]).sum()
    moved = bounds[1] - bounds[0] if replaced else max(map(abs, bounds))
    return dp.laplace(np.full(DRAWS, exact), sensitivity=moved, epsilon=epsilon, rng=rng) - exact


def public_mean(epsilon, n, bounds, rng):
    return total(epsilon, n, bounds, rng, replaced=True) / n


def mean(epsilon, n, bounds, rng, people=WAGES):
    middle = sum(bounds) / 2
    around = dp.clamp(np.resize(people, n), low=bounds[0], high=bounds[1]) - middle
    sums = dp.laplace(np.full(DRAWS, around.sum()), sensitivity=(bounds[1] - bounds[0]) / 2, epsilon=epsilon / 2, rng=rng)
    return sums / np.maximum(n + whole_noise(epsilon / 2, rng), 1) - around.mean()


def quantile(epsilon, n, bounds, rng, share=0.5, points=1001, people=WAGES):
    values = np.resize(people, n)
    places = np.rint((np.clip(values, *bounds) - bounds[0]) / (bounds[1] - bounds[0]) * (points - 1)).astype(np.int64)
    starts, lengths, scores = stretches(places, points, share)
    sums = cumulative_weights(lengths, scores, exact_fraction(epsilon=epsilon) / 2)
    drawn = np.array([draw(starts, lengths, sums, rng) for _ in range(DRAWS)])
    return bounds[0] + (bounds[1] - bounds[0]) * drawn / (points - 1) - np.quantile(values, share, method="inverted_cdf")


B, N = (0.0, 60_000.0), dict(population=WAGES)
SETTINGS = [  # statistic, the simulation, arguments for both, further arguments of error_of
    *[("count", count, dict(epsilon=epsilon, n=n), {}) for epsilon, n in [(0.05, 50), (0.3, 1000), (1, 20), (2, 5), (5, 1000)]],
    *[("histogram", histogram, dict(epsilon=epsilon, n=20), {}) for epsilon in (0.1, 0.5, 1.5)],
    ("histogram", lambda **each: histogram(relation=REPLACE, **each), dict(epsilon=0.4, n=20), dict(relation=REPLACE)),
    *[("sum", total, dict(epsilon=epsilon, n=400, bounds=bounds), N) for epsilon, bounds in
      [(0.1, B), (1, B), (3, (10_000.0, 30_000.0)), (1, (-5.0, 1.0)), (0.5, (-100_000.0, 40_000.0))]],
    ("sum", lambda **each: total(replaced=True, **each), dict(epsilon=1, n=400, bounds=(9_000.0, 40_000.0)), N | dict(relation=REPLACE)),
    *[("mean", public_mean, dict(epsilon=epsilon, n=400, bounds=bounds), N | dict(relation=REPLACE)) for epsilon, bounds in
      [(0.1, B), (1, (10_000.0, 50_000.0)), (4, B)]],
    *[("mean", mean, dict(epsilon=epsilon, n=n, bounds=bounds), N) for epsilon, n, bounds in
      [(0.1, 4000, B), (0.2, 400, B), (1, 400, B), (1, 400, (10_000.0, 50_000.0)), (3, 1200, B), (0.05, 2000, (0.0, 200_000.0))]],
    *[("quantile", quantile, dict(epsilon=epsilon, n=n, bounds=bounds), N | dict(points=1001)) for epsilon, n, bounds in
      [(0.05, 400, (0.0, 100_000.0)), (0.2, 400, (0.0, 100_000.0)), (1, 400, (0.0, 100_000.0)), (0.5, 1200, (0.0, 100_000.0))]],
    ("quantile", lambda **each: quantile(share=0.9, **each), dict(epsilon=0.5, n=400, bounds=(0.0, 100_000.0)),
     N | dict(points=1001, quantile=0.9)),
    ("quantile", lambda **each: quantile(share=0.1, **each), dict(epsilon=0.3, n=800, bounds=(0.0, 100_000.0)),
     N | dict(points=1001, quantile=0.1)),
]
GRID = {"count": 1, "histogram": 1, "quantile": 100}  # answers lie this far apart


def test_there_are_thirty_settings():
    assert len(SETTINGS) == 30 and {each[0] for each in SETTINGS} == {"count", "histogram", "sum", "mean", "quantile"}


@pytest.mark.parametrize("number", range(30), ids=lambda number: f"{number}-{SETTINGS[number][0]}")
def test_the_error_is_what_simulation_finds(number):
    statistic, simulated, both, more = SETTINGS[number]
    said = dp.error_of(statistic=statistic, **both, **more)
    errors = np.abs(simulated(**both, rng=np.random.default_rng(number)))
    assert said.noise == pytest.approx(math.sqrt(np.mean(errors**2.0)), rel=0.03)
    if statistic in GRID:  # no shorter whole interval holds 95 %, and this one does: by half a percent of all answers
        assert np.mean(errors <= said.within + 1e-6) >= 0.945 and np.mean(errors < said.within - GRID[statistic] / 2) <= 0.955
    else:
        assert said.within == pytest.approx(np.quantile(errors, 0.95), rel=0.03)


@pytest.mark.parametrize("statistic, change", [("sum", {}), ("mean", {}), ("mean", dict(relation=REPLACE)), ("quantile", dict(quantile=0.9))])
def test_the_bias_is_what_clamping_moves(statistic, change):
    high, n = 25_000.0, 2000
    said = dp.error_of(statistic=statistic, epsilon=1, n=n, bounds=(0.0, high), population=WAGES, **change)
    people, cut = np.resize(WAGES, n), np.minimum(np.resize(WAGES, n), high)
    of = {"sum": np.sum, "mean": np.mean, "quantile": lambda values: np.quantile(values, 0.9, method="inverted_cdf")}[statistic]
    assert said.bias == pytest.approx(of(cut) - of(people), rel=1e-9) and said.bias < -1000
    assert said.total == pytest.approx(math.hypot(said.noise, said.bias))
    assert dp.error_of(statistic=statistic, epsilon=1, n=n, bounds=(0.0, 1e6), population=WAGES, **change).bias == 0
    assert dp.error_of(statistic=statistic, epsilon=1, n=n, bounds=(0.0, high), **change).bias is None


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.7, 1.0, 3.0])
def test_opendp_says_the_same_of_laplace_noise(epsilon):
    for share in (0.5, 0.9, 0.95, 0.999):
        said = dp.error_of(statistic="sum", epsilon=epsilon, n=9, bounds=(0.0, 7.0), share=share)
        assert said.within == pytest.approx(odp.laplacian_scale_to_accuracy(7.0 / epsilon, 1 - share), rel=1e-9)
        # OpenDP's accuracy a of whole-number noise has P(|noise| >= a) <= alpha; ours is the last whole number inside
        whole = dp.error_of(statistic="count", epsilon=epsilon, n=9, share=share).within
        theirs = odp.discrete_laplacian_scale_to_accuracy(1.0 / epsilon, 1 - share)
        assert whole == math.ceil(theirs - 1e-9) - 1


@pytest.mark.parametrize("statistic, more", [("count", {}), ("sum", dict(bounds=B)), ("mean", dict(bounds=B, population=WAGES)),
                                             ("histogram", {}), ("quantile", dict(bounds=B, population=WAGES, points=1001))])
def test_epsilon_for_error_inverts(statistic, more):
    for epsilon in (0.05, 0.4, 2.0):
        wanted = dp.error_of(statistic=statistic, epsilon=epsilon, n=3000, **more).within
        if wanted == 0:
            continue
        found = dp.epsilon_for_error(error=wanted, statistic=statistic, n=3000, **more)
        assert found <= epsilon * 1.001 and dp.error_of(statistic=statistic, epsilon=found, n=3000, **more).within <= wanted
        less = dp.error_of(statistic=statistic, epsilon=found * 0.998, n=3000, **more).within
        assert less > wanted
    with pytest.raises(ValueError, match="error must be one that an epsilon up to 1000 reaches"):
        dp.epsilon_for_error(error=1e-9, statistic="sum", n=10, bounds=(0.0, 1.0))


def test_one_person_with_several_records_costs_so_many_times_as_much():
    for statistic, more in [("count", {}), ("sum", dict(bounds=B)), ("mean", dict(bounds=B)), ("quantile", dict(bounds=B))]:
        four = dp.error_of(statistic=statistic, epsilon=2, n=5000, contributions=4, **more)
        assert four.noise == dp.error_of(statistic=statistic, epsilon=0.5, n=5000, **more).noise and four.epsilon == 2


def test_bad_arguments_are_refused_by_name():
    good = dict(statistic="mean", epsilon=1.0, n=10, bounds=(0, 1))
    assert dp.error_of(**good).noise > 0
    for name, value in [("statistic", "median"), ("epsilon", 0), ("n", 0), ("bounds", None), ("bounds", (1, 0)), ("bounds", (0, math.nan)),
                        ("population", []), ("population", [math.nan]), ("relation", "any"), ("contributions", 0), ("share", 1.0)]:
        with pytest.raises(ValueError, match="high" if value == (0, math.nan) else name):
            dp.error_of(**good | {name: value})
    with pytest.raises(ValueError, match="bounds must be None for a count"):
        dp.error_of(statistic="count", epsilon=1, n=10, bounds=(0, 1))
    with pytest.raises(ValueError, match="error must be"):
        dp.epsilon_for_error(error=0, statistic="count", n=10)
