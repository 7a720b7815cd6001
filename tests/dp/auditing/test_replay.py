"""Record and replay: the noise cancels, and the sensitivity is left."""

import numpy as np
import pytest

from labkit import dp
from labkit.dp.auditing.replay import sensitivity_at_least

ROWS = np.array([[0.1, 0.2], [3.0, 4.0], [-30.0, 40.0]])


def seen(mechanism, with_person, without_person, **how):
    return sensitivity_at_least(mechanism, with_person, without_person, rng=np.random.default_rng(3), **how)


def test_it_is_exact_for_additive_noise():
    assert seen(lambda count, rng: dp.laplace(count, sensitivity=1, epsilon=0.1, rng=rng), 41, 40) == pytest.approx(1)
    assert seen(lambda count, rng: dp.geometric(count, sensitivity=3, epsilon=0.1, rng=rng), 43, 40) == 3
    counts = np.array([20, 20]), np.array([19, 21])
    histogram = lambda counts, rng: dp.geometric(counts, sensitivity=2, epsilon=1, rng=rng)
    assert seen(histogram, *counts, norm="L1") == 2 and seen(histogram, *counts, norm="L2") == pytest.approx(np.sqrt(2))


def clipped_sum(rows, rng):
    return dp.clip(rows, max_grad_norm=1).sum(axis=0) + rng.normal(size=2)


def clipped_mean(rows, rng):
    return len(rows) * dp.clip(rows.mean(axis=0, keepdims=True), max_grad_norm=1)[0] + rng.normal(size=2)


def unclipped(rows, rng):
    return rows.sum(axis=0) + rng.normal(size=2)


def test_one_run_tells_who_clips_where():
    assert seen(clipped_sum, ROWS, ROWS[:2]) == pytest.approx(1)
    assert seen(clipped_mean, ROWS, ROWS[:2]) > 2
    assert seen(unclipped, ROWS, ROWS[:2]) == pytest.approx(50)


def test_it_is_blind_to_the_noise_and_to_other_neighbours():
    def silent(count, rng):
        return count  # no noise at all

    assert seen(silent, 41, 40) == 1
    assert seen(unclipped, ROWS[:2], ROWS[1:2]) < 1  # somebody who happens to be small


def test_fresh_noise_does_not_cancel():
    fresh = np.random.default_rng(4)
    assert seen(lambda count, rng: count + fresh.normal(scale=1000), 41, 40) > 10


NAN = float("nan")


@pytest.mark.parametrize("name, change", [
    *[("mechanism", dict(mechanism=bad)) for bad in (None, 3, "laplace")],
    *[("norm", dict(norm=bad)) for bad in ("L3", 2, None, "")],
    *[("replays", dict(replays=bad)) for bad in (0, -1, 1.5, NAN, None)],
    *[("rng", dict(rng=bad)) for bad in (7, "seed")],
    ("shape", dict(mechanism=lambda count, rng: np.zeros(count))),
])
def test_bad_arguments_are_refused_by_name(name, change):
    arguments = {"mechanism": lambda count, rng: count, **change}
    with pytest.raises(ValueError, match=name):
        sensitivity_at_least(arguments.pop("mechanism"), 3, 2, **arguments)
