"""Shor's algorithm on a state vector: the period of a**x modulo N, and from it the factors of N.

Two registers of qubits. The first holds every x at once, the second becomes a**x modulo N. Of the amplitudes of both
together only one in N is not zero, so they are kept as the list of the powers. Measuring the second register leaves in
the first those x with one and the same power: a comb, whose spacing is the period. A Fourier transform turns the
spacing into peaks, and measuring gives one of them.

Source: Shor, "Polynomial-time algorithms for prime factorization and discrete logarithms on a quantum computer",
SIAM J. Computing 26, 1997.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from labkit import validate

MOST_QUBITS = 22  # of the first register: four million amplitudes of 16 bytes


@dataclass(frozen=True)
class CircuitRun:
    """One run of the circuit.

    outcome:  what was read from the first register, 0 to 2**qubits - 1.
    qubits:   of the first register.
    period:   what the outcome says the period is, checked with one power; None where it was no help.
    """

    outcome: int
    qubits: int
    period: int | None


@dataclass(frozen=True)
class Factoring:
    """How a number was factored.

    factors:  two numbers, the smaller one first.
    base:     a, whose powers have the `period`.
    period:   of a**x modulo N.
    runs:     of the circuit.
    qubits:   of both registers.
    """

    factors: tuple
    base: int
    period: int
    runs: int
    qubits: int


def _sizes(N, qubits):
    """(N, the first register's qubits): twice the bits of N, unless said otherwise."""
    N = validate.integer(N=N, at_least=3)
    qubits = 2 * N.bit_length() if qubits is None else validate.integer(qubits=qubits, at_least=1)
    if qubits > MOST_QUBITS:
        raise ValueError(f"N must need at most {MOST_QUBITS} qubits in the first register, got {qubits} for {N}: "
                         "each qubit doubles the memory")
    return N, qubits


def _base(a, N):
    a = validate.integer(a=a, at_least=2, at_most=N - 1)
    if math.gcd(a, N) != 1:
        raise ValueError(f"a must share no factor with N, got {a} and {N}, which share {math.gcd(a, N)}")
    return a


def _powers(a, N, count):
    """a**x modulo N for x below `count`, by doubling the list."""
    powers = np.ones(1, dtype=np.int64)
    while len(powers) < count:
        powers = np.concatenate([powers, powers * pow(a, len(powers), N) % N])
    return powers[:count]


def probabilities(N, a, *, qubits=None, second=1):
    """The chance of each outcome of the first register: an array of 2**qubits numbers that add up to 1.

    N, a:    the modulus and the base, without a common factor.
    qubits:  of the first register; by default twice the bits of N.
    second:  what was measured in the second register, a power of a modulo N.
    Raises ValueError for a base that shares a factor with N, for too many qubits, and for no power of a.
    """
    N, qubits = _sizes(N, qubits)
    comb = _powers(_base(a, N), N, 2**qubits) == second
    if not comb.any():
        raise ValueError(f"second must be a power of {a} modulo {N}, got {second!r}")
    amplitudes = np.fft.fft(comb / math.sqrt(comb.sum()), norm="ortho")  # the quantum Fourier transform, but for a sign
    return np.abs(amplitudes) ** 2


def measure(N, a, *, qubits=None, rng=None):
    """Run the circuit once and read the period off the outcome: a `CircuitRun`. Arguments as for `probabilities`.

    rng:  a numpy Generator; None is the operating system's randomness.
    """
    N, qubits = _sizes(N, qubits)
    rng = np.random.default_rng() if validate.generator(rng=rng) is None else rng
    second = pow(_base(a, N), int(rng.integers(2**qubits)), N)  # every x is equally likely there
    chances = probabilities(N, a, qubits=qubits, second=second)
    outcome = int(rng.choice(len(chances), p=chances / chances.sum()))
    return CircuitRun(outcome, qubits, period_from(outcome, qubits, N, a))


def period_from(outcome, qubits, N, a):
    """The period that a peak stands for, or None: outcome / 2**qubits is near a fraction whose denominator it is.

    The fraction in lowest terms may have lost a factor of the period, so small multiples are tried as well.
    """
    found = Fraction(outcome, 2**qubits).limit_denominator(N - 1).denominator
    return next((found * times for times in range(1, 5) if pow(a, found * times, N) == 1), None)


def factor(N, *, rng=None, most_runs=100):
    """Factor an odd number that is no prime power: a `Factoring`.

    N:          15 or more, small enough for the state vector (11 bits).
    most_runs:  of the circuit.
    Raises ValueError for an even number, and for one that could not be split in so many runs, such as a prime.
    """
    N, first = _sizes(N, None)
    if N < 15 or N % 2 == 0:
        raise ValueError(f"N must be odd and at least 15, got {N}")
    rng = np.random.default_rng() if validate.generator(rng=rng) is None else rng
    qubits = first + N.bit_length()
    for runs in range(1, validate.integer(most_runs=most_runs, at_least=1) + 1):
        a = int(rng.integers(2, N - 1))
        while math.gcd(a, N) > 1:  # the factor already, by luck that a large N never gives: it would show nothing
            a = int(rng.integers(2, N - 1))
        period = measure(N, a, rng=rng).period
        if period is None or period % 2:
            continue
        part = math.gcd(pow(a, period // 2, N) - 1, N)
        if 1 < part < N:
            return Factoring(tuple(sorted((part, N // part))), a, period, runs, qubits)
    raise ValueError(f"N must be a product of two different odd numbers, got {N}, which {most_runs} runs did not split")
