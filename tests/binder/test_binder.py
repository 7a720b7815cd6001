"""The image that Binder would build, without building it: no container engine, no network beyond the package index."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONDA_NAMES = {"torch": "pytorch-cpu"}
COMMANDS = """
import os, sys
from repo2docker.app import Repo2Docker
os.chdir(sys.argv[1])
app = Repo2Docker()
for kind in app.buildpacks:
    buildpack = kind(app.base_image)
    if buildpack.detect():
        break
buildpack.platform = "linux/amd64"  # Binder's
print("# buildpack", kind.__name__, "python", buildpack.python_version)
print(buildpack.render())
"""


def environment():
    """environment.yml as {package: range}, conda's and pip's in one, and the list of pip's."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (of_pip,) = [each["pip"] for each in listed if isinstance(each, dict)]
    split = [re.match(r"([A-Za-z0-9-]+)([^;]*)", each).groups() for each in [*(each for each in listed if isinstance(each, str)), *of_pip]]
    return dict(split), of_pip


def test_environment_and_package_ask_for_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [project["optional-dependencies"][each] for each in ("torch", "encrypted", "text", "labs")]
    stated = [each for part in [project["dependencies"], *extras] for each in part if not each.startswith("labkit[")]
    stated = dict(re.match(r"([A-Za-z0-9-]+)([^;]*)", each).groups() for each in stated)  # without platform markers
    listed, _ = environment()
    assert listed.pop("python") == "=3.11" and listed.pop("pip") == ""
    assert listed == {CONDA_NAMES.get(name, name): wanted for name, wanted in stated.items()}


def test_binder_uses_the_same_file():
    assert (ROOT / "binder/environment.yml").resolve() == ROOT / "environment.yml"
    assert os.access(ROOT / "binder/postBuild", os.X_OK)


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory):
    """What repo2docker would build, from a clean export of the working tree's tracked files."""
    copy = tmp_path_factory.mktemp("repository")
    for name in ["environment.yml", "pyproject.toml"]:
        (copy / name).write_text((ROOT / name).read_text())
    (copy / "binder").mkdir()
    (copy / "binder/environment.yml").symlink_to("../environment.yml")
    for name in ["postBuild", "overrides.json"]:
        (copy / "binder" / name).write_text((ROOT / "binder" / name).read_text())
    (copy / "binder/postBuild").chmod(0o755)
    return subprocess.run([sys.executable, "-c", COMMANDS, str(copy)], capture_output=True, text=True, check=True).stdout


def test_the_image_has_the_python_we_ask_for(dockerfile):
    """A bare `python>=3.11` would silently become repo2docker's default."""
    assert dockerfile.startswith("# buildpack CondaBuildPack python 3.11")


def test_the_image_installs_our_environment_and_then_the_package(dockerfile):
    assert "binder/environment.yml" in dockerfile and "env update" in dockerfile
    assert re.search(r"^RUN ./binder/postBuild|binder/postBuild", dockerfile, re.M)
    assert "pip install --no-deps --editable ." in (ROOT / "binder/postBuild").read_text()


def test_the_image_gets_torch_without_cuda():
    listed, of_pip = environment()
    assert "pytorch-cpu" in listed and not any(each.startswith("torch") for each in of_pip)


def test_jupyterlab_settings_are_valid_and_silence_the_news():
    settings = json.loads((ROOT / "binder/overrides.json").read_text())
    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_pip_section_and_post_build_run_in_a_fresh_environment(tmp_path):
    """As in the image: conda's packages first (taken from pip here), then the pip section, then postBuild."""
    place = tmp_path / "environment"
    listed, of_pip = environment()
    back = {conda: name for name, conda in CONDA_NAMES.items()}
    of_conda = [back.get(name, name) + wanted for name, wanted in listed.items()
                if name not in ("python", "pip") and not any(each.startswith(name) for each in of_pip)]
    quiet = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    subprocess.run(["make", "--no-print-directory", "torch", f"VENV={place}"], cwd=ROOT, check=True, capture_output=True)
    for wanted in [of_conda, of_pip]:
        subprocess.run([place / "bin/python", "-m", "pip", "install", "--quiet", *wanted], check=True, env=quiet, capture_output=True)
    copy = tmp_path / "repository"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(copy)], check=True)
    path = quiet | {"PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
    path.pop("NB_PYTHON_PREFIX", None)
    done = subprocess.run(["bash", "binder/postBuild"], cwd=copy, env=path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (place / "share/jupyter/lab/settings/overrides.json").exists()
    where = subprocess.run([place / "bin/python", "-c", "import labkit; print(labkit.__file__)"], cwd=tmp_path, check=True,
                           capture_output=True, text=True).stdout
    assert where.startswith(str(copy))
