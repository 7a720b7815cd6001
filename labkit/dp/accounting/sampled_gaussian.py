"""The privacy loss of DP-SGD on a grid: Gaussian noise on Poisson samples, `steps` times, one record added or removed.

One step releases normal noise with a record's contribution (1, in units where the noise has deviation sigma) present with
probability q, or without it. Its loss, the log of how much likelier the release is on one side, is cut at the points of a grid, in
closed form. "Connecting the dots" splits the mass between two points so that both hypotheses keep their probability of that
stretch; delta is then exact at the grid points and too large between them, never too small. Steps compose by one Fourier
transform. All that is cut off at the top, and all that rounding in the transform could hide, counts as infinite loss.

That rounding limits what can be told: see `seen_well`.
Sources: Koskela, Jalko, Honkela, AISTATS 2020; Gopi, Lee, Wutschitz, NeurIPS 2021; connecting the dots: Doroshenko, Ghazi, Kamath,
Kumar, Manurangsi, PoPETs 2022.
"""

import math

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr, ndtri

from labkit.dp.mechanisms.calibration import gaussian_delta

CUT = 1e-5  # share of delta that is given away at each end
ROUNDING = 2e-16  # of one value in the transform; the power `steps` multiplies it
MOST_POINTS = 1 << 18  # of one step's grid
REMOVED, ADDED = 1, -1  # the data set whose release is looked at has one record more than the other, or one less
FINE = 0.08  # spacing of the grid, in standard deviations of one step's loss: epsilon is then too large by 0.05 % or less


def epsilon_at(noise, rate, steps, delta, fineness=FINE):
    """The epsilon of the whole run at delta, the larger of the two directions; infinity if it cannot be told.

    noise: standard deviation over the clipping norm, > 0; rate: in (0, 1]; steps: >= 1; delta: strictly between 0 and 1.
    """
    if rate == 1 or steps == 1:
        return _solved(noise, rate, steps, delta)
    return max(_epsilon_one_way(noise, rate, steps, delta, fineness, way) for way in (REMOVED, ADDED))


def delta_at(noise, rate, steps, epsilon, cut, fineness=FINE, way=REMOVED):
    """An upper bound on the run's delta at epsilon, in one direction; `cut` is the delta given away at each end."""
    if steps == 1:
        return delta_of_one_step(noise, rate, epsilon, way)
    losses, masses, infinite = composed(noise, rate, steps, fineness, cut, way)
    beyond = np.searchsorted(losses, epsilon, side="right")
    return min(1.0, float(infinite - masses[beyond:] @ np.expm1(epsilon - losses[beyond:])))


def _solved(noise, rate, steps, delta):
    """Epsilon where delta is in closed form: without sampling all steps are one Gaussian mechanism, and one step is one."""

    def excess(epsilon):
        if rate == 1:
            return gaussian_delta(sigma=noise / math.sqrt(steps), epsilon=epsilon, sensitivity=1) - delta
        return max(delta_of_one_step(noise, rate, epsilon, way) for way in (REMOVED, ADDED)) - delta

    if excess(0.0) <= 0:
        return 0.0
    spread = (math.sqrt(steps) if rate == 1 else 1) / noise
    furthest = spread * (spread / 2 + float(-ndtri(delta)) + 1) + 1  # without sampling; with it, less
    return brentq(excess, 0.0, furthest, xtol=1e-12 * furthest, rtol=1e-13) * (1 + 1e-9)  # rounding errs on the safe side


def delta_of_one_step(noise, rate, epsilon, way):
    """Delta of a single step in closed form: the chance of a loss above epsilon on one side, less e^epsilon times the other's."""
    if way == REMOVED:
        z = noise * (_log_expm1_plus(epsilon, rate) - math.log(rate)) + 0.5 / noise
        return max(0.0, rate * ndtr(1 / noise - z) - math.exp(_log_expm1_plus(epsilon, rate) + log_ndtr(-z)))
    inner = math.expm1(-epsilon) + rate  # e^-epsilon less the chance of not being drawn
    if inner <= 0:
        return 0.0
    z = noise * (math.log(inner) - math.log(rate)) + 0.5 / noise
    return max(0.0, ndtr(z) * (1 - math.exp(epsilon) * (1 - rate)) - rate * math.exp(epsilon + log_ndtr(z - 1 / noise)))


def composed(noise, rate, steps, fineness, cut, way):
    """The loss of all steps together: (grid points, masses, mass at infinity)."""
    low, high = _reach(noise, rate, cut / steps, way)
    deviation = rate * math.sqrt(math.expm1(min(noise**-2, 60)))
    spacing = max(fineness * min(deviation, 2 / noise), (high - low) / MOST_POINTS)
    first, mass, lost = _one_step(noise, rate, spacing, math.floor(low / spacing), math.ceil(high / spacing), way)
    low, high = _window(first, mass, spacing, steps, cut)
    size = next_fast_len(max(high - low + 1, len(mass)), real=True)
    around = irfft(rfft(mass, size) ** steps, size)
    around = np.roll(around, -((low - steps * first) % size))[: high - low + 1]
    return np.arange(low, low + len(around)) * spacing, around, steps * lost + 2 * cut + _rounding(steps)


def seen_well(delta, steps):
    """Whether what is given away for rounding is below a thousandth of delta. If not, epsilon is safe, but may be far from tight."""
    return steps == 1 or delta >= 1000 * _rounding(steps)


def _rounding(steps):
    return ROUNDING * (100 + steps)


def _reach(noise, rate, tail, way):
    """Smallest and largest loss of one step worth a place on the grid: what lies beyond has a chance below `tail`."""
    reach = -ndtri(tail)
    ends = -reach, reach + (1 / noise if way == REMOVED else 0)
    return [way * np.logaddexp(math.log1p(-rate), math.log(rate) + (way * z - 0.5 / noise) / noise) for z in ends]


def _one_step(noise, rate, spacing, first, last, way):
    """(first, masses on the grid points first ... last, mass above) of one step's loss.

    With the sign turned for ADDED, the loss rises in z on both ways: z is standard normal without the record, and with it a
    mixture that has the share `rate` at way / noise.
    """
    grid = np.arange(first, last + 1) * spacing
    z = way * (noise * (_log_expm1_plus(way * grid, rate) - math.log(rate)) + 0.5 / noise)
    shift = way / noise

    def mixed(without, present):
        return (1 - rate) * without + rate * present

    without, mixture = _between(z), mixed(_between(z), _between(z - shift))
    below, above = ndtr(z[0]), ndtr(-z[-1])
    own, other = without, mixture
    if way == REMOVED:
        own, other = mixture, without
        below, above = mixed(below, ndtr(z[0] - shift)), mixed(above, ndtr(shift - z[-1]))
    with np.errstate(over="ignore", invalid="ignore"):
        rise = np.expm1(spacing)
        at_low = (other * np.exp(grid[:-1]) * (1 + rise) - own) / rise
    at_low = np.clip(np.nan_to_num(at_low, nan=0.0, posinf=0.0), 0, own)  # beyond floating point: round the loss up
    mass = np.append(at_low, 0.0) + np.append(0.0, own - at_low)
    mass[0] += below  # rounded up
    return first, mass, float(above)


def _log_expm1_plus(loss, rate):
    """log(e^loss - 1 + rate), minus infinity where there is nothing to take the logarithm of."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        small = np.log(np.maximum(np.expm1(np.minimum(loss, 40)) + rate, 0))
    return np.where(np.asarray(loss) > 40, loss, small)[()]


def _between(edges):
    """Standard normal mass between neighbouring edges (rising), to full relative precision in both tails."""
    lower, upper = ndtr(edges), ndtr(-edges)
    return np.where(edges[1:] <= 0, np.diff(lower), -np.diff(upper))


def _window(first, mass, spacing, steps, cut):
    """Grid points outside which the sum lies with probability below `cut` at each end: Chernoff's bound, on at most 512 groups."""
    group = -(-len(mass) // 512)
    padded = np.zeros(-(-len(mass) // group) * group)
    padded[: len(mass)] = mass
    padded = padded.reshape(-1, group)
    # A group's mass goes to its two ends so that its mean stays: the exponential is convex, so no cumulant gets smaller.
    to_next = padded @ (np.arange(group) / group)
    weights = np.append(padded.sum(1) - to_next, 0.0) + np.append(0.0, to_next)
    places = np.arange(len(mass))
    mean = (first * mass.sum() + mass @ places) * spacing
    deviation = math.sqrt(max(mass @ ((first + places) * spacing - mean) ** 2, 1e-300))
    need, last = -math.log(cut), first + len(mass) - 1
    tilts = math.sqrt(2 * need / steps) / deviation * np.geomspace(0.01, 1.6, 24)[:, None]
    losses = (first + np.arange(len(weights)) * group) * spacing - mean
    with np.errstate(divide="ignore"):
        logs = np.log(np.maximum(weights, 0))
    furthest = []
    for sign in (1, -1):
        exponents = sign * tilts * losses + logs
        top = exponents.max(1, keepdims=True)
        cumulants = top[:, 0] + np.log(np.exp(exponents - top).sum(1))
        furthest.append(float(((steps * cumulants + need) / tilts[:, 0]).min()))
    return (max(math.floor((steps * mean - furthest[1]) / spacing), steps * first),
            min(math.ceil((steps * mean + furthest[0]) / spacing), steps * last))


def _epsilon_one_way(noise, rate, steps, delta, fineness, way):
    losses, masses, infinite = composed(noise, rate, steps, fineness, CUT * delta, way)
    if infinite >= delta:
        return math.inf
    above = np.cumsum(np.maximum(masses, 0)[::-1])[::-1]  # chance of a loss at least so large
    # delta at a point is at most the chance of a loss above it, and at least half the chance of one above it by log 2
    start = np.searchsorted(-above, -2 * delta)
    margin = 1 + 2 * float(np.diff(losses[:2]).sum())
    start = np.searchsorted(losses, max(0.0, losses[min(start, len(losses) - 1)] - margin))
    start = max(0, min(start, len(losses) - 1) - 1)
    losses, masses, above = losses[start:], np.maximum(masses[start:], 0), above[start:]
    other = np.cumsum((masses * np.exp(np.maximum(losses[0] - losses, -700)))[::-1])[::-1]  # times e^losses[0]
    above, other = np.append(above[1:], 0.0), np.append(other[1:], 0.0)  # strictly above each point
    deltas = infinite + above - np.exp(np.minimum(losses - losses[0], 700)) * other
    place = int(np.argmax(deltas <= delta))  # epsilon lies between the point before and this one
    if deltas[place] > delta:
        return math.inf
    if place == 0:
        return max(0.0, float(losses[0]))
    return max(0.0, float(losses[0] + math.log((infinite + above[place - 1] - delta) / other[place - 1])))
