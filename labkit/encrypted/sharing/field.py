"""Numbers modulo a prime: the arithmetic under secret sharing, fixed point, and numbers as bytes.

An array of field elements is a numpy array of Python ints (dtype object), so that no product overflows.
"""

import os
from fractions import Fraction

import numpy as np

from labkit import validate

PRIME = 2**61 - 1  # a Mersenne prime: an element fits 8 bytes
FRACTION_BITS = 20
WIDTH = 8  # bytes of an element


def is_odd_prime(number):
    """Whether a number of up to 61 bits is an odd prime (Miller-Rabin with bases that decide below 2^64)."""
    bases = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
    if number < 3 or any(number % base == 0 for base in bases):
        return number in bases[1:]
    twos = ((number - 1) & (1 - number)).bit_length() - 1
    roots = (pow(base, (number - 1) >> twos, number) for base in bases)
    return all(root == 1 or any(pow(root, 1 << i, number) == number - 1 for i in range(twos)) for root in roots)


def check_prime(prime):
    """`prime` as int; ValueError unless it is an odd prime of at most 61 bits."""
    prime = validate.integer(prime=prime, at_least=3, at_most=PRIME)
    if not is_odd_prime(prime):
        raise ValueError(f"prime must be an odd prime of at most 61 bits, got {prime}")
    return prime


def elements(values, name="values", prime=PRIME):
    """Whole numbers as field elements: an object array of the same shape, each reduced to 0 ... prime - 1.

    values: a whole number, or a non-empty array or list of them. ValueError for fractions, and anything else.
    """
    array = np.asarray(values)
    allowed = "a whole number or a non-empty array of them"
    if array.size == 0 or array.dtype.kind not in "iuO":
        raise ValueError(f"{name} must be {allowed}, got {values!r:.60}")
    flat = list(array.ravel())
    if not all(isinstance(each, (int, np.integer)) and not isinstance(each, (bool, np.bool_)) for each in flat):
        raise ValueError(f"{name} must be {allowed}, got {values!r:.60}")
    result = np.empty(len(flat), object)
    result[:] = [int(each) % prime for each in flat]
    return result.reshape(array.shape)


def uniform(shape, prime=PRIME, rng=None):
    """Independent field elements, each of the `prime` values equally likely: an object array of this shape.

    rng: None for the operating system's randomness, or a numpy Generator (repeatable, hence for teaching only).
    """
    count = int(np.prod(shape, dtype=int))
    if rng is not None:
        drawn = rng.integers(0, prime, count, dtype=np.uint64)
    else:
        # The top 64 - bits bits are cut off, and what is not below the prime is drawn again: `% prime` would make
        # small numbers likelier than large ones.
        mask, drawn = np.uint64(2 ** prime.bit_length() - 1), np.empty(0, np.uint64)
        while len(drawn) < count:
            fresh = np.frombuffer(os.urandom(8 * (count + 8)), np.uint64) & mask
            drawn = np.r_[drawn, fresh[fresh < prime]][:count]
    result = np.empty(count, object)
    result[:] = drawn.tolist()
    return result.reshape(shape)


def encode(numbers, *, fraction_bits=FRACTION_BITS, largest=None, name="numbers", prime=PRIME):
    """Fixed point: each number becomes the field element nearest to number * 2^fraction_bits; negatives wrap to the top.

    largest: public bound on the size of the numbers; by default what the field holds.
    Returns an object array of the same shape. ValueError for a number above `largest`, or a `largest` that does not fit.
    """
    numbers = validate.array(**{name: numbers}).astype(float)
    fraction_bits = validate.integer(fraction_bits=fraction_bits, at_least=0, at_most=56)
    if largest is not None and steps(validate.positive(largest=largest), fraction_bits) > prime // 2:
        raise ValueError(f"largest must be at most {(prime - 1) / 2 / 2**fraction_bits:g} with {fraction_bits} fraction bits, "
                         f"got {largest:g}: it would wrap around")
    if largest is not None and np.abs(numbers).max() > largest:
        raise ValueError(f"{name} must be at most {largest:g} in size, got one that is larger")  # which one is secret
    encoded = [steps(each, fraction_bits) for each in numbers.ravel().tolist()]
    if max(map(abs, encoded)) > prime // 2:
        raise ValueError(f"{name} must be at most {(prime - 1) / 2 / 2**fraction_bits:g} in size, got one that would wrap around")
    return elements(encoded, prime=prime).reshape(numbers.shape)


def steps(number, fraction_bits):
    """The whole number nearest to number * 2^fraction_bits, exactly: floats near a limit round onto it."""
    return round(Fraction(number) * 2**fraction_bits)


def decode(values, *, fraction_bits=FRACTION_BITS, prime=PRIME):
    """The numbers in field elements made by `encode`, as float64: the upper half of the field is the negatives."""
    fraction_bits = validate.integer(fraction_bits=fraction_bits, at_least=0, at_most=60)
    values = elements(values, prime=prime)
    signed = np.where(values > prime // 2, values - prime, values)
    return np.asarray(signed / 2**fraction_bits, dtype=float)


def to_bytes(values):
    """Field elements as bytes, 8 for each. ValueError for anything but whole numbers from 0 to PRIME - 1.

    No checksum: a share that is changed on the way is another share. The channel must authenticate (lab 02).
    """
    array = np.asarray(values)
    reduced = elements(values)
    if (reduced != array).any():
        raise ValueError(f"values must be whole numbers from 0 to {PRIME - 1}, got others")
    return reduced.astype(np.uint64).astype("<u8").tobytes()


def from_bytes(message, shape, prime=PRIME):
    """The field elements, an object array of `shape`, in bytes made by `to_bytes`.

    ValueError when they are not bytes, too many or too few, or not all below the prime.
    """
    count = int(np.prod(shape, dtype=int))
    if not isinstance(message, bytes) or len(message) != WIDTH * count:
        length = f"{len(message)} bytes" if isinstance(message, bytes) else type(message).__name__
        raise ValueError(f"message must be {WIDTH * count} bytes, {WIDTH} for each of {count} elements, got {length}")
    values = np.frombuffer(message, "<u8")
    if (values >= prime).any():
        raise ValueError("message must hold elements below the prime, got one that is not: it is damaged")
    return elements(values, prime=prime).reshape(shape)
