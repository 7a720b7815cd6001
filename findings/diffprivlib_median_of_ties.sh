#!/usr/bin/env bash
# Library: diffprivlib 0.6.6 (with scikit-learn 1.5.2: the newest with which it can be imported is below 1.8), tools.median.
# Expected: a private median of whole numbers is noisy at small epsilon and lands on the true value as epsilon grows. Where every
#   record is the same number, that number is the easiest median of all.
# Seen (November 2026): a thousand records that all say 3, bounds 0 to 10: at epsilon 1 the answers are spread evenly over the whole
#   range, as they are at epsilon 0.01. At epsilon 10 and above the call raises RuntimeError ("Can't find a candidate to return"): a gap
#   between equal records has length 0, the gaps at the two ends have a chance that underflows to 0, and 0 is divided by 0.
#   The same with 1,000 answers on a scale of five at epsilon 100. Distinct numbers behave as expected.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" --quiet --disable-pip-version-check install 'diffprivlib==0.6.6' 'scikit-learn==1.5.2' 'numpy==2.2.6' 2>/dev/null
"$place/env/bin/python" -W ignore - <<'PY'
import numpy as np
from diffprivlib.tools import median


def answers(values, epsilon, bounds, draws=200):
    try:
        return np.array([median(values, epsilon=epsilon, bounds=bounds, random_state=seed) for seed in range(draws)])
    except RuntimeError as error:
        return str(error).split(".")[0]


same, distinct, scale = np.full(1000, 3.0), np.linspace(0, 10, 1001), np.repeat(np.arange(5.0), 200)
for epsilon in (0.01, 1):
    far = np.mean(np.abs(answers(same, epsilon, (0, 10)) - 3) > 2)
    print(f"all say 3, epsilon {epsilon}: {far:.0%} of the answers are more than 2 away (an even spread over 0 to 10: 60 %)")
    assert 0.45 < far < 0.75
for name, values, bounds, epsilon in (("all say 3", same, (0, 10), 10), ("a scale of five", scale, (0, 4), 100)):
    print(f"{name}, epsilon {epsilon}:", answers(values, epsilon, bounds))
    assert answers(values, epsilon, bounds) == "Can't find a candidate to return"
worst = np.abs(answers(distinct, 100, (0, 10)) - 5).max()
print(f"1,001 distinct numbers, epsilon 100: at most {worst:.3f} away")
assert worst < 0.05
PY
