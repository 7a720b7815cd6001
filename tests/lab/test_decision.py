"""Decision records: nothing may be missing, nothing of the reader's text becomes markup, and the page prints on one sheet."""

import re
import shutil
import subprocess

import pytest

from labkit import lab

PARTS = dict(
    question="May the hospital publish the curve?", options=["publish", "publish with noise", "do not publish"], choice="publish with noise",
    because="The noise is smaller than the curve's own error.",
    numbers=[("largest error of the private curve", "0.2 points", "epsilon 1, delta 0, one patient"), ("patients", "7,871", "none")],
    would_change=["fewer than 500 patients"], risks=["a second curve of the same patients costs again"], sources=["lab 16"],
    shown=["an exact curve is a table of patients"],
)


def test_the_record_tells_everything():
    record = lab.decision(**PARTS)
    for text in (record.markdown(), record.page()):
        for part in ("May the hospital", "do not publish", "7,871", "epsilon 1, delta 0", "fewer than 500", "costs again", "lab 16", "a table of"):
            assert part in text
    assert "**→ publish with noise**" in record.markdown() and "7,871" not in repr(record)


@pytest.mark.parametrize("part, value", [
    ("options", ["publish"]), ("options", "publish"), ("choice", "maybe"), ("question", " "), ("because", ""), ("numbers", []),
    ("numbers", [("error", "1")]), ("numbers", [("error", 1, "none")]), ("would_change", []), ("risks", []), ("risks", [""]),
    ("sources", "lab 16"), ("shown", [None]),
])
def test_a_record_with_a_part_missing_is_refused(part, value):
    with pytest.raises(ValueError, match=part):
        lab.decision(**PARTS | {part: value})


def test_text_stays_text():
    record = lab.decision(**PARTS | {"risks": ["<script>alert(1)</script>"], "numbers": [("a|b", "<b>", "none")]})
    assert "<script>" not in record.page() and "<b>" not in record.page() and "a\\|b" in record.markdown()


def test_saved_files(tmp_path):
    record = lab.decision(**PARTS)
    assert record.save(tmp_path / "record.html").read_text().startswith("<!doctype html>")
    assert record.save(tmp_path / "record.md").read_text() == record.markdown()
    with pytest.raises(ValueError, match="path must end in .html or .md"):
        record.save(tmp_path / "record.pdf")


@pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium to print with")
def test_it_prints_on_one_sheet(tmp_path):
    long = {part: PARTS[part] * 4 for part in ("numbers", "would_change", "risks", "shown", "sources")}
    page = lab.decision(**PARTS | long).save(tmp_path / "record.html")
    subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
                    f"--user-data-dir={tmp_path}/profile", f"--print-to-pdf={tmp_path}/record.pdf", page.as_uri()],
                   check=True, capture_output=True, timeout=60)
    assert len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "record.pdf").read_bytes())) == 1
