"""Problems are what they say, and their lattice holds the answer."""

import numpy as np
import pytest
from scipy.stats import chisquare

from labkit import lattice
from labkit.lattice.lwe import small_numbers

MAKERS = [lattice.problem, lattice.ring_problem]


@pytest.mark.parametrize("make", MAKERS)
def test_the_equations_are_slightly_wrong(make):
    given, secret = make(32, 3329, eta=2, rng=np.random.default_rng(0))
    errors = (given.b - given.A @ secret + 3329 // 2) % 3329 - 3329 // 2
    assert np.abs(errors).max() <= 2 and np.abs(secret).max() <= 2 and errors.any() and secret.any()
    assert given.n == 32 and given.A.min() >= 0 and given.A.max() < 3329


@pytest.mark.parametrize("eta", [1, 2, 3])
def test_small_numbers_are_binomial(eta):
    """Chi-square over 20,000 draws; a right one fails once in 100,000."""
    drawn = small_numbers(20_000, eta, np.random.default_rng(eta))
    chances = np.convolve(*[[np.prod(range(eta, eta - k, -1)) / max(1, np.prod(range(1, k + 1))) / 2**eta for k in range(eta + 1)]] * 2)
    assert chisquare(np.bincount(drawn + eta, minlength=2 * eta + 1), chances * 20_000).pvalue > 1e-5


def test_a_ring_multiplies_polynomials():
    given, _ = lattice.ring_problem(8, 97, rng=np.random.default_rng(3))
    other = np.arange(8)
    product = np.convolve(given.A[:, 0], other)  # the first column is a itself
    wrapped = product[:8] - np.append(product[8:], 0)  # x^8 = -1
    assert np.array_equal(given.A @ other % 97, wrapped % 97)


@pytest.mark.parametrize("make", MAKERS)
def test_the_lattice_holds_the_answer(make):
    given, secret = make(12, 61, rng=np.random.default_rng(4))
    basis = lattice.embedding(given)
    wraps = (given.b - given.A @ secret + 30) // 61
    coefficients = np.concatenate([secret, -wraps, [1]])
    vector = coefficients @ basis
    assert np.abs(vector).max() <= given.eta and np.array_equal(vector[:12], secret)
    assert np.array_equal(lattice.answer_in([vector * 0, -vector], given), secret)
    assert abs(round(np.linalg.slogdet(basis.astype(float))[1] - 12 * np.log(61), 6)) == 0  # volume q^samples


def test_no_answer_where_there_is_none():
    given, secret = lattice.problem(6, 61, rng=np.random.default_rng(5))
    assert lattice.answer_in(lattice.embedding(given), given) is None
    assert lattice.answer_in([], given) is None


@pytest.mark.parametrize("arguments, named", [({"n": 0}, "n must"), ({"q": 4}, "q must"), ({"q": 2**41}, "q must"), ({"eta": 0}, "eta must"),
                                              ({"n": 2.0}, "n must"), ({"rng": 1}, "rng must")])
@pytest.mark.parametrize("make", MAKERS)
def test_bad_arguments(make, arguments, named):
    with pytest.raises(ValueError, match=named):
        make(**{"n": 8, "q": 61} | arguments)
    with pytest.raises(ValueError, match="samples must"):
        lattice.problem(8, 61, samples=0)
