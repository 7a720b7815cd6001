"""Run the benchmarks that need no second environment, one after the other, and print one table.

    python -m tests.benchmarks            all of them (make bench)
    python -m tests.benchmarks patient    those whose name holds the word

Each runs in a process of its own, with one thread, and is judged by its exit code: 0 where it keeps its bar.
"""

import os
import subprocess
import sys
import time

WHAT = {
    "mechanisms_against_library": "noise and choices against OpenDP, accountant at a slider",
    "accounting_against_library": "noise for a wanted epsilon against dp-accounting",
    "curve_against_opacus": "a curve of private models against Opacus",
    "secure_sum_growth": "secure sum of 50 to 1,000 clients: grows linearly",
    "secure_sum_costs": "a client's price of a secure sum against BFV, CKKS, Paillier",
    "federated_population": "100,000 clients: set-up, first round, memory",
    "encrypted_packing": "encrypted scoring by feature against by row",
    "encrypted_patient": "one patient's encrypted diagnosis, four ways",
    "vault_against_bare_aes": "encrypted storage against the bare cipher",
}


def main(arguments=None):
    """Command line; returns the number of programs that missed their bar."""
    words = sys.argv[1:] if arguments is None else arguments
    chosen = [name for name in WHAT if not words or any(word in name for word in words)]
    if not chosen:
        print(f"no benchmark holds {', '.join(words)} in its name; there are {', '.join(WHAT)}")
        return 1
    rows = []
    for name in chosen:
        print(f"\n== {name}: {WHAT[name]}", flush=True)
        began = time.perf_counter()
        code = subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"], env=os.environ | {"OMP_NUM_THREADS": "1"}).returncode
        rows.append((name, code, time.perf_counter() - began))
    print(f"\n{'benchmark':30} {'seconds':>8}  bar")
    for name, code, seconds in rows:
        print(f"{name:30} {seconds:8.0f}  {'kept' if code == 0 else 'MISSED'}")
    return sum(code != 0 for _, code, _ in rows)


if __name__ == "__main__":
    sys.exit(main())
