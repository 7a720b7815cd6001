"""The extraction script, as far as it runs without downloads: pinned inputs, written files, and the scrubbing of e-mails."""

import io
import re
import zipfile

import pytest

from labkit import datasets
from labkit.datasets import extract, files
from labkit.datasets.extract_spam import (
    EXPLICIT,
    GROUPS,
    HOST,
    INTERNET,
    LONGEST,
    MAIL,
    TELEPHONE,
    WANTED,
    WEB,
    _Replacements,
)


def test_every_download_is_pinned_to_one_version():
    for archive, command in extract.DOWNLOADS.items():
        wanted = command[-1]
        version = re.search(r"(?:==|.@)(\d+(?:\.\d+)+)$", wanted)
        assert version and version[1] in archive, wanted
        assert not any("://" in word for word in command)  # registries are the user's own


def test_a_member_of_another_checksum_stops_everything(tmp_path):
    with zipfile.ZipFile(tmp_path / "some-1.whl", "w") as archive:
        archive.writestr("inside.csv", "1,2\n")
    content = extract.member(tmp_path, "some-1.whl", "inside.csv", files.checksum(b"1,2\n"))
    assert content == b"1,2\n"
    with pytest.raises(SystemExit, match="nothing written: SHA-256 of inside.csv in some-1.whl"):
        extract.member(tmp_path, "some-1.whl", "inside.csv", files.checksum(b"1,3\n"))


def test_what_is_written_can_be_read(tmp_path, capsys):
    import numpy as np
    import pandas as pd

    table = pd.DataFrame({"number": [1, 2], "text": ["NA", None]})
    rows = [("1.5", 'with "quotes", commas\nand lines'), ("2", "ü")]
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    (tmp_path / "old.csv.xz").write_bytes(b"nobody makes this any more")
    made = {
        "t.csv.xz": extract.packed_table(table),
        "r.csv.xz": extract.packed_rows(("score", "text"), rows),
        "a.npy.xz": extract.packed_array(array),
    }
    extract.write(made, tmp_path)
    assert capsys.readouterr().out.count(", new") == 3
    assert not (tmp_path / "old.csv.xz").exists()
    read = files.read_table("t.csv.xz", tmp_path)
    assert read["number"].tolist() == [1, 2] and read["text"][0] == "NA" and pd.isna(read["text"][1])
    assert files.read_rows("r.csv.xz", tmp_path) == [["score", "text"], *map(list, rows)]
    assert np.array_equal(files.read_array("a.npy.xz", tmp_path), array)
    extract.write(made, tmp_path)
    assert capsys.readouterr().out.count(", same") == 3


def test_sources_are_brought_up_to_date(tmp_path):
    page = tmp_path / "SOURCES.md"
    page.write_text("| `a.xz` | 0 | `0` | A |\n| `b.xz` | 1 | `1` | B |\n")
    extract.update_sources({"a.xz": b"abc"}, page)
    assert page.read_text() == f"| `a.xz` | 3 | `{files.checksum(b'abc')}` | A |\n| `b.xz` | 1 | `1` | B |\n"
    with pytest.raises(SystemExit, match="one table row for c.xz"):
        extract.update_sources({"c.xz": b""}, page)


@pytest.mark.parametrize(
    "before, after",
    [
        ("ask bob.smith@mail.co.uk or Bob.Smith@mail.co.uk", "ask person1@host1.example or person1@host1.example"),
        ("a@x.org, b@x.org, c@y.org", "person1@host1.example, person2@host1.example, person3@host2.example"),
        ("see http://www.shop.com/buy?user=bob&id=7 now", "see http://site1.example/ now"),
        ("see www.shop.com/buy and http://other.com", "see http://site1.example/ and http://site2.example/"),
        ("I am at teledyn.com these days", "I am at site1.example these days"),
        ("call (212) 736 5000", "call (212) 555-0101"),
        ("call 1-800-736-5000 or 212.736.5000", "call 1-800 555-0101 or 212 555-0102"),
        ("Tel +44 (0)1483 300200, Fax +34 936 00 12 34", "Tel +44 555-0101, Fax +34 555-0102"),
        ("Dublin: 01 6001234", "Dublin: 01 555-0101"),
        ("from 203.0.114.7 to 10.0.0.1", "from 192.0.2.1 to 192.0.2.2"),
        ("on 2002-08-21 at 10:54:46, $250,000 and 3.14159", "on 2002-08-21 at 10:54:46, $250,000 and 3.14159"),
        ("kernel 2.4.18-3, e.g. this", "kernel 2.4.18-3, e.g. this"),
    ],
)
def test_contact_details_are_replaced_and_nothing_else(before, after):
    assert _Replacements().clean(before) == after


def test_no_contact_detail_is_left_in_the_mails():
    reserved = re.compile(r"person\d+@host\d+\.example|http://site\d+\.example/|site\d+\.example|192\.0\.2\.\d+|[^\n]{0,8} 555-01\d\d")
    for text in datasets.spam().X:
        rest = reserved.sub(" ", text)
        for pattern in (WEB, HOST, TELEPHONE, INTERNET):
            assert not pattern.search(rest), (pattern.pattern[:20], pattern.search(rest))
        # What is left of "@" is punctuation, clock times and broken addresses without a host.
        assert not re.search(r"[\w.]+@[\w-]+\.[a-z]{2,}", rest)
        assert not MAIL.search(rest) or not re.search(r"[A-Za-z]{2,}@[A-Za-z]{2,}", rest)


def test_the_mails_are_as_described():
    table = datasets.spam().table
    assert table.columns.tolist() == ["id", "label", "subject", "body"]
    assert table["id"].is_unique and table["body"].is_unique
    assert table["label"].value_counts().to_dict() == WANTED
    assert (table["id"].str.split("/").str[0].map(GROUPS) == table["label"]).all()
    assert table["body"].str.len().max() < LONGEST * 1.5  # replaced addresses may be longer than the originals
    assert not table["subject"].str.contains("\n").any()
    assert not any(EXPLICIT.search(text) for text in datasets.spam().X)
    assert not any(re.search(r"^(Received|Message-I[dD]|X-[\w-]+): ", text.split("\n\n")[0]) for text in datasets.spam().X)
    assert io.StringIO(datasets.spam().X[0]).readline().strip() == table["subject"][0]
