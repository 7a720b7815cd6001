"""From a table of records to a matrix in [0, 1], with nothing learnt from the data.

Two kinds of column, both decided beforehand and public:

    number("age", 0, 100)                       (value - 0) / (100 - 0), cut off at the bounds
    category("sex", ["Female", "Male"])         one column of 0 / 1 for each listed value
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class number:
    """A numeric column scaled by fixed bounds; values outside them are cut off.

    log:     scale log(1 + value) instead, for amounts that range over several powers of ten.
    missing: the table has gaps here: a gap becomes 0, and one more column, "<name> missing", is 1.
    """

    column: str
    low: float
    high: float
    log: bool = False
    missing: bool = False

    def encode(self, values):
        values = values.to_numpy(dtype=np.float64, na_value=np.nan)
        gap = np.isnan(values)
        if gap.any() and not self.missing:
            raise ValueError(f"column {self.column} must have no gaps, got {gap.sum()}")
        bend = np.log1p if self.log else np.asarray
        low, high = bend(self.low), bend(self.high)
        scaled = (bend(np.clip(values, self.low, self.high)) - low) / (high - low)
        scaled[gap] = 0
        return {self.column: scaled} | ({f"{self.column} missing": gap} if self.missing else {})


@dataclass(frozen=True)
class category:
    """A column of 0 / 1 for each value in the fixed public list.

    missing: the table has gaps here: one more column, "<name>=missing", is 1 for them.
    others:  a value that is not listed counts as "<name>=other"; without it, such a value is an error.
    """

    column: str
    values: tuple
    missing: bool = False
    others: bool = False

    def encode(self, values):
        gap = values.isna().to_numpy()
        known = values.isin(self.values).to_numpy()
        if gap.any() and not self.missing:
            raise ValueError(f"column {self.column} must have no gaps, got {gap.sum()}")
        if not self.others and not (known | gap).all():
            stray = values[~(known | gap)].iloc[0]
            raise ValueError(f"column {self.column} must be one of {self.values}, got {stray!r}")
        columns = {f"{self.column}={value}": values.isin([value]).to_numpy() for value in self.values}
        if self.others:
            columns[f"{self.column}=other"] = ~(known | gap)
        if self.missing:
            columns[f"{self.column}=missing"] = gap
        return columns


def encode(table, plan):
    """(X, feature_names): the columns that `plan` names, in its order; X is float32, n x d, within [0, 1]."""
    columns = {}
    for part in plan:
        columns |= part.encode(table[part.column])
    return np.column_stack(list(columns.values())).astype(np.float32), tuple(columns)
