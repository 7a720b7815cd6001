"""The least noise for a budget, in five or six evaluations of the privacy loss.

Steps together act nearly like one Gaussian mechanism (Bu, Dong, Long, Su, HDSR 2020), whose strength mu is close to
rate * sqrt(steps) * sqrt(exp(1 / noise^2) - 1). So the search runs in the logarithms of both, where the curve is close to a line of
slope 1: on a coarse grid first, then on the fine one, which alone counts.
"""

import math

from labkit.dp.accounting.sampled_gaussian import ADDED, CUT, FINE, REMOVED, delta_at
from labkit.dp.mechanisms.calibration import gaussian_sigma

COARSE, NEAR = 0.5, 0.003  # the first search: spacing of its grid, and how near in log mu it ends
CLOSE = 3e-4  # the second: the noise asked for is at most so much larger than needed, relatively
MOST_STEPS = 60


def least_noise(epsilon, delta, rate, steps):
    """The least noise multiplier that keeps (epsilon, delta), to about CLOSE and never too small, or None if none was found."""
    single = gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=1)
    if rate == 1:
        return round_up(single * math.sqrt(steps))
    search = _Search(epsilon, delta, rate, steps, -math.log(single))
    place = search.goal - math.log(rate) - 0.5 * math.log(steps)
    if steps > 1:
        place = search.ends_at(place, COARSE, NEAR, above=NEAR)
    place = None if place is None else search.ends_at(place, FINE, CLOSE, above=0.0)
    if place is None:
        return None
    noise = round_up(_noise(place))
    for _ in range(20):
        if search.delta(noise, FINE, REMOVED) <= delta and search.delta(noise, FINE, ADDED) <= delta:
            return noise
        noise = round_up(noise * 1.0001)  # the grid moves with the noise
    return None


def _noise(place):
    """The noise multiplier at place = log sqrt(exp(1 / noise^2) - 1)."""
    return math.log1p(math.exp(2 * place)) ** -0.5 if place < 300 else (2 * place) ** -0.5


class _Search:
    def __init__(self, epsilon, delta, rate, steps, goal):
        self.run, self.epsilon, self.cut, self.goal = (rate, steps), epsilon, CUT * delta, goal

    def delta(self, noise, fineness, way=REMOVED):
        return delta_at(noise, *self.run, self.epsilon, self.cut, fineness, way)

    def excess(self, place, fineness):
        """log mu of the Gaussian mechanism with this delta at epsilon, less that of the wanted one."""
        delta = self.delta(_noise(place), fineness)
        if delta <= 3 * self.cut:
            return -1.0
        if delta >= 1 - 1e-12:
            return 3.0
        return -math.log(gaussian_sigma(epsilon=self.epsilon, delta=delta, sensitivity=1)) - self.goal

    def ends_at(self, place, fineness, within, above):
        """Secant steps inside a bracket, to a place whose excess lies in [-within, above]; None if none is found."""
        low, high, before, slope = -math.inf, math.inf, None, 1.0
        for _ in range(MOST_STEPS):
            excess = self.excess(place, fineness)
            if -within <= excess <= above:
                return place
            low, high = (low, min(high, place)) if excess > 0 else (max(low, place), high)
            if before is not None and before[0] != place and abs(excess) < 0.9:
                slope = min(max((excess - before[1]) / (place - before[0]), 0.2), 20.0)
            before = place, excess
            target = place - (excess + (within - above) / 2) / slope
            if not low < target < high:
                bounded = math.isfinite(low) and math.isfinite(high)
                target = (low + high) / 2 if bounded else place - math.copysign(1.0, excess)
            place = target
        return None


def round_up(noise):
    """To five significant digits, upwards: the noise that is printed is the noise that is used."""
    unit = 10.0 ** (math.floor(math.log10(noise)) - 4)
    return float(f"{math.ceil(noise / unit - 1e-6) * unit:.5g}")
