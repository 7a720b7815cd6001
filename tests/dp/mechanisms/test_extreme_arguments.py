"""Whatever the size of epsilon, delta and sensitivity: a finite answer with real noise, or a ValueError."""

import math
import time
import warnings

import numpy as np
import pytest

from labkit import dp
from labkit.dp.mechanisms.calibration import discrete_gaussian_sigma, gaussian_delta, gaussian_sigma
from labkit.dp.mechanisms.histogram import release_threshold
from labkit.dp.mechanisms.objective import noise_for

SIZES = [5e-324, 1e-300, 1e-17, 1, 1e300, 1.7e308, 10**400, -(10**400)]
DELTAS = [5e-324, 1e-300, 1e-15, 0.5, 1 - 1e-16]

MECHANISMS = {
    "laplace": lambda e, s: dp.laplace(3.0, sensitivity=s, epsilon=e),
    "geometric": lambda e, s: dp.geometric(3, sensitivity=s, epsilon=e),
    "exponential": lambda e, s: dp.exponential([1.0, 2.0], sensitivity=s, epsilon=e),
    "report_noisy_max": lambda e, s: dp.report_noisy_max([1.0, 2.0], sensitivity=s, epsilon=e),
    "sparse vector": lambda e, s: dp.SparseVector(threshold=3, epsilon=e, sensitivity=s).above(3),
    "above_threshold": lambda e, s: dp.above_threshold([3], threshold=3, epsilon=e, sensitivity=s),
    "histogram": lambda e, s: dp.private_histogram([1], bins=[1], epsilon=e),
    "threshold": lambda e, s: release_threshold(epsilon=e, delta=1e-6),
    "quantile": lambda e, s: dp.private_quantile([1.0], quantile=0.5, low=0, high=1, epsilon=e),
    "randomised_response": lambda e, s: dp.randomised_response([1], epsilon=e),
    "estimated_shares": lambda e, s: dp.estimated_shares([1], epsilon=e),
    "objective": lambda e, s: noise_for(epsilon=e, records=3, strength=0.1).scale,
    "objective's strength": lambda e, s: noise_for(epsilon=e, records=3, strength=0.1).strength,
}


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize("epsilon", SIZES, ids=lambda size: f"{size!s:.8}")
def test_a_finite_answer_or_a_value_error(name, epsilon):
    for sensitivity in SIZES:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                assert np.isfinite(np.asarray(MECHANISMS[name](epsilon, sensitivity), float)).all()
            except ValueError:
                pass


@pytest.mark.parametrize("sigma_for", [gaussian_sigma, discrete_gaussian_sigma])
@pytest.mark.parametrize("delta", DELTAS)
def test_gaussian_noise_is_positive_and_finite_or_refused(sigma_for, delta):
    began = time.process_time()
    for epsilon in SIZES:
        for sensitivity in SIZES:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    assert 0 < sigma_for(epsilon=epsilon, delta=delta, sensitivity=sensitivity) < math.inf
                except ValueError:
                    pass
    assert time.process_time() - began < 20  # a search that does not end is what this is about


@pytest.mark.parametrize("epsilon, delta", [(1e-8, 1e-12), (1e-12, 1e-15), (1e-3, 1e-300), (1e-17, 5e-324)])
def test_the_discrete_gaussian_is_calibrated_for_any_small_epsilon_too(epsilon, delta):
    """Its zCDP bound never asks for less than the exact noise, at any order of the Renyi divergence."""
    sigma = discrete_gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=1)
    assert sigma > gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=1) * (1 - 1e-9)
    assert gaussian_delta(sigma=sigma, epsilon=epsilon, sensitivity=1) <= delta


def test_shares_of_too_many_categories_are_refused_before_memory_is_asked_for():
    with pytest.raises(ValueError, match="^categories must be"):
        dp.estimated_shares([1, 0], epsilon=1, categories=1 << 40)
