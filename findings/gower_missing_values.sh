#!/usr/bin/env bash
# Library: gower 0.1.2 (the distance between records of mixed kinds with which synthetic tables are tested for copies).
# Expected: as Gower (1971) defines it, a value that is missing in one of two records is left out, for that pair, from sum and weights.
# Seen (November 2026): one missing number turns the distance of its record to every other, and to itself, into "not a number". A column that
#   is missing altogether, however, counts: as if all records had the same value there, so all distances shrink by a quarter.
#   Whoever takes the nearest record's distance finds no copy where one value is missing.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" --quiet --disable-pip-version-check install 'gower==0.1.2' 'numpy==2.3.5' 'pandas==2.3.3' 2>/dev/null
"$place/env/bin/python" -W ignore - <<'PY'
import gower
import numpy as np
import pandas as pd

people = pd.DataFrame({"age": [20, 40, 60, 20], "sex": ["f", "m", "f", "f"], "income": [1.0, 2.0, 4.0, 1.0], "height": [1.6, 1.9, 1.7, 1.6]})
whole = gower.gower_matrix(people)
print("complete: first record to the others", whole[0].round(3), "(the last is a copy)")
assert whole[0, 3] == 0
one = people.copy()
one.loc[0, "income"] = np.nan
print("one value missing:", gower.gower_matrix(one)[0])
assert np.isnan(gower.gower_matrix(one)[0]).all()
none = people.assign(income=np.nan)
without, given = gower.gower_matrix(people.drop(columns="income")), gower.gower_matrix(none)
print("column missing:", given[0].round(3), "without the column:", without[0].round(3))
assert np.allclose(given, without * 3 / 4, atol=1e-6) and given[0, 1] > 0
PY
