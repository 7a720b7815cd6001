"""Learning with errors: a system of linear equations modulo q, each slightly wrong.

Source: Regev, "On lattices, learning with errors, random linear codes, and cryptography", STOC 2005; with a polynomial
ring, Lyubashevsky, Peikert, Regev, EUROCRYPT 2010. The lattice: Kannan 1987; Bai and Galbraith, ACISP 2014.
"""

from dataclasses import dataclass

import numpy as np

from labkit import validate


@dataclass(frozen=True)
class LWEProblem:
    """What an attacker sees.

    A:    (samples, n) whole numbers modulo q.  b: (samples,), A times the secret plus errors, modulo q.
    q:    the modulus, an int.
    eta:  no entry of the secret and no error is larger than this.
    """

    A: np.ndarray
    b: np.ndarray
    q: int
    eta: int

    @property
    def n(self):
        """How many unknowns."""
        return self.A.shape[1]


def small_numbers(shape, eta, rng):
    """Whole numbers from -eta to eta with variance eta / 2: the difference of two counts of heads in `eta` tosses."""
    return rng.binomial(eta, 0.5, shape) - rng.binomial(eta, 0.5, shape)


def problem(n, q, *, eta=1, samples=None, rng=None):
    """A random problem with its answer: (LWEProblem, secret).

    n:        unknowns.  q: the modulus, more than four times eta.  eta: how large secret and errors can be.
    samples:  equations; by default n.
    rng:      a numpy Generator; None is the operating system's randomness.
    Raises ValueError for numbers out of these ranges.
    """
    n, q, eta, rng = _checked(n, q, eta, rng)
    samples = n if samples is None else validate.integer(samples=samples, at_least=1)
    return _with_answer(rng.integers(0, q, (samples, n)), q, eta, rng)


def ring_problem(n, q, *, eta=1, rng=None):
    """The same with polynomials modulo x^n + 1, as CKKS has it (and ML-KEM, with a few of them): (LWEProblem, secret).

    Each row of A is the row above it moved by one place, with the sign changed where it wraps around; so n numbers
    stand for n * n. The arguments are those of `problem`.
    """
    n, q, eta, rng = _checked(n, q, eta, rng)
    a = rng.integers(0, q, n)
    powers = np.arange(n)[:, None] - np.arange(n)  # entry (i, j): the coefficient of x^(i - j), or its negative
    return _with_answer(np.where(powers >= 0, a[powers], -a[powers]) % q, q, eta, rng)


def _checked(n, q, eta, rng):
    n, eta = validate.integer(n=n, at_least=1), validate.integer(eta=eta, at_least=1)
    q = validate.integer(q=q, at_least=4 * eta + 1, at_most=2**40)
    return n, q, eta, np.random.default_rng() if validate.generator(rng=rng) is None else rng


def _with_answer(A, q, eta, rng):
    secret, errors = small_numbers(A.shape[1], eta, rng), small_numbers(len(A), eta, rng)
    return LWEProblem(A, (A @ secret + errors) % q, q, eta), secret


def embedding(problem):
    """The problem as a lattice: a square basis of n + samples + 1 rows, whole numbers (int64).

    It contains (secret, errors, 1), or its negative, and, if the problem has one answer only, hardly anything shorter.
    """
    samples, n = problem.A.shape
    basis = np.zeros((n + samples + 1, n + samples + 1), dtype=np.int64)
    basis[:n, :n] = np.eye(n)
    basis[:n, n:-1] = -problem.A.T
    basis[n:-1, n:-1] = problem.q * np.eye(samples)
    basis[-1, n:-1] = problem.b
    basis[-1, -1] = 1
    return basis


def answer_in(vectors, problem):
    """The secret, if one of `vectors` of the lattice gives it away, else None. Needs no knowledge but the problem."""
    n = problem.n
    for vector in vectors:
        if abs(vector[-1]) == 1 and np.abs(vector).max() <= problem.eta:
            return np.asarray(vector[:n] * vector[-1], dtype=np.int64)
    return None
