"""The committed notebooks: executed copies of their source, in the shape of a lab, readable without a kernel."""

import ast
import re

import nbformat
import pytest

from labkit.lab.build import ROOT, VIEW, notebook_of, problems, read_source, sources

SECTIONS = ["What goes wrong", "The idea", "Build it", "Use the real thing", "What it costs", "Tune it", "The attack again",
            "Check yourself", "What the article says", "Limits and further reading"]
OPTIONAL = "What the article says"  # for labs to which no claim of theirs belongs
MOST_LINES, MOST_COLUMNS = 30, 110  # of a code cell: more does not fit a reader's screen
WHOLE = re.compile(r"`[^`]+`|\$[^$]+\$|\[[^\]]*\]\([^)\s]*\)|https?://\S+")  # not to be broken
every_lab = pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)


def test_there_are_labs_and_none_is_an_orphan():
    assert {notebook_of(each).name for each in sources()} == {each.name for each in (ROOT / "notebooks").glob("*.ipynb")}
    assert sources()


@every_lab
def test_notebook_is_the_executed_copy_of_its_source(source):
    assert not problems(source)


@every_lab
def test_sections_in_order(source):
    cells = read_source(source).cells
    headings = [line[3:].strip() for cell in cells if cell.cell_type == "markdown" for line in cell.source.splitlines()
                if line.startswith("## ")]
    found = [each for each in headings if each in SECTIONS]
    assert found in (SECTIONS, [each for each in SECTIONS if each != OPTIONAL])
    assert re.match(r"# \d+b? · ", cells[0].source) and "Afterwards you can" in cells[0].source
    assert "Run All" not in cells[0].source  # a prediction comes before its number


@every_lab
def test_a_guess_is_asked_before_its_cell_runs(source):
    """Every `lab.predict` stands in a cell of its own, and the next cell with a truth answers it."""
    asked = 0
    for cell in read_source(source).cells:
        if cell.cell_type == "code":
            questions = len(re.findall(r"^lab\.predict\(", cell.source, re.M))
            truths = len(re.findall(r"^lab\.truth\(", cell.source, re.M))
            assert not questions or (questions == 1 and cell.source.startswith("lab.predict(")), cell.source
            asked += questions - truths
            assert asked in (0, 1), cell.source
    assert asked == 0


@every_lab
def test_cells_fit_the_screen(source):
    for number, cell in enumerate(read_source(source).cells):
        if cell.cell_type == "code":
            lines = cell.source.splitlines()
            assert len(lines) <= MOST_LINES, f"cell {number} has {len(lines)} lines"
            assert max(map(len, lines), default=0) <= MOST_COLUMNS, f"cell {number}: a line of {max(map(len, lines))} columns"


def too_long(line):
    """Is this line wider than it need be? Rows of tables and displayed mathematics keep their width."""
    breakable = " " in WHOLE.sub("x", line.removeprefix("#").strip())
    return len(line) > MOST_COLUMNS and breakable and not line.startswith(("# |", "# $$"))


@every_lab
def test_lines_of_the_source_fit_beside_their_difference(source):
    """Prose is broken at sentences and clauses, so that a changed sentence shows as a changed line."""
    wide = [number for number, line in enumerate(source.read_text().splitlines(), 1) if too_long(line)]
    assert not wide, f"{source.name}: lines {wide} are wider than {MOST_COLUMNS} columns"


def test_only_what_cannot_be_broken_may_be_wide():
    wide = "word " * 30
    assert too_long(f"# {wide}") and too_long(f"x = '{wide}'") and too_long(f"# see `{wide}`")
    assert too_long(f"# {wide}[a link](https://example.org/)") and not too_long("# " + "word " * 20)
    link = f"#   [*{wide}*](https://example.org/),"
    for whole in (f"# `{wide}`", link, f"# ${wide}$.", f"# | {wide} |", f"# $$ {wide} $$"):
        assert not too_long(whole)


@every_lab
def test_every_widget_is_followed_by_a_question_with_a_folded_answer(source):
    cells = read_source(source).cells
    for number, cell in enumerate(cells):
        if cell.cell_type == "code" and re.search(r"^lab\.explore\(", cell.source, re.M):
            after = "\n".join(each.source for each in cells[number + 1:number + 3])
            assert "**Question" in after and "<details>" in after, f"cell {number}"


@every_lab
def test_the_stored_state_needs_no_kernel(source):
    notebook = nbformat.read(notebook_of(source), 4)
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            assert VIEW not in data or "image/png" in data or "text/plain" in data
            assert output.get("name") != "stderr", output.text[:300]


@every_lab
def test_no_machine_in_the_outputs(source):
    """Neither this checkout's place nor a home directory may be printed."""
    text = notebook_of(source).read_text()
    assert str(ROOT) not in text and not re.search(r"/(home|Users|root)/\w", text)


@every_lab
def test_exercises_have_solutions(source):
    cells = read_source(source).cells
    for number, cell in enumerate(cells):
        if cell.cell_type == "code" and re.search(r"^\w+ = \.\.\.", cell.source, re.M):
            assert "solution" in cells[number + 1].metadata.get("tags", []), f"cell {number} has no solution below it"
            ast.parse(cell.source)
