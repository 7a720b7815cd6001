"""A new lab begins as one that passes every test of a lab, and nothing is written for a number or title that cannot be."""

import importlib.util
import shutil

import pytest

from labkit.lab import build, new_lab
from tests.notebooks import test_notebooks as form


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A copy of what the command reads and writes."""
    for each in ["README.md", *(str(path.relative_to(build.ROOT)) for path in build.sources())]:
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(build.ROOT / each, tmp_path / each)
    (tmp_path / "labkit/exercises").mkdir(parents=True)
    for module in (build, new_lab):
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "SOURCE", tmp_path / "notebooks/source")
    monkeypatch.setattr(build, "BUILT", tmp_path / "notebooks")
    return tmp_path


def exercises_of(path):
    specification = importlib.util.spec_from_file_location("fresh", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.check


def test_a_new_lab_has_the_form_of_a_lab(place):
    source, exercises, start, readme = new_lab.begin("98", "Of dogs and cats, 2")
    assert source.name == "98-of-dogs-and-cats.py"
    for rule in (form.test_sections_in_order, form.test_cells_fit_the_screen,
                 form.test_lines_of_the_source_fit_beside_their_difference,
                 form.test_every_widget_is_followed_by_a_question_with_a_folded_answer,
                 form.test_exercises_have_solutions):
        rule(source)
    assert "| 98 | [Of dogs and cats, 2](98-of-dogs-and-cats.ipynb) |" in start.read_text()
    assert "| 98 | [Of dogs and cats, 2](notebooks/98-of-dogs-and-cats.ipynb) |" in readme.read_text()
    check = exercises_of(exercises)
    wrong = check.exercises["epsilon for an error"].wrong
    assert check("epsilon for an error", 0.25) and not any(check("epsilon for an error", each) for each in wrong)


def test_its_claims_hold_for_other_seeds(place, monkeypatch):
    """The code of the page, without its widget, at twenty seeds."""
    source, exercises, *_ = new_lab.begin("98", "Dogs")
    cells = [each.source for each in build.read_source(source).cells
             if each.cell_type == "code" and "lab.explore" not in each.source]
    code = "\n".join(cells).replace("from labkit.exercises.lab_98 import check", "check = print")
    for seed in range(20):
        exec(compile(code.replace("default_rng(98)", f"default_rng({seed})"), "lab", "exec"), {})


def test_rows_stand_where_the_numbers_say():
    text = "# Labs\n| 00 | [A](a.ipynb) | a |\n| | **B** | |\n| 05b | [B](b.ipynb) | b |\n| 15 | [C](c.ipynb) | c |\nend\n"
    for number, before in [("05", "| 00 |"), ("06", "| 05b |"), ("16", "| 15 |"), ("99", "| 15 |")]:
        lines = new_lab.with_row(text, number, f"| {number} | new |").splitlines()
        assert lines[lines.index(f"| {number} | new |") - 1].startswith(before)
    with pytest.raises(ValueError, match="table of labs"):
        new_lab.with_row("no table", "16", "row")


@pytest.mark.parametrize("number, title, told", [
    *[(bad, "Dogs", "LAB must be two digits") for bad in ("3", "abc", "")], ("03", "Dogs", "which is 03-"),
    *[("98", bad, "TITLE must be") for bad in ("", "a | b", "x" * 61, 'a "b"')],
])
def test_bad_input_writes_nothing(place, number, title, told, capsys):
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert new_lab.main([number, title]) == 2
    assert told in capsys.readouterr().out
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
