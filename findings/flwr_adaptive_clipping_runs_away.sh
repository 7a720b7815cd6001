#!/usr/bin/env bash
# Library: flwr 1.42.0, DifferentialPrivacyServerSideAdaptiveClipping (Andrew, Thakkar, McMahan, Ramaswamy, NeurIPS 2021).
# Expected: the clipping norm goes to the quantile of the clients' norms that was asked for; here they are 1, 2, 3, 4, 5, the
#   quantile is one half, and after 50 rounds the paper's rule is at 3 from wherever it starts.
# Seen (November 2026): it goes away from there: 10 grows to 1484, 0.1 falls to 0.0007. The paper's b counts the changes *within*
#   the norm; flwr counts those that were clipped and keeps the sign of the exponent.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" --quiet --disable-pip-version-check install 'flwr==1.42.0' 'numpy==2.3.5' 2>/dev/null
FLWR_TELEMETRY_ENABLED=0 HOME="$place" "$place/env/bin/python" -W ignore - <<'PY'
import logging
import math

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.serverapp.strategy import DifferentialPrivacyServerSideAdaptiveClipping, FedAvg

logging.getLogger("flwr").setLevel(logging.CRITICAL)
LENGTHS = [1.0, 2.0, 3.0, 4.0, 5.0]


class Reply:
    def __init__(self, value):
        self.content = RecordDict({"arrays": ArrayRecord({"w": Array(np.array([value]))}),
                                   "metrics": MetricRecord({"num-examples": 1})})

    def has_error(self):
        return False


class Nodes:
    def get_node_ids(self):
        return [1, 2, 3, 4, 5]


class Average(FedAvg):
    def configure_train(self, server_round, arrays, config, grid):
        return []  # what is sent plays no part


for start in (10.0, 0.1):
    wrapper = DifferentialPrivacyServerSideAdaptiveClipping(
        Average(), noise_multiplier=0.0, num_sampled_clients=5, initial_clipping_norm=start, target_clipped_quantile=0.5, clip_norm_lr=0.2)
    paper, model = start, 0.0
    for number in range(1, 51):
        arrays = ArrayRecord({"w": Array(np.array([model]))})
        wrapper.configure_train(number, arrays, ConfigRecord(), Nodes())
        wrapper.aggregate_train(number, [Reply(model + length) for length in LENGTHS])
        paper *= math.exp(-0.2 * (sum(length <= paper for length in LENGTHS) / 5 - 0.5))
    print(f"from {start:g}: the paper's rule {paper:.2f}, flwr {wrapper.clipping_norm:.4g}")
    assert 2 < paper < 4 and math.isclose(wrapper.clipping_norm, start * math.exp((0.1 if start > 5 else -0.1) * 50), rel_tol=1e-6)
PY
