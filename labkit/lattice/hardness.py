"""How large a block would solve an LWE problem, and what a block costs, for dimensions that no machine can try.

The model, not a proof: after reduction with blocks of size beta, the lengths of the orthogonalised basis fall by a
constant factor from row to row (the geometric series assumption), and the secret is found once its part in the last
block is shorter than what is expected there. The price of a block, 2**(0.292 beta) and by quantum computer
2**(0.265 beta), counts the search alone ("core SVP") and leaves out everything polynomial.

Sources: Alkim, Ducas, Poeppelmann, Schwabe, USENIX Security 2016, section 6.3 (the condition and the count); Chen's
thesis, Paris 7, 2013 (the factor); Albrecht, Player, Scott, J. Mathematical Cryptology 9, 2015 (its values for small
blocks); Becker, Ducas, Gama, Laarhoven, SODA 2016, and Laarhoven's thesis, Eindhoven 2015 (the exponents).
"""

import math
from dataclasses import dataclass

import numpy as np

from labkit import validate

SMALL_BLOCKS = {2: 1.0219, 5: 1.01862, 10: 1.01616, 15: 1.01485, 20: 1.0142, 25: 1.01342, 28: 1.01331, 40: 1.01295}
CLASSICAL, QUANTUM = 0.292, 0.265  # bits for each row of the block


@dataclass(frozen=True)
class BlockEstimate:
    """What the model says.

    block_size:  the smallest block that finds the secret.
    samples:     the number of equations with which that block is smallest.
    dimension:   of the lattice, n + samples + 1.
    """

    block_size: int
    samples: int
    dimension: int

    @property
    def classical_bits(self):
        """log2 of the steps in one block."""
        return CLASSICAL * self.block_size

    @property
    def quantum_bits(self):
        """The same with a quantum computer's search."""
        return QUANTUM * self.block_size

    @property
    def whole_bits(self):
        """log2 of the steps with what "core SVP" leaves out: the constant of the search, and eight rounds of blocks.

        The count of the Homomorphic Encryption Standard (2018), from whose kind the limits of CKKS's parameters come.
        """
        return self.classical_bits + 16.4 + math.log2(8 * self.dimension)


def root_hermite_factor(block_size):
    """How short a basis gets: its first vector is about factor**dimension times volume**(1 / dimension)."""
    block_size = validate.integer(block_size=block_size, at_least=2)
    if block_size <= 40:
        return float(np.interp(block_size, [*SMALL_BLOCKS], [*SMALL_BLOCKS.values()]))
    volume = (math.pi * block_size) ** (1 / block_size)
    return (block_size / (2 * math.pi * math.e) * volume) ** (1 / (2 * (block_size - 1)))


def estimate(n, q, *, secret_sigma, error_sigma=None, most_samples=None):
    """The block size that the model asks for.

    n:                          unknowns, 4 or more.  q: the modulus, 2 or more (an int of any size).
    secret_sigma, error_sigma:  standard deviations of the entries of secret and error; by default the same.
    most_samples:               how many equations there are; by default 2 n.
    Returns an `BlockEstimate`. Where no block up to the whole dimension would do, the block is that dimension.
    """
    n, q = validate.integer(n=n, at_least=4), validate.integer(q=q, at_least=2)
    secret_sigma = validate.positive(secret_sigma=secret_sigma)
    error_sigma = secret_sigma if error_sigma is None else validate.positive(error_sigma=error_sigma)
    most = 2 * n if most_samples is None else validate.integer(most_samples=most_samples, at_least=1)
    samples = np.arange(1, most + 1)
    dimension = n + samples + 1
    log_volume = samples * math.log(q) + n * math.log(error_sigma / secret_sigma)  # secret stretched to the error's size

    def best(block_size):
        """The margin, in logarithms, at the best number of equations; the secret is found where it is positive."""
        last_block = (2 * block_size - dimension - 1) * math.log(root_hermite_factor(block_size)) + log_volume / dimension
        return np.where(dimension > block_size, last_block, -np.inf) - math.log(math.sqrt(block_size) * error_sigma)

    low, high = 2, int(dimension[-1]) - 1
    while low < high:  # the margin grows with the block
        middle = (low + high) // 2
        low, high = (low, middle) if best(middle).max() > 0 else (middle + 1, high)
    chosen = int(samples[best(low).argmax()])
    return BlockEstimate(low, chosen, n + chosen + 1)
