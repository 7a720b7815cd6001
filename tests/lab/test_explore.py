"""The widget, without a browser: controls from plain values, coalesced redraws, errors in place, the stored picture."""

import asyncio
import base64
import io
import re

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image

from labkit.lab import Explore, explore, log_range


def line(fig, **values):
    """Where does the line go?"""
    ax = fig.subplots()
    ax.plot([0, 1], [0, sum(each for each in values.values() if isinstance(each, (int, float)))])
    return "The line goes to " + ", ".join(f"{name} {value}" for name, value in values.items())


def image(widget):
    return re.search(r'src="data:image/webp;base64,([^"]+)"', widget._picture.value).group(1)


@pytest.mark.parametrize("spec, kind, first, another", [
    (range(2, 50), widgets.IntSlider, 2, 30),
    (range(10, 100, 10), widgets.IntSlider, 10, 50),
    ((0.0, 2.0), widgets.FloatSlider, 1.0, 1.5),
    ((0.0, 2.0, 0.5), widgets.FloatSlider, 0.5, 1.5),
    (log_range(1, 100), widgets.FloatLogSlider, 10.0, 50.0),
    ([4, 8, 16], widgets.Dropdown, 4, 16),
    ({"four": 4, "eight": 8}, widgets.Dropdown, 4, 8),
    (True, widgets.Checkbox, True, False),
])
def test_each_plain_value_becomes_a_control_that_redraws(spec, kind, first, another):
    widget = explore(line, knob=spec)
    control = widget.controls["knob"]
    assert type(control) is kind and control.value == pytest.approx(first)
    before = image(widget)
    control.value = another
    assert image(widget) != before
    assert widget.values == {"knob": another} and "knob" in widget.reading


def test_epsilon_is_logarithmic_and_says_which_end_is_private():
    widget = explore(line, epsilon=(0.1, 10, 1))
    assert isinstance(widget.controls["epsilon"], widgets.FloatLogSlider)
    shown = " ".join(each.value for row in widget.children if isinstance(row, widgets.HBox)
                     for each in row.children if isinstance(each, widgets.HTML))
    assert "more private" in shown and "more accurate" in shown


@pytest.mark.parametrize("low, high, start", [(0.05, 8, 0.5), (0.1, 10, 1), (1, 1e4, 37), (0.01, 3, 0.01)])
def test_a_slider_starts_on_one_of_its_steps(low, high, start):
    """The browser rounds to a step: a start between two would move by itself."""
    import math

    for spec, scale in [((low, high, start), lambda value: value), (log_range(low, high, start), math.log10)]:
        slider = explore(line, knob=spec).controls["knob"]
        steps = (scale(start) - scale(low)) / slider.step
        assert steps == pytest.approx(round(steps), abs=1e-9) and slider.value == pytest.approx(start)


def test_a_drag_draws_once_with_the_last_value():
    drawn = []

    def slow(fig, x):
        """What is x?"""
        drawn.append(x)
        return f"x is {x}"

    async def drag():
        widget = explore(slow, x=range(100))
        drawn.clear()
        for value in range(1, 60):
            widget.controls["x"].value = value
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return widget

    widget = asyncio.run(drag())
    assert drawn == [59] and widget.reading == "x is 59"


def test_moves_from_two_threads_do_not_draw_over_one_another():
    import threading
    import time

    inside = []

    def slow(fig, x):
        """Who is drawing?"""
        inside.append(x)
        time.sleep(0.01)
        assert inside.pop() == x and not inside, "two drawings at once"
        return f"x is {x}"

    widget = explore(slow, x=range(100))
    movers = [threading.Thread(target=lambda values=values: [setattr(widget.controls["x"], "value", each) for each in values])
              for values in (range(1, 20), range(50, 70))]
    for each in movers:
        each.start()
    for each in movers:
        each.join()
    assert widget.error is None and widget.reading == f"x is {widget.values['x']}"


def test_an_error_is_shown_in_place_and_the_next_move_recovers():
    def fragile(fig, x):
        """Does it hold?"""
        if x == 3:
            raise ZeroDivisionError("no <third> setting")
        return f"x is {x}"

    widget = explore(fragile, x=range(10))
    kept = image(widget)
    widget.controls["x"].value = 3
    assert isinstance(widget.error, ZeroDivisionError)
    assert "ZeroDivisionError: no &lt;third&gt; setting" in widget._sentence.value
    assert image(widget) == kept, "the last good picture stays"
    widget.controls["x"].value = 4
    assert widget.error is None and "x is 4" in widget._sentence.value


def test_an_error_in_the_first_drawing_is_the_authors():
    def broken(fig, x):
        """Does it hold?"""
        raise KeyError("never")

    with pytest.raises(KeyError, match="never"):
        explore(broken, x=range(3))


def test_the_page_knows_how_many_pictures_were_drawn():
    """The count comes with the sentence, after the picture, also when a setting cannot be drawn."""
    def fails_at_three(fig, x):
        """What is x?"""
        return 1 / (x - 3) and f"x is {x}"

    widget = explore(fails_at_three, x=range(9))
    order = []
    widget._picture.observe(lambda change: order.append("picture"), "value")
    widget._sentence.observe(lambda change: order.append(change["new"]), "value")
    for value, count in [(2, 2), (3, 3), (3, 3), (4, 4)]:
        widget.controls["x"].value = value
        assert widget.painted == count and f'data-painted="{count}"' in widget._sentence.value
    kinds = [each if each == "picture" else int(each.split('data-painted="')[1].split('"')[0]) for each in order]
    assert kinds[:2] == ["picture", 2] and kinds[2] == 3  # no new picture where nothing could be drawn
    assert explore(line, x=range(9))._sentence.value.count('data-painted="1"') == 1


def test_slow_widgets_wait_for_release_and_say_so():
    widget = explore(line, live=False, x=range(10), epsilon=(1, 2))
    assert not any(each.continuous_update for each in widget.controls.values())
    seen = []
    widget._sentence.observe(lambda change: seen.append(change["new"]), "value")
    widget.controls["x"].value = 5
    assert "computing" in seen[0] and "computing" not in seen[-1]


def test_the_stored_notebook_has_the_picture_and_its_description():
    widget = explore(line, x=range(1, 9))
    data, metadata = widget._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == "Where does the line go? [x = 1] The line goes to x 1"
    assert metadata["image/png"]["alt"] == data["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_the_picture_has_two_pixels_for_each_of_the_page_and_loses_none():
    widget = explore(line, x=range(1, 9), size=(5, 2))
    shown = Image.open(io.BytesIO(base64.b64decode(image(widget))))
    assert shown.size == (1000, 400) and 'width="500" height="200"' in widget._picture.value
    buffer = io.BytesIO()
    widget.figure.savefig(buffer, format="png", dpi=200)
    assert np.array_equal(np.asarray(shown.convert("RGB")), np.asarray(Image.open(buffer).convert("RGB")))


def test_a_narrow_page_leaves_no_hole_and_nothing_beyond_its_edge():
    """The picture keeps its shape by width and height; a fixed height would leave a hole below a smaller one."""
    widget = explore(line, epsilon=(0.1, 10, 1))
    assert widget._picture.layout.min_height is None and "max-width:100%;height:auto" in widget._picture.value
    (beside,) = (each for each in widget.children if isinstance(each, widgets.HBox))
    assert beside.layout.flex_flow == "row wrap" and widget.controls["epsilon"].layout.max_width == "96%"


def test_alt_text_is_escaped_and_the_size_is_fixed():
    def tricky(fig, x):
        """Is it safe?"""
        return f'"><script>alert({x})</script>'

    widget = explore(tricky, x=range(3), size=(5, 2))
    assert "<script>" not in widget._picture.value + widget._sentence.value
    assert 'width="500" height="200"' in widget._picture.value
    before = len(widget.children)
    widget.controls["x"].value = 1
    assert 'width="500" height="200"' in widget._picture.value and len(widget.children) == before


def test_two_widgets_do_not_share_state():
    one, two = explore(line, x=range(9)), explore(line, x=range(9))
    one.controls["x"].value = 7
    assert two.values == {"x": 0} and two.reading.endswith("x 0")


@pytest.mark.parametrize("bad, named", [
    (dict(x="word"), "x"), (dict(x=[]), "x"), (dict(x=range(0)), "x"), (dict(x=(1,)), "x"), (dict(x=None), "x"),
    (dict(x=(2, 1)), "x"), (dict(x=(0, float("nan"))), "x"), (dict(x=(0, 1, 5)), "x"), (dict(epsilon=(0, 1)), "low"),
    (dict(epsilon=(-1, 1)), "low"), (dict(epsilon=(1, float("inf"))), "high"), (dict(), "controls"),
    (dict.fromkeys("abcde", range(3)), "controls"),
    (dict.fromkeys("abcdef", True), "controls"),
    (dict.fromkeys("abcd", range(3)) | {"e": True}, "controls"), (dict(x=range(3), labels={"y": "?"}), "labels"),
    (dict(x=range(3), start={"y": 1}), "start"),
])
def test_bad_controls_are_refused_by_name(bad, named):
    with pytest.raises(ValueError, match=named):
        explore(line, **bad)


@pytest.mark.parametrize("low, high, start, named", [(0, 1, None, "low"), (1, 1, None, "high"), (1, 2, 3, "start"),
                                                     ("a", 2, None, "low"), (1, float("inf"), None, "high")])
def test_bad_log_ranges_are_refused_by_name(low, high, start, named):
    with pytest.raises(ValueError, match=named):
        log_range(low, high, start)


def test_five_switches_stand_in_one_row_and_count_as_one_control():
    widget = explore(line, a=True, b=False, c=True, d=True, e=False, epsilon=(0.1, 10, 1.0), start={"b": True})
    (row,) = [each for each in widget.children if isinstance(each, widgets.HBox) and isinstance(each.children[0], widgets.Checkbox)]
    assert [each.description for each in row.children] == list("abcde") and widget.values["b"] is True
    before = image(widget)
    widget.controls["epsilon"].value = 5.0
    assert image(widget) != before
    few = explore(line, a=True, b=False, epsilon=(0.1, 10, 1.0))  # up to four in all: each on a line of its own
    assert few.controls["a"] in few.children and few.controls["b"] in few.children


def test_a_widget_must_ask_something():
    def silent(fig, x):
        return ""

    with pytest.raises(ValueError, match="question"):
        explore(silent, x=range(3))
    assert isinstance(explore(silent, question="And now?", x=range(3)), Explore)


def test_a_still_picture_says_on_and_off():
    def draw(fig, x, mask):
        """Is it on?"""
        return f"{x}"

    widget = explore(draw, x=range(3), mask=True)
    assert "mask = on" in widget._repr_mimebundle_()[0]["text/plain"]
    widget.controls["mask"].value = False
    assert "mask = off" in widget._repr_mimebundle_()[0]["text/plain"]
