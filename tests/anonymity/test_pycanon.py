"""What lab 01 says about pycanon, run against the installed version: a row fails here when a new version changes it.

pycanon 1.0 can be installed beside the labs and is what the test extra brings; its newest needs older numpy and pandas, and anjana
needs those as well. `findings/pycanon_measures_anjana_index.sh` runs the same rows on them, in an environment of their own.
"""

import numpy as np
import pandas as pd
import pytest

from labkit.anonymity import entropy_l_diversity, k_anonymity, l_diversity, t_closeness

pytestmark = pytest.mark.filterwarnings("ignore::Warning:pycanon")
pycanon = pytest.importorskip("pycanon.anonymity", reason="pycanon is not installed: pip install 'labkit[test]'")


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(all="ignore"):
        yield


def shuffled_table():
    table = pd.DataFrame({"q": ["a"] * 3 + ["b"] * 3, "s": ["x", "x", "x", "x", "y", "y"], "v": [1, 1, 1, 1, 9, 9]})
    return table.sample(frac=1, random_state=2)


def test_rows_that_were_shuffled_and_not_renumbered():
    """l and t look rows up by number where the index holds labels; k does not."""
    table, renumbered = shuffled_table(), shuffled_table().reset_index(drop=True)
    assert pycanon.k_anonymity(table, ["q"]) == k_anonymity(table, ["q"]) == 3
    assert l_diversity(table, ["q"], "s") == 1 and pycanon.l_diversity(renumbered, ["q"], ["s"]) == 1
    assert pycanon.l_diversity(table, ["q"], ["s"]) == 2, "silently wrong"
    assert pycanon.t_closeness(renumbered, ["q"], ["s"]) == pytest.approx(t_closeness(table, ["q"], "s"))
    assert pycanon.t_closeness(table, ["q"], ["s"]) != pytest.approx(t_closeness(table, ["q"], "s"))


def test_a_gap_in_a_quasi_identifier_leaves_its_row_out():
    table = pd.DataFrame({"q": ["a"] * 5 + [None]})
    assert pycanon.k_anonymity(table, ["q"]) == 5, "the last row is a class of one"
    with pytest.raises(ValueError, match="no gaps"):
        k_anonymity(table, ["q"])


def test_entropy_l_of_equally_frequent_values_is_one_short_for_some_numbers():
    short = []
    for values in range(2, 17):
        table = pd.DataFrame({"q": "a", "s": [f"{each:02d}" for each in range(values)]})
        assert entropy_l_diversity(table, ["q"], "s") == values
        told = pycanon.entropy_l_diversity(table, ["q"], ["s"])
        assert told in (values - 1, values)
        short += [values] * (told < values)
    assert len(short) >= 5 and {3, 6} <= set(short)


def test_recursive_diversity_compares_with_the_rarest_value():
    """(c, l): the commonest count r1 must be below c times the sum of the counts from the l-th on. Counts 6, 3, 1 and l = 2: r1 / (3 + 1)."""
    table = pd.DataFrame({"q": "a", "s": ["x"] * 6 + ["y"] * 3 + ["z"]})
    c, l = pycanon.recursive_c_l_diversity(table, ["q"], ["s"])  # noqa: E741
    counts = sorted(table["s"].value_counts(), reverse=True)
    assert not counts[0] < c * sum(counts[l - 1 :]), f"({c}, {l}) is claimed and does not hold"


def test_delta_disclosure_leaves_out_values_that_a_class_does_not_have():
    """The definition: the largest |ln (share in the class / share in the table)|; a share of 0 makes it infinite."""
    table = pd.DataFrame({"q": ["a"] * 4 + ["b"] * 4, "s": ["x", "x", "y", "y", "x", "x", "x", "x"]})
    assert pycanon.delta_disclosure(table, ["q"], ["s"]) == pytest.approx(np.log(2)), "nobody in class b has y: infinite"


def test_what_it_has_right_on_numbered_rows_without_gaps():
    """k, l, t of text and of numbers, and (alpha, k) and beta by hand."""
    rng = np.random.default_rng(5)
    for _ in range(30):
        table = pd.DataFrame({"q": rng.integers(0, 4, 60), "s": rng.choice(list("abc"), 60), "v": rng.integers(0, 9, 60)}).astype({"q": str})
        assert pycanon.k_anonymity(table, ["q"]) == k_anonymity(table, ["q"])
        assert pycanon.l_diversity(table, ["q"], ["s"]) == l_diversity(table, ["q"], "s")
        for column in ("s", "v"):
            assert pycanon.t_closeness(table, ["q"], [column]) == pytest.approx(t_closeness(table, ["q"], column))
        shares = table.groupby("q")["s"].value_counts(normalize=True)
        whole = table["s"].value_counts(normalize=True)
        alpha, k = pycanon.alpha_k_anonymity(table, ["q"], ["s"])
        assert (alpha, k) == (pytest.approx(shares.max()), k_anonymity(table, ["q"]))
        gains = shares / whole.reindex(shares.index.get_level_values("s")).to_numpy() - 1
        assert pycanon.basic_beta_likeness(table, ["q"], ["s"]) == pytest.approx(gains.max())
