"""The table to take away: heaviest first, nothing that got no votes, and only what was released."""

import csv

import numpy as np
import pytest

from labkit.synthetic import ClassVotes, synthetic_rows, write_csv

VOTES = ClassVotes(np.array([[5, -3], [1, 12], [2, 2]]), 2.0, 1.0, 1e-5)
TEXTS = ["dull", 'good, "very" good', "so so"]


def test_rows_are_the_weights_sorted():
    assert synthetic_rows(TEXTS, VOTES, ["no", "yes"]) == [('good, "very" good', "yes", 10.0), ("dull", "no", 3.0)]


def test_the_file_can_be_read_back(tmp_path):
    rows = synthetic_rows(TEXTS, VOTES, ["no", "yes"])
    path = write_csv(tmp_path / "reviews.csv", rows)
    with path.open(encoding="utf-8", newline="") as file:
        header, *found = csv.reader(file)
    assert header == ["text", "label", "weight"] and [(*row[:2], float(row[2])) for row in found] == rows


@pytest.mark.parametrize("change, name", [
    (dict(texts=TEXTS[:2]), "texts"), (dict(texts="abc"), "texts"), (dict(texts=[1, 2, 3]), "texts"), (dict(class_names=["no"]), "class_names"),
    (dict(votes=np.zeros((3, 2))), "votes"),
])
def test_what_does_not_fit_is_refused_by_name(change, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        synthetic_rows(**{"texts": TEXTS, "votes": VOTES, "class_names": ["no", "yes"], **change})


@pytest.mark.parametrize("path, rows, name", [("a.txt", [("a", "b", 1.0)], "path"), ("a.csv", [], "rows"), ("a.csv", [("a", "b")], "rows")])
def test_a_file_without_rows_or_of_another_kind_is_refused(tmp_path, path, rows, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        write_csv(tmp_path / path, rows)
    assert not list(tmp_path.iterdir())
