"""Damaged, missing and unlisted files are refused with a message that helps; SOURCES.md and the package name every file."""

import fnmatch
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.resources import files as resources
from pathlib import Path

import numpy as np
import pytest

from labkit import datasets
from labkit.datasets import DatasetError, files

ROOT = Path(__file__).parents[2]
NAMES = sorted(files.checksums())
READS = {
    "adult": "adult.csv.xz",
    "credit": "credit.csv.xz",
    "heart_disease": "heart_disease.csv.xz",
    "film_reviews": "film_reviews.csv.xz",
    "review_embeddings": "review_embeddings.npy.xz",
    "spam": "spam.csv.xz",
    "mnist": "mnist-images-4.npy.xz",
}


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the data that may be spoilt; the loaders read it, and forget it afterwards."""
    directory = tmp_path / "data"
    shutil.copytree(files.DATA, directory)
    monkeypatch.setattr(files, "DATA", directory)
    kept = [loader for name, loader in datasets.LOADERS.items() if name in READS or name in files.LIBRARY_ARRAYS]
    for loader in kept:
        loader.cache_clear()
    yield directory
    for loader in kept:
        loader.cache_clear()


def flip(path, at=None):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at is None else at] ^= 1
    path.write_bytes(content)


def helps(error, name):
    return name in str(error.value) and "Reinstall" in str(error.value) and "labkit.datasets.extract" in str(error.value)


@pytest.mark.parametrize("loader, name", READS.items())
def test_one_flipped_bit_is_noticed(copy, loader, name):
    flip(copy / name)
    with pytest.raises(DatasetError, match="is damaged: its SHA-256 is") as error:
        datasets.load(loader)
    assert helps(error, name)
    shutil.copy(resources("labkit.datasets") / "data" / name, copy / name)
    assert len(datasets.load(loader)) > 0  # the error was not kept


@pytest.mark.parametrize("loader, name", READS.items())
def test_a_missing_file_is_named(copy, loader, name):
    (copy / name).unlink()
    with pytest.raises(DatasetError, match="is missing") as error:
        datasets.load(loader)
    assert helps(error, name)


@pytest.mark.parametrize("name", NAMES)
def test_truncated_empty_and_appended_files_are_noticed(tmp_path, name):
    content = (files.DATA / name).read_bytes()
    shutil.copy(files.DATA / files.CHECKSUMS, tmp_path)
    for wrong in (content[:-1], b"", content + b"\n"):
        (tmp_path / name).write_bytes(wrong)
        with pytest.raises(DatasetError, match="is damaged"):
            files.read(name, tmp_path)


def test_the_list_of_checksums_may_be_damaged_too(copy):
    (copy / files.CHECKSUMS).write_text("not a checksum\n")
    with pytest.raises(DatasetError, match="SHA256SUMS is damaged: its line 'not a checksum'"):
        datasets.adult()
    (copy / files.CHECKSUMS).unlink()
    with pytest.raises(DatasetError, match="SHA256SUMS is missing"):
        datasets.adult()


def test_a_file_that_is_not_listed_is_refused(copy):
    (copy / "more.csv.xz").write_bytes(b"x")
    with pytest.raises(DatasetError, match="more.csv.xz is not listed in SHA256SUMS"):
        files.read("more.csv.xz")


def test_an_unreadable_file_is_refused(copy):
    (copy / "adult.csv.xz").unlink()
    (copy / "adult.csv.xz").mkdir()
    with pytest.raises(DatasetError, match="adult.csv.xz cannot be read"):
        datasets.adult()


def test_windows_line_ends_in_the_list_do_no_harm(copy):
    listed = (copy / files.CHECKSUMS).read_bytes()
    (copy / files.CHECKSUMS).write_bytes(listed.replace(b"\n", b"\r\n"))
    assert len(datasets.credit()) == 4_454


@pytest.mark.parametrize("name", files.LIBRARY_ARRAYS)
def test_other_data_in_scikit_learn_are_noticed(copy, monkeypatch, name):
    import sklearn.datasets

    original = getattr(sklearn.datasets, f"load_{name}")

    def changed(**options):
        bunch = original(**options)
        target = bunch.target.copy()
        target[5] = 1 - min(target[5], 1)
        bunch.target = target
        return bunch

    assert len(datasets.load(name)) > 500
    datasets.LOADERS[name].cache_clear()
    monkeypatch.setattr(sklearn.datasets, f"load_{name}", changed)
    with pytest.raises(DatasetError, match=f"the {name} data in scikit-learn are not those"):
        datasets.load(name)


def test_a_dataset_error_is_a_runtime_error():
    assert issubclass(DatasetError, RuntimeError)


def test_the_list_names_exactly_the_files_there_are():
    there = {path.name for path in files.DATA.iterdir()} - {files.CHECKSUMS}
    assert there == set(NAMES)
    assert max((files.DATA / name).stat().st_size for name in there) < 5_000_000


def test_sources_lists_every_file_with_its_checksum():
    text = (resources("labkit.datasets") / "SOURCES.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([^`]+)` \| ([\d,]+) \| `([0-9a-f]{64})` \|", text, flags=re.MULTILINE)
    assert sorted(name for name, _, _ in listed) == NAMES
    for name, size, digest in listed:
        content = (files.DATA / name).read_bytes()
        assert (int(size.replace(",", "")), digest) == (len(content), files.checksum(content)), name


@pytest.mark.parametrize("name", [*datasets.LOADERS, "survival", "loans", "stops", "flights", "ships_coast", "ships_harbour"])
def test_sources_tells_of_every_data_set(name):
    text = (resources("labkit.datasets") / "SOURCES.md").read_text(encoding="utf-8")
    dataset = datasets.load(name)
    section = text.split(f"\n## {dataset.name}\n")[1].split("\n## ")[0]
    for wanted in ("**What:**", "**From:**", "**Source:**", "**Licence:**", "**Changed:**", dataset.licence, f"{len(dataset):,}"):
        assert wanted in section, wanted


def test_the_package_takes_the_files_along():
    package_data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    patterns = package_data["labkit"]
    for name in [f"datasets/data/{name}" for name in [*NAMES, files.CHECKSUMS]] + ["datasets/SOURCES.md"]:
        assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns), name
        assert resources("labkit").joinpath(name).is_file()


def test_importing_the_loaders_loads_nothing_heavy():
    code = "import sys, labkit.datasets; print(sorted({'pandas', 'sklearn', 'torch', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_an_array_file_cannot_run_code(tmp_path):
    """numpy arrays of objects are pickles, which can run code when read: they are refused."""
    import io
    import lzma

    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    content = lzma.compress(buffer.getvalue())
    (tmp_path / "bad.npy.xz").write_bytes(content)
    (tmp_path / files.CHECKSUMS).write_text(f"{files.checksum(content)}  bad.npy.xz\n")
    with pytest.raises(ValueError, match="allow_pickle"):
        files.read_array("bad.npy.xz", tmp_path)
