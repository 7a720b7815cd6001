"""One's own table: declared, paid, released, and nothing else comes out; the program that is shown makes the same release by itself."""

import csv
import io
import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from labkit import dp
from labkit.dp.own_table import OwnTable

SECRET = "ZEBRA-4711-geheim"
DECLARED = dict(unit="person", columns={"age": (0, 100), "colour": ["red", "blue"], "town": ["north", "south"]},
                questions=[("count", 0.5), ("mean", "age", 2.0), ("histogram", "colour", 0.5), ("histogram", "age", 0.5),
                           ("cross", "colour", "town", 0.5)])


def written(folder, lines, names="name,age,colour,town"):
    path = folder / "table.csv"
    path.write_text("\n".join([names, *lines]) + "\n", encoding="utf-8")
    return path


def ordinary(people=400):
    rng = np.random.default_rng(1)
    return [f"p{each},{rng.integers(20, 60)},{rng.choice(['red', 'blue'])},{rng.choice(['north', 'south'])}" for each in range(people)]


NASTY = [f"{SECRET},30,red,north", f'"{SECRET}, the ""second""",31,blue,south', f"x,{SECRET},{SECRET},{SECRET}", f"x,40,red,north,{SECRET},{SECRET}",
         f'"{SECRET},42,red,north', f"x,1e999,{SECRET}", f"x,nan,blue,south\x00{SECRET}", f"{SECRET}", f'x,"{"9" * 200_000}{SECRET}",red,north', "",
         f"x,4711e300,red,{SECRET}"]


def test_the_answers_are_close_to_the_truth(tmp_path):
    lines = ordinary()
    rows = list(csv.reader(lines))
    table = OwnTable(**DECLARED | {"questions": [(*each[:-1], 50.0) for each in DECLARED["questions"]]})
    count, mean, colours, ages, cross = table.release(written(tmp_path, lines), budget=dp.Budget(epsilon=250))
    # at epsilon 50 for a whole number, noise is not 0 with chance 2 e^-50
    assert count["answer"] == 400 and colours["answer"] == Counter(row[2] for row in rows)
    assert sum(ages["answer"].values()) == 400 and ages["answer"]["from 20"] == sum(20 <= int(row[1]) < 30 for row in rows)
    assert cross["answer"] == {f"{a} | {b}": sum(row[2:] == [a, b] for row in rows) for a in ("red", "blue") for b in ("north", "south")}
    assert mean["answer"] == pytest.approx(np.mean([int(row[1]) for row in rows]), abs=0.2) and mean["count"] == 400


def test_the_error_bars_hold_as_often_as_they_say(tmp_path):
    """40 releases of two counts: 76 of 80 expected, 60 is 8 standard deviations below; and of a mean: 38 of 40, 28 is 7 below."""
    lines = ordinary(100)
    table, path = OwnTable(**DECLARED), written(tmp_path, lines)
    truth = Counter(row[2] for row in csv.reader(lines))
    age = np.mean([int(row[1]) for row in csv.reader(lines)])
    right, right_mean = 0, 0
    for _ in range(40):
        answers = table.release(path, budget=dp.Budget(epsilon=4))
        bars = table.error_bars(answers)
        right += sum(abs(answers[2]["answer"][name] - truth[name]) <= bars[2] for name in truth)
        right_mean += abs(answers[1]["answer"] - age) <= bars[1]
    assert right >= 60 and right_mean >= 28


def test_nothing_is_read_when_the_budget_says_no(tmp_path):
    budget = dp.Budget(epsilon=3.9)
    with pytest.raises(dp.BudgetExceeded, match="nothing was read"):
        OwnTable(**DECLARED).release(written(tmp_path, ordinary(5)), budget=budget)
    assert not budget.spends
    budget = dp.Budget(epsilon=4)
    OwnTable(**DECLARED).release(written(tmp_path, ordinary(5)), budget=budget)
    assert budget.spent == pytest.approx(4) and len(budget.spends) == 5
    assert budget.relation == "add or remove one person, with at most 1 line"
    said = budget.statement(unit="person", reused=False, tuning="none")
    assert said.epsilon == pytest.approx(4) and "mean age" in said.text() and SECRET not in said.json()


@pytest.mark.parametrize("alone", [True, False])
def test_planted_secrets_do_not_come_out(tmp_path, alone, capfd):
    path = written(tmp_path, [*ordinary(50), *NASTY], names=f"name,age,colour,town,{SECRET}")
    table = OwnTable(**DECLARED)
    if alone:
        program = tmp_path / "release.py"
        program.write_text(table.program())
        done = subprocess.run([sys.executable, program, path], capture_output=True, text=True, timeout=120)
        said = done.stdout + done.stderr
        assert done.returncode == 0 and len(json.loads(done.stdout)) == 5
    else:
        budget = dp.Budget(epsilon=4)
        answers = table.release(path, budget=budget)
        said = repr(answers) + repr(budget) + repr(table.error_bars(answers)) + table.program() + "".join(capfd.readouterr())
    for secret in (SECRET, "4711", "geheim", "p17"):
        assert secret not in said
    assert SECRET in path.read_text()  # the planting worked


def test_refusals_say_nothing_about_the_file(tmp_path):
    path = written(tmp_path, [*ordinary(5), *NASTY], names=f"name,{SECRET},colour,town")
    budget = dp.Budget(epsilon=4)
    with pytest.raises(ValueError, match="lacks 'age'") as refused:
        OwnTable(**DECLARED).release(path, budget=budget)
    assert SECRET not in str(refused.value) and not budget.spends
    with pytest.raises(ValueError, match="path must be a file"):
        OwnTable(**DECLARED).release(tmp_path / "none.csv", budget=budget)
    for content in ("", "\n", "\x00\xff"):
        path.write_text(content)
        with pytest.raises(ValueError, match="lacks 'age', 'colour', 'town'"):
            OwnTable(**DECLARED).release(path, budget=budget)


@pytest.fixture
def people(tmp_path):
    """A function from lines to what the program keeps of them."""
    def kept(lines, **changes):
        program = {"__name__": "release"}
        exec(OwnTable(**DECLARED | changes).program(), program)
        return list(program["people"](written(tmp_path, lines)))
    return kept


def test_one_line_changes_one_line(people):
    """Whatever stands in a person's line, the others are read as they were: open quotes, missing cells, very long cells."""
    lines = ordinary(20)
    before = Counter(map(repr, people(lines)))
    for nasty in NASTY:
        after = Counter(map(repr, people([*lines[:7], nasty, *lines[7:]])))
        assert sum(((after - before) + (before - after)).values()) <= 1


def test_a_broken_twin_that_parses_the_whole_file_is_caught():
    lines = ordinary(20)
    whole = len(list(csv.reader(io.StringIO("\n".join([*lines[:7], NASTY[4], *lines[7:]])))))
    assert whole < 20  # the open quote swallowed others


def test_one_person_moves_as_many_lines_as_declared(people):
    lines = ordinary(20)
    mine = [f"me,{each},red,north" for each in range(9)]
    for most in (1, 3):
        changes = dict(identifier="name", contributions=most)
        before, after = (Counter(map(repr, people(each, **changes))) for each in (lines, [*mine[:5], *lines, *mine[5:]]))
        assert sum((after - before).values()) == most and not before - after


def test_opendp_certifies_the_epsilon_of_each_question():
    """The noise that OpenDP finds for MOST lines is that for the declared epsilon: sensitivity over epsilon, not less."""
    program = {"__name__": "release"}
    exec(OwnTable(**DECLARED, identifier="name", contributions=3).program(), program)
    odp = program["dp"]
    space = odp.vector_domain(odp.atom_domain(T=str)), odp.symmetric_distance()
    count = space >> odp.t.then_count_by_categories(["a", "b"], null_category=False)
    found = program["noisy"](lambda scale: count >> odp.m.then_laplace(scale), 0.5)
    assert 0.4999 < found.map(3) <= 0.5 and found.map(6) > 0.99


@pytest.mark.parametrize("change, words", [
    (dict(unit=""), "unit"), (dict(columns=["age"]), "columns"), (dict(columns={"age": (5, 5)}), "columns"), (dict(columns={"age": [1]}), "columns"),
    (dict(questions=[]), "questions"), (dict(questions=[("median", "age", 1)]), "questions"), (dict(questions=[("mean", "name", 1)]), "declared"),
    (dict(questions=[("mean", "colour", 1)]), "numbers"), (dict(questions=[("count", 0)]), "epsilon"), (dict(contributions=2), "identifier"),
    (dict(identifier="age"), "identifier"), (dict(questions=[("cross", "age", "town", 1)]), "texts")])
def test_declarations_that_do_not_fit_are_refused(change, words):
    OwnTable(**DECLARED)
    with pytest.raises(ValueError, match=words):
        OwnTable(**DECLARED | change)
