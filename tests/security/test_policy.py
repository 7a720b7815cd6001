"""Access control: what no rule allows is refused, and every decision is written down first."""

import json
import logging

import pytest

from labkit.security import Ledger
from labkit.security.policy import AccessControl, AccessDenied, Decision, Rule

RULES = [Rule("clerk", "read", "salaries", "payroll", "r.at.site == 'office' or r.at.emergency"),
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
    assert allowed == owner | {(p, "read", "salaries", "payroll") for p in ("p1", "p5")} | {(p, "train", "salaries", "statistics") for p in ("p1", "p2")}


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
    for bad in (float("nan"), None, [1], {"a": 1}, b"x"):
        with pytest.raises(ValueError, match="site must be text, a number or a boolean"):
            guard.decide("p3", "read", "salaries", purpose="payroll", site=bad)


def test_the_library_logs_nothing_by_itself(caplog):
    """pycasbin can print every request; the only record must be ours."""
    caplog.set_level(logging.DEBUG)
    control().decide("p9", "read", "salaries", purpose="payroll", **HERE)
    assert not [each for each in caplog.records if each.name.startswith("casbin")]


@pytest.mark.parametrize("rules, roles, more, message", [
    ([], {}, {}, "rules must hold at least one"), (["clerk may read"], {}, {}, "rules must hold Rule"),
    ([Rule("", "a", "b", "c")], {}, {}, "role must be"), ([Rule("r", None, "b", "c")], {}, {}, "action must be"),
    ([Rule("r", "a", "b\n", "c")], {}, {}, "dataset must be"), ([Rule("r", "a", "b", 7)], {}, {}, "purpose must be"),
    ([Rule("r", "a", "b", "c", "")], {}, {}, "condition must be"), ([Rule("r", "a", "b", "c", 1)], {}, {}, "condition must be"),
    ([Rule("r", "a", "b", "c", effect="maybe")], {}, {}, "effect must be 'allow' or 'deny'"),
    ([Rule("r", "a", "b", "c", "r.at.epsilon <=")], {}, {}, "condition must be an expression"),
    ([Rule("r", "a", "b", "c", "__import__('os')")], {}, {}, "condition must use only"),
    ([Rule("r", "a", "b", "c", "r.at.unknown == 1")], {}, {}, "condition must use only"),
    ([Rule("r", "a", "b", "c", "r.person == 'p1'")], {}, {}, "condition must use only"),
    ([Rule("r", "a", "b", "c", "p.role == 'x'")], {}, {}, "condition must use only"),
    ([Rule("r", "a", "b", "c", "r.at.epsilon.real")], {}, {}, "condition must use only"),
    ([Rule("r", "a", "b", "c", "r.at.epsilon < 1 || r.at.epsilon > 2")], {}, {}, "condition must use and, or, not"),
    ([Rule("r", "a", "b", "c", "r.at.epsilon == 'a&&b'")], {}, {}, "condition must use and, or, not"),
    (RULES, {"p": [""]}, {}, "role must be"), (RULES, {"": ["clerk"]}, {}, "person must be"), (RULES, {3: ["clerk"]}, {}, "person must be"),
    (RULES, {}, {"log": None}, "log must be a function"), (RULES, {}, {"log": "print"}, "log must be a function"),
    (RULES, {}, {"attributes": ["time"]}, "attributes must not be called time"), (RULES, {}, {"attributes": [3]}, "attribute must be")])
def test_bad_rules_fail_at_once(rules, roles, more, message):
    arguments = {"attributes": ["site", "emergency", "epsilon"], "log": lambda line: None} | more
    with pytest.raises(ValueError, match=message):
        AccessControl(rules, roles, **arguments)


def test_not_equal_is_allowed_in_a_condition():
    guard = control(rules=[Rule("clerk", "read", "salaries", "payroll", "r.at.site != 'home' and not r.at.emergency")])
    assert guard.decide("p1", "read", "salaries", purpose="payroll", **HERE)
    assert not guard.decide("p1", "read", "salaries", purpose="payroll", site="home", emergency=False)
