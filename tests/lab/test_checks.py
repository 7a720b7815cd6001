import functools
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from labkit.exercises import lab_04, lab_10
from labkit.lab import Checks


def _square(function):
    for x in (3, 4):
        got = function(x)
        if got != x * x or type(got) not in (int, float):
            return f"expected f({x}) = {x * x}, got {got}"
    return None


@pytest.fixture
def check():
    made = Checks()
    made.add("number", expected=0.749, tolerance=0.01, hint="Solve for epsilon.", wrong=[1.3, -0.749])
    made.add("word", expected="laplace", hint="It has a peak.", wrong=["gauss"])
    made.add("whole", expected=3, hint="Count.", wrong=[4])
    made.add("letters", expected={"b", "d"}, hint="Two.", wrong=[{"b"}])
    made.add("judged whole", judge=lambda it: None if type(it) is int and it == 3 else "expected 3", hint="Count.", wrong=[4])
    made.add("judged letter", judge=lambda it: None if it == "B" else "expected B", hint="One.", wrong=["A"])
    made.add("square", judge=_square, hint="Multiply.", wrong=[lambda x: x, 9])
    return made


def test_an_untouched_stub_is_not_attempted(check, capsys):
    assert check("number", ...) is None
    assert capsys.readouterr().out == "○ number: not attempted yet\n"


@pytest.mark.parametrize("name, answer", [
    ("number", 0.75), ("number", 0.741), ("number", "0.75"), ("number", "3/4"), ("number", Fraction(3, 4)),
    ("number", Decimal("0.75")), ("number", np.float32(0.75)), ("number", np.array([0.75])), ("word", "laplace"),
    ("word", " Laplace. "), ("word", "LAPLACE"), ("whole", 3), ("whole", 3.0), ("whole", "3"), ("whole", " 3.0 "),
    ("whole", np.int64(3)), ("whole", Fraction(3)), ("letters", {"b", "d"}), ("letters", ["D", "b"]), ("letters", "b, D"),
    ("judged whole", "3"), ("judged whole", 3.0), ("judged whole", Fraction(3)), ("judged whole", np.array(3)),
    ("judged letter", "b"), ("judged letter", " B) "), ("square", lambda x: x * x), ("square", lambda x: Fraction(x) ** 2),
    ("square", lambda x: np.int16(x * x)), ("square", functools.partial(pow, exp=2))])
def test_right_answers_in_any_spelling(check, name, answer, capsys):
    assert check(name, answer) is True
    assert capsys.readouterr().out == f"✓ {name}: right\n"


@pytest.mark.parametrize("name, answer", [
    ("whole", True), ("whole", "three"), ("whole", "3/0"), ("whole", "1e999"), ("whole", 10**400), ("whole", np.array([3, 3])),
    ("number", complex(0.75)), ("number", float("inf")), ("letters", {"b"}), ("judged letter", "b?"), ("word", b"laplace")])
def test_what_only_looks_right_is_wrong(check, name, answer):
    assert check(name, answer) is False


@pytest.mark.parametrize("name, answer, kind", [
    ("number", -0.749, "sign"), ("number", 7.49, "power of ten"), ("number", 0.00749, "power of ten"),
    ("number", 0.251, "one minus"), ("number", 1 / 0.749, "upside down"), ("number", 0.749 * 3, "whole factor"),
    ("number", 0.749**0.5, "square root"), ("number", 0.76, "close"), ("number", 40, "too large, by more than a factor of ten"),
    ("number", 0.4, "too small, by less than a factor of ten"), ("number", "many", "wrong type"), ("number", None, "None"),
    ("number", float("nan"), "not a finite number"), ("whole", 4, "off by one"), ("whole", [3], "wrong type"),
    ("number", lambda: 0.749, "function"), ("word", "gauss", "right type"), ("word", 3, "wrong type"),
    ("square", lambda x: x, "fails on the first example"), ("square", lambda x: -x * x, "the sign is not"),
    ("square", lambda x: 9, "fails at call 2, not before"), ("square", lambda: 0, "stopped on the first example with TypeError"),
    ("square", lambda x: 9 / (x - 5), "sign and the size"), ("square", lambda x: None, "return"), ("square", 9, "wrong type")])
def test_the_first_wrong_try_names_the_kind_and_no_value(check, name, answer, kind, capsys):
    assert check(name, answer) is False
    out = capsys.readouterr().out
    assert out.startswith(f"✗ {name}: ") and kind in out, out
    assert "expected" not in out and check.exercises[name].hint not in out and "0.749" not in out and "laplace" not in out


def test_the_second_hints_the_third_shows_and_the_same_answer_is_no_new_try(check, capsys):
    def told(answer):
        assert check("number", answer) is False
        return capsys.readouterr().out

    hint = check.exercises["number"].hint
    assert hint not in told(1.3) and hint not in told(1.3) and "gave this answer before" in told("1.3")
    assert hint in told(2) and "expected 0.749" not in told(2)
    third = told(5)
    assert "expected 0.749 (within 0.01), you gave 5" in third and hint in third
    check.forget()
    assert hint not in told(5)


def test_a_function_written_again_in_the_same_words_is_the_same_try(check, capsys):
    for _ in range(4):
        scope = {}
        exec("def mine(x):\n    return x + 1", scope)
        assert check("square", scope["mine"]) is False
        assert "Multiply" not in capsys.readouterr().out


@pytest.mark.parametrize("name, answer, told", [
    ("number", 1.3, "expected 0.749 (within 0.01), you gave 1.3"), ("number", float("nan"), "you gave nan"),
    ("number", "many", "expected a number"), ("number", None, "expected a number"), ("word", "gauss", "expected 'laplace'"),
    ("square", lambda x: x, "expected f(3) = 9, got 3"), ("square", lambda: 0, "TypeError"), ("square", 9, "TypeError")])
def test_the_third_wrong_answer_sees_expected_against_actual_and_the_hint(check, name, answer, told, capsys):
    check.tries[name].wrong[:] = ["one", "another"]
    assert check(name, answer) is False
    out = capsys.readouterr().out
    assert told in out and check.exercises[name].hint in out and out.startswith("✗")


@pytest.mark.parametrize("balance", [
    lambda start, income, rent: start + income * 12 + rent * -12, lambda start, income, rent: 12 * income - 12 * rent + start,
    lambda start, income, rent: start + (income - rent) * 12, lambda start, income, rent: -12 * rent + 12 * income + start,
    lambda start, income, rent: -rent * 12 + (start + income * 12), lambda start, income, rent: 12 * (income - rent) + start])
def test_the_balance_may_be_written_in_any_order(balance):
    assert lab_10.check.outcome("balance", balance).right


def test_which_person_is_said_with_where_counting_starts():
    half = np.arange(300) < 150
    assert "counted from 0" in lab_04.check.outcome("two groups", (half, np.arange(300) < 149)).problem


@pytest.mark.parametrize("bad, named", [
    (dict(name="number", expected=1, hint="", wrong=[2]), "name"), (dict(name="new", hint="", wrong=[2]), "expected"),
    (dict(name="new", expected=1, judge=print, hint="", wrong=[2]), "expected"), (dict(name="new", expected=1, hint="", wrong=[]), "wrong")])
def test_an_exercise_must_be_checkable(check, bad, named):
    with pytest.raises(ValueError, match=named):
        check.add(**bad)


def test_an_unknown_exercise_is_named(check):
    with pytest.raises(ValueError, match="'nmuber'"):
        check("nmuber", 1)
