import json
import sys

import pytest

from labkit import lab
from labkit.exercises import lab_18, lab_19


@pytest.fixture(autouse=True)
def only_two_labs(monkeypatch):
    for name in [each for each in sys.modules if each.startswith("labkit.exercises.lab_")]:
        if name[-2:] not in ("18", "19"):
            monkeypatch.delitem(sys.modules, name)
    for each in (lab_18, lab_19):
        each.check.forget()
    yield
    for each in (lab_18, lab_19):
        each.check.forget()


def test_the_score_counts_what_was_tried_shows_a_table_and_writes_it(tmp_path, capsys):
    lab_18.check("a week", 7)
    lab_18.check("a week", 49)
    lab_18.check("a week", 7**0.5)
    lab_19.check("five hundred commuters", "A")
    lab_19.check("twelve months", ...)
    made = lab.score(tmp_path / "score.json")
    written = json.loads((tmp_path / "score.json").read_text())
    assert written["right"] == made.right == 1 and written["of"] == made.total == 6 and set(written["labs"]) == {"18", "19"}
    assert written["labs"]["18"]["a week"] == {"outcome": "right", "wrong tries": 2}
    assert written["labs"]["19"]["five hundred commuters"] == {"outcome": "wrong", "wrong tries": 1}
    assert written["labs"]["19"]["twelve months"] == {"outcome": "not attempted", "wrong tries": 0}
    assert repr(made).endswith("1 of 6 right; written to score.json") and "18   a week" in repr(made)
    assert [each.name for each in tmp_path.iterdir()] == ["score.json"]


def test_it_can_be_looked_at_without_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lab.score(None).right == 0 and not list(tmp_path.iterdir())


def test_a_path_that_is_no_json(tmp_path):
    with pytest.raises(ValueError, match="path must end in .json"):
        lab.score(tmp_path / "score.txt")


def test_without_a_lab_there_is_no_score(monkeypatch):
    for each in ("18", "19"):
        monkeypatch.delitem(sys.modules, f"labkit.exercises.lab_{each}")
    with pytest.raises(ValueError, match="first cell"):
        lab.score(None)
