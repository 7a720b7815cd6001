"""The kernels of the labs run as if on a plainer processor, and nothing else does."""

import os
import subprocess
import sys

import nbformat
import numpy as np
import pytest

from labkit.lab.build import ROOT
from tests.notebooks.other_processor import played, variables

ASK = """
import math, numpy, torch, threadpoolctl
found = numpy.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
kinds = {each["architecture"] for each in threadpoolctl.threadpool_info() if each["internal_api"] == "openblas"}
print(found, torch.backends.cpu.get_cpu_capability(), *sorted(kinds))
"""


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.delenv("LABKIT_PROCESSOR", raising=False)


def test_libraries_leave_out_what_only_some_processors_have(plain):
    with played():
        done = subprocess.run([sys.executable, "-W", "error", "-c", ASK], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]  # numpy warns of a name that it does not know
    found, capability, *kinds = done.stdout.rsplit("] ", 1)[0] + "]", *done.stdout.rsplit("] ", 1)[1].split()
    assert found == "[]" and capability == "DEFAULT"
    assert not kinds or kinds == [variables()["OPENBLAS_CORETYPE"]]


def test_the_names_are_those_that_numpy_found(plain):
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    assert variables().get("NPY_DISABLE_CPU_FEATURES", "").split() == found


def test_this_process_keeps_its_environment(plain):
    before = dict(os.environ)
    with pytest.raises(RuntimeError), played():
        assert os.environ["ATEN_CPU_CAPABILITY"] == "default"
        raise RuntimeError
    assert dict(os.environ) == before


def test_a_reader_can_ask_for_the_machine_as_it_is(monkeypatch):
    monkeypatch.setenv("LABKIT_PROCESSOR", "native")
    assert variables() == {}
    monkeypatch.setenv("LABKIT_PROCESSOR", "other")
    with pytest.raises(ValueError, match="plain or native"):
        variables()


@pytest.mark.parametrize("wanted, shown", [("plain", "default\n"), ("native", "as it is\n")])
def test_a_notebook_is_run_there(wanted, shown, tmp_path):
    """The hook in conftest.py reaches the kernel that nbval starts: the notebook's stored output says so."""
    code = "import os; print(os.environ.get('ATEN_CPU_CAPABILITY', 'as it is'))"
    output = nbformat.v4.new_output("stream", name="stdout", text=shown)
    cell = nbformat.v4.new_code_cell(code, execution_count=1, outputs=[output])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "asks.ipynb")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"LABKIT_PROCESSOR": wanted, "PYTHONPATH": str(ROOT)}
    environment.pop("ATEN_CPU_CAPABILITY", None)
    done = subprocess.run([sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "--nbval",
                           str(tmp_path / "asks.ipynb")], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout[-3000:]
