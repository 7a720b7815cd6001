"""Composition by hand: five ways to add up what many releases cost, to compare and to draw.

For real accounting use `labkit.dp.accounting.epsilon`, which goes through dp_accounting. What is here is what lab 04 builds, checked:

    basic      epsilons add up                                                   assumes (epsilon, delta) per release
    advanced   they add up like a random walk, for a small extra delta            the same
    zCDP       one number rho, which adds up                                     a Gaussian-like release
    RDP        one number per order, which adds up                               the Renyi divergences of the release
    PLD        the distribution of the privacy loss, which is convolved          that distribution, that is, the exact noise

The bounds hold for whatever neighbouring relation each release's guarantee is for. The questions may depend on earlier
answers; the epsilons and noises may not.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.optimize import brentq
from scipy.special import expit, log_ndtr, ndtr

from labkit import validate

LOST = 1e-14  # mass that a convolution may lose at each end; it is put back as infinite loss
STEPS = 40  # grid points in two standard deviations of a Gaussian release's loss


def basic(epsilon, delta=0.0, *, times):
    """`times` releases that are each (epsilon, delta)-private, together: the pair (times * epsilon, times * delta).

    epsilon > 0, delta in [0, 1), times a whole number >= 1; ValueError otherwise.
    Source: Dwork, McSherry, Nissim, Smith, TCC 2006; with delta: Dwork, Kenthapadi, McSherry, Mironov, Naor, EUROCRYPT 2006.
    """
    epsilon, delta, times = _release(epsilon, delta, times)
    return times * epsilon, min(1.0, times * delta)


def advanced(epsilon, delta=0.0, *, times, slack):
    """The same releases, with `slack` > 0 added to delta: the pair (epsilon', times * delta + slack).

    Worse than `basic` for few releases or for an epsilon above about 1: take the smaller of the two.
    slack strictly between 0 and 1, the rest as for `basic`; ValueError otherwise.
    Source: Dwork, Rothblum, Vadhan, "Boosting and differential privacy", FOCS 2010, theorem III.3.
    """
    epsilon, delta, times = _release(epsilon, delta, times)
    slack = validate.probability(slack=slack)
    drift = times * epsilon * math.expm1(epsilon) if epsilon < 700 else math.inf
    return epsilon * math.sqrt(2 * times * math.log(1 / slack)) + drift, min(1.0, times * delta + slack)


def zcdp_epsilon(rho, *, delta):
    """The epsilon, at `delta`, of a rho-zCDP release. rho adds up: `times` releases have times * rho.

    rho:  > 0; epsilon^2 / 2 for any epsilon-private release, 1 / (2 s^2) for Gaussian noise with a standard deviation of s
          times the sensitivity.
    Raises ValueError for a rho that is not positive, or a delta not strictly between 0 and 1.
    Source: Bun, Steinke, "Concentrated differential privacy", TCC 2016, proposition 1.3.
    """
    rho, delta = validate.positive(rho=rho), validate.probability(delta=delta)
    return rho + 2 * math.sqrt(rho * math.log(1 / delta))


def rdp_epsilon(orders, divergences, *, delta):
    """The epsilon, at `delta`, of a release with these Renyi divergences. At each order they add up over releases.

    orders, divergences:  1-D, same length, orders above 1, divergences zero or more.
    Returns the smallest bound that any order gives, at least 0. Raises ValueError for bad arguments.
    Source: Mironov, CSF 2017 (the notion); Canonne, Kamath, Steinke, NeurIPS 2020, proposition 12 (this conversion).
    """
    orders, divergences = validate.array(orders=orders, ndim=1), validate.array(divergences=divergences, ndim=1)
    validate.same_length(orders=orders, divergences=divergences)
    if orders.min() <= 1 or divergences.min() < 0:
        raise ValueError(f"orders must be above 1 and divergences at least 0, got {orders!r} and {divergences!r}")
    delta = validate.probability(delta=delta)
    bounds = divergences + np.log1p(-1 / orders) - (np.log(delta) + np.log(orders)) / (orders - 1)
    return float(max(0.0, bounds.min()))


def pure_divergences(orders, *, epsilon):
    """Renyi divergences, at `orders` (1-D, above 1), of one epsilon-private count with geometric noise. Array like `orders`.

    No epsilon-private release of any other kind has larger ones. Raises ValueError for bad orders or an epsilon not above 0.
    Source: Mironov, CSF 2017, proposition 5 (there for randomised response, whose losses are the same).
    """
    orders, epsilon = validate.array(orders=orders, ndim=1), validate.positive(epsilon=epsilon)
    if orders.min() <= 1:
        raise ValueError(f"orders must be above 1, got {orders!r}")
    likelier, unlikelier = -math.log1p(math.exp(-epsilon)), -np.logaddexp(0, epsilon)  # log of the two probabilities
    return np.logaddexp(orders * likelier + (1 - orders) * unlikelier,
                        orders * unlikelier + (1 - orders) * likelier) / (orders - 1)


@dataclass(frozen=True, eq=False)
class PrivacyLoss:
    """The distribution of the privacy loss L = ln P(output) / Q(output), when the output comes from P.

    P and Q are the output distributions on two neighbouring data sets. The mass sits on a grid: mass[i] at loss
    `lowest + i * spacing`, and `infinite` where Q cannot produce the output at all. Together they are 1.
    Raises ValueError for anything else.
    Source: Sommer, Meiser, Mohammadi, PoPETs 2019; the grid: Doroshenko, Ghazi, Kamath, Kumar, Manurangsi, PoPETs 2022.
    """

    lowest: float
    spacing: float
    mass: np.ndarray
    infinite: float = 0.0

    def __post_init__(self):
        validate.finite(lowest=self.lowest)
        validate.positive(spacing=self.spacing)
        mass = validate.array(mass=self.mass, ndim=1)
        if not 0 <= validate.finite(infinite=self.infinite) <= 1:
            raise ValueError(f"infinite must be from 0 to 1, got {self.infinite!r}")
        if mass.min() < 0 or abs(mass.sum() + self.infinite - 1) > 0.01:  # many convolutions leave some rounding
            raise ValueError(f"mass must be at least 0 and with infinite sum to 1, got {mass.sum() + self.infinite!r} in all")

    @cached_property
    def losses(self):
        """The grid, array like `mass`."""
        return self.lowest + self.spacing * np.arange(len(self.mass))

    def delta(self, epsilon):
        """The smallest delta at `epsilon` (a finite number): infinite + E[1 - exp(epsilon - L)] over losses above epsilon."""
        epsilon = validate.finite(epsilon=epsilon)
        above = self.losses > epsilon
        return float(min(1.0, self.infinite - self.mass[above] @ np.expm1(epsilon - self.losses[above])))

    def epsilon(self, delta):
        """The smallest epsilon >= 0 at `delta` (strictly between 0 and 1): `delta` solved for epsilon; may be infinity."""
        delta = validate.probability(delta=delta)
        if self.delta(0.0) <= delta:
            return 0.0
        if self.infinite > delta:
            return math.inf
        root = brentq(lambda epsilon: self.delta(epsilon) - delta, 0.0, self.losses[-1], xtol=1e-12)
        return root * (1 + 1e-9)  # rounding errs on the safe side

    def composed(self, times):
        """The loss of `times` (>= 1) independent releases: losses add, so their distributions are convolved."""
        times = validate.integer(times=times, at_least=1)
        if times == 1:
            return self
        low, high = self._reach(times)
        size = next_fast_len(max(high - low + 1, len(self.mass)), real=True)
        around = irfft(rfft(self.mass, size) ** times, size)  # on a circle of `size` grid points
        return PrivacyLoss(times * self.lowest + low * self.spacing, self.spacing, np.maximum(np.roll(around, -low), 0),
                           -math.expm1(times * math.log1p(-self.infinite)) + 2 * LOST)

    def _reach(self, times):
        """Grid steps between which all but LOST of the sum lies at each end (Chernoff's bound)."""
        tilts = np.geomspace(1e-5, 5, 80)
        steps, occurs = np.flatnonzero(self.mass > 0), self.mass[self.mass > 0]

        def cumulants(signed):
            exponents = signed[:, None] * steps + np.log(occurs)
            top = exponents.max(axis=1)
            return top + np.log(np.exp(exponents - top[:, None]).sum(axis=1))

        high = np.min((times * cumulants(tilts) - math.log(LOST)) / tilts)
        low = np.max((math.log(LOST) - times * cumulants(-tilts)) / tilts)
        return max(0, math.floor(low)), min(times * (len(self.mass) - 1), math.ceil(high))


def pure_loss(epsilon):
    """Privacy loss of one epsilon-private count with geometric noise (epsilon > 0): it is epsilon or -epsilon, never less.

    On neighbouring data sets the true counts are c and c + 1. An answer above c is e^epsilon times likelier from the larger
    one, any other answer e^epsilon times less likely. No epsilon-private release of another kind loses more.
    Source: Kairouz, Oh, Viswanath, "The composition theorem for differential privacy", ICML 2015.
    """
    epsilon = validate.positive(epsilon=epsilon)
    return PrivacyLoss(-epsilon, 2 * epsilon, expit(np.array([-epsilon, epsilon])))


def gaussian_loss(noise_multiplier):
    """Privacy loss of one answer with Gaussian noise of deviation `noise_multiplier` (> 0) times the sensitivity."""
    spread = 1 / validate.positive(noise_multiplier=noise_multiplier)  # the loss is normal: mean spread^2 / 2, sd spread

    def delta_at(epsilon):
        return ndtr(spread / 2 - epsilon / spread) - np.exp(epsilon + log_ndtr(-spread / 2 - epsilon / spread))

    return loss_from_deltas(np.arange(-9 * STEPS // 2, 9 * STEPS // 2 + 1) * (2 * spread / STEPS) + spread**2 / 2, delta_at)


def loss_from_deltas(epsilons, delta_at):
    """The coarsest loss distribution that has exactly the right delta at each point of a grid ("connect the dots").

    epsilons:  evenly spaced, increasing, 1-D, at least 3.
    delta_at:  the mechanism's delta at each epsilon (also below 0), as a function of an array.
    Between the points, and outside them, its delta is too large, never too small: delta is convex in exp(epsilon), and
    the dots are connected by straight lines in exp(epsilon).
    Raises ValueError for an uneven grid, or deltas that do not lie in [0, 1] or increase.
    """
    epsilons = validate.array(epsilons=epsilons, ndim=1)
    gaps = np.diff(epsilons)
    if len(epsilons) < 3 or gaps.min() <= 0 or np.ptp(gaps) > 1e-6 * gaps.max():
        raise ValueError(f"epsilons must be 3 or more, increasing and evenly spaced, got {epsilons!r}")
    deltas = np.clip(validate.array(deltas=delta_at(epsilons), ndim=1), 0, 1)
    falls = -np.diff(deltas)
    if falls.min() < -1e-9:
        raise ValueError("delta_at must fall as epsilon grows")
    gap = float(gaps.mean())
    # The mass at a point is the change of slope of the dotted line there, in units of exp(epsilon).
    mass = np.append(1 - deltas[0], falls / -math.expm1(-gap)) - np.append(falls / math.expm1(gap), 0.0)
    return PrivacyLoss(float(epsilons[0]), gap, np.maximum(mass, 0), float(deltas[-1]))


def shuffled_epsilon_at_least(*, noise_multiplier, batches, delta):
    """A lower bound on the epsilon of one pass over shuffled batches: whatever an accountant says, it is no less.

    noise_multiplier:  standard deviation of the noise on each batch sum, over the clipping norm, > 0.
    batches:           how many batches the shuffled data is cut into, >= 2; each record is in exactly one.
    delta:             strictly between 0 and 1.
    Neighbouring: one record is replaced by one that contributes nothing. The data set: the record in question contributes
    +1, all others -1. Then the one batch that holds it is higher than the rest by 2, or by 1 when it contributes
    nothing, and the attacker looks whether any batch is above a threshold.
    Returns epsilon >= 0. Raises ValueError for bad arguments.
    Source: the pair of data sets is that of Chua et al., "How private are DP-SGD implementations?", ICML 2024.
    """
    sigma, delta = validate.positive(noise_multiplier=noise_multiplier), validate.probability(delta=delta)
    batches = validate.integer(batches=batches, at_least=2)
    threshold = np.linspace(-2, 2 + 12 * sigma, 2_000)
    none_of_the_rest = (batches - 1) * log_ndtr(threshold / sigma)
    seen_with = -np.expm1(log_ndtr((threshold - 2) / sigma) + none_of_the_rest)
    seen_without = -np.expm1(log_ndtr((threshold - 1) / sigma) + none_of_the_rest)
    possible = (seen_with > delta) & (seen_without > 0)
    return float(max(0.0, np.log((seen_with[possible] - delta) / seen_without[possible]).max(initial=0.0)))


def _release(epsilon, delta, times):
    delta = validate.non_negative(delta=delta)
    if delta >= 1:
        raise ValueError(f"delta must be at least 0 and below 1, got {delta!r}")
    return validate.positive(epsilon=epsilon), delta, validate.integer(times=times, at_least=1)
