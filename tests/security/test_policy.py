"""Access control: what no rule allows is refused, and every decision is written down first."""

import json
import logging

import pytest

from labkit.security import Ledger
from labkit.security.conditions import Condition
from labkit.security.policy import AccessControl, AccessDenied, Decision, Rule

RULES = [Rule("clerk", "read", "salaries", "payroll", "r.at.site == 'office' or r.at.emergency == True"),
         Rule("analyst", "train", "salaries", "statistics", "r.at.epsilon <= 3"),
         Rule("owner", "*", "salaries", "*"),
         Rule("suspended", "*", "*", "*", effect="deny")]
ROLES = {"p1": ["clerk", "analyst"], "p2": ["analyst"], "p3": ["owner"], "p4": ["owner", "suspended"], "p5": "clerk"}
HERE = {"site": "office", "emergency": False}


def control(log=None, rules=RULES, roles=ROLES):
    return AccessControl(rules, roles, attributes=["site", "emergency", "epsilon"], log=log or (lambda line: None), clock=lambda: "now")


@pytest.mark.parametrize("person, action, dataset, purpose, at, allowed", [
    ("p1", "read", "salaries", "payroll", HERE, True),
    ("p5", "read", "salaries", "payroll", HERE, True),
    ("p1", "read", "salaries", "payroll", {"site": "home", "emergency": True}, True),
    ("p1", "read", "salaries", "payroll", {"site": "home", "emergency": False}, False),
    ("p1", "read", "salaries", "statistics", HERE, False),       # the same person and data, another purpose
    ("p1", "train", "salaries", "statistics", {"epsilon": 1}, True),
    ("p2", "read", "salaries", "payroll", {**HERE, "emergency": True}, False),  # "or" must not escape its brackets
    ("p2", "train", "salaries", "statistics", {"epsilon": 3}, True),
    ("p2", "train", "salaries", "statistics", {"epsilon": 3.1}, False),
    ("p2", "train", "salaries", "payroll", {"epsilon": 1}, False),
    ("p2", "train", "salaries", "statistics", {}, False),        # attribute missing
    ("p2", "train", "salaries", "statistics", {"epsilon": "1"}, False),
    ("p3", "delete", "salaries", "anything", {}, True),
    ("p3", "delete", "pensions", "anything", {}, False),
    ("p4", "read", "salaries", "payroll", HERE, False),          # deny outweighs allow
    ("nobody", "read", "salaries", "payroll", HERE, False),
    ("clerk", "read", "salaries", "payroll", HERE, False),       # a person called like a role
    ("role:clerk", "read", "salaries", "payroll", HERE, False),
    ("owner", "*", "salaries", "*", {}, False),
    ("p2", "*", "*", "*", {"epsilon": 1}, False)])
def test_decisions(person, action, dataset, purpose, at, allowed):
    decision = control().decide(person, action, dataset, purpose=purpose, **at)
    assert isinstance(decision, Decision) and decision.allowed is allowed and bool(decision) is allowed


def test_deny_by_default_over_all_combinations():
    """Every request that is not one of the four kinds allowed is refused."""
    guard, allowed = control(), set()
    for person in [*ROLES, "nobody"]:
        for action in ("read", "train", "delete"):
            for dataset in ("salaries", "pensions"):
                for purpose in ("payroll", "statistics", "curiosity"):
                    if guard.decide(person, action, dataset, purpose=purpose, **HERE, epsilon=1):
                        allowed.add((person, action, dataset, purpose))
    owner = {("p3", action, "salaries", purpose) for action in ("read", "train", "delete") for purpose in ("payroll", "statistics", "curiosity")}
    assert allowed == owner | {(p, "read", "salaries", "payroll")
                               for p in ("p1", "p5")} | {(p, "train", "salaries", "statistics") for p in ("p1", "p2")}


def test_every_decision_is_logged_before_it_is_given():
    ledger = Ledger()
    guard = control(ledger.append)
    assert guard.decide("p1", "read", "salaries", purpose="payroll", **HERE)
    assert not guard.decide("p2", "read", "salaries", purpose="payroll", **HERE)
    with pytest.raises(AccessDenied, match="p2 may not read salaries for payroll: no rule allows it"):
        guard.require("p2", "read", "salaries", purpose="payroll", **HERE)
    guard.require("p3", "read", "salaries", purpose="payroll")
    lines = [json.loads(line) for line in ledger]
    assert [line["allowed"] for line in lines] == [True, False, False, True]
    assert lines[0] == {"time": "now", "person": "p1", "action": "read", "dataset": "salaries", "purpose": "payroll", "site": "office",
                        "emergency": False, "allowed": True, "reason": "allowed as clerk"}


def test_no_log_no_access():
    def full(_line):
        raise OSError("disk full")

    decision = control(full).decide("p3", "read", "salaries", purpose="payroll")
    assert not decision and "could not be logged" in decision.reason


def test_reasons_tell_little():
    guard = control()
    assert guard.decide("p4", "read", "salaries", purpose="payroll").reason == "denied to every suspended"
    assert guard.decide("p9", "read", "salaries", purpose="payroll").reason == "no rule allows it"
    assert "could not be evaluated" in guard.decide("p2", "train", "salaries", purpose="statistics").reason


def test_a_name_cannot_break_the_log_or_the_rules():
    lines = []
    guard = control(lines.append)
    for name in ['x", "allowed": true, "y": "', "p3' or True or '", "p1,p2", "*", "r.at.site"]:
        assert not guard.decide(name, "read", "salaries", purpose="payroll", **HERE)
        assert json.loads(lines[-1])["person"] == name and json.loads(lines[-1])["allowed"] is False
    for name in ["a\nb", "", "x" * 201, "\u202e", None, 3, b"p3", ["p3"], float("nan")]:
        for position in range(4):
            values = ["p3", "read", "salaries", "payroll"]
            values[position] = name
            before = len(lines)
            with pytest.raises(ValueError, match="must be printable text"):
                guard.decide(*values[:3], purpose=values[3])
            assert len(lines) == before


def test_attributes_are_declared_and_never_echoed_when_not():
    guard = control()
    with pytest.raises(ValueError, match="attributes must be among") as refused:
        guard.decide("p3", "read", "salaries", purpose="payroll", passphrase="hunter2")
    assert "hunter2" not in str(refused.value)
    for bad in (float("nan"), float("inf"), None, [1], {"a": 1}, b"x"):
        with pytest.raises(ValueError, match="site must be text, a number or a boolean"):
            guard.decide("p3", "read", "salaries", purpose="payroll", site=bad)


def test_the_library_logs_nothing_by_itself(caplog):
    """pycasbin can print every request; the only record must be ours."""
    caplog.set_level(logging.DEBUG)
    control().decide("p9", "read", "salaries", purpose="payroll", **HERE)
    assert not [each for each in caplog.records if each.name.startswith("casbin")]


@pytest.mark.parametrize("change, message", [
    ({"role": ""}, "role must be"), ({"action": None}, "action must be"),
    ({"dataset": "b\n"}, "dataset must be"), ({"purpose": 7}, "purpose must be"),
    ({"condition": ""}, "condition must be"), ({"condition": 1}, "condition must be"), ({"effect": "maybe"}, "effect must be 'allow' or 'deny'"),
    ({"condition": "r.at.epsilon <="}, "condition must be an expression"),
    ({"condition": "r.at.epsilon < 1 || r.at.epsilon > 2"}, "condition must use and, or, not"),
    ({"condition": "r.at.epsilon == 'a&&b'"}, "condition must use and, or, not"), ({"condition": "!r.at.x == 1"}, "condition must use and, or, not"),
    ({"condition": "(" * 199}, "condition must be an expression")])
def test_a_bad_rule_cannot_be_made(change, message):
    with pytest.raises(ValueError, match=message):
        Rule(**({"role": "r", "action": "a", "dataset": "b", "purpose": "c"} | change))


@pytest.mark.parametrize("condition", [
    "__import__('os')", "r.person == 'p1'", "p.role == 'x'", "r.at.epsilon.real", "r.at == 1", "r.at", "r", "1", "False", "None", "'x'",
    "r.at.site", "not r.at.site", "r.at.site and r.at.epsilon < 1", "True and r.at.site == 'a'", "True or True", "1 == 1", "'a' in ('a', 'b')",
    "r.at.site in 'office'", "r.at.site in ('office')", "r.at.site in ()", "r.at.site in r.at.epsilon", "'a' in r.at.site", "r.at.site in {'a': 1}",
    "r.at.site in ('a', 1)", "r.at.site in ('a', r.at.epsilon)", "r.at.site in (('a',), ('b',))", "r.at.site is 'a'", "r.at.site == None",
    "r.at.site == b'a'", "r.at.epsilon < 1e999", "r.at.epsilon == 1j", "r.at.epsilon == -True", "r.at.epsilon == -'a'", "r.at.epsilon < 1 + 1",
    "r.at.site == 'x' * 5", "r.at.site == f'{r.at.epsilon}'", "(lambda: 1)", "(r.at.site := 'a')", "r.at.site if True else 1", "[r.at.site]",
    "r.at.site == 'a' if r.at.epsilon < 1 else True", "r.at['site'] == 'a'", "r.at.__class__ == 1", "at.site == 'a'", "r2.at.site == 'a'",
    "r.at.site == ...", "r.at.site == 'r.at.site'", "r.at.site == 'r.person'", "r.at.site == 'x p.role'", "r.at.site == 'eval(p.condition)'",
    "r.at.site in ('a', 'r.b')", "r.at.site == 'r2.x'", "r.at.site < r.at.site.x", "r.at.site == *r.at.x", "r.at.epsilon ** 2 < 3"])
def test_only_the_grammar_is_a_condition(condition):
    with pytest.raises(ValueError, match="condition must"):
        AccessControl([Rule("r", "a", "b", "c", condition)], {}, attributes=["site", "epsilon"], log=print)


@pytest.mark.parametrize("condition, values, expected", [
    ("True", {}, True), (" r.at.s == 'a' ", {"s": "a"}, True), ("r.at.e <= 3", {"e": 3}, True), ("1 <= r.at.e <= 3", {"e": 3.5}, False),
    ("3 > r.at.e", {"e": -1}, True), ("r.at.e == -1", {"e": -1}, True), ("r.at.s in ('a', 'b')", {"s": "b"}, True),
    ("r.at.s not in ['a']", {"s": "a"}, False), ("not (r.at.s == 'a' or r.at.e > 3) and r.at.b == True", {"s": "c", "e": 1, "b": True}, True),
    ("r.at.s == r.at.t", {"s": "a", "t": "a"}, True), ("r.at.s == 'a)b'", {"s": "a)b"}, True), ("r.at.s == 'it\\'s'", {"s": "it's"}, True),
    ("r.at.s == 'Zo\u00eb'", {"s": "Zoe\u0308"}, True), ("r.at.s == 'x, y'", {"s": "x, y"}, True), ("r.at.s == 'paper.'", {"s": "paper."}, True),
    ("r.at.s == 'a' or r.at.t == 'b'", {"s": "a"}, True), ("r.at.s < '10:00'", {"s": "09:30"}, True)])
def test_what_a_condition_means(condition, values, expected):
    """The same answer from a rule that allows, and the opposite from one that denies."""
    assert Condition(condition).holds(values) is expected
    for effect in ("allow", "deny"):
        rules = [Rule("x", "read", "d", "*", condition, effect)] + [Rule("x", "read", "d", "*")] * (effect == "deny")
        guard = AccessControl(rules, {"p": "x"}, attributes=["s", "t", "e", "b"], log=lambda line: None)
        assert bool(guard.decide("p", "read", "d", purpose="q", **values)) is (expected == (effect == "allow"))


@pytest.mark.parametrize("condition, values", [
    ("r.at.e > 3", {}), ("r.at.e > 3", {"e": "9"}), ("r.at.e == 3", {"e": "3"}), ("r.at.b == True", {"b": 1}), ("r.at.e == 1", {"e": True}),
    ("r.at.s in ('a', 'b')", {"s": 1}), ("r.at.s not in ('a', 'b')", {"s": 1}), ("r.at.s == r.at.e", {"s": "1", "e": 1})])
def test_a_comparison_without_an_answer_refuses_whatever_the_rule_meant(condition, values):
    for effect in ("allow", "deny"):
        rules = [Rule("x", "read", "d", "*", condition, effect), Rule("x", "read", "d", "*")][:2 if effect == "deny" else 1]
        guard = AccessControl(rules, {"p": "x"}, attributes=["s", "e", "b"], log=lambda line: None)
        decision = guard.decide("p", "read", "d", purpose="q", **values)
        assert not decision and "could not be evaluated" in decision.reason


def test_a_name_typed_in_two_ways_is_one_name():
    """Composed and decomposed: a rule that denies must not be walked around with the other form."""
    composed, decomposed = "Zo\u00eb", "Zoe\u0308"
    guard = AccessControl([Rule("x", "*", "*", "*"), Rule("x", "*", composed, "*", effect="deny")], {decomposed: "x"}, log=lambda line: None)
    for form in (composed, decomposed):
        assert guard.decide(composed, "read", "other", purpose="q")
        assert not guard.decide(form, "read", form, purpose="q")


@pytest.mark.parametrize("rules, roles, more, message", [
    ([], {}, {}, "rules must hold at least one"), (["clerk may read"], {}, {}, "rules must hold Rule"), (3, {}, {}, "rules must hold"),
    ([Rule("r", "a", "b", "c", "r.at.unknown == 1")], {}, {}, "condition must use only"),
    (RULES, {"p": [""]}, {}, "role must be"), (RULES, {"": ["clerk"]}, {}, "person must be"), (RULES, {3: ["clerk"]}, {}, "person must be"),
    (RULES, None, {}, "roles must be a dict"), (RULES, {"p": 3}, {}, "roles must be a dict"), (RULES, {"p": [["x"]]}, {}, "role must be"),
    (RULES, {}, {"log": None}, "log must be a function"), (RULES, {}, {"log": "print"}, "log must be a function"),
    (RULES, {}, {"attributes": ["time"]}, "attributes must not be called time"), (RULES, {}, {"attributes": [3]}, "attribute must be"),
    (RULES, {}, {"attributes": "site"}, "attributes must be a list"), (RULES, {}, {"attributes": None}, "attributes must be a list"),
    (RULES, {}, {"attributes": ["__class__"]}, "attributes must be names"), (RULES, {}, {"attributes": ["a b"]}, "attributes must be names"),
    (RULES, {}, {"attributes": ["\ufb01le"]}, "attributes must be names")])
def test_bad_rules_fail_at_once(rules, roles, more, message):
    arguments = {"attributes": ["site", "emergency", "epsilon"], "log": lambda line: None} | more
    with pytest.raises(ValueError, match=message):
        AccessControl(rules, roles, **arguments)


def test_not_equal_is_allowed_in_a_condition():
    guard = control(rules=[Rule("clerk", "read", "salaries", "payroll", "r.at.site != 'home' and not r.at.emergency == True")])
    assert guard.decide("p1", "read", "salaries", purpose="payroll", **HERE)
    assert not guard.decide("p1", "read", "salaries", purpose="payroll", site="home", emergency=False)


@pytest.mark.parametrize("site", ["home\u200b", "\u2060home", "home\n", "ho\u00adme", "home\x00"])
def test_a_mark_that_nobody_sees_does_not_slip_past_a_deny(site):
    rules = [Rule("clerk", "read", "*", "*"), Rule("clerk", "*", "*", "*", "r.at.site == 'home'", effect="deny")]
    log = []
    access = control(log.append, rules=rules)
    assert not access.decide("p5", "read", "salaries", purpose="payroll", site="home")
    assert access.decide("p5", "read", "salaries", purpose="payroll", site="office")
    with pytest.raises(ValueError, match="^site must be printable text"):
        access.decide("p5", "read", "salaries", purpose="payroll", site=site)
    assert len(log) == 2
