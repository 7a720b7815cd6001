"""Setting up: which Pythons and systems, and that the recorded versions install on all of them."""

import importlib.metadata
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SUPPORTED = ["3.11.0", "3.11.2", "3.12.0", "3.13.0", "3.14.0"]


def pins():
    """constraints.txt as {name: version}."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def make(*arguments):
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(["make", "--no-print-directory", *arguments], cwd=ROOT, env=environment,
                          capture_output=True, text=True)


def a_python(folder, version):
    """A program that calls itself that version, and answers questions about it."""
    path = folder / "python"
    major, minor = version.split(".")[:2]
    # The only code that the Makefile gives it compares sys.version_info: let a real Python do that.
    path.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo Python {version}; exit 0; fi\n'
                    f'if [ "$1" = -c ]; then exec python3 -c "import sys; sys.version_info = ({major}, {minor}, 0)\n'
                    '$2"; fi\nexit 1\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("version", ["3.10.12", "3.15.0", "2.7.18"])
def test_a_python_too_old_or_too_new_is_named_in_plain_words(version, tmp_path):
    done = make("torch", f"PYTHON={a_python(tmp_path, version)}", f"VENV={tmp_path / 'environment'}")
    assert done.returncode and "The labs need Python 3.11, 3.12, 3.13 or 3.14" in done.stdout
    assert f"is Python {version}" in done.stdout and not (tmp_path / "environment").exists()


@pytest.mark.parametrize("version", SUPPORTED)
def test_a_supported_python_passes_that_check(version, tmp_path):
    done = make("torch", f"PYTHON={a_python(tmp_path, version)}", f"VENV={tmp_path / 'environment'}")
    assert "The labs need" not in done.stdout and "Creating" in done.stdout  # where the pretended Python gives up


def test_a_missing_python_is_called_missing(tmp_path):
    done = make("torch", f"PYTHON={tmp_path / 'nowhere'}", f"VENV={tmp_path / 'environment'}")
    assert done.returncode and "nowhere is missing" in done.stdout


def test_makefile_readme_and_package_name_the_same_pythons():
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert all(allowed.contains(version) for version in SUPPORTED)
    assert not allowed.contains("3.10.9") and not allowed.contains("3.15.0")
    assert "Python 3.11 to 3.14" in (ROOT / "README.md").read_text()


def test_the_recorded_versions_install_on_every_python_we_name():
    """soupsieve 4.1.2 did not on 3.11.0 to 3.11.4, and pip searched for minutes without naming Python."""
    checked = 0
    for name, version in pins().items():
        try:
            installed = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if installed["Version"].split("+")[0] == version:
            checked += 1
            wanted = SpecifierSet(installed["Requires-Python"] or "")
            assert all(wanted.contains(each) for each in SUPPORTED), f"{name} {version} wants Python {wanted}"
    assert checked > 100


def test_the_recorded_versions_lie_within_the_bounds():
    recorded = {name.lower().replace("_", "-"): version for name, version in pins().items()}
    asked = [each for extra in ("torch", "encrypted", "text", "labs", "test") for each in PROJECT["optional-dependencies"][extra]]
    for line in [*PROJECT["dependencies"], *asked]:
        if line.startswith("labkit["):
            continue
        wanted = Requirement(line)
        assert wanted.specifier.contains(recorded[wanted.name.lower()]), line


@pytest.mark.parametrize("constraints", ["constraints.txt", ""])
def test_torch_comes_in_the_range_of_the_package(constraints, tmp_path):
    (stated,) = (line for line in PROJECT["optional-dependencies"]["torch"] if line.startswith("torch"))
    recipe = make("--dry-run", "torch", f"CONSTRAINTS={constraints}", f"VENV={tmp_path / 'environment'}").stdout
    (asked,) = re.findall(r"'(torch[^']*)'", recipe)
    assert asked == (f"torch=={pins()['torch']}" if constraints else stated)


def test_openmined_psi_is_asked_for_where_pip_finds_a_package(tmp_path):
    assert not any("openmined" in line for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["labs"]])
    (stated,) = PROJECT["optional-dependencies"]["psi"]
    environment = tmp_path / "environment"
    recipe = make("--dry-run", "lab", f"VENV={environment}").stdout
    assert f"--only-binary=:all: '{stated}'" in recipe and "test,psi" in recipe
    assert "openmined" not in (ROOT / "environment.yml").read_text()
    (line,) = re.findall(r"^psi=.*", (ROOT / "binder/postBuild").read_text(), re.M)
    asked = subprocess.run(["bash", "-c", f'{line}; echo "$psi"'], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    assert asked == stated
