"""Publishing what was decrypted, without giving the secret key away.

A decrypted CKKS number carries the error of its ciphertext, and the error is a linear equation for the secret key
(`labkit.attacks.key_recovery`). Under noise far larger than the error, what is published hardly depends on it: the
Gaussian mechanism, with the error as its sensitivity. Every number published counts, as in differential privacy.
Where the true results are multiples of a known step, rounding is better: see `labkit.encrypted.learning.averaging`.

Sources: Li, Micciancio, "On the security of homomorphic encryption on approximate numbers", EUROCRYPT 2021; Li,
Micciancio, Schultz, Sorrell, "Securing approximate homomorphic encryption using differential privacy", CRYPTO 2022.
"""

import math
import os

import numpy as np

from labkit import validate


class Publisher:
    """Adds the noise, and counts.

    error:         public bound on how far any of the numbers is from its exact value.
    numbers:       how many numbers may be published in all.
    security_bits: nobody, whatever they compute, tells all that is published from what exact results under the same
                   noise would give, but for an advantage of 2^-security_bits.
    """

    def __init__(self, *, error, numbers, security_bits=30):
        self.error = validate.positive(error=error)
        self.left = self.numbers = validate.integer(numbers=numbers, at_least=1)
        self.security_bits = validate.integer(security_bits=security_bits, at_least=1, at_most=128)

    @property
    def sigma(self):
        """Standard deviation of the noise, in the units of the numbers.

        Gaussians whose means differ by b differ by at most |b| / (sigma sqrt(2 pi)) in total variation; |b| is at most
        error * sqrt(numbers), over all that is ever published.
        """
        return self.error * math.sqrt(self.numbers / (2 * math.pi)) * 2.0**self.security_bits

    def publish(self, decrypted):
        """The decrypted numbers under noise, rounded far below it. ValueError when more than agreed are asked for."""
        decrypted = validate.array(decrypted=decrypted).astype(float)
        if decrypted.size > self.left:
            raise ValueError(f"decrypted must hold at most {self.left} more numbers, of {self.numbers} agreed, "
                             f"got {decrypted.size}: more would give the key away bit by bit")
        self.left -= decrypted.size
        step = 2.0 ** math.floor(math.log2(self.sigma / 1024))  # leaves no last digits to read
        return np.rint((decrypted + self.sigma * system_gaussian(decrypted.shape)) / step) * step


def system_gaussian(shape):
    """Standard normal numbers from the operating system's random bits, by Box and Muller's formula.

    64 bits cut the tail at 9.4 standard deviations, beyond which a Gaussian falls once in 10^20 draws.
    """
    count = int(np.prod(shape, dtype=int))
    radius, angle = np.frombuffer(os.urandom(16 * count), np.uint64).reshape(2, count) / 2.0**64
    return (np.sqrt(-2 * np.log(np.maximum(radius, 2.0**-64))) * np.cos(2 * np.pi * angle)).reshape(shape)
