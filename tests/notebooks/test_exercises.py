"""Every exercise: its check fails on the stub and on wrong answers, and passes on the solution printed below it."""

import importlib

import nbformat
import pytest

from labkit.lab.build import BUILT, execute, read_source, sources
from tests.browser.jupyter import browser
from tests.notebooks.solutions import MODULES, assert_right, expected, solution_of


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


def solved(source):
    """The lab with each solution's code run right below its stub; returns the notebook."""
    notebook, cells = read_source(source), []
    for number, cell in enumerate(notebook.cells):
        cells.append(cell)
        if code := solution_of(cell):
            cells.append(nbformat.v4.new_code_cell(code, id=f"solution-{number}", metadata={"checked": True}))
    notebook.cells = cells
    return notebook


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_every_exercise_has_one_solution(source):
    assert len(list(filter(None, map(solution_of, read_source(source).cells)))) == len(expected(source))


if browser() is None:  # otherwise tests/browser, which runs every lab anyway, runs the solutions there

    @pytest.mark.parametrize("source", filter(expected, sources()), ids=lambda source: source.stem)
    def test_the_printed_solution_passes(source):
        notebook = solved(source)
        execute(notebook, BUILT)
        assert_right(source, ["".join(each.get("text", "") for each in cell.outputs) for cell in notebook.cells
                              if cell.metadata.get("checked")])
