"""What a mechanism has spent, and how much noise a budget asks for.

Spending is described by dp_accounting *events* ("a Gaussian mechanism on a Poisson sample, 200 times"); an accountant
composes events into one (epsilon, delta). Neighbouring data sets differ by one added or removed record, everywhere.

Two accountants: "pld" composes privacy loss distributions numerically and is tight; "rdp" composes Renyi divergences (Mironov,
CSF 2017), is looser and works where a distribution is out of reach. For any event both are dp_accounting's. For DP-SGD "pld" is
ours, on a grid that fits the loss of one step (`labkit.dp.accounting.sampled_gaussian`), checked against dp_accounting's.
"""

import logging
import math
from contextlib import contextmanager
from functools import lru_cache

from dp_accounting import dp_event
from dp_accounting.pld.pld_privacy_accountant import PLDAccountant
from dp_accounting.privacy_accountant import UnsupportedEventError
from dp_accounting.rdp.rdp_privacy_accountant import RdpAccountant

from labkit import validate
from labkit.dp.accounting import sampled_gaussian
from labkit.dp.accounting.noise import least_noise, round_up
from labkit.dp.mechanisms.calibration import gaussian_sigma
from labkit.dp.relations import ADD_OR_REMOVE

ACCOUNTANTS = ("pld", "rdp")
RELATION = ADD_OR_REMOVE
FINEST = 1e-4  # dp_accounting's own spacing of the privacy-loss grid

# An epsilon accepted by noise_multiplier_for lies in [TARGET * epsilon, epsilon].
TARGET = 0.995
# Below this noise epsilon is over a thousand: the Renyi bound stands in for "pld".
HARDLY_ANY = 0.02
LEAST_DELTA = 1e-250  # below it, shares of delta vanish in floating point, and the Renyi bound stands in
FEW_ORDERS = [1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 128, 256, 512, 1024]


@contextmanager
def quiet():
    """Hold back dp_accounting's log lines: each tells that one Renyi order was skipped, which only loosens the bound."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def dp_sgd_event(*, noise_multiplier: float, sample_rate: float, steps: int):
    """`steps` Gaussian mechanisms, each on a fresh Poisson sample, as a dp_accounting event.

    noise_multiplier:  standard deviation of the noise over the clipping norm, > 0 (dimensionless).
    sample_rate:       probability that a record joins a batch, in (0, 1]; 1 means no sampling.
    steps:             how many noisy gradients are released, a whole number >= 1.
    Raises ValueError for an argument out of its range.
    """
    noise_multiplier = validate.positive(noise_multiplier=noise_multiplier)
    sample_rate = validate.fraction(sample_rate=sample_rate)
    steps = validate.integer(steps=steps, at_least=1)
    one = dp_event.GaussianDpEvent(noise_multiplier)
    if sample_rate < 1:
        one = dp_event.PoissonSampledDpEvent(sample_rate, one)
    return dp_event.SelfComposedDpEvent(one, steps)


def epsilon_of(event, *, delta: float, accountant: str = "pld", spacing=FINEST):
    """The epsilon that any dp_accounting event costs at `delta` (add or remove one record).

    event:       a dp_accounting DpEvent, such as `dp_sgd_event(...)`.
    delta:       strictly between 0 and 1.
    accountant:  "pld" or "rdp".
    spacing:     distance of the grid points on which "pld" holds the privacy loss. Its rounding is pessimistic, so a
                 wider grid is faster and never too low.
    Returns a float, possibly infinity. Raises ValueError when the accountant cannot treat the event.
    """
    if not isinstance(event, dp_event.DpEvent):
        raise ValueError(f"event must be a dp_accounting DpEvent, got {event!r}")
    delta = validate.probability(delta=delta)
    validate.one_of(accountant=accountant, options=ACCOUNTANTS)
    return _epsilon_of(event, delta, accountant, validate.positive(spacing=spacing))


def _epsilon_of(event, delta, accountant, spacing, orders=None):
    ledger = PLDAccountant(value_discretization_interval=spacing) if accountant == "pld" else RdpAccountant(orders)
    with quiet():
        try:
            return float(ledger.compose(event).get_epsilon(delta))
        except UnsupportedEventError as error:
            raise ValueError(f"event must be one that the {accountant!r} accountant supports: {error}") from None


def epsilon_spent(*, noise_multiplier: float, sample_rate: float, steps: int, delta: float, accountant: str = "pld"):
    """The epsilon of DP-SGD: `steps` noisy gradients on Poisson-sampled batches.

    noise_multiplier:  standard deviation of the noise over the clipping norm, > 0.
    sample_rate:       probability that a record joins a batch, in (0, 1]; 1 means every record, every step.
    steps:             a whole number >= 1.
    delta:             strictly between 0 and 1, and in practice far below 1 over the number of records.
    accountant:        "pld" (tight) or "rdp". Where "pld" is out of reach, the Renyi bound stands in: see `accountant_used`.
    Returns epsilon, for data sets that differ by one added or removed record.
    Raises ValueError for an argument out of its range.
    Source: Abadi et al., CCS 2016 (the mechanism); Mironov, Talwar, Zhang 2019, arXiv:1908.10530 (its Renyi account).
    """
    return _spent(noise_multiplier, sample_rate, steps, delta, accountant)[0]


def accountant_used(*, noise_multiplier: float, sample_rate: float, steps: int, delta: float, accountant: str = "pld"):
    """Which accountant `epsilon_spent` takes its answer from, given the same arguments: "pld" or "rdp".

    "rdp" stands in for "pld" in two places, and only where it gives the smaller epsilon. A delta so small that it drowns in the
    rounding of a Fourier transform (below about 2e-13 times 100 + steps); and noise below 0.02, where epsilon is over a thousand.
    """
    return _spent(noise_multiplier, sample_rate, steps, delta, accountant)[1]


def _spent(noise_multiplier, sample_rate, steps, delta, accountant):
    validate.one_of(accountant=accountant, options=ACCOUNTANTS)
    return _epsilon(validate.positive(noise_multiplier=noise_multiplier), validate.fraction(sample_rate=sample_rate),
                    validate.integer(steps=steps, at_least=1), validate.probability(delta=delta), accountant)


def noise_multiplier_for(*, epsilon: float, delta: float, sample_rate: float, steps: int, accountant: str = "pld"):
    """The least noise, rounded up to five digits, with which DP-SGD stays within (epsilon, delta).

    epsilon:   > 0; the other arguments are those of `epsilon_spent`, which this function inverts.
    Returns a noise multiplier whose `epsilon_spent` is at most epsilon and, where noise can be tuned that finely, at least
    0.995 epsilon. The answer is confirmed before it is returned: it never overspends.
    Raises ValueError for an argument out of its range.
    """
    validate.one_of(accountant=accountant, options=ACCOUNTANTS)
    return _noise_multiplier(validate.positive(epsilon=epsilon), validate.probability(delta=delta),
                             validate.fraction(sample_rate=sample_rate), validate.integer(steps=steps, at_least=1),
                             accountant)


def best_attack(event):
    """The most often that any attacker can be right about one record being in the data, when it is so half the time.

    event:  a dp_accounting event that describes everything released.
    Returns a probability from 0.5 (nothing learnt) to 1: (1 + delta(0)) / 2, where delta(0) is the delta at epsilon 0, the
    largest difference between the two probabilities of any outcome. It is a property of the mechanism, tighter than what
    its (epsilon, delta) alone would allow (Kairouz, Oh, Viswanath, ICML 2015), and rounded up, as all else here.
    """
    if not isinstance(event, dp_event.DpEvent):
        raise ValueError(f"event must be a dp_accounting DpEvent, got {event!r}")
    with quiet():
        try:
            return (1 + float(PLDAccountant().compose(event).get_delta(0.0))) / 2
        except UnsupportedEventError as error:
            raise ValueError(f"event must be one that the 'pld' accountant supports: {error}") from None


@lru_cache(maxsize=4096)
def _epsilon(noise_multiplier, sample_rate, steps, delta, accountant, rough=False):
    """(epsilon, the accountant that it is from)."""
    answers = []
    if accountant == "pld" and (sample_rate == 1 or (noise_multiplier >= HARDLY_ANY and delta >= LEAST_DELTA)):
        answers.append((sampled_gaussian.epsilon_at(noise_multiplier, sample_rate, steps, delta), "pld"))
    if not answers or not (sample_rate == 1 or sampled_gaussian.seen_well(delta, steps)):
        event = dp_sgd_event(noise_multiplier=noise_multiplier, sample_rate=sample_rate, steps=steps)
        answers.append((_epsilon_of(event, delta, "rdp", FINEST, FEW_ORDERS if rough else None), "rdp"))
    return min(answers)


@lru_cache(maxsize=4096)
def _noise_multiplier(epsilon, delta, sample_rate, steps, accountant):
    if accountant == "pld" and (sample_rate == 1 or sampled_gaussian.seen_well(delta, steps)):
        found = least_noise(epsilon, delta, sample_rate, steps)
        if found is not None and (sample_rate == 1 or found >= HARDLY_ANY):
            return found
    # Central-limit guess (Bu, Dong, Long, Su 2020): the steps together act like one Gaussian mechanism, of noise `single`.
    single = gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=1)
    guess = math.log1p(1 / (single * sample_rate) ** 2 / steps) ** -0.5
    slope = -1.2 * guess**-2 / -math.expm1(-(guess**-2))
    for rough, target in [(True, 0.96), (False, TARGET)]:  # found cheaply first, then exactly
        guess, slope = _solve(guess, slope, epsilon, target,
                              lambda sigma: _epsilon(sigma, sample_rate, steps, delta, accountant, rough)[0])
    return guess


def _solve(sigma, slope, epsilon, target, spent):
    """Secant steps in log-log, inside a bracket: a sigma with target * epsilon <= spent(sigma) <= epsilon, and the slope."""
    overspends, safe, previous = 0.0, math.inf, None
    steepest, flattest = 2 * slope, slope / 2
    for _ in range(80):
        sigma = round_up(sigma)
        cost = spent(sigma)
        if target * epsilon <= cost <= epsilon:
            return sigma, slope
        if cost > epsilon:
            overspends = max(overspends, sigma)
        else:
            safe = min(safe, sigma)
        if safe <= 1.0002 * overspends:  # epsilon jumps over the target between neighbouring values
            return safe, slope
        gap = math.log(min(max(cost / epsilon, 1e-3), 1e3)) - math.log((1 + target) / 2)
        if previous is not None and previous[1] != gap:
            slope = min(max((gap - previous[1]) / math.log(sigma / previous[0]), steepest), flattest)
        previous = sigma, gap
        sigma *= math.exp(min(max(-gap / slope, -1.5), 1.5))
        if not overspends < sigma < safe:
            sigma = math.sqrt(overspends * safe)
    raise ValueError(f"epsilon must be one that some noise reaches, got {epsilon!r}")

