"""The record agrees with the executed labs, every claim has its verdict, and a changed verdict is noticed."""

import json
import shutil

import nbformat
import pytest

from labkit.articles import CLAIMS, experiments_in, overall, recorded
from labkit.articles.record import main
from labkit.lab.build import ROOT

DECIDED_ON_THE_PAGE = {"A2", "A4", "A11", "B19", "B20"}


def test_there_are_31_claims_and_each_has_a_verdict():
    assert len(CLAIMS) == 31 and {name[0] for name in CLAIMS} == {"A", "B"}
    decided = {each.claim for each in recorded()}
    assert decided | DECIDED_ON_THE_PAGE == set(CLAIMS)
    page = (ROOT / "notebooks/source/23-the-articles-tested.py").read_text()
    assert all(f'article="{name}"' in page for name in DECIDED_ON_THE_PAGE)


def test_the_record_is_what_the_labs_show():
    """If this fails after a lab was rebuilt: python -m labkit.articles.record notebooks, then build lab 23."""
    assert recorded() == experiments_in(ROOT / "notebooks")


def test_a_changed_verdict_is_noticed(tmp_path):
    name = "06-dp-auditing.ipynb"
    shutil.copy(ROOT / "notebooks" / name, tmp_path)
    before = experiments_in(tmp_path)
    assert before == [each for each in recorded() if each.lab == "06-dp-auditing"] and before
    text = (tmp_path / name).read_text()
    (tmp_path / name).write_text(text.replace("· does not hold:", "· holds:"))
    assert experiments_in(tmp_path) != before


def test_printed_claims_are_read_with_their_numbers_and_their_place(tmp_path):
    printed = ("✓ a sentence of no article\narticle B4 · does not hold: a long sentence that was broken\n  in two  (share 0.9, of 3)\n"
               "article A1 · holds: short\n")
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_markdown_cell("## The idea\n\ntext"),
        nbformat.v4.new_code_cell("...", outputs=[nbformat.v4.new_output("stream", name="stdout", text=printed)])])
    nbformat.write(notebook, tmp_path / "07-some-lab.ipynb")
    shutil.copy(tmp_path / "07-some-lab.ipynb", tmp_path / "23-the-articles-tested.ipynb")  # not counted twice
    first, second = experiments_in(tmp_path)
    assert first == ("B4", "does not hold", "a long sentence that was broken in two", "share 0.9, of 3", "07-some-lab", "The idea")
    assert second[:4] == ("A1", "holds", "short", "")


def test_a_claim_that_nobody_made_is_refused(tmp_path):
    output = nbformat.v4.new_output("stream", name="stdout", text="article B99 · holds: what?\n")
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("...", outputs=[output])]), tmp_path / "07-x.ipynb")
    before = json.dumps(recorded())
    with pytest.raises(SystemExit, match="B99; nothing written"):
        main([str(tmp_path)])
    assert json.dumps(recorded()) == before


def test_the_severest_verdict_counts():
    assert overall(["holds", "does not hold", "holds once repaired"]) == "does not hold"
    assert overall(["holds once repaired", "holds"]) == "holds once repaired"
    for wrong in ([], ["maybe"]):
        with pytest.raises(ValueError, match="verdicts must be among"):
            overall(wrong)
