"""Choose CKKS parameters, and say beforehand what they cost: security, bytes, numeric error.

    p = plan(depth=2, precision_bits=20)
    print(p)

Security is read off a published table, never guessed. Sizes and error are predictions that the tests compare with
measurements. Sources: Cheon, Kim, Kim, Song, ASIACRYPT 2017 (CKKS); Bossuat et al., "Security Guidelines for
Implementing Homomorphic Encryption", IACR ePrint 2024/463; Albrecht et al., "Homomorphic Encryption Security
Standard", 2018.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from labkit import validate
from labkit.encrypted.ckks.noise import encoding_error, fitting_scale, rounding_error, worst_error
from labkit.encrypted.ckks.wire import DIGEST, SMALLEST_PRIME, padded_length, word_bytes

# Largest log2 of the product of all primes for 128-bit security (classical attacker, ternary secret), by ring degree.
MOST_BITS = {
    "2024": {2048: 53, 4096: 106, 8192: 214, 16384: 430, 32768: 868},
    "2018": {2048: 54, 4096: 109, 8192: 218, 16384: 438, 32768: 881},
}
LARGEST_PRIME = 60  # bits; SEAL multiplies machine words, and below SMALLEST_PRIME, 20 bits, there are too few
HEADER_BYTES = 36  # of a vector's message, see vector.HEADER
KEY_ROOM = 10  # bits by which the last prime exceeds the first, when there are rotations
LARGEST_MESSAGE = 2**31 - 1  # bytes; protobuf, which TenSEAL writes with, goes no further


@lru_cache(maxsize=4096)
def prime_chain(poly_modulus_degree, prime_bits):
    """The primes that SEAL takes for these bit sizes, in order; ValueError when there are not enough of a size."""
    from tenseal.sealapi import CoeffModulus

    try:
        return tuple(int(each.value()) for each in CoeffModulus.Create(poly_modulus_degree, list(prime_bits)))
    except (ValueError, RuntimeError) as error:  # SEAL's own sentence says which size ran out
        raise ValueError(f"prime_bits must be sizes with enough primes at degree {poly_modulus_degree}, got {prime_bits}: "
                         f"{error}") from None


@dataclass(frozen=True)
class CKKSPlan:
    """CKKS parameters and what they will cost. `plan` chooses them; sizes are bytes, errors in units of the values.

    poly_modulus_degree: N, the ring degree, 2048 to 32768. A ciphertext holds N / 2 numbers (`slots`).
    prime_bits:          sizes of the primes, 20 to 60: the first stays to the end, each middle one pays for one
                         multiplication, the last is used only inside keys and must not be smaller than another.
    largest:             size that no number may exceed, neither input nor result.
    rotations:           whether Galois keys are made, which let a server move numbers between slots.
    Raises ValueError for anything else, or when there are too few primes of a size. Security is told, not enforced.
    """

    poly_modulus_degree: int
    prime_bits: tuple
    largest: float = 1.0
    rotations: bool = False

    def __post_init__(self):
        validate.one_of(poly_modulus_degree=self.poly_modulus_degree, options=MOST_BITS["2024"])
        if not isinstance(self.prime_bits, (tuple, list)) or len(self.prime_bits) < 2:
            raise ValueError(f"prime_bits must be a sequence of two sizes or more, got {self.prime_bits!r}")
        sizes = tuple(validate.integer(prime_bits=each, at_least=SMALLEST_PRIME, at_most=LARGEST_PRIME)
                      for each in self.prime_bits)
        object.__setattr__(self, "prime_bits", sizes)
        if sizes[-1] < max(sizes[:-1]):
            raise ValueError(f"prime_bits must end with the largest size, got {sizes}: under a smaller last prime the "
                             "keys' own noise would drown the products")
        validate.positive(largest=self.largest)
        validate.one_of(rotations=self.rotations, options=[True, False])
        prime_chain(self.poly_modulus_degree, sizes)

    @property
    def depth(self):
        """How many multiplications one after the other."""
        return len(self.prime_bits) - 2

    @property
    def slots(self):
        """How many numbers one ciphertext holds."""
        return self.poly_modulus_degree // 2

    @property
    def primes(self):
        """The primes themselves."""
        return prime_chain(self.poly_modulus_degree, self.prime_bits)

    @property
    def scale(self):
        """What values are multiplied by before rounding: the geometric mean of the actual middle primes."""
        return fitting_scale(self.primes) if self.depth else 2.0 ** (self.prime_bits[0] - _headroom_bits(self.largest))

    @property
    def modulus_bits(self):
        """log2 of the product of all primes: what security depends on."""
        return sum(math.log2(each) for each in self.primes)

    def security(self, guideline="2024"):
        """(log2 q used, most that is allowed for 128-bit security) under the "2024" or the "2018" guideline."""
        return self.modulus_bits, MOST_BITS[validate.one_of(guideline=guideline, options=MOST_BITS)][self.poly_modulus_degree]

    @property
    def error(self):
        """Upper bound on the error after `depth` multiplications of whatever numbers, if none exceeds `largest`.

        It multiplies by 1 + largest at every level: scale numbers to within 1 where you can. Sums are not in it; the
        vectors of labkit.encrypted.ckks.roles count those. Infinite when such a result would not fit the first prime.
        """
        return worst_error(self.poly_modulus_degree, self.primes, self.scale, self.largest)

    def ciphertext_bytes(self, level=0):
        """Length of one message with a ciphertext, `level` multiplications after encryption: exact, whatever is in it."""
        level = validate.integer(level=level, at_least=0, at_most=self.depth)
        length = padded_length(self.poly_modulus_degree, self.prime_bits[: 1 + self.depth - level])
        return HEADER_BYTES + length + DIGEST

    def public_bytes(self, rotations=None):
        """Size of what a client sends a server once: public and relinearisation keys; Galois keys if `rotations`.

        rotations: True, False, or None for what was planned.
        """
        rotations = self.rotations if rotations is None else validate.one_of(rotations=rotations, options=[True, False])
        galois_keys = 2 * (self.poly_modulus_degree.bit_length() - 2) if rotations else 0
        digits = len(self.prime_bits) - 1  # a key that switches keys holds one public key for each digit
        return round(2 * self.poly_modulus_degree * word_bytes(self.prime_bits) * (1 + digits * (1 + galois_keys)))

    def __str__(self):
        used, allowed = self.security()
        old = self.security("2018")[1]
        rows = [("ring degree N", f"{self.poly_modulus_degree}: {self.slots} numbers in a ciphertext"),
                ("primes", f"{' + '.join(map(str, self.prime_bits))} bits"),
                ("depth", f"{self.depth}: so many multiplications in a row"),
                ("scale", f"2^{math.log2(self.scale):.3f}"),
                ("security", f"log2 q is {used:.0f}; 128 bits (classical) allow {allowed} (2024 guideline) or {old} (2018)"),
                ("ciphertext", bytes_text(self.ciphertext_bytes())),
                ("keys to send", f"{bytes_text(self.public_bytes(False))}; with rotations {bytes_text(self.public_bytes(True))}"),
                ("error", f"below {self.error:.1g} for numbers up to {self.largest:g}")]
        return "\n".join(f"{name:14}{text}" for name, text in rows)


def plan(*, depth, precision_bits=20, largest=1.0, rotations=False, guideline="2024"):
    """The smallest CKKS parameters that do what is asked and are 128-bit secure.

    depth:          multiplications one after the other, 0 (only additions) or more.
    precision_bits: the error stays below 2**-precision_bits, in the worst case (see CKKSPlan.error).
    largest:        no number, input or result, is larger in size; > 0.
    rotations:      True when sums over slots are needed.
    guideline:      "2024" or, less strict, "2018".
    Raises ValueError with the reason and the nearest that can be had when no parameters will do.
    """
    depth = validate.integer(depth=depth, at_least=0, at_most=1000)
    precision_bits = validate.integer(precision_bits=precision_bits, at_least=1, at_most=100)
    largest = validate.positive(largest=largest)
    rotations = validate.one_of(rotations=rotations, options=[True, False])
    guideline = validate.one_of(guideline=guideline, options=MOST_BITS)
    found = _search(depth, precision_bits, largest, rotations, guideline)
    if found is None:
        raise ValueError(_why_not(depth, precision_bits, largest, rotations, guideline))
    return found


@lru_cache(maxsize=4096)
def _search(depth, precision_bits, largest, rotations, guideline):
    """The first N, and there the smallest primes, that fit; None when nothing does."""
    extra = _headroom_bits(largest)
    for degree, allowed in MOST_BITS[guideline].items():
        for middle in range(_fewest_bits(degree, depth, precision_bits, largest), LARGEST_PRIME - extra + 1):
            first = middle + extra
            # Sums over slots are exact only under a last prime well above the others (noise.total_error).
            last = min(first + KEY_ROOM, LARGEST_PRIME) if rotations else first
            if first + depth * middle + last > allowed:
                break
            try:
                candidate = CKKSPlan(degree, (first,) + (middle,) * depth + (last,), largest, rotations)
                good = candidate.error <= 2.0**-precision_bits
            except ValueError:  # too few primes of this size at this degree, or too far apart
                continue
            if good and (not rotations or candidate.public_bytes() <= LARGEST_MESSAGE):
                return candidate
    return None


def _fewest_bits(degree, depth, precision_bits, largest):
    """A size of the middle primes below which the error cannot be met, even if they equalled the scale."""
    fresh = rounding_error(degree) + encoding_error(degree)
    error = fresh
    for _ in range(depth):
        error = (1 + largest) * error + fresh
    return max(SMALLEST_PRIME, precision_bits + math.floor(math.log2(min(error, 2.0**LARGEST_PRIME))))


def _why_not(depth, precision_bits, largest, rotations, guideline):
    """Why nothing fits, and the nearest request that does."""
    def fits(depth, precision_bits):
        return _search(depth, precision_bits, largest, rotations, guideline) is not None

    less_deep = max((d for d in range(min(depth, 60)) if fits(d, precision_bits)), default=None)
    less_precise = max((bits for bits in range(1, min(precision_bits, 60)) if fits(depth, bits)), default=None)
    nearest = [f"depth={less_deep} at precision_bits={precision_bits}"] if less_deep is not None else []
    nearest += [f"precision_bits={less_precise} at depth={depth}"] if less_precise is not None else []
    largest_degree, allowed = max(MOST_BITS[guideline].items())
    return (f"depth must be smaller, or precision_bits or largest lower, got depth={depth}, precision_bits={precision_bits}, "
            f"largest={largest:g}{', rotations=True' if rotations else ''}: primes have at most {LARGEST_PRIME} bits, the "
            f"{guideline} guideline allows {allowed} bits in all at N = {largest_degree}"
            + (", and keys over 2 GiB cannot be sent" if rotations else "")
            + f". Nearest: {', or '.join(nearest) or 'none; scale the numbers down'}")


def _headroom_bits(largest):
    """Bits by which the first prime must exceed the scale: a sign, the largest number, and one for slack."""
    return 2 + max(0, math.ceil(math.log2(largest)))


def bytes_text(count, digits=3):
    """A size for people, to so many digits: 235 KB, 1.1 MB (decimal)."""
    count = float(f"{count:.{digits}g}")
    for unit, size in [("GB", 1e9), ("MB", 1e6), ("KB", 1e3)]:
        if count >= size:
            return f"{count / size:g} {unit}"
    return f"{count:g} bytes"
