"""What a reader sees first is the technique: cells that only draw are folded, and little else draws."""

import ast

import nbformat
import pytest

from labkit.lab import drawing
from labkit.lab.build import read_source, sources

MOST = 0.15  # of a lab's visible lines of code
every_lab = pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)


@every_lab
def test_few_visible_lines_draw(source):
    visible, code, *_ = drawing.counts(read_source(source))
    assert visible <= MOST * code, f"{visible} of {code} visible lines draw: fold the cells that only draw"


@every_lab
def test_folded_cells_say_what_they_draw_and_fold_on_the_site_too(source):
    for number, cell in enumerate(read_source(source).cells):
        assert drawing.is_folded(cell) == ("hide-input" in cell.metadata.get("tags", [])), f"cell {number}"
        if drawing.is_folded(cell):
            assert cell.source.startswith("# Draws: "), f"cell {number}"
            assert not any(drawing._calls(each) & drawing.RESULTS for each in ast.parse(cell.source).body), \
                f"cell {number} folds a claim"


def lab_of(*cells, folded=()):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    for place in folded:
        notebook.cells[place].metadata["jupyter"] = {"source_hidden": True}
    return notebook


WIDGET = "def tune(picture, epsilon):\n    '''What?'''\n    spread = 1 / epsilon\n    picture.text(spread)\n    return 'so'"


@pytest.mark.parametrize("cells, folded, expected", [
    (["x = 1\ny = 2\n# no code\n\nlab.claim('so', x < y)"], (), (0, 3)),
    (["fig, ax = lab.plots.figure()\nax.plot(x)\ntotal = x.sum()"], (), (2, 3)),
    (["fig, left = plt.subplots()\nleft.plot(x)"], (), (2, 2)),  # whatever the axes are called
    (["lab.claim('so', ax is not None)"], (), (0, 1)),
    (["for each in x:\n    ax.plot(each)"], (), (2, 2)),
    (["for each in x:\n    total += each\n    ax.plot(each)"], (), (1, 3)),
    ([WIDGET, "lab.explore(tune, epsilon=(0, 1, 1))"], (), (5, 5)),  # all of a widget's function, and its wiring
    ([WIDGET, "lab.explore(tune, epsilon=(0, 1, 1))"], (0,), (1, 1)),
    ([WIDGET], (), (0, 4)),  # a function that no widget calls, with arguments that are no axes
    (["def paint(ax):\n    here = 1\n    ax.plot(here)"], (), (3, 3)),
])
def test_lines_are_counted_by_what_they_do(cells, folded, expected):
    assert drawing.counts(lab_of(*cells, folded=folded))[:2] == expected
