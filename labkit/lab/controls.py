"""Turn plain ranges, lists and booleans into controls."""

import math
import numbers
from dataclasses import dataclass

import ipywidgets as widgets

_LAYOUT = {"width": "460px", "max_width": "96%"}
_STYLE = {"description_width": "initial"}
_SLIDER = "360px"  # what a control gets beside its label
FAINT = "var(--jp-ui-font-color2, #666)"  # JupyterLab's own grey, which is light where the page is dark
ENDS = f'<span style="color:{FAINT};font-size:90%;white-space:nowrap">more private ⟵ ⟶ more accurate</span>'
SLIDERS = (widgets.IntSlider, widgets.FloatSlider, widgets.FloatLogSlider)


@dataclass(frozen=True)
class LogRange:
    """Numbers from low to high, both positive, spaced evenly on a log scale."""

    low: float
    high: float
    start: float


def log_range(low, high, start=None):
    """A range for `explore` with a logarithmic slider; it starts at the geometric middle unless told."""
    for name, value in [("low", low), ("high", high)]:
        if not isinstance(value, numbers.Real) or not math.isfinite(value) or value <= 0:
            raise ValueError(f"{name} must be positive and finite, got {value!r}")
    if low >= high:
        raise ValueError(f"high must be above low, got low={low!r}, high={high!r}")
    start = math.sqrt(low * high) if start is None else start
    if not low <= start <= high:
        raise ValueError(f"start must lie between {low} and {high}, got {start!r}")
    return LogRange(float(low), float(high), float(start))


def is_epsilon(name):
    """Whether a control of that name is a privacy budget: logarithmic, with one end more private."""
    return name == "epsilon" or name.startswith("epsilon_")


def row(name, each):
    """A control as it is shown: beside an epsilon, which end is which."""
    if not is_epsilon(name):
        return each
    return widgets.HBox([each, widgets.HTML(ENDS)], layout=widgets.Layout(flex_flow="row wrap"))  # on a narrow page, below


def side_by_side(switches):
    """Toggles in one row, each as wide as its label; on a narrow page in two."""
    for each in switches:
        each.layout = widgets.Layout(width="auto", margin="0 1.6em 0 0")
    return widgets.HBox(switches, layout=widgets.Layout(flex_flow="row wrap"))


def align(controls):
    """Give the labels of a widget's controls one width, so that the controls stand in line."""
    in_line = [each for each in controls if isinstance(each, (*SLIDERS, widgets.Dropdown))]
    width = f"{0.55 * max((len(each.description) for each in in_line), default=0) + 1:.1f}em"
    for each in in_line:
        each.style.description_width = width
        each.layout.width = f"calc({width} + {_SLIDER})"


def control(name, spec, *, label=None, start=None, live=True):
    """The ipywidget for one argument of a draw function; see `labkit.lab.explore` for what `spec` may be."""
    if label is None:
        label = name.replace("_", " ")
    if isinstance(spec, widgets.ValueWidget):
        return spec
    shared = {"description": label, "style": _STYLE, "layout": _LAYOUT}
    if isinstance(spec, bool):
        value = spec if start is None else start
        return widgets.Checkbox(value=value, indent=False, **shared)
    if isinstance(spec, range) and len(spec):
        value = spec[0] if start is None else start
        return widgets.IntSlider(value=value, min=spec[0], max=spec[-1], step=spec.step, continuous_update=live, **shared)
    if isinstance(spec, (list, dict)) and spec:
        options = list(spec.items()) if isinstance(spec, dict) else [(str(each), each) for each in spec]
        value = options[0][1] if start is None else start
        return widgets.Dropdown(options=options, value=value, **shared)
    if isinstance(spec, tuple) and len(spec) in (2, 3) and all(isinstance(each, numbers.Real) for each in spec):
        if is_epsilon(name):
            spec = log_range(*spec)
        else:
            return _linear(name, *spec, start=start, live=live, shared=shared)
    if isinstance(spec, LogRange):
        value = spec.start if start is None else start
        low, high = math.log10(spec.low), math.log10(spec.high)
        shown = ",.0f" if spec.low >= 10 or (spec.low >= 1 and spec.high >= 1000) else ".1e" if spec.high <= 0.01 else ".3g"
        return widgets.FloatLogSlider(value=value, base=10, min=low, max=high, step=_step(low, high, math.log10(value)),
                                      readout_format=shown, continuous_update=live, **shared)
    raise ValueError(f"{name} must be a range, (low, high), (low, high, start), log_range(...), a list, a dict, "
                     f"True or False, got {spec!r}")


def _linear(name, low, high, middle=None, *, start, live, shared):
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"{name} must go from a lower to a higher finite number, got ({low!r}, {high!r})")
    value = start if start is not None else (low + high) / 2 if middle is None else middle
    if not low <= value <= high:
        raise ValueError(f"{name} must start between {low} and {high}, got {value!r}")
    return widgets.FloatSlider(value=value, min=low, max=high, step=_step(low, high, value), readout_format=".3g",
                               continuous_update=live, **shared)


def _step(low, high, start):
    """About a hundredth of the range, such that `start` is a whole number of steps from `low`.

    The slider in the browser rounds its value to a step, which would move a start that lies between two.
    """
    step = (high - low) / 100
    return (start - low) / max(1, round((start - low) / step)) if start > low else step
