"""The model gives the published numbers, and the toys behave as it says."""

import math

import numpy as np
import pytest

from labkit import lattice

# "Core SVP" as the designers state it: Avanzi and others, CRYSTALS-Kyber, round 3 (2021), table 4: classical, quantum.
KYBER = [(512, math.sqrt(1.5), 118, 107), (768, 1.0, 183, 166), (1024, 1.0, 256, 232)]


@pytest.mark.parametrize("n, sigma, classical, quantum", KYBER)
def test_the_published_strength_of_kyber(n, sigma, classical, quantum):
    found = lattice.estimate(n, 3329, secret_sigma=sigma, most_samples=n)
    assert abs(found.classical_bits - classical) <= 1.1 and abs(found.quantum_bits - quantum) <= 1.1
    assert found.dimension == n + found.samples + 1


@pytest.mark.parametrize("n, bits", [(4096, 106), (8192, 214), (16384, 430), (32768, 868)])
def test_the_guideline_of_ckks_comes_out(n, bits):
    """128 bits, ternary secret, errors of 3.2: the guideline's other attacks and constants move it by a few bits."""
    found = lattice.estimate(n, 2**bits, secret_sigma=math.sqrt(2 / 3), error_sigma=3.2)
    assert 124 < found.whole_bits < 138
    wider = lattice.estimate(n, 2 ** (2 * bits), secret_sigma=math.sqrt(2 / 3), error_sigma=3.2)
    assert wider.whole_bits < 90  # twice the bits of the modulus in the same ring: weak


def test_the_factor_falls_with_the_block():
    factors = [lattice.root_hermite_factor(each) for each in range(2, 400)]
    assert all(a >= b - 4e-4 for a, b in zip(factors, factors[1:])) and abs(factors[0] - 1.0219) < 1e-4
    assert abs(lattice.root_hermite_factor(100) - 1.0093) < 2e-4 and factors[-1] < 1.0045


def test_what_needs_no_block_falls_to_lll_and_what_needs_one_does_not():
    for n, q, lll_does in ((16, 61, True), (40, 3329, True), (44, 31, False)):
        predicted = lattice.estimate(n, q, secret_sigma=math.sqrt(0.5), most_samples=n).block_size
        solved = [lattice.solve(lattice.problem(n, q, rng=np.random.default_rng(seed))[0], block_sizes=()).secret is not None
                  for seed in range(4)]
        assert (predicted == 2) == lll_does and (np.mean(solved) > 0.5) == lll_does


def test_bad_arguments():
    for arguments, named in (({"n": 3}, "n"), ({"q": 1}, "q"), ({"secret_sigma": 0}, "secret_sigma"), ({"error_sigma": -1}, "error_sigma"),
                             ({"most_samples": 0}, "most_samples")):
        with pytest.raises(ValueError, match=f"{named} must"):
            lattice.estimate(**{"n": 64, "q": 3329, "secret_sigma": 1.0} | arguments)
    with pytest.raises(ValueError, match="block_size must"):
        lattice.root_hermite_factor(1)
