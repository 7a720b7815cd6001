"""Which settings of a widget a page without a kernel can show.

Every combination of a few stops of each control, where that is not too many; otherwise a star: the start, and each
control moved by itself.
"""

import itertools
import math
from dataclasses import dataclass

import ipywidgets as widgets

from labkit import validate
from labkit.lab.controls import SLIDERS

LADDER = (101, 61, 41, 31, 21, 15, 13, 11, 9, 8, 7, 6, 5, 4, 3)  # how many stops a slider keeps
MOST_CHOICES = 12  # of a drop-down, where another control has to share the pictures


@dataclass(frozen=True)
class Grid:
    """The settings that are shown.

    stops:  {control: [(text, value), ...]} in the order of the control.
    start:  for each control, the place of its first value among its stops.
    places: the settings, each a tuple with one place per control.
    star:   True where only one control moves at a time.
    """

    stops: dict
    start: tuple
    places: tuple
    star: bool

    def values(self, place):
        """The value of each control at one of `places`, by name."""
        return {name: stops[at][1] for (name, stops), at in zip(self.stops.items(), place)}


def stops_of(control):
    """Every value that a control can take, as [(text on the page, value), ...]."""
    if isinstance(control, widgets.Checkbox):
        return [("off", False), ("on", True)]
    if isinstance(control, (widgets.Dropdown, widgets.ToggleButtons)):
        return list(zip(map(str, control._options_labels), control._options_values))
    if isinstance(control, widgets.IntSlider):
        return [(f"{value:,}", value) for value in range(control.min, control.max + 1, control.step)]
    if isinstance(control, SLIDERS):
        count = round((control.max - control.min) / control.step)
        values = [control.min + number * control.step for number in range(count + 1)]
        if isinstance(control, widgets.FloatLogSlider):
            values = [control.base ** value for value in values]
        values[_nearest(values, control.value)] = control.value  # exactly: the steps lead there but for rounding
        return [(format(value, ",.0f" if abs(value) >= 1000 else control.readout_format), value) for value in values]
    return [(str(control.value), control.value)]


def _nearest(values, value):
    return min(range(len(values)), key=lambda at: abs(values[at] - value))


def _place(stops, value):
    return next(at for at, (_, each) in enumerate(stops) if each is value or each == value)


def thin(stops, at, most):
    """At most `most` of the stops, spread evenly, with both ends and the stop at place `at` among them."""
    if len(stops) <= most:
        return stops
    keep = [round(number * (len(stops) - 1) / (most - 1)) for number in range(most)]
    if at not in keep:
        keep[1 + _nearest(keep[1:-1], at)] = at
    return [stops[place] for place in sorted(keep)]


def grid(controls, most):
    """The Grid of these controls ({name: ipywidget}) with at most about `most` settings.

    Raises ValueError when `most` is no whole number of at least 1.
    """
    validate.integer(most=most, at_least=1)
    full = {name: stops_of(each) for name, each in controls.items()}
    sliders = [name for name, each in controls.items() if isinstance(each, SLIDERS)]

    def thinned(stops_each, choices):
        return {name: thin(stops, _place(stops, controls[name].value), stops_each if name in sliders else choices)
                for name, stops in full.items()}

    tries = [thinned(count, choices) for choices in (max(map(len, full.values())), MOST_CHOICES)
             for count in LADDER]
    fits = [each for each in tries if math.prod(map(len, each.values())) <= most]
    stops, star = (fits[0], False) if fits else (None, True)
    if star:
        tries = [thinned(count, min(count, MOST_CHOICES)) for count in LADDER[5:]]
        fits = [each for each in tries if 1 + sum(len(every) - 1 for every in each.values()) <= most]
        stops = (fits or tries[-1:])[0]
    start = tuple(_place(each, controls[name].value) for name, each in stops.items())
    every = tuple(itertools.product(*(range(len(each)) for each in stops.values())))
    if star:
        every = tuple(place for place in every if sum(a != b for a, b in zip(place, start)) <= 1)
    return Grid(stops, start, every, star)
