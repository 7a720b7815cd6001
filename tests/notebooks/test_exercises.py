"""Every exercise: its check fails on the stub and on wrong answers. That it passes on the solution printed below it is
seen where the labs are run (lab_file.py)."""

import importlib

import pytest

from labkit.lab.build import read_source, sources
from labkit.lab.slips import NUMBER, SPEAKS_OF_FORM
from tests.notebooks.solutions import MODULES, expected, solution_of


def exercises():
    for module in MODULES:
        for exercise in importlib.import_module(f"labkit.exercises.{module}").check.exercises.values():
            yield pytest.param(module, exercise.name, id=f"{module}: {exercise.name}")


@pytest.mark.parametrize("module, name", list(exercises()))
def test_the_stub_and_wrong_answers_do_not_pass(module, name, capsys):
    check = importlib.import_module(f"labkit.exercises.{module}").check
    assert check(name, ...) is None
    assert "not attempted" in capsys.readouterr().out
    for wrong in check.exercises[name].wrong:
        check.forget()
        assert check(name, wrong) is False, wrong
        first = capsys.readouterr().out
        assert len(first.split(": ", 1)[1]) > 15 and check.exercises[name].hint not in first
    check.forget()


@pytest.mark.parametrize("module, name", list(exercises()))
def test_the_first_try_tells_no_right_value(module, name):
    check = importlib.import_module(f"labkit.exercises.{module}").check
    for wrong in check.exercises[name].wrong:
        outcome = check.outcome(name, wrong)
        assert outcome.problem and outcome.kind
        value = NUMBER.search(outcome.problem)
        if value and not SPEAKS_OF_FORM.match(outcome.problem):
            assert value[0] not in outcome.kind and f" {value[1]} " not in f"{outcome.kind} "
        right = check.exercises[name].expected
        if isinstance(right, str) and len(right) == 1:
            assert repr(right) not in outcome.kind


@pytest.mark.parametrize("module, name", list(exercises()))
def test_the_second_try_hints_and_the_third_shows_expected_beside_given(module, name, capsys):
    check = importlib.import_module(f"labkit.exercises.{module}").check
    exercise, wrong = check.exercises[name], check.exercises[name].wrong[0]
    check.forget()
    for number in (1, 2, 3):
        check.tries[name].wrong[:] = [f"another wrong answer, number {each}" for each in range(number - 1)]
        assert check(name, wrong) is False
        out = capsys.readouterr().out
        assert (exercise.hint in out) == (number >= 2)
        assert (check.outcome(name, wrong).problem in out) or number < 3
    check.forget()


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_every_exercise_has_one_solution(source):
    assert len(list(filter(None, map(solution_of, read_source(source).cells)))) == len(expected(source))
