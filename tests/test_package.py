"""The package as a whole: cheap to import, layered as designed."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

LABKIT = Path(__file__).resolve().parents[1] / "labkit"
HEAVY = {"torch", "tenseal", "opacus", "matplotlib", "ipywidgets", "sklearn", "pandas", "dp_accounting", "scipy", "flint", "OpenSSL"}
NOT_TECHNIQUES = {"lab", "exercises", "site"}


@pytest.mark.parametrize("module", ["labkit", "labkit.dp", "labkit.federated", "labkit.encrypted", "labkit.security", "labkit.quantum",
                                    "labkit.lattice", "labkit.validate"])
def test_importing_loads_nothing_heavy(module):
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not loaded


def test_import_time():
    """0.3 s is the promise; without heavy modules it takes a few milliseconds, so even a busy machine keeps it."""
    code = "import time; began = time.process_time(); import labkit; print(time.process_time() - began)"
    seconds = float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert seconds < 0.3


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def test_techniques_do_not_draw_and_do_not_know_the_lab():
    for path in LABKIT.rglob("*.py"):
        part = path.relative_to(LABKIT).parts[0]
        if part in NOT_TECHNIQUES:
            continue
        for name in imports_of(path):
            assert not name.startswith(("labkit.lab", "labkit.exercises", "ipywidgets", "matplotlib")), f"{path}: {name}"


def test_the_lab_machinery_knows_nothing_of_privacy():
    for path in (LABKIT / "lab").glob("*.py"):
        for name in imports_of(path):
            assert not name.startswith("labkit") or name == "labkit" or name.startswith(("labkit.lab", "labkit.validate")), f"{path}: {name}"


def test_nothing_is_downloaded():
    """Labs and package have no code that fetches: what they need is shipped or installed."""
    fetchers = ("urllib.request", "requests", "httpx", "torchvision", "huggingface_hub", "urlretrieve")
    for path in [*LABKIT.rglob("*.py"), *(LABKIT.parent / "notebooks/source").glob("*.py")]:
        for name in imports_of(path):
            assert not name.startswith(fetchers), f"{path}: {name}"


def test_modules_can_be_read_in_one_sitting():
    long = {str(path): count for path in LABKIT.rglob("*.py") if (count := len(path.read_text().splitlines())) > 300}
    assert not long


def test_docstrings():
    missing = []
    for path in LABKIT.rglob("*.py"):
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree):
            missing.append(str(path))
        if "zoo" in path.parts:  # its functions are read to find the flaw; their specimens carry the text
            continue
        missing += [f"{path}: {node.name}" for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
                    and not node.name.startswith("_") and not ast.get_docstring(node)]
    assert not missing


def test_offline(tmp_path):
    """`import labkit.lab` and the data sets work without a network."""
    code = ("import socket\n"
            "def refuse(*_): raise OSError('the network was used')\n"
            "socket.socket.connect = refuse\n"
            "from labkit import datasets, lab\n"
            "print(len(datasets.adult().y))")
    environment = os.environ | {"HOME": str(tmp_path)}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert out.returncode == 0 and out.stdout.strip() == "48842", out.stderr[-2000:]


def test_ruff_finds_nothing():
    """The rules in pyproject.toml, which say why some are left out."""
    found = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", "--quiet", "--output-format", "concise",
                            "labkit", "tests", "conftest.py"], cwd=LABKIT.parent, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_one_version():
    import labkit

    versions = [re.search(pattern, (LABKIT.parent / name).read_text(), re.M).group(1) for name, pattern in [
        ("pyproject.toml", r'^version = "(.*)"'), ("CITATION.cff", r"^version: (.*)$"), ("CHANGELOG.md", r"^## (\S+)$")]]
    assert versions == [labkit.__version__] * 3
