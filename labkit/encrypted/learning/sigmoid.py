"""A sigmoid made of additions and multiplications: a polynomial, good on one interval and nowhere else."""

import math
from dataclasses import dataclass

import numpy as np

from labkit import validate

STEPS = 2001  # places at which the fit and its error are taken


@dataclass(frozen=True)
class OddPolynomial:
    """a u or a u + b u^3, for u = z / interval between -1 and 1: what encryption can compute in place of a curve.

    interval:     the largest |z| that it is meant for.
    coefficients: (a,) or (a, b), of u.
    error:        the largest distance to the curve on the interval.
    Called with plain numbers or an EncryptedVector u; spends `levels` levels.
    """

    interval: float
    coefficients: tuple
    error: float = 0.0

    def __post_init__(self):
        validate.positive(interval=self.interval)
        numbers = validate.array(coefficients=self.coefficients, ndim=1)
        if len(numbers) not in (1, 2) or not numbers.all():
            raise ValueError(f"coefficients must be one or two numbers, none zero, got {self.coefficients!r}")
        object.__setattr__(self, "coefficients", tuple(map(float, numbers)))
        validate.non_negative(error=self.error)

    @property
    def levels(self):
        """How many levels it spends: one of degree 1, two of degree 3."""
        return len(self.coefficients)

    def __call__(self, u):
        if len(self.coefficients) == 1:
            return u * self.coefficients[0]
        a, b = self.coefficients
        return (u * u + a / b) * (u * b)  # two levels; a sum of two terms would align them at the price of a third product


def identity(interval):
    """z itself, on -interval ... interval: linear regression."""
    interval = validate.positive(interval=interval)
    return OddPolynomial(interval, (interval,))


def fitted_sigmoid(interval, degree=3):
    """sigmoid(z) - 1/2 as the odd polynomial of degree 1 or 3 with the least squared error on -interval ... interval.

    Beyond the interval a cubic turns around and the fit is worthless: know your z before you choose. Source of the
    approach: Kim, Song, Kim, Lee, Cheon, "Logistic regression model training based on approximate homomorphic
    encryption", BMC Medical Genomics 2018.
    """
    interval = validate.positive(interval=interval)
    degree = validate.one_of(degree=degree, options=[1, 3])
    u = np.linspace(-1, 1, STEPS)
    curve = np.tanh(u * interval / 2) / 2  # sigmoid(z) - 1/2
    powers = np.column_stack([u, u**3][: (degree + 1) // 2])
    coefficients = np.linalg.lstsq(powers, curve, rcond=None)[0]
    if not all(math.isfinite(each) and abs(each) > 1e-9 for each in coefficients):
        raise ValueError(f"interval must be large enough for the curve to bend, got {interval:g} with degree {degree}")
    return OddPolynomial(interval, tuple(coefficients), float(np.abs(powers @ coefficients - curve).max()))
