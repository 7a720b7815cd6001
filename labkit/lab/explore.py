"""The one way to make a widget: controls, one picture, one sentence that reads the picture.

    def bell(fig, epsilon):
        "How far apart are the two curves?"
        ...
        return f"At epsilon {epsilon:.2f} ..."

    explore(bell, epsilon=(0.05, 8, 0.5))

The picture goes to the page as an image inside an HTML widget. Compared with `ipywidgets.interactive_output`
it redraws twice as fast, keeps its height, has alt text and two pixels for each of the page's, and its default state is
stored in the notebook, where GitHub and readers without a kernel see it. A screen reader hears each slider's name and its
value in the units of the page.
"""

import asyncio
import base64
import gc
import html
import io
import textwrap
import threading
from contextlib import contextmanager
from pathlib import Path

import ipywidgets as widgets

from labkit.lab.controls import FAINT, SLIDERS, align, control, log_range, row, side_by_side
from labkit.lab.picture import DPI, raster, webp
from labkit.lab.plots import bare_figure

__all__ = ["explore", "Explore", "log_range"]

MOST_CONTROLS = 4  # switches that stand in one row count as one of them
MOST_SWITCHES = 5
ERROR = "var(--jp-error-color1, #A33B00)"
NAMES = html.escape("".join(line for line in Path(__file__).with_name("names.js").read_text().splitlines(keepends=True)
                            if not line.startswith("//")), quote=True)
RUN_IT = "A still picture. For its controls: click here, Run > Run All Above Selected Cell, then Shift+Enter."
FOCUS = ".labkit-explore .noUi-handle:focus-visible { outline: 3px solid var(--jp-brand-color1, #0072B2); }"


def explore(draw, *, question=None, size=(8.2, 3.2), live=True, labels=None, start=None, **controls):
    """Show `draw` under sliders, toggles and drop-downs.

    draw:      draw(fig, **values) paints an empty matplotlib Figure and returns one sentence that reads the
               current state; the sentence is shown under the picture and is its alt text.
    question:  the title, a question that the widget answers; by default the first line of draw's docstring.
    size:      width and height of the figure, in inches (one inch is 100 pixels).
    live:      redraw while dragging. False for a draw that takes longer than a blink, such as one that trains:
               then it redraws when the slider is let go, and says "computing" until it has.
    labels:    {name: text} where the argument's name is not label enough.
    start:     {name: value} where the first value (list), the first number (range) or the middle is not the start.
    controls:  at most four, by name of draw's argument; up to five toggles may be among them beyond that, and then stand in one row:
                 range(2, 50)        slider over whole numbers
                 (0.0, 1.0)          slider over numbers; (low, high, start) also says where it starts
                 log_range(1, 1e4)   the same on a log scale. An `epsilon` pair is logarithmic by itself and
                                     says which end is private
                 [1, 2, 4] or {...}  drop-down (a dict shows its keys and passes its values)
                 True or False       toggle
                 an ipywidget        as it is, such as ToggleButtons where a drop-down hides too much
    Raises ValueError for a control that is none of these, for more than four, or for no question.
    """
    return Explore(draw, question=question, size=size, live=live, labels=labels, start=start, **controls)


class Explore(widgets.VBox):
    """The widget that `explore` makes. `error` is the last drawing's exception, or None; `painted` counts drawings."""

    def __init__(self, draw, *, question=None, size=(8.2, 3.2), live=True, labels=None, start=None, **controls):
        question = question or (draw.__doc__ or "").strip().split("\n")[0]
        if not question:
            raise ValueError("question must say what the widget answers, got none (nor a docstring on draw)")
        switches = [name for name, spec in controls.items() if isinstance(spec, bool)] if len(controls) > MOST_CONTROLS else []
        if not 1 <= len(controls) - len(switches) + bool(switches) <= MOST_CONTROLS or len(switches) > MOST_SWITCHES:
            raise ValueError(f"controls must be 1 to {MOST_CONTROLS}, a row of up to {MOST_SWITCHES} toggles counting as one, "
                             f"got {len(controls)}: {', '.join(controls)}")
        labels, start = labels or {}, start or {}
        for name in [*labels, *start]:
            if name not in controls:
                raise ValueError(f"labels and start must name a control ({', '.join(controls)}), got {name!r}")
        self.draw, self.question, self.size, self.live = draw, question, size, live
        self.controls = {name: control(name, spec, label=labels.get(name), start=start.get(name), live=live)
                         for name, spec in controls.items()}
        self.error = None
        self.reading = ""
        self.painted = 0  # how many pictures so far; on the page too, for who must know that a move has been drawn
        self._waiting = False
        self._painting = threading.RLock()  # JupyterLab may deliver moves on a thread of their own
        self._picture = widgets.HTML(layout=widgets.Layout(margin="0"))
        self._sentence = widgets.HTML(layout=widgets.Layout(min_height="3.2em", margin="0"))
        sliders = sum(isinstance(each, SLIDERS) for each in self.controls.values())
        title = widgets.HTML(f'<div style="font-weight:600;font-size:115%">{html.escape(question)}</div>'
                             f'<style data-sliders="{sliders}" onload="{NAMES}">{FOCUS}</style>')
        align(self.controls.values())
        rows = [row(name, each) for name, each in self.controls.items() if name not in switches]
        if switches:
            rows = [side_by_side([self.controls[name] for name in switches]), *rows]
        super().__init__([title, *rows, self._picture, self._sentence])
        self.add_class("labkit-explore")
        self._paint()
        if self.error is not None:  # while the cell runs, the author wants the traceback
            raise self.error
        for each in self.controls.values():
            each.observe(self._moved, "value")

    @property
    def values(self):
        """The current value of each control, by name."""
        return {name: each.value for name, each in self.controls.items()}

    def _moved(self, _change):
        """A control moved. Many moves may arrive at once (a drag): draw once, with the last of them."""
        if not self.live:
            self._say("computing …", FAINT)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no kernel: a test or a script
            self._paint()
            return
        if not self._waiting:
            self._waiting = True
            loop.call_soon(self._paint)

    def _paint(self):
        with self._painting:
            self._waiting = False  # before the values are read: a later move paints again
            self.figure = bare_figure(*self.size)
            try:
                with _no_garbage_collection():
                    self.reading = self.draw(self.figure, **self.values) or ""
                    picture = base64.b64encode(webp(raster(self.figure))).decode()
                self.error = None
            except Exception as error:
                self.error = error
                self.painted += 1
                self._say(f"This setting cannot be drawn: {type(error).__name__}: {error}. "
                          "Move a control to go on.", ERROR)
                return
            width, height = (int(inches * DPI) for inches in self.size)
            self._picture.value = (f'<img alt="{html.escape(self.reading or self.question, quote=True)}" '
                                   f'decoding="sync" width="{width}" height="{height}" '
                                   f'style="max-width:100%;height:auto" src="data:image/webp;base64,{picture}">')
            self.painted += 1
            self._say(self.reading, "inherit")  # after the picture: the page gets them in this order

    def _say(self, sentence, colour):
        self._sentence.value = (f'<div data-painted="{self.painted}" style="color:{colour};line-height:1.4">'
                                f'{html.escape(sentence)}</div>')

    def _still(self):
        """The picture with its question, settings and reading written on it, for pages without a kernel."""
        lines = textwrap.wrap(self.reading, int(self.size[0] * 15))
        settings = "   ·   ".join(f"{each.description.rstrip(':')} = {_short(each)}" for each in self.controls.values())
        above = 0.62 / self.size[1]
        marks = [self.figure.text(0.01, 1 + above, self.question, weight="bold", size=12, va="top"),
                 self.figure.text(0.01, 1 + above * 1.4, RUN_IT, size=9, color="#8A3A00", va="top"),
                 self.figure.text(0.01, 1 + above * 0.5, settings, size=9, color="#555555", va="top"),
                 self.figure.text(0.01, -0.06 / self.size[1], "\n".join(lines), size=10, va="top")]
        buffer = io.BytesIO()
        try:
            self.figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.1)
            return base64.b64encode(buffer.getvalue()).decode()
        finally:
            for mark in marks:
                mark.remove()

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        settings = ", ".join(f"{name} = {_short(each)}" for name, each in self.controls.items())
        bundle["text/plain"] = f"{self.question} [{settings}] {self.reading}"
        bundle["image/png"] = self._still()
        return bundle, {"image/png": {"alt": bundle["text/plain"]}}


@contextmanager
def _no_garbage_collection():
    """A full collection in the middle of a drag is seen as a stutter of a third of a second."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _short(each):
    """A control's value, as its reader sees it."""
    if isinstance(each, (widgets.Dropdown, widgets.ToggleButtons)):
        return str(each.label)
    if isinstance(each.value, bool):
        return "on" if each.value else "off"
    if isinstance(each.value, float):
        return format(each.value, ",.0f" if each.value >= 1000 else ".3g")
    return str(each.value)
