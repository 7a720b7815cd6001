"""A million counts answered by each mechanism of labkit.dp, and by OpenDP with the same guarantee: both sides in one run.

    python -m tests.benchmarks.mechanisms_against_library [rounds]

Seconds are of processor time, which waiting for a busy machine does not lengthen; both sides take their random bits from the
operating system; with several rounds (1, unless told otherwise: a round takes minutes) sides take turns and the median counts. A ratio
of 10 means that OpenDP takes ten times as long. OpenDP's randomised response answers once per call: it is timed on fewer, and scaled up.
OpenDP's noise for real numbers is exact, labkit's for real numbers is not: compare like with like, the rows of whole numbers.
Exits with 1 when a row of whole numbers is slower than OpenDP, or the accountant behind a slider takes 150 ms or more.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time

import numpy as np
import opendp.prelude as opendp

from labkit import dp
from labkit.dp.accounting.epsilon import _epsilon, _noise_multiplier

COUNT, EPSILON, DELTA, CANDIDATES = 1_000_000, 1.0, 1e-5, 1000
CHOICES = CANDIDATES  # so that a million scores are looked at
FEW = 2_000  # calls of what OpenDP answers one at a time
SLIDER = 0.150


def sides():
    """name: (ours, theirs, answers of ours, answers of theirs, whole numbers?)."""
    opendp.enable_features("contrib")
    counts = np.random.default_rng(0).integers(0, 1000, COUNT)
    reals, bits = counts.astype(float), counts % 2
    scores = counts[:CANDIDATES]
    whole = opendp.vector_domain(opendp.atom_domain(T="i32"))
    real = opendp.vector_domain(opendp.atom_domain(T=float, nan=False))
    l1, l2, worst = opendp.l1_distance, opendp.l2_distance(T=float), opendp.linf_distance(T="i32")
    sigma = dp.gaussian_sigma(epsilon=EPSILON, delta=DELTA, sensitivity=1)
    wide = dp.discrete_gaussian_sigma(epsilon=EPSILON, delta=DELTA, sensitivity=1)
    geometric = opendp.m.make_laplace(whole, l1(T="i32"), scale=1 / EPSILON)
    discrete = opendp.m.make_gaussian(whole, l2, scale=wide)
    laplace = opendp.m.make_laplace(real, l1(T=float), scale=1 / EPSILON)
    gaussian = opendp.m.make_gaussian(real, l2, scale=sigma)
    response = opendp.m.make_randomized_response_bool(prob=1 / (1 + np.exp(-EPSILON)))
    noisy_max = opendp.m.make_noisy_max(whole, worst, opendp.max_divergence(), scale=2 / EPSILON)
    for pure in (geometric, laplace, response, noisy_max):  # the same guarantee as ours
        assert abs(pure.map(1) - EPSILON) < 1e-6
    small, truth = counts.astype(np.int32), [bool(bit) for bit in bits[:FEW]]
    return {
        "geometric": (lambda: dp.geometric(counts, sensitivity=1, epsilon=EPSILON), lambda: geometric(small), COUNT, COUNT, True),
        "discrete_gaussian": (lambda: dp.discrete_gaussian(counts, sensitivity=1, epsilon=EPSILON, delta=DELTA),
                              lambda: discrete(small), COUNT, COUNT, True),
        "randomised_response": (lambda: dp.randomised_response(bits, epsilon=EPSILON), lambda: [response(bit) for bit in truth],
                                COUNT, FEW, True),
        f"report_noisy_max of {CANDIDATES:,}": (lambda: [dp.report_noisy_max(scores, sensitivity=1, epsilon=EPSILON) for _ in range(CHOICES)],
                                                lambda: [noisy_max(small[:CANDIDATES]) for _ in range(CHOICES)], 1, 1, None),
        f"exponential of {CANDIDATES:,}": (lambda: [dp.exponential(scores, sensitivity=1, epsilon=EPSILON) for _ in range(CHOICES)],
                                           lambda: [noisy_max(small[:CANDIDATES]) for _ in range(CHOICES)], 1, 1, None),
        "laplace (real)": (lambda: dp.laplace(reals, sensitivity=1, epsilon=EPSILON), lambda: laplace(reals), COUNT, COUNT, False),
        "gaussian (real)": (lambda: dp.gaussian(reals, sensitivity=1, epsilon=EPSILON, delta=DELTA), lambda: gaussian(reals),
                            COUNT, COUNT, False),
    }


def seconds(run):
    began = time.process_time()
    run()
    return time.process_time() - began


def slider_seconds():
    """The slowest answer of the accountant at a new slider position, its memory emptied first."""
    slowest = 0.0
    for epsilon in (0.5, 1.3, 3.1, 7.7):
        _noise_multiplier.cache_clear(), _epsilon.cache_clear()
        slowest = max(slowest, seconds(lambda: dp.noise_multiplier_for(epsilon=epsilon, delta=1e-5, sample_rate=0.05, steps=200)))
    return slowest


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    failed = False
    print(f"{'':28} {'labkit':>10} {'OpenDP':>10}   seconds for {COUNT:,} answers ({CHOICES:,} choices for the two of {CANDIDATES:,})")
    for name, (ours, theirs, n_ours, n_theirs, whole) in sides().items():
        ours()  # first-use costs
        pairs = [(seconds(ours), seconds(theirs) * n_ours / n_theirs) for _ in range(rounds)]
        ratio = np.median([b / max(a, 1e-9) for a, b in pairs])
        print(f"{name:28} {np.median([a for a, _ in pairs]):10.4f} {np.median([b for _, b in pairs]):10.4f}   ratio {ratio:.3g}", flush=True)
        failed |= bool(whole) and ratio < 1
    slowest = slider_seconds()
    print(f"accountant at a new slider position: {1000 * slowest:.0f} ms at most (under {1000 * SLIDER:.0f} wanted)")
    return 1 if failed or slowest >= SLIDER else 0


if __name__ == "__main__":
    sys.exit(main())
