"""A hundred thousand clients in `simulate`: time until the first round is done, and peak memory against that of the data.

    python -m tests.benchmarks.federated_population                     # this version: its bars
    python -m tests.benchmarks.federated_population OTHER_CHECKOUT      # and how many times as fast as another one

Each measurement is a process of its own: 100,000 clients of 10 records with 64 numbers, 100 of them a round, in batches of 5.
Processor seconds, the median of five runs; memory beyond that of the interpreter with its libraries. Both sides in turn.
Exits with 1 when the peak is above 1.15 times the data, or the ratio to the other checkout below 15.
"""

import os
import subprocess
import sys
import time

CLIENTS, RECORDS, FEATURES, RUNS = 100_000, 10, 64, 5
MEMORY, SPEED = 1.15, 15


def megabytes(what):
    with open("/proc/self/status") as status:
        return int(status.read().split(what)[1].split()[0]) / 1024


def measure():
    """Print seconds until the end of round 1, of a later round, and the peak over the data."""
    import numpy as np
    import torch
    from torch import nn

    from labkit.federated import FedAvg, simulate

    torch.set_num_threads(1)
    simulate(nn.Sequential(nn.Linear(4, 2)), [(np.ones((2, 4), np.float32), np.array([0, 1]))] * 3, FedAvg(), rounds=1, learning_rate=0.1)
    base = megabytes("VmRSS:")
    x = np.random.default_rng(0).random((CLIENTS, RECORDS, FEATURES), dtype=np.float32)
    y = np.random.default_rng(1).integers(0, 10, (CLIENTS, RECORDS))
    clients = list(zip(x, y, strict=True))
    data, first, later = megabytes("VmRSS:") - base, [], []
    for _ in range(RUNS):
        marks, began = [], time.process_time()
        simulate(nn.Sequential(nn.Linear(FEATURES, 10)), clients, FedAvg(), rounds=3, cohort=100, local_epochs=1, batch_size=5,
                 learning_rate=0.1, on_round=lambda _, marks=marks: marks.append(time.process_time()))
        first.append(marks[0] - began)
        later.append(marks[2] - marks[1])
    print(np.median(first), np.median(later), (megabytes("VmHWM:") - base) / data)


def measured(checkout):
    here = os.path.abspath(__file__)
    environment = os.environ | {"PYTHONPATH": checkout, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, here, "--measure"], env=environment, cwd=checkout, capture_output=True, text=True, check=True)
    return [float(each) for each in done.stdout.split()]


def main():
    if sys.argv[1:] == ["--measure"]:
        return measure()
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sides = {"this version": own} | ({"the other checkout": os.path.abspath(sys.argv[1])} if len(sys.argv) > 1 else {})
    found = {name: measured(path) for name, path in sides.items()}
    for name, (first, later, peak) in found.items():
        print(f"{name:20}{first:8.2f} s until round 1 is done, {1000 * later:6.1f} ms a later round, peak {peak:.2f} times the data")
    ok = found["this version"][2] <= MEMORY
    print(f"peak memory: {'within' if ok else 'ABOVE'} {MEMORY} times the data")
    if len(found) > 1:
        ratio = found["the other checkout"][0] / found["this version"][0]
        print(f"{ratio:.1f} times as fast as the other checkout (bar: {SPEED})")
        ok &= ratio >= SPEED
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
