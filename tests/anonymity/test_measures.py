"""k, l and t against pycanon, and by hand; and the two measures of loss."""

import json
import math
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from labkit.anonymity import (
    Numbers,
    Tree,
    certainty_penalty,
    class_sizes,
    classes,
    discernibility,
    entropy_l_diversity,
    k_anonymity,
    l_diversity,
    t_closeness,
    unique_share,
)
from labkit.anonymity.measures import distances, effective, histograms
from tests.anonymity.tables import fingerprint, tables

REFERENCE = json.loads(Path(__file__).with_name("reference.json").read_text())

# Three classes: a (4 rows), b (2 rows), c (1 row).
SMALL = pd.DataFrame(
    {
        "group": ["a", "a", "b", "a", "c", "b", "a"],
        "one": ["x"] * 7,
        "illness": ["flu", "flu", "cold", "gout", "flu", "flu", "cold"],
        "score": [1, 2, 3, 3, 1, 2, 2],
    }
)


def test_by_hand():
    assert classes(SMALL, ["group"]).tolist() == [0, 0, 1, 0, 2, 1, 0]
    assert class_sizes(SMALL, ["group"]).tolist() == [4, 4, 2, 4, 1, 2, 4]
    assert k_anonymity(SMALL, ["group"]) == 1 and k_anonymity(SMALL, ["one"]) == 7
    assert unique_share(SMALL, ["group"]) == 1 / 7 and unique_share(SMALL, ["group", "illness", "score"]) == 1
    assert l_diversity(SMALL, ["group"], "illness") == 1 and l_diversity(SMALL, ["one"], "illness") == 3
    assert entropy_l_diversity(SMALL, ["group"], "illness") == 1
    assert entropy_l_diversity(SMALL, ["one"], "illness") == pytest.approx(
        math.exp(-(4 * math.log(4 / 7) + 2 * math.log(2 / 7) + math.log(1 / 7)) / 7)
    )
    # Class c is all flu; the table is 4/7 flu.
    assert t_closeness(SMALL, ["group"], "illness") == pytest.approx(3 / 7)
    # Class c is all 1, the table 2/7, 3/7, 2/7 on the steps 1, 2, 3: (1 * 3/7 + 2 * 2/7) / 2.
    assert t_closeness(SMALL, ["group"], "score") == pytest.approx(1 / 2)
    assert t_closeness(SMALL, ["group"], "score", ordered=False) == pytest.approx(5 / 7)
    assert t_closeness(SMALL, ["one"], "score") == 0
    assert discernibility(SMALL, ["group"]) == pytest.approx((16 + 4 + 1) / 7)
    assert discernibility(SMALL, ["group"], suppressed=3) == pytest.approx((21 + 3 * 10) / 10)


def test_a_column_with_one_value_is_at_distance_zero():
    table = SMALL.assign(score=5)
    assert t_closeness(table, ["group"], "score") == 0 and t_closeness(table, ["group"], "one") == 0
    assert l_diversity(table, ["group"], "score") == 1


def entropy_l_by_hand(counts):
    """exp(entropy) with forty digits: the product of (n / c) ** (c / n)."""
    with localcontext(prec=40):
        rows = sum(int(each) for each in counts)
        parts = [(Decimal(rows) / int(each)).ln() * int(each) / rows for each in counts if each]
        return sum(parts).exp()


@pytest.mark.parametrize("name", ["random 1", "random 2", "random 3", "Adult"])
def test_equals_pycanon(name):
    """Stored by reference.py in an environment of its own, since pycanon 1.3 pins old versions of numpy and pandas."""
    table, quasi, category, number = tables()[name]
    told = REFERENCE["pycanon"]["tables"][name]
    assert fingerprint(table) == told["sha256"], "the table has changed: run tests/anonymity/reference.py again"
    assert k_anonymity(table, quasi) == told["k"]
    assert l_diversity(table, quasi, category) == told["l"]
    counts, _ = histograms(table, quasi, category)
    exact = min(entropy_l_by_hand(row) for row in counts)
    assert entropy_l_diversity(table, quasi, category) == pytest.approx(float(exact), abs=1e-12)
    assert told["entropy l, rounded down"] == math.floor(exact), "no class here is even, where pycanon may be one short"
    assert t_closeness(table, quasi, category) == pytest.approx(told["t, categories"], abs=1e-12)
    assert t_closeness(table, quasi, number) == pytest.approx(told["t, numbers"], abs=1e-12)


TABLES = (
    st.integers(1, 60)
    .flatmap(
        lambda rows: st.fixed_dictionaries(
            {
                "a": st.lists(st.integers(0, 2), min_size=rows, max_size=rows),
                "b": st.lists(st.sampled_from("xyz"), min_size=rows, max_size=rows),
                "s": st.lists(st.sampled_from(["flu", "cold", "gout"]), min_size=rows, max_size=rows),
                "v": st.lists(st.integers(-3, 9), min_size=rows, max_size=rows),
            }
        )
    )
    .map(pd.DataFrame)
)


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_equals_pycanon_live_on_any_table(table):
    """pycanon 1.0.1 has no pins, so it can sit beside the labs; the test extra brings it."""
    pycanon = pytest.importorskip("pycanon.anonymity", reason="pycanon is not installed: pip install 'labkit[test]'")
    quasi = ["a", "b"]
    assert k_anonymity(table, quasi) == pycanon.k_anonymity(table, quasi)
    assert l_diversity(table, quasi, "s") == pycanon.l_diversity(table, quasi, ["s"])
    assert t_closeness(table, quasi, "s") == pytest.approx(pycanon.t_closeness(table, quasi, ["s"]), abs=1e-12)
    if table["v"].nunique() > 1:  # pycanon divides by the number of values less one
        assert t_closeness(table, quasi, "v") == pytest.approx(pycanon.t_closeness(table, quasi, ["v"]), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(TABLES)
def test_relations_that_always_hold(table):
    counts, values = histograms(table, ["a", "b"], "s")
    assert counts.sum() == len(table) and list(values) == sorted(set(table["s"]))
    assert 1 <= k_anonymity(table, ["a", "b"]) <= k_anonymity(table, ["a"])
    exact, soft = l_diversity(table, ["a"], "s"), entropy_l_diversity(table, ["a"], "s")
    assert 1 - 1e-9 <= soft <= exact + 1e-9, "equal frequencies are the most even there is"
    assert 0 <= t_closeness(table, ["a"], "v") <= 1 and 0 <= t_closeness(table, ["a", "b"], "s") <= 1
    assert 1 <= discernibility(table, ["a"]) <= len(table)
    shuffled = table.sample(frac=1, random_state=1)
    assert t_closeness(table, ["a"], "v") == pytest.approx(t_closeness(shuffled, ["a"], "v"))


@given(st.lists(st.integers(0, 5), min_size=4, max_size=4).filter(sum), st.lists(st.integers(1, 5), min_size=4, max_size=4))
def test_the_ordered_distance_is_the_earth_movers(part, whole):
    steps = np.arange(4)
    expected = wasserstein_distance(steps, steps, part, whole) / 3
    assert distances(np.array([part]), np.array(whole), True)[0] == pytest.approx(expected, abs=1e-12)


def test_effective_number_of_values():
    assert effective(np.array([[1, 1, 1, 1], [4, 0, 0, 0], [5, 5, 0, 0]])).tolist() == [4, 1, 2]
    for values in range(1, 200):  # exp and log alone give 2.9999999999999996 for three
        for each in (1, 3, 7):
            table = pd.DataFrame({"q": "a", "s": [f"{at % values:03d}" for at in range(values * each)]})
            assert entropy_l_diversity(table, ["q"], "s") == values
    rng = np.random.default_rng(0)
    for counts in rng.integers(0, 30, (200, 6)) + np.eye(6, dtype=int)[rng.integers(0, 6, 200)]:
        assert effective(counts[None])[0] == pytest.approx(float(entropy_l_by_hand(counts)), rel=1e-13)


HIERARCHIES = {"age": Numbers(0, 10), "sex": Tree(["F", "M"])}


def test_certainty_penalty_by_hand():
    table = pd.DataFrame({"age": ["3", "2 to 4", "*", "5 to 10"], "sex": ["F", "*", "M", "M"]})
    assert certainty_penalty(table, HIERARCHIES) == pytest.approx((0 + 0.2 + 1 + 0.5 + 0 + 1 + 0 + 0) / 8)
    assert certainty_penalty(table, HIERARCHIES, suppressed=4) == pytest.approx((2.7 + 8) / 16)
    raw = pd.DataFrame({"age": [3, 4], "sex": ["F", "M"]})
    assert certainty_penalty(raw, HIERARCHIES) == 0


BAD_TABLES = [None, [], "table", SMALL.iloc[:0], {"group": [1]}]
BAD_COLUMNS = [None, [], "group", ["other"], [3], ["group", "group"], 7]


@pytest.mark.parametrize("bad", BAD_TABLES)
def test_bad_tables(bad):
    for call in (classes, class_sizes, unique_share, k_anonymity, discernibility):
        with pytest.raises(ValueError, match="^table must be a pandas DataFrame"):
            call(bad, ["group"])
    for call in (l_diversity, entropy_l_diversity, t_closeness):
        with pytest.raises(ValueError, match="^table must be a pandas DataFrame"):
            call(bad, ["group"], "illness")
    with pytest.raises(ValueError, match="^table must be a pandas DataFrame"):
        certainty_penalty(bad, HIERARCHIES)


@pytest.mark.parametrize("bad", BAD_COLUMNS)
def test_bad_quasi_identifiers(bad):
    for call in (classes, class_sizes, unique_share, k_anonymity, discernibility):
        with pytest.raises(ValueError, match="^quasi_identifiers must"):
            call(SMALL, bad)
    for call in (l_diversity, entropy_l_diversity, t_closeness):
        with pytest.raises(ValueError, match="^quasi_identifiers must"):
            call(SMALL, bad, "illness")


@pytest.mark.parametrize("bad", ["other", 3, ["illness"]])
def test_bad_sensitive_columns(bad):
    for call in (l_diversity, entropy_l_diversity, t_closeness):
        with pytest.raises(ValueError, match="^sensitive must be among the columns"):
            call(SMALL, ["group"], bad)
    with pytest.raises(ValueError, match="^quasi_identifiers must be distinct and without the sensitive column"):
        l_diversity(SMALL, ["group", "illness"], "illness")


def test_gaps_are_refused():
    gap = SMALL.assign(illness=[None, *SMALL["illness"][1:]], score=[float("nan"), *SMALL["score"][1:]])
    for column in ("illness", "score"):
        with pytest.raises(ValueError, match=f"^table must have no gaps.*{column}"):
            l_diversity(gap, ["group"], column)
        with pytest.raises(ValueError, match="^table must have no gaps"):
            k_anonymity(gap, [column])


@pytest.mark.parametrize("bad", [-1, 1.5, None, float("nan"), "1"])
def test_bad_numbers_of_suppressed_rows(bad):
    with pytest.raises(ValueError, match="^suppressed must be"):
        discernibility(SMALL, ["group"], suppressed=bad)
    with pytest.raises(ValueError, match="^suppressed must be"):
        certainty_penalty(pd.DataFrame({"age": [1], "sex": ["F"]}), HIERARCHIES, suppressed=bad)


@pytest.mark.parametrize("bad", [0, 1, "yes", float("nan")])
def test_bad_ordered(bad):
    with pytest.raises(ValueError, match="^ordered must be one of True, False"):
        t_closeness(SMALL, ["group"], "score", ordered=bad)


def test_bad_labels_in_a_release():
    with pytest.raises(ValueError, match="^label must be a number or range within 0 to 10"):
        certainty_penalty(pd.DataFrame({"age": ["11"], "sex": ["F"]}), HIERARCHIES)
