"""Privacy reports: every number is a claim's value, nothing is missing, nothing becomes markup, and a file is written whole or not at all."""

import os
import re

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from labkit import lab
from labkit.lab import pages
from labkit.statement import state

CLAIMS = [{"values": {"found": 0.9876, "epsilon": 0.75, "delta": 1e-6, "clients": 2345, "again": 0.5}}, {"values": {"again": 0.625}}]
STATEMENT = state(unit="client", relation="add or remove one client", epsilon=0.75, delta=1e-6, records=2345, accountant="pld",
                  sampling="none", released=["a model"], releases=1, tuning="none", reused=False)
PARTS = dict(
    about="It holds {clients:,} forms & more.",
    measures=[("store", "AES-256 under a passphrase, as in B17", "yes"), ("use", "nothing", "no")],
    attacks=[("store", "a thief", "{found:.0%}", "{again:.1%}", "none")],
    statement=STATEMENT, kept=[("AUC", "{found:.2f}", "{again:.2f}")], costs=[("seconds", "not measured")],
    remains_open=["whoever knows the passphrase"], sources=["Becker and Kohavi 1996"], claims=CLAIMS,
)


def report(**changed):
    return lab.privacy_report("A report", **PARTS | changed)


def texts(figure):
    return [each.get_text() for each in figure.texts]


def test_it_tells_everything_in_all_three_forms():
    made = report()
    drawn = " ".join(" ".join(texts(each)) for each in pages.sheets(made.title, made.parts))
    for text in (made.markdown(), made.page(), drawn):
        for part in ("A report", "2,345", "AES-256", "a thief", "99%", "62.5%", "0.99", "0.62", "whoever knows", "Kohavi", "Whose privacy"):
            assert part in text
    assert "&amp; more" in made.page() and made.pdf().startswith(b"%PDF-")


def test_no_number_comes_from_elsewhere_than_a_claim():
    """Without sources and statement, the page has exactly the numbers that the claims have, as they are to be written."""
    body = re.sub(r"<head>.*?</head>|<h2>Privacy statement</h2>.*?</table>|<h2>Sources</h2>.*", "", report().page(), flags=re.S)
    body = re.sub(r"</?h[12]>|AES-256|B17", "", body)
    assert sorted(re.findall(r"[\d.,]*\d", body)) == sorted(["2,345", "99", "62.5", "0.99", "0.62"])


def test_the_latest_value_of_a_claim_counts_and_this_session_is_the_default(capsys):
    assert "62.5%" in report().markdown()
    lab.claim("two clients were found", True, found_here=0.25)
    made = report(attacks=[("store", "a thief", "{found_here:.0%}", "none", "none")], claims=None, about="Forms.", kept=[("a", "b", "c")],
                  statement="sums are exact")
    assert "25%" in made.markdown() and "No privacy statement can be made: sums are exact" in made.markdown()


@pytest.mark.parametrize("part, value, says", [
    ("about", "It holds 2345 forms.", "no number of its own"), ("about", "Found .5 of all", "no number of its own"),
    ("about", "off by -3", "no number of its own"), ("about", "", "non-empty"), ("about", "{nothing}", "no claim of this session"),
    ("about", "{found:.0%", "places such as"), ("about", "{}", "no claim of this session"), ("about", "{found:d}", "how to write 'found'"),
    ("about", "{found.real}", "no claim of this session"), ("about", "{found!r}", None),
    ("measures", [], "rows of 3"), ("measures", [("store", "AES-256")], "rows of 3"), ("measures", ["abc"], "rows of 3"),
    ("measures", [("store", "k = 10", "yes")], "no number of its own"),
    ("attacks", [("store", "a thief", "{found}", "{again}", "")], "attacks must be non-empty"),
    ("attacks", [("store", "a thief", "{found}", "{again}")], "rows of 5"), ("attacks", [("store", "a thief", "1", "0", "0")], "no number"),
    ("kept", [("AUC", 0.5, "{again}")], "kept must be non-empty text"), ("costs", "none", "rows of 2"),
    ("remains_open", [], "at least one"), ("remains_open", "nothing", "at least one"), ("sources", [" "], "non-empty"),
    ("statement", "", "non-empty"), ("statement", "epsilon is 3", "no number"), ("claims", [], "no claim"),
    ("claims", [{"values": CLAIMS[0]["values"] | {"epsilon": 0.7}}], "statement must have a claim's epsilon"),
    ("claims", [{"values": CLAIMS[0]["values"] | {"delta": 1e-5}}], "statement must have a claim's delta"),
])
def test_what_is_missing_or_backed_by_no_claim_is_refused(part, value, says):
    if says is None:
        assert report(**{part: value})
        return
    with pytest.raises(ValueError, match=says):
        report(**{part: value})


def test_text_stays_text():
    made = report(remains_open=["<script>alert()</script>"], costs=[("a|b", "<b> *c* [d]")], about="$x$ and \\{{braces}}")
    assert "<script>" not in made.page() + made.markdown() and "<b>" not in made.page() + made.markdown()
    assert "a\\|b" in made.markdown() and "\\*c\\*" in made.markdown() and "{braces}" in made.page()
    drawn = [each for each in pages.sheets(made.title, made.parts)[0].texts if "$x$" in each.get_text()]
    assert drawn and not any(each.get_parse_math() for each in drawn)  # not taken for mathematics


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    made = report()
    for ending in (".html", ".md", ".pdf"):
        assert made.save(tmp_path / f"report{ending}").stat().st_size > 500
    assert made.pdf() == (tmp_path / "report.pdf").read_bytes()  # no date in it
    for wrong in ("report.txt", "report", "nowhere/report.pdf"):
        with pytest.raises(ValueError, match="path must"):
            made.save(tmp_path / wrong)
    before = (tmp_path / "report.html").read_bytes()

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError):
        report(about="Other words.").save(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["report.html", "report.md", "report.pdf"]


@pytest.mark.parametrize("times", [1, 12])
def test_pages_hold_all_words_within_their_margins_and_none_covers_another(times):
    long = {"remains_open": [f"word{'x' * each} and a sentence that goes on for a while, so that lines must be broken" for each in range(9)] * times,
            "measures": [("store", "what is said here takes more than one line, as it often does in a report " * 2, "yes")] * 3 * times,
            "sources": ["https://example.org/" + "a" * 150]}
    made = report(**long)
    sheets = pages.sheets(made.title, made.parts)
    assert len(sheets) > 3 if times > 1 else len(sheets) <= 2
    wanted = [made.title, *(heading for heading, *_ in made.parts), *long["remains_open"], long["measures"][0][1], *long["sources"]]
    drawn = re.sub(r"\s", "", "".join("".join(texts(each)) for each in sheets))
    for text in wanted:
        assert re.sub(r"\s", "", text) in drawn
    for number, figure in enumerate(sheets, 1):
        assert f"{number} of {len(sheets)}" in texts(figure)
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes = [each.get_window_extent(renderer) for each in figure.texts]
        dots = figure.dpi / 72
        for box in boxes:
            assert box.x0 >= (pages.MARGIN - 1) * dots and box.x1 <= (pages.WIDTH - pages.MARGIN + 4) * dots and box.y0 > 20 * dots
        for place, one in enumerate(boxes):
            for other in boxes[place + 1:]:
                across = min(one.x1, other.x1) - max(one.x0, other.x0)
                along = min(one.y1, other.y1) - max(one.y0, other.y0)
                assert across <= 2 * dots or along <= 2.5 * dots
