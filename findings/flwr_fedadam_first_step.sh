#!/usr/bin/env bash
# Library: flwr 1.42.0, FedAdam ("implementation based on arXiv:2003.00295v5": Reddi and others, ICLR 2021).
# Expected: the paper's Algorithm 2, which has no bias correction; or else Adam's (Kingma, Ba 2015), which makes the first step as
#   long as the learning rate, here 0.1. Every client's change is 1; the paper's first step is 0.1 * 0.1 / (0.1 + 0.001) = 0.099.
# Seen (November 2026): 0.0735, which is neither. The correction of *two* rounds is applied in round 1: the exponent is
#   server_round + 1, and flwr's rounds begin at 1.
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
from flwr.app import Array, ArrayRecord, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAdam

logging.getLogger("flwr").setLevel(logging.CRITICAL)


class Reply:
    content = RecordDict({"arrays": ArrayRecord({"w": Array(np.array([1.0]))}), "metrics": MetricRecord({"num-examples": 1})})

    def has_error(self):
        return False


strategy = FedAdam(eta=0.1, beta_1=0.9, beta_2=0.99, tau=1e-3)
strategy.current_arrays = {"w": np.array([0.0])}
arrays, _ = strategy.aggregate_train(1, [Reply(), Reply()])
step, paper = float(arrays["w"].numpy()[0]), 0.1 * 0.1 / (math.sqrt(0.99e-6 + 0.01) + 0.001)
two_rounds = math.sqrt(1 - 0.99**2) / (1 - 0.9**2)
print(f"first step: the paper {paper:.4f}, Adam 0.1, flwr {step:.4f} = {step / paper:.3f} of the paper's; two rounds' correction {two_rounds:.3f}")
assert math.isclose(step, 0.1 * 0.1 / 0.101 * two_rounds, rel_tol=1e-6) and step / paper < 0.75
PY
