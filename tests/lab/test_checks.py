import pytest

from labkit.lab import Checks


@pytest.fixture
def check():
    made = Checks()
    made.add("number", expected=0.749, tolerance=0.01, hint="Solve for epsilon.", wrong=[1.3, -0.749])
    made.add("word", expected="laplace", hint="It has a peak.", wrong=["gauss"])
    made.add("square", judge=lambda f: None if f(3) == 9 else f"expected f(3) = 9, got {f(3)}", hint="Multiply.",
             wrong=[lambda x: x, 9])
    return made


def test_an_untouched_stub_is_not_attempted(check, capsys):
    assert check("number", ...) is None
    assert capsys.readouterr().out == "○ number: not attempted yet\n"


@pytest.mark.parametrize("name, answer", [("number", 0.75), ("number", 0.741), ("word", "laplace"), ("square", lambda x: x * x)])
def test_right_answers(check, name, answer, capsys):
    assert check(name, answer) is True
    assert capsys.readouterr().out == f"✓ {name}: right\n"


@pytest.mark.parametrize("name, answer, told", [
    ("number", 1.3, "expected 0.749 (within 0.01), you gave 1.3"), ("number", float("nan"), "you gave nan"),
    ("number", "many", "expected a number"), ("number", None, "expected a number"), ("word", "gauss", "expected 'laplace'"),
    ("square", lambda x: x, "expected f(3) = 9, got 3"), ("square", lambda: 0, "TypeError"), ("square", 9, "TypeError")])
def test_wrong_answers_show_expected_against_actual_and_the_hint(check, name, answer, told, capsys):
    assert check(name, answer) is False
    out = capsys.readouterr().out
    assert told in out and check.exercises[name].hint in out and out.startswith("✗")


@pytest.mark.parametrize("bad, named", [
    (dict(name="number", expected=1, hint="", wrong=[2]), "name"), (dict(name="new", hint="", wrong=[2]), "expected"),
    (dict(name="new", expected=1, judge=print, hint="", wrong=[2]), "expected"), (dict(name="new", expected=1, hint="", wrong=[]), "wrong")])
def test_an_exercise_must_be_checkable(check, bad, named):
    with pytest.raises(ValueError, match=named):
        check.add(**bad)


def test_an_unknown_exercise_is_named(check):
    with pytest.raises(ValueError, match="'nmuber'"):
        check("nmuber", 1)
