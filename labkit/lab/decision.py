"""A decision record: one page that says what was decided, on which numbers, and what would change the decision."""

import html
from dataclasses import dataclass
from pathlib import Path

from labkit import validate

STYLE = """
@page { size: A4; margin: 16mm }
body { font: 10.5pt/1.4 "DejaVu Sans", sans-serif; color: #222; max-width: 178mm }
h1 { font-size: 15pt; margin: 0 0 2mm } h2 { font-size: 10.5pt; margin: 3.5mm 0 1mm; color: #0072B2 }
p, ul { margin: 0 0 1.5mm } ul { padding-left: 5mm } table { border-collapse: collapse; width: 100%; font-size: 9.5pt }
th, td { text-align: left; vertical-align: top; padding: 1mm 2mm; border-bottom: .3pt solid #bbb }
.chosen { font-weight: bold } .chosen::before { content: "\\2192\\00a0" }
"""


def _texts(at_least, **argument):
    ((name, values),) = argument.items()
    if isinstance(values, str) or not all(isinstance(value, str) and value.strip() for value in values) or len(values) < at_least:
        raise ValueError(f"{name} must be a list of at least {at_least} non-empty texts, got {values!r}")
    return tuple(values)


@dataclass(frozen=True)
class DecisionRecord:
    """What `decision` returns: shown as Markdown in a notebook, printed as one page by `save`."""

    question: str
    options: tuple
    choice: str
    because: str
    numbers: tuple
    would_change: tuple
    risks: tuple
    sources: tuple
    shown: tuple

    def markdown(self):
        """The record as Markdown text."""
        lines = [f"### Decision record: {self.question}", ""]
        lines += [f"- **→ {option}**" if option == self.choice else f"- {option}" for option in self.options]
        lines += ["", f"**Because** {self.because}", "", "| what was measured | value | privacy: epsilon, delta, unit |", "|---|---|---|"]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in self.numbers]
        for title, texts, mark in self._lists():
            lines += ["", f"**{title}**", "", *(f"- {mark}{text}" for text in texts)]
        return "\n".join(lines) + "\n"

    def _lists(self):
        return (("What would change this decision", self.would_change, ""), ("Open risks", self.risks, ""),
                ("Shown in this lab", self.shown, "☑ "), ("Sources", self.sources, ""))

    def page(self):
        """The record as one HTML page, made to be printed."""
        said = html.escape
        options = "".join(f"<li{' class=chosen' if option == self.choice else ''}>{said(option)}</li>" for option in self.options)
        rows = "".join("<tr>" + "".join(f"<td>{said(cell)}</td>" for cell in row) + "</tr>" for row in self.numbers)
        lists = "".join(f"<h2>{title}</h2><ul>" + "".join(f"<li>{mark}{said(text)}</li>" for text in texts) + "</ul>"
                        for title, texts, mark in self._lists())
        return (f"<!doctype html><html lang=en><meta charset=utf-8><title>{said(self.question)}</title><style>{STYLE}</style>"
                f"<h1>{said(self.question)}</h1><h2>Options</h2><ul>{options}</ul><h2>Because</h2><p>{said(self.because)}</p>"
                "<h2>Numbers</h2><table><tr><th>what was measured<th>value<th>privacy: epsilon, delta, unit</tr>"
                f"{rows}</table>{lists}</html>\n")

    def save(self, path):
        """Write the page to `path`, which ends in .html, or the Markdown, where it ends in .md. Returns the path."""
        path = Path(path)
        if path.suffix not in (".html", ".md"):
            raise ValueError(f"path must end in .html or .md, got {str(path)!r}")
        path.write_text(self.page() if path.suffix == ".html" else self.markdown(), encoding="utf-8")
        return path

    def __repr__(self):
        return f"<Decision record: {self.question} → {self.choice}>"

    def _repr_markdown_(self):
        return self.markdown()


def decision(question, *, options, choice, because, numbers, would_change, risks, sources, shown):
    """A decision record of one page: as Markdown in the notebook, with `.save("record.html")` for the printer.

    question:      what somebody must decide, as a question.
    options:       two or more answers (str); `choice` is the one taken.
    because:       the reason, in a sentence or two.
    numbers:       rows (what was measured, value, privacy), three str each; privacy tells epsilon, delta and the unit that is
                   protected, or "none".
    would_change:  what would turn the decision, one or more str; risks: what stays open; sources: where the numbers come from;
                   shown: what the lab has demonstrated.
    Raises ValueError where a part is missing: a record without open risks is not one.
    """
    options = _texts(2, options=options)
    validate.one_of(choice=choice, options=options)
    _texts(1, question=[question])
    _texts(1, because=[because])
    rows = tuple(tuple(row) for row in numbers)
    if not rows or any(len(row) != 3 or not all(isinstance(cell, str) and cell.strip() for cell in row) for row in rows):
        raise ValueError(f"numbers must be rows of three texts (what was measured, value, privacy), got {numbers!r}")
    return DecisionRecord(question, options, choice, because, rows, _texts(1, would_change=would_change), _texts(1, risks=risks),
                    _texts(1, sources=sources), _texts(1, shown=shown))
