"""Building notebooks from their source, in a folder of its own."""

import nbformat
import pytest

from labkit.lab import build as builder

HEADER = "# ---\n# jupyter:\n#   kernelspec: {display_name: Python 3, language: python, name: python3}\n# ---\n\n"
GOOD = HEADER + '# %% [markdown]\n# # Title\n\n# %%\nprint(6 * 7)\n\n# %% [markdown] tags=["solution"]\n# secret\n'


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, folder in [("ROOT", "."), ("SOURCE", "source"), ("BUILT", "."), ("STUDENT", "student")]:
        monkeypatch.setattr(builder, name, tmp_path / folder)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "01-good.py").write_text(GOOD)
    return tmp_path


def test_build_executes_and_a_second_run_does_nothing(project, capsys):
    assert builder.problems(builder.sources()[0]) == ["01-good.ipynb is missing"]
    assert builder.main([]) == 0 and "built" in capsys.readouterr().out
    built = nbformat.read(project / "01-good.ipynb", 4)
    assert built.cells[1].outputs[0].text == "42\n" and not builder.problems(builder.sources()[0])
    assert builder.main([]) == 0 and "up to date" in capsys.readouterr().out


def test_two_builds_are_the_same_to_the_byte(project):
    (source,) = builder.sources()
    source.write_text(GOOD + '\n# %%\nfrom labkit import lab\nlab.explore(lambda fig, x: f"{x}", question="Which?", x=range(3))\n'
                      '\n# %%\nfor _ in lab.progress(range(2), "going"):\n    pass\n')
    once = builder.build(source).read_bytes()
    assert builder.build(source).read_bytes() == once
    assert b"(going: done)" in once and b"widget-view" not in once


@pytest.mark.parametrize("damage, told", [
    (lambda nb: nb.cells[1].update(source="print(43)"), "stale"),
    (lambda nb: nb.cells[0].update(source="# Other"), "stale"),
    (lambda nb: nb.cells.pop(), "stale"),
    (lambda nb: nb.cells[1].update(execution_count=None), "not executed"),
    (lambda nb: nb.cells[1].update(outputs=[nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]), "error"),
])
def test_a_notebook_that_cannot_stand_for_its_source_is_noticed(project, damage, told):
    (source,) = builder.sources()
    path = builder.build(source)
    notebook = nbformat.read(path, 4)
    damage(notebook)
    nbformat.write(notebook, path)
    assert any(told in each for each in builder.problems(source))


def test_a_failing_cell_fails_the_command_and_keeps_the_old_notebook(project, capsys):
    (source,) = builder.sources()
    kept = builder.build(source).read_bytes()
    source.write_text(GOOD + "\n# %%\n1 / 0\n")
    assert builder.main([]) == 1 and "ZeroDivisionError" in capsys.readouterr().out
    assert (project / "01-good.ipynb").read_bytes() == kept


def test_student_copies_hold_no_solution(project, capsys):
    assert builder.main(["--student"]) == 0
    copy = nbformat.read(project / "student" / "01-good.ipynb", 4)
    assert [each.cell_type for each in copy.cells] == ["markdown", "code"] and copy.cells[1].execution_count is None
    assert "secret" not in str(copy)


def test_an_unknown_name_is_told(project, capsys):
    assert builder.main(["77"]) == 2 and "01-good" in capsys.readouterr().out
