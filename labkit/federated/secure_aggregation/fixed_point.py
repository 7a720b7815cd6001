"""Real numbers as whole numbers modulo 2^k, with room for the sum of everybody's.

A mask hides only whole numbers that wrap around, so each real number becomes the whole number nearest to itself times
2^fraction_bits; negatives wrap to the upper half. Rounding is the only error: half a step for each client.
"""

from dataclasses import dataclass

import numpy as np

from labkit import validate


def signed(numbers, bits):
    """Numbers modulo 2^bits as signed whole numbers (int64): the upper half of the range is the negatives."""
    bits = validate.integer(bits=bits, at_least=2, at_most=64)
    numbers = np.asarray(numbers).astype(np.uint64)
    shift = np.uint64(64 - bits)
    return (numbers << shift).view(np.int64) >> np.int64(64 - bits)


@dataclass(frozen=True)
class FixedPoint:
    """How real numbers travel: `encode` at each client, `decode` on the sum.

    largest:      public bound on the size of each number of each client (times its weight, where weights are used).
    clients:      how many vectors may be added.
    modulus_bits: sums are taken modulo 2^modulus_bits, 8 to 64.
    `fraction_bits` is chosen as large as fits: clients * largest * 2^fraction_bits stays below 2^(modulus_bits - 1), so
    that no sum wraps around. Raises ValueError when not a single bit is left to tell 0 from `largest`.
    """

    largest: float
    clients: int
    modulus_bits: int = 32

    def __post_init__(self):
        validate.positive(largest=self.largest)
        validate.integer(clients=self.clients, at_least=1)
        validate.integer(modulus_bits=self.modulus_bits, at_least=8, at_most=64)
        if self.largest * 2.0**self.fraction_bits < 1:
            raise ValueError(f"modulus_bits must leave room for the sum of {self.clients} numbers, got {self.modulus_bits}")

    @property
    def fraction_bits(self):
        """Bits after the point; negative where `largest` is so large that even whole numbers must be rounded."""
        most = (2 ** (self.modulus_bits - 1) - 1) // self.clients  # the largest whole number a client may bring
        bits = int(np.floor(np.log2(most) - np.log2(float(self.largest)))) if most else -2000
        while most and float(self.largest) * 2.0**bits > most - 1:  # rounding to the nearest may add a half
            bits -= 1
        return min(bits, 52)

    @property
    def error(self):
        """Largest error of a number in the sum of all clients: half a step for each."""
        return self.clients / 2 / 2.0**self.fraction_bits

    def encode(self, numbers, *, shorten=False):
        """Whole numbers modulo 2^modulus_bits (uint64) for a non-empty array of numbers no larger than `largest`.

        shorten: True rounds towards zero, so that no vector becomes longer; the error is then up to a whole step each.
        """
        numbers = validate.array(numbers=numbers).astype(float)
        if np.abs(numbers).max() > self.largest:  # which one is secret
            raise ValueError(f"numbers must be at most {self.largest:g} in size, got one that is larger: clip first")
        whole = (np.trunc if shorten else np.rint)(numbers * 2.0**self.fraction_bits).astype(np.int64)
        return whole.view(np.uint64) & np.uint64(2**self.modulus_bits - 1)

    def decode(self, total):
        """The real numbers (float64) in a sum of encoded ones."""
        return signed(total, self.modulus_bits) / 2.0**self.fraction_bits
