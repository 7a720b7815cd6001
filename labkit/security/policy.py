"""Who may do what, with which data, for which purpose: decided by rules, refused by default, always logged.

The rules are evaluated by pycasbin. A *role* says who somebody is (Sandhu et al. 1996), an *attribute* says how things
stand at the moment of asking (Hu et al., NIST SP 800-162), and a *purpose* what the data is wanted for (Byun and Li,
"Purpose based access control for privacy protection in relational database systems", VLDB Journal 2008). So the same
person may train a model on records that the person may not read.
"""

import ast
import json
from dataclasses import dataclass
from datetime import datetime, timezone

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
&& (p.purpose == '*' || r.purpose == p.purpose) && (eval(p.condition))
"""
# The brackets around eval() matter: pycasbin pastes the condition in as text, and a condition with "or" would
# otherwise allow what the other four parts forbid.

LONGEST = 200
LOGGED = {"time", "person", "action", "dataset", "purpose", "allowed", "reason"}


@dataclass(frozen=True)
class Rule:
    """Members of `role` may (or, with effect "deny", may never) do `action` with `dataset` for `purpose`.

    action, dataset, purpose:  text, or "*" for any.
    condition:                 a comparison over the attributes of the request, such as "r.at.epsilon <= 3".
    """

    role: str
    action: str
    dataset: str
    purpose: str
    condition: str = "True"
    effect: str = "allow"


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
        Raises ValueError for a rule that is none, whose effect is unknown, or whose condition is not an expression
        over the declared attributes: a mistyped rule must fail here and not at the first request.
        """
        import casbin

        self._attributes = tuple(_text(attribute=each) for each in attributes)
        if taken := LOGGED.intersection(self._attributes):
            raise ValueError(f"attributes must not be called {', '.join(sorted(taken))}: the log uses these names itself")
        if not callable(log):
            raise ValueError(f"log must be a function of one line, got {log!r}")
        self._log, self._clock = log, clock or (lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))
        self._enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=MODEL))
        rules = list(rules)
        if not rules:
            raise ValueError("rules must hold at least one Rule, got none")
        for rule in rules:
            self._check(rule)
            # Prefixes keep people and roles apart: to pycasbin, whoever is *called* "doctor" has the role "doctor".
            self._enforcer.add_policy(f"role:{rule.role}", rule.action, rule.dataset, rule.purpose, rule.condition, rule.effect)
        for person, theirs in dict(roles).items():
            for role in theirs if not isinstance(theirs, str) else [theirs]:
                self._enforcer.add_grouping_policy(f"person:{_text(person=person)}", f"role:{_text(role=role)}")

    def decide(self, person, action, dataset, *, purpose, **attributes):
        """May `person` do `action` with `dataset` for `purpose`, as things stand? A `Decision`, already logged.

        attributes:  text, numbers or booleans, by the names declared. They are logged: give no secrets.
        Raises ValueError for an undeclared attribute or a name that is not short printable text.
        """
        names = {"person": person, "action": action, "dataset": dataset, "purpose": purpose}
        for name, value in names.items():
            _text(**{name: value})
        for name, value in attributes.items():
            if name not in self._attributes:  # nor is the value shown: it may have been meant for elsewhere
                raise ValueError(f"attributes must be among {self._attributes}, got {name!r}")
            if not isinstance(value, (str, int, float)) or value != value:
                raise ValueError(f"{name} must be text, a number or a boolean, got {type(value).__name__}")
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

    def _check(self, rule):
        if not isinstance(rule, Rule):
            raise ValueError(f"rules must hold Rule objects, got {type(rule).__name__}")
        for name in ("role", "action", "dataset", "purpose", "condition"):
            _text(**{name: getattr(rule, name)})
        if rule.effect not in ("allow", "deny"):
            raise ValueError(f"effect must be 'allow' or 'deny', got {rule.effect!r}")
        if any(mark in rule.condition.replace("!=", "") for mark in ("&&", "||", "!")):  # pycasbin rewrites them even inside text
            raise ValueError(f"condition must use and, or, not, got {rule.condition!r}")
        try:
            tree = ast.walk(ast.parse(rule.condition, mode="eval"))
        except SyntaxError:
            raise ValueError(f"condition must be an expression, got {rule.condition!r}") from None
        known = {f"r.at.{each}" for each in self._attributes} | {"r", "r.at"}
        for node in tree:
            if isinstance(node, (ast.Name, ast.Attribute)) and ast.unparse(node) not in known or isinstance(node, ast.Call):
                raise ValueError(f"condition must use only r.at.NAME with NAME among {self._attributes}, got {rule.condition!r}")


class _At:
    """The attributes of one request; asking for one that was not given is an error, and so a refusal."""

    def __init__(self, attributes):
        self.__dict__.update(attributes)


def _text(**argument):
    ((name, value),) = argument.items()
    if not isinstance(value, str) or not value or len(value) > LONGEST or not value.isprintable():
        shown = type(value).__name__ if not isinstance(value, str) else f"{len(value)} characters"
        raise ValueError(f"{name} must be printable text of 1 to {LONGEST} characters, got {shown}")
    return value
