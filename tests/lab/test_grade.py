"""Submissions that are right, wrong and malicious: scores and messages."""

import json
import pickle

import nbformat
import numpy as np
import pytest

from labkit.lab import grade, grade_wire
from labkit.lab.build import read_source, sources
from tests.notebooks.solutions import solution_of

IMPORT = "from labkit.exercises.lab_18 import check"
RIGHT = [IMPORT, "length = 7 ** 0.5\ncheck('a week', length);",
         "def part(sigma, homes, colluding):\n    return sigma / (homes - colluding) ** 0.5\n"
         "check('my part of the noise', part);", "check('the village', ' b ');"]
WRONG = [IMPORT, "check('a week', 7);", "check('my part of the noise', lambda sigma, homes, colluding: sigma);",
         "village = ...\ncheck('the village', village);"]
LOOPS = [RIGHT[0], RIGHT[1], "while True:\n    pass", "def part(sigma, homes, colluding):\n    while True:\n        pass\n"
         "check('my part of the noise', part);", RIGHT[3]]
PATCHES = ["from labkit.lab.checks import Checks, Exercise\nChecks.__call__ = lambda self, name, answer: True\n"
           "Checks.outcome = Checks.__call__\nimport labkit.lab.slips", IMPORT,
           "check = lambda name, answer: True", "check('a week', 7)", "check.score = 3\ncheck('the village', 'A')",
           "class Sly(float):\n    def __sub__(self, other): return 0\n    def __abs__(self): return 0\n"
           "    def __eq__(self, other): return True\ncheck('a week', Sly(7))"]
HANGS = [IMPORT, "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nsignal.setitimer = lambda *a: None\n"
         "signal.signal = lambda *a: None\nwhile True:\n    pass", RIGHT[1]]


def handed_in(folder, name, cells):
    cells = [nbformat.v4.new_code_cell(each) for each in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


def outcomes(given):
    return [each["outcome"] for each in given["exercises"].values()]


def test_a_right_submission(tmp_path):
    given = grade.judge(handed_in(tmp_path, "right", RIGHT), seconds=60)
    assert (given["lab"], given["right"], given["of"], given["message"]) == ("18", 3, 3, "")


def test_a_wrong_submission_is_told_what_was_expected(tmp_path):
    given = grade.judge(handed_in(tmp_path, "wrong", WRONG), seconds=60)
    assert outcomes(given) == ["wrong", "wrong", "not attempted"] and given["right"] == 0
    assert "expected 2.6457" in given["exercises"]["a week"]["message"]
    assert "you gave 57.0" in given["exercises"]["my part of the noise"]["message"]


def test_endless_loops_cost_their_own_exercise_only(tmp_path):
    given = grade.judge(handed_in(tmp_path, "loops", LOOPS), seconds=90, cell_seconds=15, call_seconds=1)
    assert outcomes(given) == ["right", "wrong", "right"]
    assert "TimeUp" in given["message"] and "ran longer" in given["exercises"]["my part of the noise"]["message"]


def test_a_loop_that_cannot_be_interrupted_is_killed(tmp_path):
    given = grade.judge(handed_in(tmp_path, "hangs", HANGS), seconds=15, call_seconds=1)
    assert outcomes(given) == ["not attempted"] * 3
    assert "not judged" in given["message"] and "stopped" in given["message"]


def test_a_patched_checker_changes_no_score_and_is_named(tmp_path):
    given = grade.judge(handed_in(tmp_path, "patches", PATCHES), seconds=60)
    assert given["right"] == 0 and given["of"] == 3 and outcomes(given)[0] == "wrong"
    assert "touches the checker" in given["message"]


def test_a_function_that_patches_the_checker_when_it_is_called(tmp_path):
    cells = [IMPORT, "def part(sigma, homes, colluding):\n    import labkit.exercises.lab_18 as them\n"
             "    them._judge_part = them.check.outcome = lambda *all: None\n    return 0.0\ncheck('my part of the noise', part)"]
    assert outcomes(grade.judge(handed_in(tmp_path, "late", cells), seconds=60))[1] == "wrong"


def solutions_of(lab):
    """A submission made of the lab's own solutions, with the imports of its first cell."""
    (source,) = (each for each in sources() if each.name.startswith(f"{lab}-"))
    cells = read_source(source).cells
    first = next(cell.source for cell in cells if cell.cell_type == "code")
    return [first, *filter(None, map(solution_of, cells))]


@pytest.mark.parametrize("lab", ["02", "04", "09", "10", "15"])
def test_arrays_rules_generators_ciphertexts_and_functions_as_arguments_reach_the_judge(lab, tmp_path):
    given = grade.judge(handed_in(tmp_path, lab, solutions_of(lab)), seconds=200)
    assert given["right"] == given["of"] > 0 and not given["message"], given


def test_a_library_function_may_be_an_answer(tmp_path):
    given = grade.judge(handed_in(tmp_path, "np", [IMPORT, "import numpy as np\ncheck('my part of the noise', np.mean)"]), seconds=60)
    assert outcomes(given) == ["not attempted", "wrong", "not attempted"] and not given["message"]


def test_what_may_not_be_unpickled_runs_nothing(tmp_path):
    trap = tmp_path / "sprung"
    cells = [IMPORT, "import os\nclass Trap:\n    def __reduce__(self):\n"
             f"        return os.mkdir, ({str(trap)!r},)\ncheck('a week', Trap())"]
    given = grade.judge(handed_in(tmp_path, "trap", cells), seconds=60)
    assert given["right"] == 0 and "not judged" in given["message"] and not trap.exists()
    for each in (pickle.dumps(eval), pickle.dumps(np.load), b"cos\nsystem\n(S'true'\ntR."):
        with pytest.raises(pickle.UnpicklingError, match="no part of an answer"):
            grade_wire.Wire(None, None, careful=True).unpack(each)


def test_answers_of_every_form_travel():
    wire = grade_wire.Wire(None, None, careful=True)
    for each in (3, 1e-9, "B", b"x", {"a": [1, (2.5, None)]}, {1, 2}, np.arange(3.0), np.int64(4), np.array([True])):
        assert np.all(wire.unpack(wire.pack(each)) == each)


@pytest.mark.parametrize("content", ["", "{}", '{"cells": 3}', '{"cells": []}'])
def test_what_is_no_notebook(tmp_path, content):
    (tmp_path / "odd.ipynb").write_text(content)
    given = grade.judge(tmp_path / "odd.ipynb")
    assert given["right"] == given["of"] == 0 and given["message"]


def test_the_command_writes_a_file_and_shows_a_table(tmp_path, capsys):
    handed_in(tmp_path, "ann", RIGHT)
    (tmp_path / "more").mkdir()
    handed_in(tmp_path / "more", "bob", WRONG)
    assert grade.main([str(tmp_path), "--seconds", "60"]) == 0
    out = capsys.readouterr().out
    assert "ann.ipynb  lab 18   3 of 3" in out and "more/bob.ipynb  lab 18   0 of 3" in out
    grades = json.loads((tmp_path / "grades.json").read_text())
    assert [(each["submission"], each["right"]) for each in grades] == [("ann.ipynb", 3), ("more/bob.ipynb", 0)]


def test_a_folder_without_notebooks_is_refused(tmp_path, capsys):
    assert grade.main([str(tmp_path)]) == 2 and "DIR must be a folder" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
