"""Counting the claims that fail for other seeds, on notebooks of a few cells."""

import random
import subprocess
import sys

import jupytext
import pytest

from labkit.lab import seeds

HEADER = "# ---\n# jupyter:\n#   kernelspec: {display_name: Python 3, language: python, name: python3}\n# ---\n\n"
LAB = HEADER + '''# %%
import numpy as np
from labkit import lab
own = np.random.default_rng(3).integers(10**9)

# %%
lab.claim("always", True)
lab.claim("only for the lab's own seed", own == 811504540, own=own)

# %%
if own != 811504540:
    raise ValueError("no such split")

# %%
lab.claim("reached after the stop", True)
'''


def program(code):
    """What a fresh Python prints, since a shift lasts as long as its process."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split("\n")[:-1]


DRAWS = """
from labkit.lab import seeds
seeds.shift({shift})
import random, numpy as np, torch
from numpy.random import default_rng
from sklearn.model_selection import train_test_split
torch.manual_seed(4)
random.seed(5)
print(np.random.default_rng(3).random(), default_rng([3, 1]).random(), sep="\\n")
print(torch.rand(1).item(), torch.rand(1, generator=torch.Generator().manual_seed(6)).item(), sep="\\n")
print(random.random(), random.Random(7).random(), sep="\\n")
print(np.random.RandomState(8).rand(), train_test_split(np.arange(1000), random_state=9)[0][:5], sep="\\n")
np.random.seed(10)
print(np.random.rand(), np.random.RandomState(np.random.MT19937(1)).rand(), sep="\\n")
print(np.random.default_rng(np.random.default_rng(3)).random() >= 0, isinstance(np.random.mtrand._rand, np.random.RandomState))
"""


def test_every_source_of_chance_is_shifted_and_what_has_no_seed_is_not():
    plain, *shifted, again = (program(DRAWS.format(shift=number)) for number in (0, 1, 2, 1))
    assert again == shifted[0]
    for draws in list(zip(plain, *shifted))[:9]:
        assert len(set(draws)) == 3
    assert {*plain[9:]} == {*shifted[0][9:]} and plain[10] == "True True"  # a bit generator that somebody else made


def test_no_shift_changes_nothing_here():
    before = random.Random, random.seed
    seeds.shift(0)
    assert (random.Random, random.seed) == before


@pytest.mark.parametrize("number", [-1, 1.0, True, None, "1"])
def test_a_bad_shift_is_refused(number):
    with pytest.raises(ValueError, match="number must be a whole number"):
        seeds.shift(number)


def test_a_failing_claim_and_a_stop_are_counted_and_the_rest_runs(tmp_path):
    runs = [seeds.run(jupytext.reads(LAB, fmt="py:percent"), shift, tmp_path) for shift in (0, 1)]
    rows = seeds.tally(runs)
    assert [(row["statement"], row["failed"], row["of"]) for row in rows] == [
        ("always", 0, 2), ("only for the lab's own seed", 1, 2), ("reached after the stop", 0, 2),
        ("STOPPED: ValueError: no such split", 1, 2)]
    assert rows[1]["values"][0]["own"] != "811504540"


def ran(fails, *, of=20, stops=0):
    """What `run` gives for `of` seeds, of which `fails` fail the claim and `stops` stop."""
    return iter([([{"cell": 2, "order": 0, "statement": "it holds", "holds": seed >= fails, "values": {}}],
                  [{"cell": 3, "message": "ValueError: no"}] if seed < stops else []) for seed in range(of)])


@pytest.mark.parametrize("fails, stops, code", [(0, 0, 0), (1, 0, 0), (2, 0, 1), (0, 1, 1)])
def test_more_than_one_in_twenty_fails_the_command(fails, stops, code, monkeypatch, capsys):
    results = ran(fails, stops=stops)
    monkeypatch.setattr(seeds, "run", lambda notebook, shift: next(results))
    assert seeds.main(["06", "--seeds", "20"]) == code
    told = capsys.readouterr().out
    assert ("it holds" in told) == bool(fails) and ("STOPPED" in told) == bool(stops)


def test_a_name_that_no_lab_has(capsys):
    assert seeds.main(["99"]) == 2 and "no lab is named 99" in capsys.readouterr().out
