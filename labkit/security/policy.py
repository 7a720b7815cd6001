"""Who may do what, with which data, for which purpose: decided by rules, refused by default, always logged.

The rules are evaluated by pycasbin. A *role* says who somebody is (Sandhu et al. 1996), an *attribute* says how things
stand at the moment of asking (Hu et al., NIST SP 800-162), and a *purpose* what the data is wanted for (Byun and Li,
"Purpose based access control for privacy protection in relational database systems", VLDB Journal 2008). So the same
person may train a model on records that the person may not read.
"""

import json
import math
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

from labkit.security.conditions import Condition

MODEL = """
[request_definition]
r = person, action, dataset, purpose, at
[policy_definition]
p = role, action, dataset, purpose, condition, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = g(r.person, p.role) && (p.action == '*' || r.action == p.action) && (p.dataset == '*' || r.dataset == p.dataset) \
&& (p.purpose == '*' || r.purpose == p.purpose) && holds(p.condition, r.at)
"""
# holds() is ours (conditions.py). pycasbin's own eval() would paste the condition in as text, and rewrite parts of it.

LONGEST = 200
LOGGED = {"time", "person", "action", "dataset", "purpose", "allowed", "reason"}


@dataclass(frozen=True)
class Rule:
    """Members of `role` may (or, with effect "deny", may never) do `action` with `dataset` for `purpose`.

    action, dataset, purpose:  text, or "*" for any.
    condition:                 comparisons over the attributes of the request, such as "r.at.epsilon <= 3"; the grammar is
                               in conditions.py.
    Raises ValueError, naming the part, for a rule that is not of this form: a mistyped rule must fail here and not at the
    first request.
    """

    role: str
    action: str
    dataset: str
    purpose: str
    condition: str = "True"
    effect: str = "allow"

    def __post_init__(self):
        for name in ("role", "action", "dataset", "purpose", "condition"):
            object.__setattr__(self, name, _text(**{name: getattr(self, name)}))
        if self.effect not in ("allow", "deny"):
            raise ValueError(f"effect must be 'allow' or 'deny', got {self.effect!r}")
        Condition(self.condition)


@dataclass(frozen=True)
class Decision:
    """The answer to one request; true when allowed."""

    allowed: bool
    reason: str

    def __bool__(self):
        return self.allowed


class AccessDenied(PermissionError):
    """A request was refused."""


class AccessControl:
    """Decides requests by rules, and writes every decision down before giving it."""

    def __init__(self, rules, roles, *, attributes=(), log, clock=None):
        """Set up the rules.

        rules:       `Rule`s. What none of them allows is refused; a matching "deny" outweighs every "allow".
        roles:       {person: [role, ...]}.
        attributes:  the names that a request may give and a condition may use.
        log:         a function of one line of text, such as `Ledger.append`. When it fails, the answer is no.
        clock:       a function that returns the time as text; by default now, in UTC.
        Raises ValueError for a rule that is none, or whose condition uses an attribute that was not declared.
        """
        import casbin

        self._attributes = _attributes(attributes)
        if taken := LOGGED.intersection(self._attributes):
            raise ValueError(f"attributes must not be called {', '.join(sorted(taken))}: the log uses these names itself")
        if not callable(log):
            raise ValueError(f"log must be a function of one line, got {log!r}")
        self._log, self._clock = log, clock or (lambda: datetime.now(UTC).isoformat(timespec="seconds"))
        self._enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=MODEL))
        self._conditions = {}
        self._enforcer.add_function("holds", lambda text, at: self._conditions[text].holds(at.values))
        if not isinstance(rules, (list, tuple)) or not rules:
            raise ValueError(f"rules must hold at least one Rule, in a list, got {rules!r:.80}")
        if not isinstance(roles, dict):
            raise ValueError(f"roles must be a dict from person to a list of roles, got {roles!r:.80}")
        for rule in rules:
            self._conditions[rule.condition] = self._checked(rule)
            # Prefixes keep people and roles apart: to pycasbin, whoever is *called* "doctor" has the role "doctor".
            self._enforcer.add_policy(f"role:{rule.role}", rule.action, rule.dataset, rule.purpose, rule.condition, rule.effect)
        for person, theirs in roles.items():
            if not isinstance(theirs, (str, list, tuple, set, frozenset)):
                raise ValueError(f"roles must be a dict from person to a list of roles, got {theirs!r:.80} for {person!r}")
            for role in theirs if not isinstance(theirs, str) else [theirs]:
                self._enforcer.add_grouping_policy(f"person:{_text(person=person)}", f"role:{_text(role=role)}")

    def decide(self, person, action, dataset, *, purpose, **attributes):
        """May `person` do `action` with `dataset` for `purpose`, as things stand? A `Decision`, already logged.

        attributes:  printable text, numbers or booleans, by the names declared. They are logged: give no secrets.
        Raises ValueError for an undeclared attribute or a name that is not short printable text.
        """
        names = {"person": person, "action": action, "dataset": dataset, "purpose": purpose}
        names = {name: _text(**{name: value}) for name, value in names.items()}
        for name, value in attributes.items():
            if name not in self._attributes:  # nor is the value shown: it may have been meant for elsewhere
                raise ValueError(f"attributes must be among {self._attributes}, got {name!r}")
            if not isinstance(value, (str, int, float)) or (isinstance(value, float) and not math.isfinite(value)):
                raise ValueError(f"{name} must be text, a number or a boolean, got {type(value).__name__}")
            if isinstance(value, str) and not value.isprintable():  # "home" with a mark that nobody sees is no other place
                raise ValueError(f"{name} must be printable text, got {value!r:.80}")
        decision = self._evaluate(*names.values(), attributes)
        line = {"time": self._clock(), **names, **attributes, "allowed": decision.allowed, "reason": decision.reason}
        try:
            self._log(json.dumps(line))
        except Exception:  # whatever it was, an access that leaves no trace must not happen
            return Decision(False, "the decision could not be logged")
        return decision

    def require(self, person, action, dataset, *, purpose, **attributes):
        """Like `decide`, but raises AccessDenied when the answer is no."""
        decision = self.decide(person, action, dataset, purpose=purpose, **attributes)
        if not decision:
            raise AccessDenied(f"{person} may not {action} {dataset} for {purpose}: {decision.reason}")

    def _evaluate(self, person, action, dataset, purpose, attributes):
        try:
            allowed, rule = self._enforcer.enforce_ex(f"person:{person}", action, dataset, purpose, _At(attributes))
        except Exception:  # a missing attribute, a comparison of text with a number: no answer is no
            return Decision(False, "a rule's condition could not be evaluated: an attribute is missing or of the wrong kind")
        if allowed:
            return Decision(True, f"allowed as {rule[0].removeprefix('role:')}")
        return Decision(False, f"denied to every {rule[0].removeprefix('role:')}" if rule and rule[-1] == "deny" else "no rule allows it")

    def _checked(self, rule):
        if not isinstance(rule, Rule):
            raise ValueError(f"rules must hold Rule objects, got {type(rule).__name__}")
        condition = Condition(rule.condition)
        if not condition.attributes <= set(self._attributes):
            raise ValueError(f"condition must use only r.at.NAME with NAME among {self._attributes}, got {rule.condition!r}")
        return condition


class _At:
    """The attributes of one request, wrapped: pycasbin looks into dicts itself."""

    def __init__(self, values):
        self.values = values


def _attributes(names):
    """The declared attributes as a tuple. Raises ValueError for what could not be written after "r.at."."""
    if isinstance(names, str) or not isinstance(names, (list, tuple, set, frozenset)):
        raise ValueError(f"attributes must be a list of names, got {names!r:.80}")
    for name in (_text(attribute=each) for each in names):
        if not name.isidentifier() or name.startswith("_") or unicodedata.normalize("NFKC", name) != name:
            raise ValueError(f"attributes must be names such as 'site' that do not begin with _, got {name!r}")
    return tuple(names)


def _text(**argument):
    """Printable text in Unicode's composed form: a name typed in two ways is one name, or a "deny" would miss one of them."""
    ((name, value),) = argument.items()
    if not isinstance(value, str) or not value or len(value) > LONGEST or not value.isprintable():
        shown = type(value).__name__ if not isinstance(value, str) else f"{len(value)} characters"
        raise ValueError(f"{name} must be printable text of 1 to {LONGEST} characters, got {shown}")
    return unicodedata.normalize("NFC", value)
