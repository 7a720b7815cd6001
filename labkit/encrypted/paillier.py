"""Paillier encryption from scratch: whoever holds the public key adds numbers that only the secret key can read.

For teaching only: slow, and its running time depends on the secret. Use a reviewed library for real data.
Source: Paillier, "Public-key cryptosystems based on composite degree residuosity classes", EUROCRYPT 1999."""
import math
import secrets
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Integral

from labkit import validate

BITS_BYTES = 2
FRACTION_BITS = 40  # a number that is not an int is stored in steps of 2**-40


def is_prime(number, rounds=40):
    """Miller-Rabin: True for every prime, and for a composite with probability at most 4**-rounds."""
    if number < 5 or number % 2 == 0:
        return number in (2, 3)
    twos = ((number - 1) & (1 - number)).bit_length() - 1  # number - 1 is odd * 2**twos
    roots = (pow(2 + secrets.randbelow(number - 3), (number - 1) >> twos, number) for _ in range(rounds))
    return all(root == 1 or any(pow(root, 1 << i, number) == number - 1 for i in range(twos)) for root in roots)


def random_prime(bits):
    """A secret prime of `bits` bits, 32 to 4096; the two highest are 1, so that a product of two has 2 * bits."""
    bits = validate.integer(bits=bits, at_least=32, at_most=4096)
    while not is_prime(prime := secrets.randbits(bits) | 3 << (bits - 2) | 1):
        pass
    return prime


@dataclass(frozen=True)
class PublicKey:
    """Encrypts under n = p * q, the product of two secret primes."""
    n: int

    def __post_init__(self):
        validate.integer(n=self.n, at_least=15)

    def encode(self, number):
        """(m, bits) with m / 2**bits nearest to `number`. ValueError unless it is finite and |m| < n / 3."""
        whole = isinstance(number, Integral) and not isinstance(number, bool)
        m = int(number) if whole else round(Fraction(validate.finite(number=number)) * 2**FRACTION_BITS)
        if 3 * abs(m) >= self.n:
            raise ValueError(f"number must be below n / 3 in size (n has {self.n.bit_length()} bits), got {number!r:.60}")
        return m, 0 if whole else FRACTION_BITS

    def encrypt(self, number, *, largest=None):
        """A fresh ciphertext (1 + m n) r^n mod n^2 of an int or a float; r makes each one different.

        largest: public bound on the size of such numbers, for the count of what may overflow. By default as many steps
                 as half the bits of n can tell. ValueError for a larger number.
        """
        m, bits = self.encode(number)
        bound = self._steps(largest, bits)
        if abs(m) > bound:
            raise ValueError(f"number must be at most `largest` in size, {bound} steps of 2^-{bits}: name a larger one")
        return self.fresh(1 + m * self.n, bits, bound)

    def load(self, message, *, largest=None):
        """The ciphertext in a message of `Encrypted.to_bytes`; `largest` as in `encrypt`. ValueError for anything else."""
        if not isinstance(message, bytes) or len(message) != BITS_BYTES + self._size:
            raise ValueError(f"message must be {BITS_BYTES + self._size} bytes under this key, got {message!r:.60}")
        bits, value = (int.from_bytes(each) for each in (message[:BITS_BYTES], message[BITS_BYTES:]))
        if not 0 < value < self.n**2 or math.gcd(value, self.n) > 1:
            raise ValueError("message must be a ciphertext under this key, got one that is not: it is damaged")
        return Encrypted(value, bits, self, self._steps(largest, bits))

    @property
    def _size(self):
        return (2 * self.n.bit_length() + 7) // 8

    def _steps(self, largest, bits):
        most, its_bits = (2 ** (self.n.bit_length() // 2), bits) if largest is None else self.encode(largest)
        return abs(most) << bits >> its_bits

    def fresh(self, value, bits, bound):
        """The ciphertext under a new mask r^n. ValueError when numbers up to `bound` steps would wrap around."""
        if 3 * bound >= self.n:
            raise ValueError(f"the result must stay below n / 3 in size (n has {self.n.bit_length()} bits), but may take "
                             f"{bound.bit_length()} bits: each fraction adds {FRACTION_BITS}. Take a longer key, or "
                             "encrypt with a smaller `largest`")
        r = 1 + secrets.randbelow(self.n - 1)
        return Encrypted(value * pow(r, self.n, self.n**2) % self.n**2, bits, self, bound)


@dataclass(frozen=True)
class Encrypted:
    """A ciphertext: + and - take another under the same key, * takes a number in the clear, from either side.

    Every result gets a mask of its own: otherwise a multiplier could be found by trying, and times 0 would be 1.
    """
    value: int
    bits: int  # the number inside is a multiple of 2**-bits
    key: PublicKey = field(repr=False)
    bound: int = field(repr=False)  # at most so many multiples: a count that follows the multipliers, so it stays here

    def to_bytes(self):
        """What another party may have, for `PublicKey.load`: of one length, and nothing of the bound in it."""
        return self.bits.to_bytes(BITS_BYTES) + self.value.to_bytes(self.key._size)

    def __add__(self, other):
        if not isinstance(other, Encrypted) or other.key != self.key:
            raise ValueError(f"other must be encrypted under the same key, got {other!r:.60}")
        bits = max(self.bits, other.bits)
        bound = sum(each.bound << (bits - each.bits) for each in (self, other))
        a, b = (pow(each.value, 2 ** (bits - each.bits), self.key.n**2) for each in (self, other))
        return self.key.fresh(a * b % self.key.n**2, bits, bound)

    def __mul__(self, number):
        m, bits = self.key.encode(number)
        return self.key.fresh(pow(self.value, m, self.key.n**2), self.bits + bits, self.bound * abs(m))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other if isinstance(other, Encrypted) else other)

    __rmul__ = __mul__


def decrypt(ciphertext, p, q):
    """The int or float inside, by the secret primes p and q. ValueError for another key, or for a number that wrapped
    around or is too large for a float."""
    p, q = validate.integer(p=p, at_least=3), validate.integer(q=q, at_least=3)
    n, totient = p * q, math.lcm(p - 1, q - 1)
    if not isinstance(ciphertext, Encrypted) or ciphertext.key.n != n:
        raise ValueError(f"ciphertext must be encrypted under n = p * q, got {ciphertext!r:.60}")
    if p == q or math.gcd(n, totient) > 1:
        raise ValueError("p and q must be two different primes of about one size, got others")
    m = (pow(ciphertext.value, totient, n**2) - 1) // n * pow(totient, -1, n) % n
    if n <= 3 * m <= 2 * n:
        raise ValueError(f"ciphertext must hold a number below n / 3 in size, got an overflow of {n.bit_length()} bits")
    m -= n * (2 * m > n)
    try:
        return float(Fraction(m, 2**ciphertext.bits)) if ciphertext.bits else m
    except OverflowError:
        raise ValueError("ciphertext must hold a number that fits a float, got one beyond 10^308") from None
