"""Notebooks as pages, without Sphinx or a browser; and frames that leave no trace in the kernel they were drawn in."""

import io
import json
import os

import nbformat
import numpy as np
import pytest
from PIL import Image

from labkit.lab import explore
from labkit.lab.build import BUILT, ROOT, SOURCE, sources
from labkit.site import frames, pages
from labkit.site.build import MATHJAX_SHA256, mathjax
from labkit.site.run import fingerprint

README = (ROOT / "README.md").read_text()


def notebook(*cells):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title"), *cells])


def a_widget_cell(question="How far?"):
    data = {"text/plain": f"{question} [x = 1] Far.", "image/png": "aaaa"}
    return nbformat.v4.new_code_cell("lab.explore(draw, x=range(3))", execution_count=1,
                                     outputs=[nbformat.v4.new_output("execute_result", data, execution_count=1)])


FRAMES = {"question": "How far?", "width": 820, "height": 320, "star": False,
          "frames": {"0": ["a.webp", "Near </script>"], "1": ["b.webp", "Far"]},
          "controls": [{"name": "x", "label": "x", "kind": "range", "epsilon": False, "stops": ["0", "1"], "start": 0}]}


def test_every_lab_has_a_page_in_the_order_of_the_readme():
    listed = [name for _, names in pages.contents(README) for name in names]
    assert listed == [source.stem for source in sources()]
    shown = pages.index(README, listed)
    assert all(f"]({name}.ipynb)" in shown and f"\n{name}\n" in shown for name in listed)
    assert "notebooks/" not in shown and "03-dp-mechanisms" not in pages.index(README, ["00-start-here"])


def test_a_page_shows_frames_in_place_of_the_stored_picture():
    made = pages.page(notebook(a_widget_cell()), "16-lab", "someone/labs", [FRAMES])
    buttons, (output,) = made.cells[1].source, made.cells[2].outputs
    assert all(each in buttons for each in ("mybinder.org/v2/gh/someone/labs/", "colab", "download/16-lab.ipynb"))
    shown = output.data["text/html"]
    assert 'src="_static/frames/16-lab/a.webp"' in shown and "Near &lt;/script&gt;" in shown
    told = shown.split('<script type="application/json" id="16-lab-1">')[1].split("</script>")[0]
    assert json.loads(told)["frames"] == FRAMES["frames"]  # the reading cannot end the script


@pytest.mark.parametrize("made", [[], [FRAMES, FRAMES], [FRAMES | {"question": "Another?"}]])
def test_frames_of_other_widgets_are_refused(made):
    with pytest.raises(ValueError, match="frames must be those of the widgets in 16-lab"):
        pages.page(notebook(a_widget_cell()), "16-lab", "someone/labs", made)


def test_cells_that_only_draw_are_folded():
    cells = [nbformat.v4.new_code_cell(source) for source in
             ["def draw(fig, x):\n    fig.subplots()", "def mean(x):\n    return x", "lab.explore(draw, x=range(3))", "1 + 1"]]
    cells[3].metadata["jupyter"] = {"source_hidden": True}
    made = pages.page(notebook(*cells), "16-lab", "someone/labs", None)
    assert ["hide-input" in cell.metadata.get("tags", []) for cell in made.cells[2:]] == [True, False, False, True]


def test_the_committed_notebooks_are_left_alone():
    path = BUILT / f"{sources()[0].stem}.ipynb"
    read = nbformat.read(path, 4)
    pages.page(read, path.stem, "someone/labs", None)
    pages.for_colab(read, "someone/labs")
    assert read == nbformat.read(path, 4)


def test_the_repository_is_that_of_the_binder_badge():
    assert pages.repository(README).count("/") == 1 and pages.repository(README) in README


@pytest.mark.skipif(not hasattr(os, "fork"), reason="frames are drawn in a fork")
def test_drawing_frames_leaves_the_kernel_as_it_was(tmp_path):
    rng, calls = np.random.default_rng(1), []

    def draw(fig, x):
        """Where to?"""
        calls.append(x)
        fig.subplots().plot([0, rng.random()])
        return f"x is {x}"

    def another(fig, x):
        """Does it hold?"""
        if x > 5:
            raise KeyError("never")
        return ""

    kept = explore.__globals__["Explore"]._repr_mimebundle_
    try:
        frames.install(tmp_path, most=9)
        widget, broken = explore(draw, x=range(30)), explore(another, x=range(30))
        before, drawn = rng.bit_generator.state, len(calls)
        widget._repr_mimebundle_()
        broken._repr_mimebundle_()
    finally:
        explore.__globals__["Explore"]._repr_mimebundle_ = kept
    assert rng.bit_generator.state == before and len(calls) == drawn
    told = json.loads((tmp_path / "1.json").read_text())
    assert len(told["frames"]) == 9 and told["frames"]["0"][1] == "x is 0"
    for name, _ in told["frames"].values():
        assert Image.open(io.BytesIO((tmp_path / name).read_bytes())).size == (1640, 640)
    assert not (tmp_path / "2.json").exists() and "KeyError: 'never'" in (tmp_path / "2.error").read_text()


def test_frames_are_made_again_when_what_they_come_from_changes(tmp_path):
    source = tmp_path / "16-lab.py"
    source.write_text("1")
    first = fingerprint(source, 121, 14)
    assert first == fingerprint(source, 121, 14) != fingerprint(source, 25, 14)
    source.write_text("2")
    assert first != fingerprint(source, 121, 14)


def test_a_script_for_formulas_that_is_there_is_not_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="npm"):
        mathjax(tmp_path)
    (tmp_path / "tex-svg.js").touch()
    assert mathjax(tmp_path) == tmp_path / "tex-svg.js" and len(MATHJAX_SHA256) == 64


def test_no_tracking_is_promised_where_a_reader_looks():
    assert "Nobody is tracked here" in (ROOT / "docs/privacy.md").read_text()
    assert "privacy.html" in (ROOT / "docs/conf.py").read_text()
    assert (SOURCE.parents[1] / ".github/workflows/site.yml").exists()
