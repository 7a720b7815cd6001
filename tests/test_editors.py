"""Editors and type checkers see every public name, with its signature."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {".".join(stub.relative_to(ROOT).parent.parts): stub for stub in sorted((ROOT / "labkit").rglob("__init__.pyi"))}


def names_of(package):
    return importlib.import_module(package).__all__


def checked(text, place):
    """What the type checker says of a file with this text: (exit code, output)."""
    file = place / "uses_everything.py"
    file.write_text(text)
    (place / "pyrightconfig.json").write_text(f'{{"typeCheckingMode": "standard", "extraPaths": ["{ROOT.as_posix()}"]}}')
    done = subprocess.run([sys.executable, "-m", "basedpyright", "--level", "error", "--pythonpath", sys.executable,
                           "--project", str(place)], capture_output=True, text=True, cwd=place)
    return done.returncode, done.stdout + done.stderr


def test_the_type_checker_finds_every_public_name(tmp_path):
    lines = []
    for package in PACKAGES:
        for name in names_of(package):
            alias = f"{package.replace('.', '_')}_{name}"
            lines += [f"from {package} import {name} as {alias}", f"print({alias})"]
    assert len(lines) > 400
    code, said = checked("\n".join(lines), tmp_path)
    assert code == 0 and "0 errors" in said, said


def test_the_type_checker_checks_calls(tmp_path):
    code, said = checked("from labkit.dp import laplace, no_such_name\nlaplace(1, epsilon='much', sensitivity=1)\n"
                         "laplace(1, epsilom=1, sensitivity=1)\n", tmp_path)
    assert code == 1 and "no_such_name" in said and "epsilom" in said and "'much'" in said, said


@pytest.mark.parametrize("package", ["labkit.dp", "labkit.federated", "labkit.encrypted.sharing"])
def test_completion_lists_names_with_signatures(package):
    jedi = pytest.importorskip("jedi")
    project = jedi.Project(ROOT)
    listed = {each.name for each in jedi.Script(f"import {package}\n{package}.", project=project).complete()}
    assert set(names_of(package)) <= listed
    name = {"labkit.dp": "laplace", "labkit.federated": "simulate", "labkit.encrypted.sharing": "share"}[package]
    (signature, *_) = jedi.Script(f"import {package}\n{package}.{name}(", project=project).get_signatures()
    assert len(signature.params) >= 3 and signature.docstring(raw=True)


def test_stubs_have_one_line_for_each_name():
    for stub in PACKAGES.values():
        for node in ast.parse(stub.read_text()).body:
            assert isinstance(node, ast.ImportFrom) and len(node.names) == 1 and node.names[0].asname
