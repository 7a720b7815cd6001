"""README and friends: links lead somewhere, every lab is listed, the commands exist."""

import re
from pathlib import Path

import pytest

from labkit.lab.build import notebook_of, read_source, sources

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "labkit/datasets/SOURCES.md"]
LINK = re.compile(r"\]\(([^)#\s]+)\)")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_in_documents_lead_somewhere(document):
    place = ROOT / document
    for link in LINK.findall(place.read_text()):
        assert link.startswith("https://") or (place.parent / link).exists(), link


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_links_in_labs_lead_somewhere(source):
    for cell in read_source(source).cells:
        if cell.cell_type == "markdown":
            for link in LINK.findall(cell.source):
                assert link.startswith("https://") or (ROOT / "notebooks" / link).exists(), link


@pytest.mark.parametrize("document, prefix", [("README.md", "notebooks/"), ("notebooks/source/00-start-here.py", "")])
def test_every_lab_is_listed_in_order(document, prefix):
    listed = re.findall(rf"\]\({prefix}(\d\db?-[a-z-]+\.ipynb)\)", (ROOT / document).read_text())
    wanted = [notebook_of(each).name for each in sources()]
    assert list(dict.fromkeys(listed)) == wanted or listed == wanted[1:]


def test_the_commands_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    for document in DOCUMENTS[:2]:
        for target in re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / document).read_text(), re.M):
            assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_licence_is_the_stated_one():
    assert (ROOT / "LICENSE").read_text().startswith("MIT License") and 'license = "MIT"' in (ROOT / "pyproject.toml").read_text()
