"""Every exercise: its check fails on the stub and on wrong answers. That it passes on the solution printed below it is
seen where the labs are run (lab_file.py)."""

import importlib

import pytest

from labkit.lab.build import read_source, sources
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
        assert check(name, wrong) is False, wrong
        assert check.exercises[name].hint in capsys.readouterr().out


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_every_exercise_has_one_solution(source):
    assert len(list(filter(None, map(solution_of, read_source(source).cells)))) == len(expected(source))
