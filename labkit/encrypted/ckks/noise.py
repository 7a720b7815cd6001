"""How far a CKKS value drifts and how noisy it gets: bounds that are known before anything is encrypted.

CKKS stores a number x as the whole number nearest to scale * x, plus noise. Multiplying squares the scale, and dividing
by the next prime of the chain (rescaling) brings it back, nearly: no prime equals the scale.
"""

import math

ERROR_DEVIATION = 3.2  # standard deviation of the errors that SEAL hides secrets with


def fitting_scale(primes):
    """Geometric mean of the middle primes: a product taken through all levels ends at the scale where it began."""
    middle = primes[1:-1]
    return math.exp(sum(map(math.log, middle)) / len(middle))


def level_factors(primes, scale):
    """What the numbers in a ciphertext are multiplied by at each level 0, 1, ..., because no prime equals the scale.

    Multiplying two ciphertexts of one level squares the factor, and dividing by the prime leaves scale / prime.
    A known factor can be divided out (Kim, Papadimitriou, Polyakov, "Approximate homomorphic encryption with reduced
    approximation error", CT-RSA 2022). Raises ValueError when the scale is more than a bit away from a prime: such
    parameters give wrong results in TenSEAL, without a message.
    """
    factors = [1.0]
    for prime in reversed(primes[1:-1]):  # the last middle prime is spent first
        factors.append(factors[-1] ** 2 * scale / prime)
        if not (0.5 < scale / prime < 2 and 1e-3 < factors[-1] < 1e3):
            raise ValueError(f"scale must be near the middle primes, got 2^{math.log2(scale):.2f} with primes of "
                             f"{', '.join(f'{math.log2(each):.2f}' for each in primes[1:-1])} bits")
    return tuple(factors)


def rounding_error(poly_modulus_degree, *, numbers=None, failure=1e-6):
    """Bound on the error, in units of 1 / scale, that encryption or one rescaling adds to a slot.

    Rounding adds t0 + t1 s, with t0 and t1 uniform in +-1/2 and a ternary secret s: variance N / 18 a coefficient and
    N^2 / 36 a slot. Across slots the product t1 s has Laplace tails; the bound fails, for any of `numbers` slots (all
    of one ciphertext, if None), with probability about `failure`.
    """
    numbers = poly_modulus_degree / 2 if numbers is None else numbers
    return poly_modulus_degree / 6 * math.log(numbers / failure) / math.sqrt(2)


def switching_error(poly_modulus_degree, primes):
    """The same for what a key switch adds: after each rotation, and after each product of two ciphertexts.

    Switching multiplies the residues of a ciphertext, uniform in 0 ... q, with the errors e of a key, and divides by
    the last prime P. Residues are not centred: their mean, q / 2 in every coefficient, is a polynomial whose value is
    large in a few slots (N q / pi in the worst, in all together about (2 + log(N) / 2) times that), times e of
    standard deviation 3.2 sqrt(N / 2). A larger P makes this vanish. Elsewhere the size of the residues, q / sqrt(12),
    counts, and the rounding after the division. Returns (bound in the few slots, bound in every slot).
    """
    degree = poly_modulus_degree
    digits = math.sqrt(sum((prime / primes[-1]) ** 2 for prime in primes[:-1]))
    key_error = ERROR_DEVIATION * math.sqrt(degree / 2)
    few = gaussian_tail(degree) * degree / math.pi * key_error * digits * (2 + math.log(degree) / 2)
    return few, rounding_error(degree) * math.sqrt(1 + 3 / degree * (digits * key_error) ** 2)


def total_error(poly_modulus_degree, primes, length):
    """The same for the sum over `length` slots: log2(length) rotations, each followed by an addition."""
    few, every = switching_error(poly_modulus_degree, primes)
    return math.log2(length) * few + (length - 1) * every


def product_error(poly_modulus_degree, primes, level):
    """The same for a product of two ciphertexts of `level`: the key switch, divided by a prime, and the rounding.

    Switching happens while numbers are multiplied by scale^2, before the division by this level's prime.
    """
    few, every = switching_error(poly_modulus_degree, primes)
    return (few + every) / primes[-2 - level] + rounding_error(poly_modulus_degree)


def encoding_error(poly_modulus_degree):
    """The same for a plain vector: rounding N coefficients, Gaussian across slots."""
    return gaussian_tail(poly_modulus_degree) * math.sqrt(poly_modulus_degree / 24)


def gaussian_tail(poly_modulus_degree):
    """Standard deviations that none of N / 2 Gaussian slots exceeds, but once in a million times."""
    return math.sqrt(2 * math.log(poly_modulus_degree / 2 * 1e6))


def worst_error(poly_modulus_degree, primes, scale, largest):
    """Error after all levels are spent on multiplying numbers of size up to `largest`, products included.

    One multiplication takes errors e and e' to |a| e' + |b| e + e e', and with |a|, |b|, |a b| <= largest that is at
    most (1 + largest) e + e^2 when both are e. Infinite when the result would not fit the first prime.
    """
    one = (rounding_error(poly_modulus_degree) + encoding_error(poly_modulus_degree)) / scale
    factors = level_factors(primes, scale)
    error = one
    for level, factor in enumerate(factors[1:]):
        product = product_error(poly_modulus_degree, primes, level) / scale
        error = (1 + largest) * error + error**2 + (product + encoding_error(poly_modulus_degree) / scale) / factor
    fits = 2 * (largest + error) * factors[-1] * scale < primes[0]
    return error if fits else math.inf
