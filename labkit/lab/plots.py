"""One look for every figure. A colour means one thing in every lab (Okabe-Ito, colour-blind safe)."""

import matplotlib as mpl
from matplotlib.figure import Figure

ATTACKER = "#D55E00"  # vermillion: what an attacker sees, gains or guesses
PRIVATE = "#0072B2"  # blue: the protected release or model
PLAIN = "#666666"  # grey: without protection (dark enough to differ from the green for red-green blind eyes)
BASELINE = "#000000"  # black, dashed: the trivial answer (majority class, coin toss)
GUARANTEE = "#009E73"  # green: what the theory promises, as a line or a band
# For series that mean none of the above (four hospitals, ten strategies): never reuse the colours above for them.
SERIES = ("#56B4E9", "#E69F00", "#CC79A7", "#882255", "#44AA99", "#999933")

STYLE = {
    "figure.dpi": 110,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 11,
    "axes.labelcolor": "#333333",
    "axes.edgecolor": "#666666",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


def use_house_style():
    """Apply the house style to every figure made from now on."""
    mpl.rcParams.update(STYLE)


def figure(width=8.2, height=3.2, **subplots):
    """A new pyplot figure and its axes, in the width of a notebook column (inches)."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained", **subplots)


def privacy_axis(ax, axis="x", label="epsilon", log=True):
    """Label an epsilon axis and say which end is which: small epsilon is more private."""
    setter = {"x": ax.set_xscale, "y": ax.set_yscale}[axis]
    if log:
        setter("log")
        getattr(ax, f"{axis}axis").set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    text = f"more private  ⟵  {label}  ⟶  more accurate"
    {"x": ax.set_xlabel, "y": ax.set_ylabel}[axis](text)


def baseline(ax, value, label, axis="y"):
    """The trivial answer (majority class, coin toss) as a dashed line, labelled in the legend."""
    draw = {"y": ax.axhline, "x": ax.axvline}[axis]
    return draw(value, color=BASELINE, ls="--", lw=1, label=label)


def guarantee(ax, value, label, axis="y"):
    """The theoretical limit as a green line."""
    draw = {"y": ax.axhline, "x": ax.axvline}[axis]
    return draw(value, color=GUARANTEE, lw=1.8, label=label)


def percent(ax, axis="y"):
    """Show a 0-1 axis as percentages."""
    formatter = mpl.ticker.PercentFormatter(1.0, decimals=0, symbol=" %")
    getattr(ax, f"{axis}axis").set_major_formatter(formatter)


def bare_figure(width, height):
    """A Figure outside pyplot: nothing to close, and not displayed by itself."""
    return Figure(figsize=(width, height))
