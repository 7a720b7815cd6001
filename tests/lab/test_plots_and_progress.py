import itertools

import matplotlib as mpl
import numpy as np
import pytest

from labkit.lab import plots, progress


def test_every_colour_has_one_meaning():
    named = [plots.ATTACKER, plots.PRIVATE, plots.PLAIN, plots.BASELINE, plots.GUARANTEE, *plots.SERIES]
    assert len(set(named)) == len(named)


def seen_by(kind, colour):
    """CIELAB of a colour as a dichromat sees it (Vienot, Brettel, Mollon 1999, in linear RGB)."""
    to_lms = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
    loss = {"all cones": np.eye(3),
            "no green cones": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
            "no red cones": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]])}[kind]
    rgb = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.linalg.inv(to_lms) @ loss @ to_lms @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / np.array([0.9505, 1, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", ["all cones", "no green cones", "no red cones"])
def test_the_five_meanings_stay_apart_for_colour_blind_readers(kind):
    """15 in CIELAB is six times a just noticeable difference (about 2.3)."""
    shown = [seen_by(kind, each) for each in (plots.ATTACKER, plots.PRIVATE, plots.PLAIN, plots.BASELINE, plots.GUARANTEE)]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(shown, 2)) > 15


def test_the_privacy_axis_says_which_end_is_which():
    fig, ax = plots.figure()
    plots.privacy_axis(ax)
    assert ax.get_xlabel().startswith("more private") and ax.get_xlabel().endswith("more accurate")
    assert ax.get_xscale() == "log"
    mpl.pyplot.close(fig)


def test_baseline_and_guarantee_lines():
    fig, ax = plots.figure()
    assert plots.baseline(ax, 0.5, "coin toss").get_linestyle() == "--"
    assert plots.guarantee(ax, 0.7, "limit").get_color() == plots.GUARANTEE
    plots.percent(ax)
    assert ax.yaxis.get_major_formatter()(0.25) == "25 %"
    mpl.pyplot.close(fig)


def test_progress_passes_everything_through(capsys):
    assert list(progress(range(5), "counting")) == [0, 1, 2, 3, 4]


def test_progress_survives_an_error():
    with pytest.raises(KeyError):
        for step in progress(range(5), "counting"):
            raise KeyError(step)
