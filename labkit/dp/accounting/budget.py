"""A privacy budget that says no.

A budget is an (epsilon, delta) that all releases about one data set must share. It is asked before each release, adds up
what has been spent by dp_accounting's composition, and refuses the release that would overdraw.
"""

import html
import math
import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from dp_accounting import dp_event
from dp_accounting.pld import common, privacy_loss_distribution
from dp_accounting.pld.pld_privacy_accountant import PLDAccountant
from dp_accounting.rdp import rdp_privacy_accountant as rdp

from labkit import validate
from labkit.dp.accounting.epsilon import ACCOUNTANTS, RELATION, epsilon_of, quiet

SHOWN = 20  # rows of the printed table
SLACK = 1 + 1e-9  # ten times 0.1 is 1, whatever floating point makes of it
HOPELESS = 50  # a price this far above the limit needs a delta of 1 - e^-50: refuse without composing a huge grid


class BudgetExceeded(ValueError):
    """A release was refused: with it, the budget would be overdrawn. Nothing was computed and nothing recorded."""


@dataclass(frozen=True)
class Spend:
    """One recorded release. `price` is a pair (epsilon, delta) or a dp_accounting event."""

    label: str
    price: tuple | dp_event.DpEvent
    epsilon: float  # of this release alone: at its own delta for a pair, at the budget's for an event
    delta: float


class Budget:
    """What may be spent on one data set, what has been, and a refusal for what would be too much.

        budget = Budget(epsilon=1, delta=1e-5)
        budget.ask(laplace, count, sensitivity=1, epsilon=0.2)       # charges what the mechanism is told to spend
        budget.spend("training", dp_sgd_event(noise_multiplier=4, sample_rate=0.1, steps=100))
        budget.ask(...)                                              # BudgetExceeded, when it would be too much

    epsilon:     the limit, > 0.
    delta:       the limit, in [0, 1). With 0 only pure epsilon prices fit, and they add up.
    accountant:  "pld" or "rdp": how spends are composed. Plain addition counts instead wherever it gives less.

    Neighbouring data sets differ by one added or removed record. The questions may depend on earlier answers. The bound
    assumes that the *prices* do not: whoever sets the next epsilon by the last answer needs a privacy filter (Rogers, Roth,
    Ullman, Vadhan, NeurIPS 2016), or a budget with delta 0, where epsilons add up and that is allowed.
    Raises ValueError for an argument out of its range. May be shared between threads.
    """

    def __init__(self, *, epsilon, delta=0.0, accountant="pld"):
        self.epsilon = validate.positive(epsilon=epsilon)
        self.delta = _delta(delta)
        self.accountant = validate.one_of(accountant=accountant, options=ACCOUNTANTS)
        self._account = _Account({"pld": _Losses(), "rdp": _Divergences()}[accountant])
        self._spends = ()
        self._lock = threading.Lock()

    @property
    def spends(self):
        """The recorded releases, oldest first."""
        return self._spends

    @property
    def spent(self):
        """The epsilon of everything recorded, together, at the budget's delta."""
        return self._account.epsilon(self.delta) if self._spends else 0.0

    def spend(self, label, price):
        """Record a release before it is made.

        label:  a name for the table.
        price:  an epsilon, a pair (epsilon, delta), or a dp_accounting event.
        Returns the recorded Spend. Raises BudgetExceeded, and changes nothing, when it would overdraw.
        """
        if not isinstance(label, str) or not label.strip():
            raise ValueError(f"label must be a non-empty text, got {label!r}")
        entry = self._priced(label, price)
        with self._lock:
            after = None if entry.epsilon > self.epsilon + HOPELESS else self._account.plus(entry.price)
            if after is None or not after.fits(self.epsilon * SLACK, self.delta):
                total = entry.epsilon if after is None else after.epsilon(self.delta)
                raise BudgetExceeded(f"{label!r} would bring the spending to epsilon {total:.6g}, of {self.epsilon:.6g} "
                                     f"(delta {self.delta:.3g}, {self.accountant}): refused, nothing was answered")
            self._account, self._spends = after, (*self._spends, entry)
        return entry

    def ask(self, mechanism, *arguments, price=None, label=None, **named):
        """Charge the budget, then return mechanism(*arguments, **named).

        price:  as in `spend`; left out, it is the epsilon (and delta) that the mechanism itself is called with.
        label:  a name for the table; left out, the mechanism's.
        A mechanism that fails stays charged: an error message may have told something too.
        Raises BudgetExceeded before the mechanism is called, when it would overdraw.
        """
        if not callable(mechanism):
            raise ValueError(f"mechanism must be a function, got {mechanism!r}")
        if price is None:
            if "epsilon" not in named:
                raise ValueError("price must be given when the mechanism is not called with an epsilon, got None")
            price = (named["epsilon"], named.get("delta", 0.0))
        self.spend(getattr(mechanism, "__name__", "release") if label is None else label, price)
        return mechanism(*arguments, **named)

    def _priced(self, label, price):
        if isinstance(price, dp_event.DpEvent):
            alone = epsilon_of(price, delta=self.delta, accountant=self.accountant) if self.delta else math.inf
            return Spend(label, price, alone, self.delta)
        pair = price if isinstance(price, (tuple, list)) else (price, 0.0)
        if len(pair) != 2:
            raise ValueError(f"price must be an epsilon, a pair (epsilon, delta) or a dp_accounting event, got {price!r}")
        pair = validate.positive(epsilon=pair[0]), _delta(pair[1])
        return Spend(label, pair, *pair)

    def __repr__(self):
        rows = [("release", "epsilon alone", "delta"), *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}" for row in rows]
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:], rule, self._total()])

    def _repr_html_(self):
        cells = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self._rows())
        return ("<table><thead><tr><th>release</th><th>epsilon alone</th><th>delta</th></tr></thead>"
                f"<tbody>{cells}</tbody><tfoot><tr><th colspan='3'>{html.escape(self._total())}</th></tr></tfoot></table>")

    def _rows(self):
        hidden = len(self._spends) - SHOWN
        earlier = [(f"({hidden} earlier)", "", "")] if hidden > 0 else []
        return earlier + [(each.label, f"{each.epsilon:.4g}", f"{each.delta:.3g}") for each in self._spends[-SHOWN:]]

    def _total(self):
        return (f"together: epsilon {self.spent:.4g} of {self.epsilon:.4g} at delta {self.delta:.3g} "
                f"({self.accountant}; {RELATION})")


def _delta(delta):
    delta = validate.non_negative(delta=delta)
    if delta >= 1:
        raise ValueError(f"delta must be at least 0 and below 1, got {delta!r}")
    return delta


@dataclass(frozen=True)
class _Account:
    """All spends so far, composed, and beside it their plain sum. Never changed: `plus` makes the next one."""

    composed: "_Losses | _Divergences"
    pairs: tuple = ()
    has_events: bool = False

    def plus(self, price):
        if isinstance(price, tuple):
            return _Account(self.composed.plus_pair(*price), (*self.pairs, price), self.has_events)
        return _Account(self.composed.plus_event(price), self.pairs, True)

    def added(self, delta):
        """The sum of the epsilons, where adding is allowed: only pairs, whose deltas fit."""
        enough = math.fsum(each for _, each in self.pairs) <= delta * SLACK
        return math.fsum(each for each, _ in self.pairs) if enough and not self.has_events else math.inf

    def epsilon(self, delta):
        return min(self.added(delta), self.composed.epsilon(delta) if delta else math.inf)

    def fits(self, epsilon, delta):
        return self.added(delta) <= epsilon or self.epsilon(delta) <= epsilon  # adding is cheap: try it first


@dataclass(frozen=True)
class _Losses:
    """Composition of privacy loss distributions, on dp_accounting's default grid."""

    total: privacy_loss_distribution.PrivacyLossDistribution = privacy_loss_distribution.identity()

    def plus_pair(self, epsilon, delta):
        return _Losses(self.total.compose(_worst_with(epsilon, delta)))

    def plus_event(self, event):
        with quiet():
            return _Losses(self.total.compose(PLDAccountant().compose(event)._pld))

    def epsilon(self, delta):
        return float(self.total.get_epsilon_for_delta(delta))


@lru_cache(maxsize=256)
def _worst_with(epsilon, delta):
    """The loss distribution that dominates every (epsilon, delta) mechanism (Kairouz, Oh, Viswanath, ICML 2015)."""
    return privacy_loss_distribution.from_privacy_parameters(common.DifferentialPrivacyParameters(epsilon, delta))


@dataclass(frozen=True)
class _Divergences:
    """Composition of Renyi divergences; the deltas of pairs are set aside and added at the end."""

    totals: np.ndarray | float = 0.0
    set_aside: float = 0.0

    def plus_pair(self, epsilon, delta):
        pure = dp_event.ZCDpEvent(rho=epsilon**2 / 2)  # Bun and Steinke, TCC 2016
        return _Divergences(self.plus_event(pure).totals, self.set_aside + delta)

    def plus_event(self, event):
        with quiet():
            return _Divergences(self.totals + rdp.RdpAccountant().compose(event)._rdp, self.set_aside)

    def epsilon(self, delta):
        if delta <= self.set_aside:
            return math.inf
        with quiet():
            return float(rdp.compute_epsilon(rdp.DEFAULT_RDP_ORDERS, self.totals, delta - self.set_aside)[0])
