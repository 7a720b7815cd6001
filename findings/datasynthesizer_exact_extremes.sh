#!/usr/bin/env bash
# Library: DataSynthesizer 0.1.13, describing a table in its differentially private modes (epsilon above 0).
# Expected: what the description says about the values is noisy, or is declared beforehand; at epsilon 0.01 one record can hardly be told.
# Seen (November 2026): the histogram is noisy, and beside it stand the exact smallest and largest value, and the exact share of missing values,
#   at every epsilon: one person of 111 years among a thousand of at most 89 changes "max" from 89 to 111 with certainty, and the synthetic
#   table is made within these bounds. The epsilon is that of the histogram alone.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" --quiet --disable-pip-version-check install 'DataSynthesizer==0.1.13' 'pandas==2.3.3' 'numpy==2.3.5' 2>/dev/null
cd "$place"
MPLBACKEND=agg "$place/env/bin/python" -W ignore - <<'PY'
import contextlib
import io
import json

import numpy as np
import pandas as pd
from DataSynthesizer.DataDescriber import DataDescriber

rng = np.random.default_rng(0)
ages = np.r_[18, rng.integers(18, 89, 998), 89]
for epsilon in (0.01, 1):
    described = []
    for name, column in (("without", ages), ("with", np.r_[ages, 111])):
        pd.DataFrame({"age": column, "sex": np.resize(["f", "m"], len(column))}).to_csv("table.csv", index=False)
        describer = DataDescriber(category_threshold=5)
        with contextlib.redirect_stdout(io.StringIO()):
            describer.describe_dataset_in_independent_attribute_mode("table.csv", epsilon=epsilon)
        describer.save_dataset_description_to_file("description.json")
        with open("description.json") as file:
            age = json.load(file)["attribute_description"]["age"]
        true = np.histogram(column, 20)[0] / len(column)
        off = np.abs(np.array(age["distribution_probabilities"]) - true).max()
        print(f"epsilon {epsilon}, {name} the person of 111: min {age['min']}, max {age['max']}; a bin is off by up to {off:.3f}")
        described.append((age["min"], age["max"], off))
    assert described[0][:2] == (18, 89) and described[1][:2] == (18, 111)
    assert described[0][2] > (0.05 if epsilon < 1 else 0.0005)
PY
