"""The checklist of standards and laws: complete rows, and sections that exist where it points."""

import re

import pytest

from labkit.lab.build import sources
from labkit.standards import CHECKLIST, LABS, TEXTS

SOURCE_OF = {each.name.split("-")[0]: each for each in sources()}


def headings(number):
    return set(re.findall(r"^# ###? (.+)$", SOURCE_OF[number].read_text(), re.M))


@pytest.mark.parametrize("demand", CHECKLIST, ids=lambda each: f"{each.text}, {each.where}")
def test_each_line_is_complete_and_points_to_a_section(demand):
    assert demand.text in TEXTS and demand.shown
    for field in (demand.where, demand.asks, demand.left):
        assert field.strip() == field and len(field) > 3 and not field.endswith(".")
    for number, heading in demand.shown:
        assert heading in headings(number), f"lab {number} has no section {heading!r}"


def test_every_text_has_lines_a_date_and_a_source():
    assert {each.text for each in CHECKLIST} == set(TEXTS)
    for text in TEXTS.values():
        assert re.search(r"\b20[12]\d\b", text.dates) and text.source.startswith("https://")
    assert len({(each.text, each.where) for each in CHECKLIST}) == len(CHECKLIST)


def test_the_labs_are_those_that_there_are():
    assert {number for each in CHECKLIST for number, _ in each.shown} == set(LABS)
    for number, stem in LABS.items():
        assert SOURCE_OF[number].stem == stem
