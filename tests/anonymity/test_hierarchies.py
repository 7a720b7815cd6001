"""Numbers and trees: positions, labels, spans and what each hides."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.anonymity import Numbers, Tree, certainty_penalty, mondrian, prefixes
from labkit.anonymity.hierarchies import checked, labels

AGES = Numbers(17, 90, bands=(5, 10))
MARRIED = Tree(
    {"partner": ["married", "living together"], "none": {"never": ["single"], "no more": ["widowed", "divorced"]}}
)
CODES = prefixes(["1001", "1002", "1101", "2001"], (2, 1))
BOTH = [AGES, MARRIED, CODES, Tree(["yes", "no"]), Numbers(-3, 3)]


def test_numbers_by_hand():
    assert AGES.positions(np.array([17, 90, 18])).tolist() == [0, 73, 1]
    assert [AGES.label(0, 0), AGES.label(1, 4), AGES.label(0, 73)] == ["17", "18 to 21", "*"]
    assert [AGES.span("17"), AGES.span(18), AGES.span("18 to 21"), AGES.span("*")] == [(0, 0), (1, 1), (1, 4), (0, 73)]
    assert AGES.penalty(0, 0) == 0 and AGES.penalty(0, 73) == 1 and AGES.penalty(1, 4) == 3 / 73
    assert AGES.ends("18 to 21") == ("18", "21") and AGES.ends("18") == ("18", "18")
    assert AGES.at_level(np.array([17, 20, 88]), 0).tolist() == ["17", "20", "88"]
    assert AGES.at_level(np.array([17, 20, 88]), 1).tolist() == ["17 to 19", "20 to 24", "85 to 89"]
    assert AGES.at_level(np.array([17, 20, 90]), 2).tolist() == ["17 to 19", "20 to 29", "90"]
    assert AGES.at_level(np.array([17]), 3).tolist() == ["*"]
    assert AGES.encode(["17", "90", "*", "18 to 20"]).ravel().tolist() == pytest.approx([0, 1, 0.5, 2 / 73])


def test_trees_by_hand():
    assert MARRIED.leaves == ["married", "living together", "single", "widowed", "divorced"]
    assert MARRIED.positions(["single", "married"]).tolist() == [2, 0]
    assert MARRIED.label(0, 0) == "married" and MARRIED.label(0, 1) == "partner" and MARRIED.label(3, 4) == "no more"
    assert MARRIED.label(2, 3) == "none", "one leaf of each child: the smallest node that holds both"
    assert MARRIED.label(1, 2) == "*" and MARRIED.label(0, 4) == "*"
    assert MARRIED.span("none") == (2, 4) and MARRIED.span("never or no more") == (2, 4) and MARRIED.span("*") == (0, 4)
    assert MARRIED.penalty(2, 2) == 0 and MARRIED.penalty(2, 4) == 3 / 5
    assert MARRIED.gap_depths().tolist() == [1, 0, 1, 2]
    assert MARRIED.levels == 3
    assert [MARRIED.at_level(["widowed"], level)[0] for level in range(4)] == ["widowed", "no more", "none", "*"]
    assert [MARRIED.at_level(["married"], level)[0] for level in range(4)] == ["married", "married", "partner", "*"]
    assert MARRIED.ends("*") == ("partner", "none") and MARRIED.ends("none") == ("never", "no more")
    assert MARRIED.encode(["partner"]).tolist() == [[0.5, 0.5, 0, 0, 0]]


def test_siblings_are_named_together():
    three = Tree(["a", "b", "c"])
    assert [three.label(0, 1), three.label(1, 2), three.label(0, 2)] == ["a or b", "b or c", "*"]
    assert three.ends("a or b") == ("a", "b") and three.ends("*") == ("a", "c") and three.ends("b") == ("b", "b")


def test_prefixes_shorten_codes():
    assert CODES.leaves == ["1001", "1002", "1101", "2001"]
    assert [CODES.at_level(["1002"], level)[0] for level in range(4)] == ["1002", "10**", "1***", "*"]
    assert CODES.label(0, 2) == "1***"


@pytest.mark.parametrize("hierarchy", BOTH)
def test_a_label_covers_its_stretch_and_reads_back(hierarchy):
    for first in range(min(hierarchy.size, 20)):
        for last in range(first, min(hierarchy.size, 20)):
            label = hierarchy.label(first, last)
            low, high = hierarchy.span(label)
            assert low <= first and last <= high
            assert hierarchy.label(low, high) == label
            if first == last:
                assert (low, high) == (first, last) and hierarchy.penalty(low, high) == 0
            # A minimal method may use this label: the stretch reaches into both of its ends.
            below, above = (hierarchy.span(each) for each in hierarchy.ends(label))
            assert below[0] <= first <= below[1] and above[0] <= last <= above[1]


@pytest.mark.parametrize("hierarchy", BOTH)
def test_levels_only_ever_widen(hierarchy):
    values = hierarchy.leaves if isinstance(hierarchy, Tree) else np.arange(hierarchy.low, hierarchy.high + 1)
    spans = [[hierarchy.span(each) for each in hierarchy.at_level(values, level)] for level in range(hierarchy.levels + 1)]
    for narrow, wide in zip(spans, spans[1:]):
        assert all(b[0] <= a[0] and a[1] <= b[1] for a, b in zip(narrow, wide))
    assert set(spans[-1]) == {(0, hierarchy.size - 1)}
    # Two values share a label or have labels that do not meet: otherwise one value would have two ways to be told.
    for level in spans:
        assert all(a == b or a[1] < b[0] for a, b in zip(level, level[1:]))


@given(st.lists(st.integers(17, 90), min_size=1, max_size=20))
def test_encoding_of_exact_values_keeps_order(values):
    encoded = AGES.encode([str(each) for each in values]).ravel()
    assert (np.argsort(encoded, kind="stable") == np.argsort(values, kind="stable")).all()


def test_encoded_rows_of_a_tree_sum_to_one():
    assert np.allclose(MARRIED.encode(["*", "none", "single", "never or no more"]).sum(axis=1), 1)


def test_labels_of_many_stretches():
    assert labels(AGES, np.array([0, 1, 0]), np.array([0, 3, 0])).tolist() == ["17", "18 to 20", "17"]


@pytest.mark.parametrize(
    "arguments, named",
    [
        ((90, 17), "high"),
        ((5, 5), "high"),
        ((1.5, 3), "low"),
        (("a", 3), "low"),
        ((1, float("nan")), "high"),
        ((0, 9, (1,)), "bands"),
        ((0, 9, (2.5,)), "bands"),
        ((0, 9, (4, 2)), "bands"),
        ((0, 9, (2, 5)), "bands"),
        ((0, 9, (2, 2)), "bands"),
    ],
)
def test_bad_numbers(arguments, named):
    with pytest.raises(ValueError, match=f"^{named} must"):
        Numbers(*arguments)


@pytest.mark.parametrize(
    "branches",
    [
        None,
        [],
        {},
        "ab",
        ["a"],
        ["a", "a"],
        {"a": ["b"], "c": ["b"]},
        {"a": []},
        [1, 2],
        ["a or b", "c"],
        ["*", "a"],
        {"a": {"a": ["x", "y"]}},
        ["", "a"],
        {"a": 3},
    ],
)
def test_bad_trees(branches):
    with pytest.raises(ValueError, match="^branches must"):
        Tree(branches)


@pytest.mark.parametrize("values", [[16], [91], [17.5], ["17"], [np.nan], [None]])
def test_numbers_refuse_values_outside(values):
    with pytest.raises(ValueError, match="^values must be whole numbers from 17 to 90"):
        AGES.positions(np.array(values))


@pytest.mark.parametrize("values", [["partner"], ["*"], [3], [None], [float("nan")], [["single"]]])
def test_trees_refuse_values_that_are_no_leaves(values):
    with pytest.raises(ValueError, match="^values must be leaves"):
        MARRIED.positions(values)


@pytest.mark.parametrize(
    "hierarchy, label",
    [
        (AGES, "16"),
        (AGES, "30 to 20"),
        (AGES, "1 to 2 to 3"),
        (AGES, "old"),
        (AGES, ""),
        (AGES, None),
        (MARRIED, "other"),
        (MARRIED, ""),
        (MARRIED, None),
        (MARRIED, 3),
        (MARRIED, "none or partner"),
        (MARRIED, "none or single"),
    ],
)
def test_bad_labels(hierarchy, label):
    with pytest.raises(ValueError, match="^label must"):
        hierarchy.span(label)


@pytest.mark.parametrize("level", [-1, 4, 1.0, None, "1", float("nan")])
def test_bad_levels(level):
    for hierarchy, values in [(AGES, np.array([20])), (MARRIED, ["single"])]:
        with pytest.raises(ValueError, match="^level must be a whole number from 0 to 3"):
            hierarchy.at_level(values, level)


@pytest.mark.parametrize(
    "codes, lengths, named",
    [
        ([], (1,), "codes"),
        (["12", "1"], (1,), "codes"),
        ([12], (1,), "codes"),
        (["12", "13"], (2,), "lengths"),
        (["12", "13"], (0,), "lengths"),
        (["123", "124"], (1, 2), "lengths"),
        (["123", "124"], (1.0,), "lengths"),
    ],
)
def test_bad_prefixes(codes, lengths, named):
    with pytest.raises(ValueError, match=f"^{named} must"):
        prefixes(codes, lengths)


@pytest.mark.parametrize("bad", [None, {}, [], {"age": None}, {"age": {"a": ["b"]}}, "age"])
def test_bad_hierarchies(bad):
    with pytest.raises(ValueError, match="^hierarchies must be a dict from column to Numbers or Tree"):
        checked(bad)


def test_whole_numbers_may_come_as_floats():
    """As pandas keeps a column that once had gaps."""
    ages = Numbers(0, 99, bands=(10,))
    table = pd.DataFrame({"age": [31.0, 38.0, 40.0], "sex": ["F", "M", "F"]})
    assert ages.positions(table.age).tolist() == [31, 38, 40] and ages.at_level(table.age, 1).tolist() == ["30 to 39", "30 to 39", "40 to 49"]
    assert ages.span("31.0") == (31, 31) and ages.label(31, 31) == "31"
    whole = table.astype({"age": int})
    hierarchies = {"age": ages, "sex": Tree(["F", "M"])}
    assert mondrian(table, hierarchies, k=3).table.equals(mondrian(whole, hierarchies, k=3).table)
    assert certainty_penalty(table, hierarchies) == certainty_penalty(whole, hierarchies) == 0
    for bad in ([31.5], [np.nan], [np.inf], [1e300], [100.0]):
        with pytest.raises(ValueError, match="values must be whole numbers from 0 to 99"):
            ages.positions(bad)
    with pytest.raises(ValueError, match="label must be"):
        ages.span("31.5")
