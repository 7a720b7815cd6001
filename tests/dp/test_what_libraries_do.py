"""Every row of the tables "what the library really does", on the installed versions: it must still be so, or the row must change."""

import pytest

from labkit.dp.accounting.library_rows import accountant_rows
from labkit.dp.training.library_rows import opacus_rows

ROWS = [*opacus_rows(), *accountant_rows()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.expected[:60])
def test_the_surprise_is_still_there(row):
    """When this fails, a library has changed: read what it found, and take the row out or reword it."""
    assert row.surprising, row


def test_the_rows_say_what_was_found_and_what_to_do():
    assert len({row.expected for row in ROWS}) == len(ROWS) >= 15
    for row in ROWS:
        assert row.library.split()[1][0].isdigit() and row.found and row.instead.endswith(".")
        assert max(map(len, (row.expected, row.found, row.instead))) <= 90


def test_what_they_do_is_known_here_by_figures():
    """Values reproduced by hand or by another accountant, not only "it differs"."""
    found = {row.expected: row.found for row in ROWS}
    assert found["The sum of gradients is divided by a public number."] == "100 for 400 records, 99 for 399"
    assert found["from_two_probability_mass_functions covers both directions."] == "epsilon 0.107 where 0.642 is true"
    assert found['accountant="gdp" gives an upper bound.'].startswith("epsilon 1.62 where 1.83")
    assert found["93 batches a pass are 93 batches."] == "92 are drawn"
