"""Which settings a page shows: ends and start are among them, and no more than asked for."""

import math

import ipywidgets as widgets
import pytest

from labkit.lab import log_range
from labkit.lab.controls import control
from labkit.site.grid import grid, stops_of, thin

CASES = {
    "one slider": dict(epsilon=(0.05, 8, math.log(3))),
    "two sliders": dict(epsilon=(0.05, 8, 0.5), people=range(10, 2000, 10)),
    "four": dict(a=(0, 1, 0.3), b=log_range(1, 1e6), c=range(50), d=True),
    "choices": dict(a=list(range(60)), b={"x": None, "y": (1, 2)}),
    "too many": dict(a=list(range(60)), b=list(range(40)), c=list(range(30)), d=(0.0, 1.0)),
}


def made(specs):
    return {name: control(name, spec) for name, spec in specs.items()}


@pytest.mark.parametrize("most", [9, 25, 121])
@pytest.mark.parametrize("case", CASES)
def test_ends_and_start_are_shown_and_no_more_than_asked(case, most):
    controls = made(CASES[case])
    chosen = grid(controls, most)
    assert len(set(chosen.places)) == len(chosen.places) <= (most if not chosen.star else max(most, 24))
    assert chosen.start in chosen.places and chosen.values(chosen.start) == {name: each.value for name, each in controls.items()}
    for name, stops in chosen.stops.items():
        every = stops_of(controls[name])
        assert stops[0] == every[0] and stops[-1] == every[-1] and len(set(stops)) == len(stops)
    product = math.prod(map(len, chosen.stops.values()))
    assert chosen.star or len(chosen.places) == product
    assert chosen.star == (len(chosen.places) < product)


def test_every_place_of_a_star_moves_at_most_one_control():
    chosen = grid(made(CASES["too many"]), 40)
    assert chosen.star
    assert all(sum(a != b for a, b in zip(place, chosen.start)) <= 1 for place in chosen.places)
    for number, stops in enumerate(chosen.stops.values()):  # and each of its stops is there
        assert {place[number] for place in chosen.places} == set(range(len(stops)))


def test_one_slider_keeps_every_step_where_there_is_room():
    (stops,) = grid(made(dict(x=range(50))), 121).stops.values()
    assert [value for _, value in stops] == list(range(50))


def test_two_sliders_share_the_room_evenly():
    stops = grid(made(CASES["two sliders"]), 121).stops
    assert [len(each) for each in stops.values()] == [11, 11]


@pytest.mark.parametrize("at", range(40))
@pytest.mark.parametrize("most", [3, 4, 7])
def test_thinning_keeps_order_ends_and_start(at, most):
    kept = thin(list(range(40)), at, most)
    assert len(kept) == most and kept == sorted(set(kept)) and {0, at, 39} <= set(kept)


@pytest.mark.parametrize("spec, texts", [
    (True, ["off", "on"]), ([4, 8], ["4", "8"]), ({"four": 4}, ["four"]), (range(999, 1001), ["999", "1,000"]),
    ((0.0, 1.0), 101), (log_range(100, 1e6, 1000), 101),
])
def test_the_text_of_a_stop_is_what_the_control_shows(spec, texts):
    found = [text for text, _ in stops_of(control("knob", spec))]
    assert found == texts or len(found) == texts
    if not isinstance(texts, list):
        assert found[0] in ("0", "100") and found[-1] in ("1", "1,000,000")


def test_the_start_is_exact_though_steps_round():
    slider = control("epsilon", (0.05, 8, math.log(3)))
    assert math.log(3) in [value for _, value in stops_of(slider)]


def test_a_control_of_another_kind_stands_still():
    text = widgets.Text("word")
    assert grid({"a": text, "b": control("b", range(3))}, 9).stops["a"] == [("word", "word")]


@pytest.mark.parametrize("most", [0, -1, 1.5, True, None])
def test_a_bad_number_of_settings_is_refused_by_name(most):
    with pytest.raises(ValueError, match="most"):
        grid(made(dict(x=range(3))), most)
