"""How wide Gaussian noise must be for a given epsilon and delta."""

import math

from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_ndtr, ndtr

from labkit import validate

SMALL = 1e-100
LARGE = 1e15  # a larger epsilon is treated as this one, which is safe
MOST_NATS = 745  # log(1 / delta) of the smallest positive delta


def gaussian_delta(*, sigma: float, epsilon: float, sensitivity: float):
    """The smallest delta for which Gaussian noise is (epsilon, delta)-differentially private.

    sigma:        standard deviation of the noise, in the units of `sensitivity`, > 0.
    epsilon:      privacy loss bound, zero or more (dimensionless).
    sensitivity:  largest L2 change of the answer between neighbouring data sets, > 0.
    Returns delta, from 0 to 1. Neighbouring: whatever relation `sensitivity` was computed for.
    Raises ValueError for a bad sigma, epsilon or sensitivity.
    Source: Balle, Wang, "Improving the Gaussian Mechanism for Differential Privacy", ICML 2018, theorem 8.
    """
    ratio = validate.positive(sensitivity=sensitivity) / validate.positive(sigma=sigma)
    epsilon = validate.non_negative(epsilon=epsilon)
    if ratio == 0:
        return 0.0
    beyond = epsilon / ratio  # the privacy loss exceeds epsilon beyond this point
    return max(0.0, float(ndtr(ratio / 2 - beyond) - math.exp(epsilon + log_ndtr(-ratio / 2 - beyond))))


def gaussian_sigma(*, epsilon: float, delta: float, sensitivity: float):
    """The smallest standard deviation of Gaussian noise that gives (epsilon, delta)-differential privacy.

    epsilon:      privacy loss bound, > 0 (dimensionless). Any size: the classic formula
                  sensitivity sqrt(2 ln(1.25 / delta)) / epsilon is proved for epsilon up to 1 only, and wider than needed.
    delta:        probability mass outside that bound, between 0 and 1; far below 1 / (number of people).
    sensitivity:  largest L2 change of the answer between neighbouring data sets, > 0.
    Returns sigma in the units of `sensitivity`. Neighbouring: whatever relation `sensitivity` was computed for.
    Raises ValueError for a bad epsilon, delta or sensitivity.
    Source: Balle, Wang, ICML 2018 (the analytic Gaussian mechanism).
    """
    epsilon, delta = validate.positive(epsilon=epsilon), validate.probability(delta=delta)
    sensitivity = validate.positive(sensitivity=sensitivity)

    def excess(log_sigma):
        return gaussian_delta(sigma=math.exp(log_sigma), epsilon=epsilon, sensitivity=1) - delta

    low = high = 0.0
    while excess(low) < 0:
        low -= 1
    while excess(high) > 0:
        high += 1
    log_sigma = brentq(excess, low - 1, high + 1, xtol=1e-13)
    return _noise(sensitivity, math.exp(log_sigma) * (1 + 1e-9))  # rounding errs on the safe side


def discrete_gaussian_sigma(*, epsilon: float, delta: float, sensitivity: float):
    """Width of discrete Gaussian noise that gives (epsilon, delta)-differential privacy, in the units of `sensitivity`.

    Such noise is rho-zero-concentrated private with rho = sensitivity^2 / (2 sigma^2), for answers of any dimension, and
    that is turned into epsilon and delta. At epsilon 1 and delta 1e-5 this asks for 8 % more than `gaussian_sigma`: the
    price of one bound for every dimension. Arguments and neighbouring relation as for `gaussian_sigma`.
    Raises ValueError for a bad epsilon, delta or sensitivity.
    Source: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020.
    """
    epsilon, delta = min(validate.positive(epsilon=epsilon), LARGE), validate.probability(delta=delta)
    sensitivity = validate.positive(sensitivity=sensitivity)
    if epsilon < SMALL:
        raise ValueError(f"epsilon must be at least {SMALL:g}, so that the noise stays finite, got {epsilon!r}")

    def excess(log_rho):
        return _log_delta_of_zcdp(math.exp(log_rho), epsilon) - math.log(delta)

    low = high = math.log(epsilon)
    while excess(low) > 0:
        low -= 5
    while excess(high) < 0:
        high += 1
    log_rho = brentq(excess, low, high, xtol=1e-12)
    return _noise(sensitivity, math.exp(-log_rho / 2) / math.sqrt(2) * (1 + 1e-9))  # rounding errs on the safe side


def _noise(sensitivity, multiple):
    """Their product, which must be noise: not rounded to zero, and finite."""
    sigma = sensitivity * multiple
    if not 0 < sigma < math.inf:
        raise ValueError(f"sensitivity must be such that {multiple:.6g} times it, the noise, is a positive and finite number, got "
                         f"{sensitivity!r}")
    return sigma


def _log_delta_of_zcdp(rho, epsilon):
    """Log of a delta for which rho-zCDP implies (epsilon, delta)-privacy. Each order alpha > 1 gives one; take the least."""

    def bound(log_excess):
        excess = math.exp(log_excess)  # alpha - 1
        return excess * ((1 + excess) * rho - epsilon) - excess * math.log1p(1 / excess) - math.log1p(excess)

    widest = max(20, math.log(4 * MOST_NATS) - math.log(epsilon))  # the best order is near 2 log(1 / delta) / epsilon
    return minimize_scalar(bound, bounds=(-20, widest), method="bounded", options={"xatol": 1e-10}).fun
