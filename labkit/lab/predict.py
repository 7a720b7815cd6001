"""A guess, made before the number appears.

    lab.predict("How many of a hundred are alone in their row?", low=0, high=100)

and, at the end of the cell that computes it,

    lab.truth(alone)

Nobody has to answer: without a guess, `truth` says so and goes on, so that a notebook runs through.
"""

import html
import math
import numbers
from pathlib import Path

import ipywidgets as widgets

__all__ = ["predict", "truth", "Prediction"]

NO_GUESS = "no guess"
GONE = html.escape("".join(line for line in Path(__file__).with_name("gone.js").read_text().splitlines(keepends=True)
                           if not line.startswith("//")), quote=True)
_asked = []  # the predictions of this session, oldest first


def _shown(value):
    return f"{value:,.4g}" if isinstance(value, numbers.Real) and not isinstance(value, bool) else str(value)


def predict(question, *, low=None, high=None, choices=None):
    """Ask for a guess: a slider from `low` to `high`, or one of `choices`. Returns the widget, a `Prediction`.

    question:   what will be measured, as a question.
    low, high:  the ends of the slider, finite numbers; whole numbers where both are int.
    choices:    instead of them, two or more different texts or numbers.
    Raises ValueError for an empty question, for neither or both kinds of control, and for ends in the wrong order.
    """
    return Prediction(question, low=low, high=high, choices=choices)


def truth(value, unit=""):
    """Print what came out beside the guess at the latest `predict`. Call it where the value is first known.

    value: a number, or one of the prediction's choices.  unit: a word printed behind both, such as "%" or "homes".
    Returns nothing. Raises ValueError before any `predict`, and for a value that could not have been guessed.
    """
    if not _asked:
        raise ValueError("truth must come after lab.predict(...): run the cell with the question first")
    print(_asked[-1].beside(value, unit))


class Prediction(widgets.VBox):
    """The widget that `predict` makes. `guess` is None until the reader presses the button, and stays as it was then."""

    def __init__(self, question, *, low=None, high=None, choices=None):
        if not isinstance(question, str) or not question.strip():
            raise ValueError(f"question must say what will be measured, got {question!r}")
        if (choices is None) == (low is None and high is None):
            raise ValueError(f"give either low and high or choices, got low={low!r}, high={high!r}, choices={choices!r}")
        self.question, self.choices, self.guess, self.closed = question, choices, None, False
        self.ends = None if choices is not None else _ends(low, high)
        label = f"your guess: {question}"  # what a screen reader says
        if choices is not None:
            if isinstance(choices, str) or len(choices) < 2 or len(set(choices)) < len(choices):
                raise ValueError(f"choices must be two or more different answers, got {choices!r}")
            self.control = widgets.RadioButtons(options=[(_shown(each), each) for each in choices], value=None, tooltip=label,
                                                layout=widgets.Layout(width="auto"))
        else:
            whole = all(isinstance(each, numbers.Integral) for each in self.ends)
            low, high = self.ends
            kind, step = (widgets.IntSlider, 1) if whole else (widgets.FloatSlider, (high - low) / 100)
            self.control = kind(value=low, min=low, max=high, step=step, tooltip=label,
                                layout=widgets.Layout(width="360px", max_width="96%"))
        self.button = widgets.Button(description="I guess this", layout=widgets.Layout(width="9em"))
        self.button.on_click(lambda _button: self.commit())
        self._said = widgets.HTML()
        title = widgets.HTML(f'<div style="font-weight:600">{html.escape(question)}</div><style onload="{GONE}"></style>')
        super().__init__([title, self.control, self.button, self._said])
        self.add_class("labkit-predict")
        _asked.append(self)

    def commit(self):
        """Take the control's value as the guess; the control stays as it is from now on."""
        if self.closed or self.guess is not None:
            return
        if self.control.value is None:
            self._say("Choose one of the answers first.")
            return
        self.guess = self.control.value
        self.control.disabled = self.button.disabled = True
        self._say(f"Your guess: {_shown(self.guess)}. Now run the next cell.")

    def beside(self, value, unit=""):
        """One sentence with the guess and the truth; from now on no guess is taken. ValueError as for `truth`."""
        if hasattr(value, "item"):
            value = value.item()
        if self.choices is not None and value not in self.choices:
            raise ValueError(f"value must be one of the choices {list(self.choices)}, got {value!r}")
        if self.ends is not None and not (isinstance(value, numbers.Real) and self.ends[0] <= value <= self.ends[1]):
            raise ValueError(f"value must be a number from {self.ends[0]} to {self.ends[1]}, as the slider is, got {value!r}")
        self.closed = True
        self.control.disabled = self.button.disabled = True
        unit = f" {unit}" if unit else ""
        guess = NO_GUESS if self.guess is None else f"you guessed {_shown(self.guess)}{unit}"
        sentence = f"{guess}  |  it is {_shown(value)}{unit}"
        self._say(f"{guess[0].upper()}{guess[1:]}; it is {_shown(value)}{unit}.")
        return sentence

    def _say(self, sentence):
        self._said.value = f'<div role="status">{html.escape(sentence)}</div>'

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if self.choices is not None:
            room = " · ".join(map(_shown, self.choices))
        else:
            room = f"{_shown(self.ends[0])} to {_shown(self.ends[1])}"
        bundle["text/plain"] = f"{self.question} [{room}] Make a guess before you go on."
        bundle["text/html"] = (f'<div><b>{html.escape(self.question)}</b> ({html.escape(room)})<br>'
                               "<i>Make a guess before you go on.</i></div>")  # for pages without a kernel
        return bundle


def _ends(low, high):
    for name, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, got {value!r}")
    if low >= high:
        raise ValueError(f"high must be above low, got low={low!r}, high={high!r}")
    return low, high
