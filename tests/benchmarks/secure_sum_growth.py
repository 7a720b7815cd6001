"""A round of `SecureSum` with few neighbours, consistency check included, at 50, 100, 200 and 1,000 clients.

    python -m tests.benchmarks.secure_sum_growth                     # growth
    python -m tests.benchmarks.secure_sum_growth OTHER_CHECKOUT      # and the speed at 200 clients against another one's full graph

1,000 numbers each. Degree and threshold are those that 1,000 clients need, with 2 % of them colluding with a server that lies
and 5 % dropping out (`fewest_neighbours`), at every size, so that the growth is the protocol's. Processor seconds of all clients
and the server in one process, in which the two ends of a pair share one key agreement, as `SecureSum` does; bytes are a client's
own, sent and received. The sums are checked. Exits with 1 when seconds grow faster than clients to the power 1.1, when 1,000
clients take more than 9 times as long as 200, or when the ratio to the other checkout is below 7.
"""

import os
import subprocess
import sys
import time

import numpy as np

SIZES, LENGTH, EXPONENT, TIMES, SPEED = (50, 100, 200, 1000), 1000, 1.1, 9, 7


def seconds_of(clients, threshold, degree, **more):
    from labkit.federated.secure_aggregation import Agreement, secure_sum
    vectors = np.random.default_rng(0).integers(0, 1000, (clients, LENGTH))
    began = time.process_time()
    outcome = secure_sum(vectors, Agreement(clients, threshold, LENGTH, degree=degree), rng=np.random.default_rng(1), **more)
    spent = time.process_time() - began
    assert (outcome.total == vectors.sum(axis=0)).all() and len(outcome.included) == clients
    return spent, np.median([sum(map(len, outcome.sent[each])) + outcome.received[each] for each in range(clients)])


def other(checkout):
    """The other checkout at 200 clients, everybody with everybody, as `SecureSum` ran by default."""
    command = [sys.executable, os.path.abspath(__file__), "--other"]
    environment = os.environ | {"PYTHONPATH": checkout, "OMP_NUM_THREADS": "1"}
    return float(subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True, check=True).stdout)


def main():
    if sys.argv[1:] == ["--other"]:
        print(seconds_of(200, 134, None)[0])
        return 0
    from labkit.federated.secure_aggregation import fewest_neighbours
    degree, threshold, close = fewest_neighbours(max(SIZES))
    print(f"degree {degree}, threshold {threshold}: up to {close} of a client's neighbours may work for the server\n")
    found, theirs = {}, []
    for clients in SIZES:
        found[clients] = min(seconds_of(clients, threshold, degree, once_per_pair=True) for _ in range(3))
        if clients == 200 and len(sys.argv) > 1:
            theirs = [other(os.path.abspath(sys.argv[1])) for _ in range(2)]
        print(f"{clients:6,} clients: {found[clients][0]:7.2f} s a round, {found[clients][1] / 1000:7.1f} kB a client", flush=True)
    exponent = np.polyfit(np.log(SIZES), np.log([found[each][0] for each in SIZES]), 1)[0]
    times = found[1000][0] / found[200][0]
    print(f"growth: clients to the power {exponent:.2f} (bar {EXPONENT}); 1,000 clients take {times:.1f} times as long as 200 (bar {TIMES})")
    ok = exponent <= EXPONENT and times <= TIMES
    if theirs:
        ratio = min(theirs) / found[200][0]
        print(f"200 clients: {ratio:.1f} times as fast as the other checkout with all neighbours, {min(theirs):.2f} s (bar {SPEED})")
        ok &= ratio >= SPEED
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
