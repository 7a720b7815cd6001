"""The circuit's outcomes follow the distribution that the state vector gives, and periods and factors come out of them."""

import math

import numpy as np
import pytest
from scipy.stats import chisquare

from labkit import quantum

PRODUCTS = [(3, 5), (3, 7), (5, 7), (7, 11), (13, 17), (11, 31)]


def order(a, N):
    """By trying."""
    return next(r for r in range(1, N) if pow(a, r, N) == 1)


@pytest.mark.parametrize("N, a", [(15, 7), (21, 2), (33, 5), (91, 4)])
def test_the_peaks_stand_where_the_period_says(N, a):
    chances = quantum.probabilities(N, a)
    period, size = order(a, N), len(chances)
    assert size == 2 ** (2 * N.bit_length()) and abs(chances.sum() - 1) < 1e-9
    peaks = {round(size * k / period) % size for k in range(period)}
    assert chances[sorted(peaks)].sum() > 0.4  # Shor: 4 / pi^2, and 1 where the period is a power of two
    assert chances[sorted(peaks)].min() > 0.4 / period - 1e-9


def test_the_transform_is_the_quantum_one():
    """Against the unitary matrix itself, on the comb of one power."""
    N, a, qubits = 15, 2, 6
    x = np.arange(2**qubits)
    comb = np.array([pow(a, int(each), N) == 4 for each in x]) + 0j
    unitary = np.exp(2j * math.pi * np.outer(x, x) / len(x)) / math.sqrt(len(x))
    expected = np.abs(unitary @ (comb / np.linalg.norm(comb))) ** 2
    assert np.allclose(quantum.probabilities(N, a, qubits=qubits, second=4), expected)


def test_outcomes_follow_the_distribution():
    """2,000 runs, chi-square; a right one fails once in 100,000 (and not with this seed)."""
    rng = np.random.default_rng(0)
    outcomes = np.array([quantum.measure(21, 2, qubits=7, rng=rng).outcome for _ in range(2000)])
    # whatever the second register showed: the mean over its powers, each as likely as it is common
    powers, counts = np.unique([pow(2, x, 21) for x in range(2**7)], return_counts=True)
    expected = sum(count / 2**7 * quantum.probabilities(21, 2, qubits=7, second=int(power)) for power, count in zip(powers, counts))
    seen = np.bincount(outcomes, minlength=2**7)
    large = expected * 2000 > 5
    observed, wanted = [*seen[large], seen[~large].sum()], [*expected[large], expected[~large].sum()]
    assert chisquare(observed, np.array(wanted) * 2000).pvalue > 1e-5


@pytest.mark.parametrize("p, q", PRODUCTS)
def test_products_are_factored(p, q):
    found = quantum.factor(p * q, rng=np.random.default_rng(p))
    assert found.factors == (p, q) and found.period == order(found.base, p * q)
    assert found.qubits == 3 * (p * q).bit_length()


def test_what_has_no_two_factors_is_not_split():
    for prime in (17, 31, 101):
        with pytest.raises(ValueError, match="did not split"):
            quantum.factor(prime, rng=np.random.default_rng(0), most_runs=20)


def test_a_random_number_instead_of_the_outcome_hardly_ever_helps():
    """Control: the period comes from the quantum part. Uniform outcomes find it far more seldom."""
    N, a, rng = 391, 3, np.random.default_rng(0)
    period = order(a, N)
    right = [quantum.measure(N, a, rng=rng).period == period for _ in range(40)]
    luck = [quantum.period_from(int(rng.integers(2**18)), 18, N, a) == period for _ in range(2000)]
    assert period == 176 and np.mean(right) > 0.5 > 10 * np.mean(luck)


@pytest.mark.parametrize("arguments, named", [
    ((2, 1), "N must"), ((15, 1), "a must"), ((15, 15), "a must"), ((15, 5), "a must share no factor"), ((15.0, 2), "N must"),
    ((10**6 + 3, 2), "N must need at most"), ((15, True), "a must")])
def test_bad_arguments(arguments, named):
    for function in (quantum.probabilities, quantum.measure):
        with pytest.raises(ValueError, match=named):
            function(*arguments)


def test_bad_powers_numbers_and_generators():
    with pytest.raises(ValueError, match="second must be a power of 2 modulo 21, got 5"):
        quantum.probabilities(21, 2, second=5)
    for N, named in ((16, "odd"), (9, "at least 15"), (4097 * 4099, "at most")):
        with pytest.raises(ValueError, match=f"N must.*{named}"):
            quantum.factor(N)
    with pytest.raises(ValueError, match="rng must"):
        quantum.measure(15, 2, rng=7)
