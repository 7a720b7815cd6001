"""The secret key of CKKS, worked out from two decrypted results that somebody published with all their digits.

A CKKS ciphertext is a pair of polynomials (c0, c1) with c0 + c1 s = m: s is the secret key, and m is the result together
with the noise of the encryption. Decrypting hands out m, noise and all, so s solves a linear equation whose other terms
are known. TenSEAL keeps only the real parts of the numbers in m, which is half of the equations; two results have enough.

Source: Li and Micciancio, "On the security of homomorphic encryption on approximate numbers", EUROCRYPT 2021
(ePrint 2020/1533).
"""

import numpy as np

from labkit import validate

__all__ = ["recover_key", "decrypt_with"]


def recover_key(party, messages, published):
    """The secret key, from two messages and what they were decrypted to; None when the attack finds none.

    party:     anybody who holds the public keys: a Server made from `CKKSClient.public_bytes()` (labkit.encrypted.ckks.roles).
    messages:  two encrypted vectors, as bytes, at the same level, with a number in every slot (any number of
               multiplications may be behind them).
    published: what their owner's `decrypt` returned for each: two arrays of N / 2 numbers.
    Returns the key's N coefficients, each -1, 0 or 1, as an array of int8. Only such a key can be right, and a wrong
    solution has coefficients of any size: the attacker knows whether it worked.
    Raises ValueError for anything but two full vectors of one level and their numbers.
    """
    vectors = _full_vectors(party, messages)
    if len(vectors) != 2 or vectors[0].level != vectors[1].level:
        raise ValueError(f"messages must be two at the same level, got levels {[each.level for each in vectors]}")
    if len(published) != 2:
        raise ValueError(f"published must be two arrays, got {len(published)}")
    published = [validate.array(published=each, ndim=1).astype(float) for each in published]
    for each in published:
        if len(each) != party.slots:
            raise ValueError(f"published must hold {party.slots} numbers each, one a slot, got {len(each)}")

    prime, mirror = party.primes[0], slice(None, None, -1)  # in SEAL's order point N - 1 - i is the inverse of point i
    equations = []
    for vector, numbers in zip(vectors, published):
        c0, c1 = _points(vector)
        # Real parts only: what was published is m(x) + m(1/x), halved.
        known = _encoded(party, 2 * numbers * party.factors[vector.level], vector)
        equations.append((c1, c1[mirror], (known - c0 - c0[mirror]) % prime))
    (a, b, right), (c, d, other) = equations  # a s(x) + b s(1/x) = right, c s(x) + d s(1/x) = other
    determinant = (a * d - b * c) % prime
    if not determinant.all():
        return None
    inverse = np.array([pow(each, -1, prime) for each in determinant], dtype=object)
    key = _coefficients((right * d - other * b) * inverse % prime, prime)
    return key.astype(np.int8) if np.isin(key, (-1, 0, 1)).all() else None


def decrypt_with(key, party, message):
    """The numbers in any message under a stolen key: N / 2 of them, as an array.

    key: as `recover_key` returned it; party, message: as there, but the vector need not fill its slots.
    """
    key = validate.array(key=key, ndim=1).astype(int)
    if len(key) != party.poly_modulus_degree:
        raise ValueError(f"key must have {party.poly_modulus_degree} coefficients, got {len(key)}")
    vector = party.load(message)
    c0, c1 = _points(vector)
    prime, degree = party.primes[0], len(key)
    noisy = _coefficients((c0 + c1 * _at_points(key, prime)) % prime, prime).astype(float)
    # The numbers are m's values at the complex roots zeta^1, zeta^3, zeta^9, ... (SEAL's order of slots).
    values = np.fft.ifft(noisy * np.exp(1j * np.pi * np.arange(degree) / degree)) * degree
    slots = (np.array([pow(3, i, 2 * degree) for i in range(degree // 2)]) - 1) // 2
    return values[slots].real / (party.scale * party.factors[vector.level])


def _full_vectors(party, messages):
    vectors = [party.load(each) for each in messages]
    for vector in vectors:
        if len(vector) != party.slots:
            raise ValueError(f"messages must fill all {party.slots} slots, got a vector of {len(vector)}")
    return vectors


def _points(vector):
    """c0 and c1 as SEAL stores them: their values, modulo the first prime, at N roots of unity."""
    (ciphertext,) = vector.data.ciphertext()
    degree, primes = ciphertext.poly_modulus_degree(), ciphertext.coeff_modulus_size()
    return [np.array([ciphertext[start + i] for i in range(degree)], dtype=object) for start in (0, primes * degree)]


def _encoded(party, numbers, vector):
    """The polynomial that stands for these numbers, at the same points."""
    from tenseal import sealapi

    (ciphertext,) = vector.data.ciphertext()
    plaintext = sealapi.Plaintext()
    encoder = sealapi.CKKSEncoder(party.context.seal_context().data)
    encoder.encode(numbers.tolist(), ciphertext.parms_id(), ciphertext.scale, plaintext)
    return np.array([plaintext[i] for i in range(party.poly_modulus_degree)], dtype=object)


def _root(prime, degree):
    """The smallest number whose powers run through 2 N values modulo the prime: SEAL's choice."""
    root = next(candidate for x in range(2, 1000)
                if pow(candidate := pow(x, (prime - 1) // (2 * degree), prime), degree, prime) == prime - 1)
    powers, square = [root], root * root % prime
    for _ in range(degree - 1):
        powers.append(powers[-1] * square % prime)
    return min(powers)


def _reversed_bits(degree):
    width = degree.bit_length() - 1
    return np.array([int(f"{i:0{width}b}"[::-1], 2) for i in range(degree)])


def _powers(base, count, prime):
    powers = [1]
    for _ in range(count - 1):
        powers.append(powers[-1] * base % prime)
    return np.array(powers, dtype=object)


def _fourier(values, root, prime):
    """Sum of values[j] root^(i j) for each i, modulo the prime, by halving; root has order len(values)."""
    if len(values) == 1:
        return values
    even, odd = (_fourier(values[start::2], root * root % prime, prime) for start in (0, 1))
    odd = odd * _powers(root, len(odd), prime)
    return np.concatenate([even + odd, even - odd]) % prime


def _at_points(coefficients, prime):
    """A polynomial's values at the points where SEAL keeps them."""
    degree = len(coefficients)
    root = _root(prime, degree)
    twisted = coefficients.astype(object) * _powers(root, degree, prime) % prime
    return _fourier(twisted, root * root % prime, prime)[_reversed_bits(degree)]


def _coefficients(points, prime):
    """The polynomial with these values, coefficients between -prime / 2 and prime / 2."""
    degree = len(points)
    back = pow(_root(prime, degree), -1, prime)
    natural = points[_reversed_bits(degree)]  # reversing the bits twice changes nothing
    found = _fourier(natural, back * back % prime, prime) * _powers(back, degree, prime)
    found = found * pow(degree, -1, prime) % prime
    return np.where(found > prime // 2, found - prime, found)
