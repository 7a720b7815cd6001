"""Every exercise: its check fails on the stub and on wrong answers, and passes on the solution printed below it."""

import importlib
import pkgutil
import re

import nbformat
import pytest

import labkit.exercises
from labkit.lab.build import BUILT, execute, read_source, sources

MODULES = [each.name for each in pkgutil.iter_modules(labkit.exercises.__path__) if each.name.startswith("lab_")]
CODE = re.compile(r"```python\n(.*?)```", re.S)


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
    """The lab with each solution's code run right below its stub; returns the notebook and how many there were."""
    notebook, cells, count = read_source(source), [], 0
    for cell in notebook.cells:
        cells.append(cell)
        if "solution" in cell.metadata.get("tags", []):
            blocks = CODE.findall(cell.source)
            assert blocks, f"a solution of {source.stem} has no python block:\n{cell.source[:200]}"
            answer = nbformat.v4.new_code_cell("\n".join(blocks), id=f"solution-{count}")
            answer.metadata["checked"] = True
            cells.append(answer)
            count += 1
    notebook.cells = cells
    return notebook, count


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_the_printed_solution_passes(source):
    notebook, count = solved(source)
    lab = f"lab_{source.stem.split('-')[0]}"
    expected = set(importlib.import_module(f"labkit.exercises.{lab}").check.exercises) if lab in MODULES else set()
    if not expected:
        assert not count
        return
    execute(notebook, BUILT)
    passed = set()
    for cell in notebook.cells:
        if cell.metadata.get("checked"):
            said = "".join(each.get("text", "") for each in cell.outputs)
            assert "✗" not in said and "○" not in said, said
            passed |= set(re.findall(r"^✓ (.*): right$", said, re.M))
    assert passed == expected, f"no solution passes: {sorted(expected - passed)}"
