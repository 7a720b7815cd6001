"""k, l and t by a second implementation, on random tables of all kinds of columns; the order of categories; odd tables."""

from collections import Counter, defaultdict
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from labkit.anonymity import (
    Numbers,
    Tree,
    class_sizes,
    classes,
    discernibility,
    entropy_l_diversity,
    k_anonymity,
    l_diversity,
    mondrian,
    suppress_rare,
    t_closeness,
    unique_share,
)
from labkit.anonymity.columns import coded, in_order
from tests.anonymity.test_measures import entropy_l_by_hand

LEVELS = ["none", "mild", "moderate", "severe", "critical"]


def by_hand(rows, quasi, sensitive, order):
    """(k, l, entropy l, t) with dicts and fractions, from a list of dicts. order: the values in their order, or None."""
    rows = [row for row in rows if any(row[name] != "*" for name in quasi)] or rows
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in quasi)].append(row[sensitive])
    whole = Counter(row[sensitive] for row in rows)
    steps = [each for each in order if each in whole] if order else list(whole)
    farthest = Fraction(0)
    for group in groups.values():
        counts = Counter(group)
        apart = [Fraction(counts[each], len(group)) - Fraction(whole[each], len(rows)) for each in steps]
        if order:
            walked = [abs(sum(apart[: at + 1])) for at in range(len(apart))]
            distance = Fraction(sum(walked)) / max(len(steps) - 1, 1)
        else:
            distance = Fraction(sum(map(abs, apart))) / 2
        farthest = max(farthest, distance)
    softest = min(entropy_l_by_hand(Counter(group).values()) for group in groups.values())
    return min(map(len, groups.values())), min(len(set(group)) for group in groups.values()), softest, farthest


def random_column(rng, rows, kind):
    """A column, and the order in which its values stand (None: in none)."""
    if kind == "ordered":
        levels = list(rng.permutation(LEVELS))  # any order but, as a rule, the alphabet's
        return pd.Series(pd.Categorical(rng.choice(levels[: rng.integers(1, 6)], rows), categories=levels, ordered=True)), levels
    if kind == "nominal":
        return pd.Series(rng.choice(["flu", "cold", "gout"], rows), dtype=rng.choice(["object", "str", "category"])), None
    if kind == "numeric":
        return pd.Series(rng.choice([-3, 0, 1, 10, 200], rows)).astype(rng.choice(["int64", "float64", "int16"])), \
            [-3, 0, 1, 10, 200]
    if kind == "nullable":
        return pd.Series(rng.integers(-3, 3, rows)).astype("Int64"), list(range(-3, 3))
    if kind == "boolean":
        return pd.Series(rng.random(rows) < 0.5).astype(rng.choice(["bool", "boolean"])), [False, True]
    if kind == "date":
        days = pd.date_range("2020-01-01", periods=5).tolist()
        return pd.Series(pd.to_datetime(rng.choice(np.array(days, dtype="datetime64[ns]"), rows))), days
    return pd.Series(rng.choice(np.array([1, "1", "one", 2.5, "x"], dtype=object), rows), dtype=object), None  # mixed


KINDS = ["ordered", "nominal", "numeric", "nullable", "boolean", "date", "mixed"]


@pytest.mark.parametrize("seed", range(210))
def test_equals_a_second_implementation_on_random_tables(seed):
    """Thirty tables for each kind of sensitive column; quasi-identifiers of two kinds; some with suppressed rows, some with gaps."""
    rng = np.random.default_rng(seed)
    rows, kind = int(rng.integers(1, 80)), KINDS[seed % len(KINDS)]
    column, order = random_column(rng, rows, kind)
    table = pd.DataFrame({"s": column, "a": random_column(rng, rows, str(rng.choice(KINDS)))[0],
                          "b": random_column(rng, rows, str(rng.choice(KINDS)))[0]})
    quasi = ["a", "b"]
    if seed % 3 == 0:
        hidden = rng.random(rows) < rng.choice([0.1, 1.0])
        table = table.astype(dict.fromkeys(quasi, object))
        table.loc[hidden, quasi] = "*"
    table.index = rng.permutation(rows) * 3 - 5  # no measure may go by the index
    if seed % 5 == 0:
        gap, name = table.copy(), str(rng.choice(["a", "s"]))
        gap[name] = gap[name].astype(object).where(np.arange(rows) != rows - 1, None)
        with pytest.raises(ValueError, match="^table must have no gaps"):
            t_closeness(gap, quasi, "s")
    k, l, soft, t = by_hand(table.to_dict("records"), quasi, "s", order)  # noqa: E741
    assert k_anonymity(table, quasi) == k and l_diversity(table, quasi, "s") == l
    assert entropy_l_diversity(table, quasi, "s") == pytest.approx(float(soft), rel=1e-13)
    assert t_closeness(table, quasi, "s") == pytest.approx(float(t), abs=1e-12)
    assert t_closeness(table, quasi, "s", ordered=False) == pytest.approx(float(by_hand(table.to_dict("records"), quasi, "s", None)[3]))
    if kind in ("nominal", "mixed"):
        order = list(dict.fromkeys(table["s"]))
        expected = by_hand(table.to_dict("records"), quasi, "s", order)[3]
        assert t_closeness(table, quasi, "s", ordered=order) == pytest.approx(float(expected), abs=1e-12)
        with pytest.raises(ValueError, match="^ordered must be one of False, None, or a list"):
            t_closeness(table, quasi, "s", ordered=True)
    else:
        assert t_closeness(table, quasi, "s", ordered=True) == pytest.approx(float(t), abs=1e-12)


def severity(rng, rows=2000):
    codes = rng.integers(0, 5, rows)
    table = pd.DataFrame({"age": np.clip(20 + 12 * codes + rng.integers(0, 25, rows), 0, 99)})
    return table.assign(s=pd.Categorical.from_codes(codes, LEVELS, ordered=True))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("t", [0.15, 0.2, 0.3])
def test_a_release_keeps_its_t_in_the_order_of_the_categories(seed, t):
    """Along the alphabet (critical, mild, moderate, none, severe), a release for .15 would have .31."""
    table = severity(np.random.default_rng(seed))
    for given in (True, None, LEVELS):
        release = mondrian(table, {"age": Numbers(0, 99)}, k=5, sensitive="s", t=t, ordered=given).table
        as_numbers = release.assign(s=table["s"].cat.codes)
        assert t_closeness(as_numbers, ["age"], "s") <= t + 1e-9
        assert t_closeness(release, ["age"], "s") == pytest.approx(t_closeness(as_numbers, ["age"], "s"), abs=1e-12)
    loose = mondrian(table.astype({"s": str}), {"age": Numbers(0, 99)}, k=5, sensitive="s", t=t, ordered=sorted(LEVELS)).table
    assert t_closeness(loose.assign(s=table["s"]), ["age"], "s") > t, "the alphabet's order would not have kept it"


def test_levels_that_do_not_occur_are_no_steps():
    """Naming a hundred more must not make a release look closer."""
    column = ["low"] * 10 + ["high"] * 10
    table = pd.DataFrame({"q": ["a"] * 10 + ["b"] * 10, "s": pd.Categorical(column, ["low", "high", *map(str, range(100))], ordered=True)})
    assert t_closeness(table, ["q"], "s") == 0.5
    assert t_closeness(table.assign(s=column), ["q"], "s", ordered=["low", *map(str, range(100)), "high"]) == 0.5


def test_a_suppressed_row_counts_as_left_out():
    table = pd.DataFrame({"a": list("xxxyyy") + ["*"], "b": list("112233") + ["*"], "s": list("pqpqpq") + ["z"]})
    table.loc[2, "b"] = "1"
    table.loc[[3, 4, 5], "b"] = "*"  # half hidden: still a class
    left = table.iloc[:6]
    assert k_anonymity(table, ["a", "b"]) == k_anonymity(left, ["a", "b"]) == 3
    assert unique_share(table, ["a", "b"]) == 0 and class_sizes(table, ["a", "b"]).tolist() == [3] * 6 + [7]
    for measure in (l_diversity, entropy_l_diversity, t_closeness):
        assert measure(table, ["a", "b"], "s") == measure(left, ["a", "b"], "s")
    assert discernibility(table, ["a", "b"]) == discernibility(left, ["a", "b"], suppressed=1)
    assert len(suppress_rare(table, ["a", "b"], 3)) == 7
    everything = table.assign(a="*", b="*")
    assert k_anonymity(everything, ["a", "b"]) == 7 and l_diversity(everything, ["a", "b"], "s") == 3


def test_classes_are_numbered_by_their_first_rows():
    table = pd.DataFrame({"a": [3, 1, 3, 2, 1], "b": list("xyxxy")})
    assert classes(table, ["a", "b"]).tolist() == [0, 1, 0, 2, 1] and classes(table, ["b", "a"]).tolist() == [0, 1, 0, 2, 1]


def test_mixed_types_go_through_mondrian():
    table = pd.DataFrame({"age": range(40), "s": [1, "a"] * 20})
    release = mondrian(table, {"age": Numbers(0, 39)}, k=4, sensitive="s", l=2, t=0.3)
    assert l_diversity(release.table, ["age"], "s") == 2 and k_anonymity(release.table, ["age"]) >= 4
    assert coded(table["s"])[1] == [1, "a"]


@pytest.mark.parametrize("call", [
    lambda table: k_anonymity(table, ["a"]), lambda table: classes(table, ["a"]), lambda table: l_diversity(table, ["b"], "a"),
    lambda table: t_closeness(table, ["a"], "b"), lambda table: mondrian(table, {"a": Numbers(0, 9)}, k=1)])
def test_a_column_named_twice_is_refused(call):
    table = pd.DataFrame([[1, 2, 3], [1, 2, 3]], columns=["a", "b", "a"])
    with pytest.raises(ValueError, match="^table must have each named column once, got 2 called 'a'"):
        call(table)
    assert k_anonymity(table, ["b"]) == 2  # who is not named does not matter


def test_values_that_cannot_be_told_apart_and_levels_above_levels():
    with pytest.raises(ValueError, match="^table must hold values that can be told apart.*'a'"):
        k_anonymity(pd.DataFrame({"a": [[1], [2]]}), ["a"])
    deep = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    with pytest.raises(ValueError, match="^quasi_identifiers must be among the columns"):
        k_anonymity(deep, ["a"])


@pytest.mark.parametrize("bad", [["low"], ["low", "low", "high"], [], "low", 1, 0, "yes", {"low": 1}])
def test_bad_orders(bad):
    table = pd.DataFrame({"q": list("aabb"), "s": ["low", "high"] * 2, "sex": list("FFMM")})
    for call in (lambda: t_closeness(table, ["q"], "s", ordered=bad),
                 lambda: mondrian(table, {"sex": Tree(["F", "M"])}, k=1, sensitive="s", t=0.9, ordered=bad)):
        with pytest.raises(ValueError, match="^ordered must be one of True, False"):
            call()
    assert in_order(table["s"], ["low", "high"])[1:] == (["low", "high"], True)
