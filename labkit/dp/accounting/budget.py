"""A privacy budget that says no.

A budget is an (epsilon, delta) that all releases about one data set must share. It is asked before each release, adds up
what has been spent by dp_accounting's composition, and refuses the release that would overdraw.
"""

import functools
import html
import inspect
import math
import threading
from dataclasses import dataclass

from dp_accounting import dp_event

from labkit import validate
from labkit.dp.accounting.account import SLACK, empty_account
from labkit.dp.accounting.epsilon import ACCOUNTANTS, epsilon_of
from labkit.dp.relations import ADD_OR_REMOVE

SHOWN = 20  # rows of the printed table
HOPELESS = 50  # a price this far above the limit needs a delta of 1 - e^-50: refuse without composing a huge grid


class BudgetExceeded(ValueError):
    """A release was refused: with it, the budget would be overdrawn. Nothing was computed and nothing recorded."""


@dataclass(frozen=True)
class Spend:
    """One recorded release. `price` is a pair (epsilon, delta) or a dp_accounting event, and holds for `relation`."""

    label: str
    price: tuple | dp_event.DpEvent
    epsilon: float  # of this release alone: at its own delta for a pair, at the budget's for an event
    delta: float
    relation: str = ADD_OR_REMOVE


class Budget:
    """What may be spent on one data set, what has been, and a refusal for what would be too much.

        budget = Budget(epsilon=1, delta=1e-5)
        budget.ask(laplace, count, sensitivity=1, epsilon=0.2)       # charges what the mechanism is told to spend
        budget.spend("training", dp_sgd_event(noise_multiplier=4, sample_rate=0.1, steps=100))
        budget.ask(...)                                              # BudgetExceeded, when it would be too much

    epsilon:     the limit, > 0.
    delta:       the limit, in [0, 1). With 0 only pure epsilon prices fit, and they add up.
    accountant:  "pld" or "rdp": how spends are composed. Plain addition counts instead wherever it gives less.
    relation:    the neighbouring relation that all its epsilons hold for, such as "replace one record"; None leaves it to the first
                 price, and a price that says nothing is for "add or remove one record". An epsilon of another relation does not
                 add up with the rest, and is refused.

    The questions may depend on earlier answers. The bound
    assumes that the *prices* do not: whoever sets the next epsilon by the last answer needs a privacy filter (Rogers, Roth,
    Ullman, Vadhan, NeurIPS 2016), or a budget with delta 0, where epsilons add up and that is allowed.
    Raises ValueError for an argument out of its range. May be shared between threads.
    """

    def __init__(self, *, epsilon: float, delta: float = 0.0, accountant: str = "pld", relation=None):
        self.epsilon = validate.positive(epsilon=epsilon)
        self.delta = _delta(delta)
        self.accountant = validate.one_of(accountant=accountant, options=ACCOUNTANTS)
        self._relation = None if relation is None else _relation(relation)
        self._account = empty_account(accountant)
        self._spends = ()
        self._lock = threading.Lock()

    @property
    def relation(self):
        """The neighbouring relation of its epsilons: as given, or as the first price had it."""
        return self._relation or (self._spends[0].relation if self._spends else ADD_OR_REMOVE)

    @property
    def spends(self):
        """The recorded releases, oldest first."""
        return self._spends

    @property
    def spent(self):
        """The epsilon of everything recorded, together, at the budget's delta."""
        return self._account.epsilon(self.delta) if self._spends else 0.0

    def spend(self, label, price, *, relation=None):
        """Record a release before it is made.

        label:     a name for the table.
        price:     an epsilon, a pair (epsilon, delta), or a dp_accounting event.
        relation:  the neighbouring relation that the price holds for; None for the budget's own.
        Returns the recorded Spend. Raises BudgetExceeded, and changes nothing, when it would overdraw; ValueError for a price
        that holds for another relation than the budget's.
        """
        if not isinstance(label, str) or not label.strip():
            raise ValueError(f"label must be a non-empty text, got {label!r}")
        entry = self._priced(label, price, relation)
        with self._lock:
            if entry.relation != self.relation and (self._relation or self._spends):
                raise ValueError(f"relation must be the budget's, {self.relation!r}, got {entry.relation!r} for {label!r}: epsilons of "
                                 "different neighbouring relations do not add up. Keep a budget of its own for it")
            after = None if entry.epsilon > self.epsilon + HOPELESS else self._account.plus(entry.price)
            if after is None or not after.fits(self.epsilon * SLACK, self.delta):
                total = entry.epsilon if after is None else after.epsilon(self.delta)
                raise BudgetExceeded(f"{label!r} would bring the spending to epsilon {total:.6g}, of {self.epsilon:.6g} "
                                     f"(delta {self.delta:.3g}, {self.accountant}): refused, nothing was answered")
            self._account, self._spends = after, (*self._spends, entry)
        return entry

    def ask(self, mechanism, *arguments, price=None, label=None, **named):
        """Charge the budget, then return mechanism(*arguments, **named).

        price:     as in `spend`; left out, it is the epsilon (and delta) that the mechanism itself is called with, as many times as
                   it makes releases of that price (`above_threshold` about n streams makes n).
        label:     a name for the table; left out, the mechanism's.
        relation:  as in `spend`; left out, that of the mechanism if it holds for one only. Passed on if the mechanism takes it.
        A mechanism that fails stays charged: an error message may have told something too.
        Raises BudgetExceeded before the mechanism is called, when it would overdraw, and ValueError for another relation.
        """
        if not callable(mechanism):
            raise ValueError(f"mechanism must be a function, got {mechanism!r}")
        while isinstance(mechanism, functools.partial):  # what it was prepared with counts as if it stood in this call
            mechanism, arguments, named = mechanism.func, (*mechanism.args, *arguments), {**mechanism.keywords, **named}
        if price is None:
            if "epsilon" not in named:
                raise ValueError("price must be given when the mechanism is not called with an epsilon, got None")
            price = (named["epsilon"], named.get("delta", 0.0))
            times = mechanism.releases(*arguments, **named) if hasattr(mechanism, "releases") else 1
            if times > 1:
                price = times * validate.positive(epsilon=price[0]), times * _delta(price[1])
        relation = named.get("relation", getattr(mechanism, "relation", None))
        if "relation" in named and not _takes_relation(mechanism):
            del named["relation"]
        self.spend(getattr(mechanism, "__name__", "release") if label is None else label, price, relation=relation)
        return mechanism(*arguments, **named)

    def statement(self, *, unit, reused, tuning, records=None, records_per_unit=None):
        """What may be said in public about everything recorded: a `labkit.statement.Statement`; its `state` has the arguments.

        Raises `labkit.statement.NotStated` where an assumption is not met.
        """
        from labkit.dp.accounting.stated import of_spends

        return of_spends(spends=self.spends, epsilon=self.spent, delta=self.delta, accountant=self.accountant, relation=self.relation,
                         unit=unit, reused=reused, tuning=tuning, records=records, records_per_unit=records_per_unit)

    def _priced(self, label, price, relation):
        relation = _relation_of(price, self._relation or ADD_OR_REMOVE if relation is None else _relation(relation))
        if isinstance(price, dp_event.DpEvent):
            alone = epsilon_of(price, delta=self.delta, accountant=self.accountant) if self.delta else math.inf
            return Spend(label, price, alone, self.delta, relation)
        pair = price if isinstance(price, (tuple, list)) else (price, 0.0)
        if len(pair) != 2:
            raise ValueError(f"price must be an epsilon, a pair (epsilon, delta) or a dp_accounting event, got {price!r}")
        pair = validate.positive(epsilon=pair[0]), _delta(pair[1])
        return Spend(label, pair, *pair, relation)

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
                f"({self.accountant}; {self.relation})")


def _delta(delta):
    delta = validate.non_negative(delta=delta)
    if delta >= 1:
        raise ValueError(f"delta must be at least 0 and below 1, got {delta!r}")
    return delta


def _relation(relation):
    if not isinstance(relation, str) or not relation.strip():
        raise ValueError(f"relation must be a non-empty text such as {ADD_OR_REMOVE!r}, got {relation!r}")
    return relation


def _relation_of(price, wanted):
    """The relation that the price holds for; ValueError for Poisson samples under another than that of the accountants."""
    if wanted.startswith("replace") and isinstance(price, dp_event.DpEvent) and "PoissonSampled" in repr(price):
        raise ValueError(f"relation must be {ADD_OR_REMOVE!r} for Poisson samples, which are accounted for nothing else, got {wanted!r}")
    return wanted


def _takes_relation(mechanism):
    try:
        parameters = inspect.signature(mechanism).parameters.values()
    except (TypeError, ValueError):  # some built-in functions tell nothing
        return False
    return any(each.name == "relation" or each.kind is each.VAR_KEYWORD for each in parameters)
