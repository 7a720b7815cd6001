"""A privacy report: what was protected how, which attacks were tried with what success, what it cost, what remains open.

Somebody who was not there must be able to rely on it. So its texts hold no number of their own: each stands as a place, such as
"{found:.0%}", and is filled from the values of the claims that held in this session. A number that no claim backs is refused.
(Numbers in words are not noticed.) A report without open ends is refused too, and an attack without a control.
"""

import html
import os
import re
import secrets
import string
from dataclasses import dataclass
from pathlib import Path

from labkit.lab import pages
from labkit.lab.claims import claims_made

__all__ = ["PrivacyReport", "privacy_report"]

NUMBER = re.compile(r"(?<![\w-])[-+]?\.?\d")  # one that is no part of a name, as in AES-256 or B17
MEASURES = ("step", "what protects there", "on")
ATTACKS = ("step", "attack", "without protection", "in this setting", "control")
KEPT = ("what", "without protection", "in this setting")
COSTS = ("what", "cost")
NO_STATEMENT = "No privacy statement can be made: "
SUFFIXES = (".html", ".md", ".pdf")
STYLE = """
@page { size: A4; margin: 16mm }
body { font: 10.5pt/1.45 "DejaVu Sans", sans-serif; color: #222; max-width: 178mm; margin: 8mm auto }
h1 { font-size: 16pt; margin: 0 0 3mm } h2 { font-size: 11.5pt; margin: 6mm 0 1.5mm; color: #0072B2 }
p, ul { margin: 0 0 2mm } ul { padding-left: 5mm } table { border-collapse: collapse; width: 100%; font-size: 9.5pt }
th, td { text-align: left; vertical-align: top; padding: 1mm 2mm; border-bottom: .3pt solid #bbb } tr { break-inside: avoid }
"""


@dataclass(frozen=True)
class PrivacyReport:
    """What `privacy_report` returns: Markdown in a notebook, and `save` writes it as a web page, as PDF or as Markdown.

    parts: (heading, kind, content) in order; kind is "text" (a str), "list" (texts) or "table" (a header and rows, tuples of str).
    """

    title: str
    parts: tuple

    def markdown(self):
        """The report as Markdown text."""
        lines = [f"### {_quiet(self.title)}", ""]
        for heading, kind, content in self.parts:
            lines += [f"**{heading}**", ""] if heading else []
            if kind == "table":
                header, *rows = content
                lines += [_row(header), "|" + "---|" * len(header), *map(_row, rows)]
            else:
                lines += [f"- {_quiet(each)}" for each in content] if kind == "list" else [_quiet(content)]
            lines.append("")
        return "\n".join(lines)

    def page(self):
        """The report as one HTML page, which needs nothing else."""
        said = html.escape
        body = [f"<h1>{said(self.title)}</h1>"]
        for heading, kind, content in self.parts:
            body += [f"<h2>{said(heading)}</h2>"] if heading else []
            if kind == "table":
                cells = [[said(cell) for cell in row] for row in content]
                head, *rows = ["".join(f"<{tag}>{cell}</{tag}>" for cell in row) for tag, row in zip(["th"] + ["td"] * len(cells), cells)]
                body.append(f"<table><thead><tr>{head}</tr></thead><tbody>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</tbody></table>")
            elif kind == "list":
                body.append("<ul>" + "".join(f"<li>{said(each)}</li>" for each in content) + "</ul>")
            else:
                body.append(f"<p>{said(content)}</p>")
        return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{said(self.title)}</title><style>{STYLE}</style></head>'
                f"<body>{''.join(body)}</body></html>\n")

    def pdf(self):
        """The report as a PDF of A4 pages (bytes); the same bytes each time."""
        return pages.pdf(self.title, self.parts)

    def save(self, path):
        """Write the report to `path`, which ends in .html, .pdf or .md, whole or not at all. Returns the path.

        Raises ValueError for another ending or a folder that does not exist.
        """
        path = Path(path)
        if path.suffix not in SUFFIXES:
            raise ValueError(f"path must end in .html, .pdf or .md, got {str(path)!r}")
        if not path.parent.is_dir():
            raise ValueError(f"path must lie in a folder that exists, got {str(path)!r}")
        made = {".html": self.page, ".md": self.markdown, ".pdf": self.pdf}[path.suffix]()
        unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.unfinished")
        try:
            unfinished.write_bytes(made if isinstance(made, bytes) else made.encode())
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        return path

    def __repr__(self):
        return f"<Privacy report: {self.title}>"

    def _repr_markdown_(self):
        return self.markdown()


def privacy_report(title, *, about, measures, attacks, statement, kept, costs, remains_open, sources, claims=None):
    """A report on one setting of a system, for somebody who must judge it.

    about:         what the system is and whose data it holds, in a few sentences.
    measures:      rows (step, what protects there, "yes" or "no").
    attacks:       rows (step, attack, success without protection, success in this setting, success of a control).
    statement:     a `labkit.statement.Statement` whose epsilon and delta are among the claims' values; or, where none can be
                   made, the reason why not (str).
    kept:          rows (what, without protection, in this setting): how well the work is still done.
    costs:         rows (what, cost).
    remains_open:  what this does not protect, one or more texts.
    sources:       where data and methods come from; years may stand here.
    claims:        list of dicts as `claims_made()` gives it, which is taken for None; the latest value of a name counts.
    In all texts but the sources a number is a place with a claim's value and how to write it: "{found:.0%} of {clients:,}".
    Returns a PrivacyReport. Raises ValueError for a part that is missing, a number that is written out, and a place that no claim fills.
    """
    values = {name: value for each in (claims_made() if claims is None else claims) for name, value in each["values"].items()}
    fill = _Filler(values)
    if hasattr(statement, "rows"):
        for name in ("epsilon", "delta"):
            if getattr(statement, name) not in [each for each in values.values() if isinstance(each, (int, float))]:
                raise ValueError(f"statement must have a claim's {name}, got {getattr(statement, name)!r}, which no claim has as its value")
        stated = ("table", (("", "statement"), *((str(name), str(words)) for name, words in statement.rows())))
    else:
        stated = ("text", NO_STATEMENT + fill.text("statement", statement))
    parts = (
        ("", "text", fill.text("about", about)),
        ("What was protected, and how", "table", (MEASURES, *fill.rows("measures", measures, MEASURES))),
        ("Attacks that were tried", "table", (ATTACKS, *fill.rows("attacks", attacks, ATTACKS))),
        ("Privacy statement", *stated),
        ("Accuracy kept", "table", (KEPT, *fill.rows("kept", kept, KEPT))),
        ("What it costs", "table", (COSTS, *fill.rows("costs", costs, COSTS))),
        ("What remains open", "list", fill.texts("remains_open", remains_open)),
        ("Sources", "list", fill.texts("sources", sources, numbers=True)),
    )
    return PrivacyReport(fill.text("title", title), parts)


class _Filler:
    """Fills texts from the claims' values, and refuses every other number."""

    def __init__(self, values):
        self.values = values

    def text(self, part, template, numbers=False):
        if not isinstance(template, str) or not template.strip():
            raise ValueError(f"{part} must be non-empty text, got {template!r}")
        if numbers:
            return template
        try:
            pieces = list(string.Formatter().parse(template))
        except ValueError as problem:
            raise ValueError(f"{part} must hold places such as {{found:.0%}}, got {template!r}: {problem}") from None
        told = []
        for written, name, form, _ in pieces:
            if NUMBER.search(written):
                raise ValueError(f"{part} must hold no number of its own, but a place such as {{name}} for a claim's value, got {template!r}")
            told.append(written)
            if name is not None:
                told.append(self._value(part, name, form))
        return "".join(told)

    def _value(self, part, name, form):
        if name not in self.values:
            raise ValueError(f"{part} must be backed by claims, and no claim of this session has a value {name!r}")
        try:
            return format(self.values[name], form)
        except (ValueError, TypeError) as problem:
            raise ValueError(f"{part} must say how to write {name!r}, {self.values[name]!r}, got {form!r}: {problem}") from None

    def texts(self, part, templates, numbers=False):
        if isinstance(templates, str) or not len(templates):
            raise ValueError(f"{part} must be a list of at least one text, got {templates!r}")
        return tuple(self.text(part, each, numbers) for each in templates)

    def rows(self, part, rows, header):
        if isinstance(rows, str) or not len(rows) or any(isinstance(row, str) or len(row) != len(header) for row in rows):
            raise ValueError(f"{part} must be rows of {len(header)} texts ({', '.join(header)}), got {rows!r}")
        return tuple(tuple(self.text(part, cell) for cell in row) for row in rows)


def _quiet(text):
    """Text that Markdown leaves as it is."""
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " "))


def _row(cells):
    return "| " + " | ".join(map(_quiet, cells)) + " |"
