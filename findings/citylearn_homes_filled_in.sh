#!/usr/bin/env bash
# Data set: the 17 homes of CityLearn 1.8.0's 2022 challenge, hour by hour for a year (used as real meter data in research).
# Expected: 17 measured homes.
# Seen (November 2026): homes 12 and 15 draw nothing (below a millionth of a kWh) in half of all hours, six in seven of them
#   at night, and follow each other with a correlation of about .9; no other home has 20 % of such hours. They look filled in, and
#   nothing in the package says so. A study of "when is nobody at home" on these two finds an artefact.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" --quiet --disable-pip-version-check install 'pandas==2.3.3' 2>/dev/null
"$place/env/bin/pip" --quiet --disable-pip-version-check download --no-deps --dest "$place" 'CityLearn==1.8.0' 2>/dev/null
"$place/env/bin/python" - "$place"/CityLearn-1.8.0-py3-none-any.whl <<'PY'
import sys
import zipfile

import pandas as pd

wheel = zipfile.ZipFile(sys.argv[1])
name = "citylearn/data/citylearn_challenge_2022_phase_all/Building_{}.csv"
drawn = pd.concat({home: pd.read_csv(wheel.open(name.format(home)))["Equipment Electric Power [kWh]"] for home in range(1, 18)}, axis=1)
nothing = drawn < 1e-6
share = nothing.mean()
night = pd.Series(range(len(drawn))).add(23).mod(24).isin([*range(0, 8), *range(19, 24)])  # the first row is the last hour of a day
at_night = {home: (nothing[home] & night).sum() / nothing[home].sum() for home in (12, 15)}
together = drawn[12].corr(drawn[15])
print("share of empty hours:", share.round(2).to_dict())
print("of them at night:", {home: round(float(each), 2) for home, each in at_night.items()}, "| correlation of 12 and 15:", round(together, 2))
assert share[[12, 15]].min() > 0.45 and share.drop([12, 15]).max() < 0.2 and together > 0.8 and min(at_night.values()) > 0.8
PY
