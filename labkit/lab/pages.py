"""Headings, paragraphs, lists and tables on A4 pages, as PDF, with nothing but matplotlib."""

import io
from functools import lru_cache

from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D

__all__ = ["pdf", "sheets"]

WIDTH, HEIGHT, MARGIN = 595.0, 842.0, 48.0  # points: A4
ROOM, BOTTOM = WIDTH - 2 * MARGIN, MARGIN + 14
BODY, SMALL, HEADING, TITLE = 9.5, 8.5, 11.5, 15.0
LEADING, GAP = 1.42, 9.0
FONT = "DejaVu Sans"  # comes with matplotlib
INK, BLUE, RULE = "#222222", "#0072B2", "#BBBBBB"
FINE = 20
LEAST = 0.1  # of the width, for a table's narrowest column


def pdf(title, parts):
    """A PDF of the parts (see `labkit.lab.report.PrivacyReport`), as bytes. No date is written into it."""
    buffer = io.BytesIO()
    about = {"Title": title, "CreationDate": None, "Producer": None, "Creator": None}
    with rc_context({"pdf.fonttype": 42}), PdfPages(buffer, metadata=about) as book:
        for figure in sheets(title, parts):
            book.savefig(figure)
    return buffer.getvalue()


def sheets(title, parts):
    """The pages as a list of matplotlib Figures."""
    sheets = _Sheets()
    sheets.lines(_wrapped(title, ROOM, TITLE, "bold"), TITLE, weight="bold")
    for heading, kind, content in parts:
        sheets.space(GAP)
        if heading:
            sheets.keep(HEADING * LEADING + 3 * BODY * LEADING)  # no heading alone at the foot of a page
            sheets.lines([heading], HEADING, weight="bold", colour=BLUE)
            sheets.space(2)
        if kind == "table":
            _table(sheets, content)
        elif kind == "list":
            for each in content:
                sheets.lines(_wrapped(each, ROOM - 12, BODY), BODY, left=12, mark="•")
        else:
            sheets.lines(_wrapped(content, ROOM, BODY), BODY)
    return sheets.finished(title)


class _Sheets:
    """Pages that fill from the top; y is measured in points from the foot."""

    def __init__(self):
        self.figures = []
        self.turn()

    def turn(self):
        self.figures.append(Figure((WIDTH / 72, HEIGHT / 72)))
        self.y = HEIGHT - MARGIN

    def space(self, points):
        self.y -= points

    def keep(self, points):
        """A new page, unless this one has room for so much; says whether there is one."""
        new = self.y - points < BOTTOM
        if new:
            self.turn()
        return new

    def put(self, x, text, size, **look):
        self.figures[-1].text((MARGIN + x) / WIDTH, self.y / HEIGHT, text, size=size, va="baseline", family=FONT, parse_math=False, **look)

    def lines(self, texts, size, *, left=0.0, mark=None, weight="normal", colour=INK):
        for number, text in enumerate(texts):
            self.keep(size * LEADING)
            self.y -= size * LEADING
            if mark and not number:
                self.put(0, mark, size, color=colour)
            self.put(left, text, size, weight=weight, color=colour)

    def rule(self):
        across = [MARGIN / WIDTH, 1 - MARGIN / WIDTH]
        y = (self.y - 3.5) / HEIGHT
        self.figures[-1].add_artist(Line2D(across, [y, y], color=RULE, lw=0.5))
        self.y -= 5

    def finished(self, title):
        """The figures, with the title and their numbers at the foot."""
        short = _wrapped(title, ROOM - 80, SMALL)[0]
        for number, figure in enumerate(self.figures, 1):
            for x, text, side in ((MARGIN, short, "left"), (WIDTH - MARGIN, f"{number} of {len(self.figures)}", "right")):
                figure.text(x / WIDTH, 30 / HEIGHT, text, size=SMALL, color="#777777", family=FONT, ha=side, parse_math=False)
        return self.figures


def _table(sheets, rows):
    header, *body = rows
    widths = _columns(rows)
    inner = [width - 6 for width in widths]

    def put(cells, weight="normal"):
        wrapped = [_wrapped(cell, room, SMALL, weight) for cell, room in zip(cells, inner)]
        height = max(map(len, wrapped)) * SMALL * LEADING
        if sheets.keep(min(height, HEIGHT - 2 * MARGIN - 40)) and weight == "normal" and any(header):
            put(header, "bold")
        top = sheets.y
        lowest = top
        for place, lines in enumerate(wrapped):
            sheets.y = top
            for line in lines:
                sheets.y -= SMALL * LEADING
                sheets.put(sum(widths[:place]), line, SMALL, weight=weight, color=INK)
            lowest = min(lowest, sheets.y)
        sheets.y = lowest
        sheets.rule()

    if any(header):
        put(header, "bold")
    for cells in body:
        put(cells)


def _columns(rows):
    """Widths in points: by what stands in each column, none narrower than its longest word or a tenth of the page."""
    wanted = [max(_width(cell, SMALL) for cell in column) for column in zip(*rows)]
    least = [max(LEAST * ROOM, *(_width(word, SMALL, "bold") + 8 for cell in column for word in cell.split() or [""]))
             for column in zip(*rows)]
    least = [min(each, 0.5 * ROOM) for each in least]
    spare = ROOM - sum(least)
    more = [max(each - floor, 0) ** 0.5 for each, floor in zip(wanted, least)]
    return [floor + spare * each / (sum(more) or 1) for floor, each in zip(least, more)]


def _wrapped(text, room, size, weight="normal"):
    """The text in lines no wider than `room` points; a word that is too long is cut."""
    lines, line = [], ""
    for word in text.split():
        while _width(word, size, weight) > room:
            most = max(1, int(len(word) * room / _width(word, size, weight)) - 1)
            lines += [line] if line else []
            lines.append(word[:most])
            line, word = "", word[most:]
        longer = f"{line} {word}".strip()
        if _width(longer, size, weight) > room:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line]


@lru_cache(maxsize=4096)
def _width(text, size, weight="normal"):
    font = get_font(findfont(FontProperties(family=FONT, weight=weight)))
    font.set_size(FINE * size, 72)  # large, since a letter's width is rounded to whole dots
    font.set_text(text)
    return font.get_width_height()[0] / 64 / FINE
