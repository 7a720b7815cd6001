"""Lab 05b trains with what its log of tries says is best, and with nothing else."""

import ast
import csv
from pathlib import Path

import pytest

from tests.tuning.lab_05b import DELTA, EPSILON, FIELDS, LOG, PENALTIES, TRIES, best_of

LAB = Path(__file__).parents[2] / "notebooks" / "source"


@pytest.fixture(scope="module")
def log():
    with LOG.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_log_holds_every_try_once(log):
    assert tuple(log[0]) == FIELDS
    settings = ("batch_size", "max_grad_norm", "learning_rate")
    private = [tuple(float(row[each]) for each in settings) for row in log if row["model"] == "private"]
    plain = [float(row["penalty"]) for row in log if row["model"] == "not private"]
    assert sorted(private) == sorted(TRIES) and sorted(plain) == sorted(PENALTIES)
    assert len(log) == len(TRIES) + len(PENALTIES)
    assert all(0.9 < float(row["held_out_accuracy"]) < 1 for row in log)


def test_the_lab_uses_the_best_of_the_log(log):
    (lab,) = LAB.glob("05b-*.py")
    given = {}
    for node in ast.parse(lab.read_text()).body:  # the lab's own assignments, at the top of its cells
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            given.setdefault(node.targets[0].id, node.value)
    settings = {each.arg: each.value for each in given["SETTINGS"].keywords if each.arg != "records"}
    settings = {name: ast.literal_eval(value) for name, value in settings.items()}
    best = best_of(log, "private")
    assert settings.pop("momentum") == 0.9  # as in every try
    assert settings == {name: float(best[name]) for name in ("batch_size", "max_grad_norm", "learning_rate")}
    assert ast.literal_eval(given["PENALTY"]) == float(best_of(log, "not private")["penalty"])
    promised = {ast.unparse(name): value for target in ast.walk(ast.parse(lab.read_text()))
                if isinstance(target, ast.Assign) and isinstance(target.targets[0], ast.Tuple)
                and isinstance(target.value, ast.Tuple) and ast.unparse(target.targets[0]).startswith("(EPSILON, DELTA")
                for name, value in zip(target.targets[0].elts, target.value.elts)}
    assert (promised["EPSILON"].value, promised["DELTA"].value) == (EPSILON, DELTA)


@pytest.mark.parametrize("model", ["private", "not private"])
def test_best_of_is_the_most_accurate_row_of_that_model(log, model):
    rows = [row for row in log if row["model"] == model]
    assert best_of(log, model) in rows
    assert all(float(row["held_out_accuracy"]) <= float(best_of(log, model)["held_out_accuracy"]) for row in rows)
