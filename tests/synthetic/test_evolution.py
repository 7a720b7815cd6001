"""Private evolution: it comes near what people have where it can vary, and stays where it is where noise or variation forbid."""

import numpy as np
import pytest

from labkit import dp
from labkit.synthetic import evolve

HOME = 2.0  # radians: where the people are
PEOPLE = HOME + 0.05 * np.random.default_rng(0).normal(size=600)


def on_circle(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def run(*, rounds, epsilon, step=0.3, seed=1):
    """How far from home the weight of the last population is, in radians, on average. The start lies across the circle."""
    rng = np.random.default_rng(seed)
    start = list(HOME + np.pi + rng.uniform(-1.5, 1.5, 40))

    def vary(kept, wanted):
        return [kept[place % len(kept)] + step * rng.normal() for place in range(wanted)]

    found = evolve(on_circle(PEOPLE), np.zeros(600, int), start, classes=1, embed=lambda each: on_circle(np.array(each)), vary=vary,
                   rounds=rounds, keep=10, epsilon=epsilon, delta=1e-5, rng=rng)
    weights = found.votes.weights[:, 0]
    away = np.abs(np.angle(np.exp(1j * (np.array(found.candidates) - HOME))))
    return float((weights * away).sum() / weights.sum()), found


def test_more_rounds_come_nearer_where_candidates_can_be_varied():
    """Five seeds of five; one round of 40 candidates that lie at least 1.6 radians away cannot come near."""
    for seed in range(5):
        assert run(rounds=1, epsilon=4, seed=seed)[0] > 1.5
        assert run(rounds=12, epsilon=4, seed=seed)[0] < 0.8


def test_it_stays_where_nothing_is_varied_and_where_the_noise_drowns_the_votes():
    assert run(rounds=12, epsilon=4, step=0.0)[0] > 1.5
    assert run(rounds=12, epsilon=0.01)[0] > 0.8


def test_rounds_share_one_budget():
    _, found = run(rounds=9, epsilon=2)
    assert found.votes.sigma == pytest.approx(3 * dp.discrete_gaussian_sigma(epsilon=2, delta=1e-5, sensitivity=1))
    assert (found.votes.epsilon, found.votes.delta) == (2, 1e-5) and len(found.candidates) == 40


@pytest.mark.parametrize("change, name", [
    (dict(rounds=0), "rounds"), (dict(keep=0), "keep"), (dict(keep=4), "keep"), (dict(embed=None), "embed"), (dict(vary=3), "vary"),
    (dict(vary=lambda kept, wanted: kept), "vary"), (dict(epsilon=0), "epsilon"),
])
def test_bad_arguments_are_refused_by_name(change, name):
    good = dict(points=np.eye(2), labels=[0, 0], start=[0.0, 1.0, 2.0], classes=1, embed=lambda each: on_circle(np.array(each)),
                vary=lambda kept, wanted: [0.5] * wanted, rounds=2, keep=2, epsilon=1, delta=1e-5)
    with pytest.raises(ValueError, match=f"^{name} must"):
        evolve(**{**good, **change})
