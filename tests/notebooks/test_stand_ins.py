"""Labs 18 and 21 run to the end on made-up data, with every claim, and say that the data are made up."""

import os
import subprocess
import sys

import pytest

from conftest import FETCHED
from labkit.lab.build import ROOT, SOURCE

RUN = """
import sys
import matplotlib
matplotlib.use("Agg")
import jupytext
lab = jupytext.read(sys.argv[1])
space = {"__name__": "__main__"}
for cell in lab.cells:
    if cell.cell_type == "code":
        exec(compile(cell.source, sys.argv[1], "exec"), space)
"""


@pytest.mark.parametrize("name", FETCHED)
def test_a_lab_runs_on_made_up_data(name, tmp_path):
    environment = os.environ | {"LABKIT_CACHE": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", RUN, SOURCE / f"{name}.py"], cwd=tmp_path, env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "MADE-UP" in done.stdout and done.stdout.count("✓") > 8
