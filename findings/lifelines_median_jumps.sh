#!/usr/bin/env bash
# Library: lifelines 0.30.3, KaplanMeierFitter.median_survival_time_.
# Expected: the smallest time at which the estimated survival is at most one half (its documentation says so). Of n people who die
#   at times 1 to n, half are left at time n/2, for every even n.
# Seen (November 2026): n = 4 gives 2, n = 6 gives 4. The curve is a running product of floating-point factors; where it lands at
#   0.5000000000000001 the median moves on to the next death. 6 of the 24 even n up to 48 are one death late.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" --quiet --disable-pip-version-check install 'lifelines==0.30.3' 'numpy==2.3.5' 'pandas==2.3.3' 2>/dev/null
"$place/env/bin/python" -W ignore - <<'PY'
from lifelines import KaplanMeierFitter

medians = {n: KaplanMeierFitter().fit(range(1, n + 1), [1] * n).median_survival_time_ for n in range(2, 50, 2)}
late = {n: int(median) for n, median in medians.items() if median != n / 2}
print(f"{len(late)} of {len(medians)} medians are late:", late)
assert medians[4] == 2 and medians[6] == 4
assert all(median == n / 2 + 1 for n, median in late.items()) and len(late) == 6
PY
