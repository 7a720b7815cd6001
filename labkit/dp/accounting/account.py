"""What releases cost together: composed by an accountant, and beside it their plain sum."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from dp_accounting import dp_event
from dp_accounting.pld import common, privacy_loss_distribution
from dp_accounting.pld.pld_privacy_accountant import PLDAccountant
from dp_accounting.rdp import rdp_privacy_accountant as rdp

from labkit.dp.accounting.epsilon import quiet

SLACK = 1 + 1e-9  # ten times 0.1 is 1, whatever floating point makes of it


def empty_account(accountant):
    """The account of nothing, for "pld" or "rdp"."""
    return Account(Losses() if accountant == "pld" else Divergences())


@dataclass(frozen=True)
class Account:
    """All spends so far, composed, and beside it their plain sum. Never changed: `plus` makes the next one."""

    composed: "Losses | Divergences"
    pairs: tuple = ()
    has_events: bool = False

    def plus(self, price):
        if isinstance(price, tuple):
            return Account(self.composed.plus_pair(*price), (*self.pairs, price), self.has_events)
        return Account(self.composed.plus_event(price), self.pairs, True)

    def added(self, delta):
        """The sum of the epsilons, where adding is allowed: only pairs, whose deltas fit."""
        enough = math.fsum(each for _, each in self.pairs) <= delta * SLACK
        return math.fsum(each for each, _ in self.pairs) if enough and not self.has_events else math.inf

    def epsilon(self, delta):
        return min(self.added(delta), self.composed.epsilon(delta) if delta else math.inf)

    def fits(self, epsilon, delta):
        return self.added(delta) <= epsilon or self.epsilon(delta) <= epsilon  # adding is cheap: try it first


@dataclass(frozen=True)
class Losses:
    """Composition of privacy loss distributions, on dp_accounting's default grid."""

    total: privacy_loss_distribution.PrivacyLossDistribution = privacy_loss_distribution.identity()

    def plus_pair(self, epsilon, delta):
        return Losses(self.total.compose(_worst_with(epsilon, delta)))

    def plus_event(self, event):
        with quiet():
            return Losses(self.total.compose(PLDAccountant().compose(event)._pld))

    def epsilon(self, delta):
        return float(self.total.get_epsilon_for_delta(delta))


@lru_cache(maxsize=256)
def _worst_with(epsilon, delta):
    """The loss distribution that dominates every (epsilon, delta) mechanism (Kairouz, Oh, Viswanath, ICML 2015)."""
    return privacy_loss_distribution.from_privacy_parameters(common.DifferentialPrivacyParameters(epsilon, delta))


@dataclass(frozen=True)
class Divergences:
    """Composition of Renyi divergences; the deltas of pairs are set aside and added at the end."""

    totals: np.ndarray | float = 0.0
    set_aside: float = 0.0

    def plus_pair(self, epsilon, delta):
        pure = dp_event.ZCDpEvent(rho=epsilon**2 / 2)  # Bun and Steinke, TCC 2016
        return Divergences(self.plus_event(pure).totals, self.set_aside + delta)

    def plus_event(self, event):
        with quiet():
            return Divergences(self.totals + rdp.RdpAccountant().compose(event)._rdp, self.set_aside)

    def epsilon(self, delta):
        if delta <= self.set_aside:
            return math.inf
        with quiet():
            return float(rdp.compute_epsilon(rdp.DEFAULT_RDP_ORDERS, self.totals, delta - self.set_aside)[0])
