"""The encrypted vector: arithmetic that keeps count of levels, size and error, and refuses what would go wrong.

Where TenSEAL would answer wrongly without a word, the operation here is either exact about scales or a ValueError.
"""

import math
import struct

import numpy as np

from labkit import validate
from labkit.encrypted.ckks import noise, wire

HEADER = struct.Struct(">4s16sdd")  # mark, name of the key, bound on the numbers, bound on the error
MARK = b"CKV2"
NOT_TOLD = math.inf, math.inf


class EncryptedVector:
    """Numbers in the slots of one ciphertext. Made by `Party.encrypt` and `Party.load`.

    + and - take a vector of the same party and length, a number, or a plain array of that length; so does *, which
    spends a level. Vectors at different levels are brought to the lower one exactly, and neither operand changes.

    level:       multiplications spent; `levels_left` remain.
    bound:       bound on the size of the numbers.
    error_bound: bound on how far the decrypted numbers will be from the exact ones, if the inputs were exact.
    public:      (bound, error_bound) as a message may tell them; None for what was computed, since the count of a
                 computation follows its plain operands: a model's weights, for example.
    Every operation raises ValueError instead of a result that could not be decrypted: no level left, numbers that
    may not fit, a zero that would need no key to read.
    """

    __array_ufunc__ = None  # so that array * vector comes here and is not taken apart by numpy

    def __init__(self, party, data, length, level, bound, error_bound):
        self.party, self.data, self.length = party, data, length
        self.level, self.bound, self.error_bound = level, bound, error_bound
        self.shadow = self.public = None

    def __len__(self):
        return self.length

    @property
    def levels_left(self):
        """How many more multiplications this vector can take part in."""
        return self.party.depth - self.level

    def __repr__(self):
        return (f"EncryptedVector({len(self)} numbers up to {self.bound:.3g}, {self.levels_left} of {self.party.depth} "
                f"levels left, error below {self.error_bound:.1e})")

    def to_bytes(self, *, bound=None, error_bound=None):
        """The ciphertext as a message, no key and no shadow in it; its length follows from the plan and the level.

        Header and length are for everybody to read. What was just encrypted tells the bound that `encrypt` was told.
        A result tells nothing of its numbers, unless you name public figures: without them its receiver can decrypt
        it, but not compute on it. Raises ValueError when the vector's own count exceeds what you name.
        """
        told = self.public or NOT_TOLD
        if bound is not None or error_bound is not None:
            told = validate.positive(bound=bound), validate.positive(error_bound=error_bound)
            if told[0] < self.bound or told[1] < self.error_bound:
                raise ValueError(f"bound and error_bound must cover the vector's own count, got {told[0]:g} and "
                                 f"{told[1]:g}, which do not")  # the count itself may be secret
        (ciphertext,) = self.data.ciphertext()
        bits = [prime.bit_length() for prime in self.party.primes[: ciphertext.coeff_modulus_size()]]
        length = wire.padded_length(ciphertext.poly_modulus_degree(), bits)
        header = HEADER.pack(MARK, self.party.key_name, *told)
        return wire.checked(header + wire.padded(self.data.serialize(), length))

    def __add__(self, other):
        if isinstance(other, EncryptedVector):
            a, b = self._aligned(other)
            try:
                data = a.data.add(b.data)
            except RuntimeError:  # SEAL notices that the random part cancelled
                raise ValueError("the sum must not be zero whatever the numbers are, got x - x: it would be known without a "
                                 "key") from None
            return a._result("add", data, a.level, a.bound + b.bound, a.error_bound + b.error_bound, lambda x, y: x + y, b)
        plain, size = self._plain(other)
        return self._result("add a plain", self._with_plain("add", plain), self.level, self.bound + size,
                            self.error_bound + self._in_slots(noise.encoding_error, self.level), lambda x, y: x + y, plain)

    def __mul__(self, other):
        if isinstance(other, EncryptedVector):
            a, b = self._aligned(other)
            a._need_a_level()
            error = (a.bound * b.error_bound + b.bound * a.error_bound + a.error_bound * b.error_bound
                     + a._product_error())
            return a._result("multiply", a.data.mul(b.data), a.level + 1, a.bound * b.bound, error, lambda x, y: x * y, b)
        plain, size = self._plain(other)
        self._need_a_level()
        if size * self.party.scale * self.party.factors[self.level] < 1:
            raise ValueError(f"other must not be zero (or too small to encode, below {1 / self.party.scale:.1e}), got {other!r}: "
                             "the product would be known without a key")
        return self._result("multiply by a plain", self._with_plain("mul", plain), self.level + 1, self.bound * size,
                            self._plain_product_error(size), lambda x, y: x * y, plain)

    def __neg__(self):
        return self._result("negate", self.data.neg(), self.level, self.bound, self.error_bound, lambda x, _: -x)

    def __sub__(self, other):
        return self + (-other if isinstance(other, EncryptedVector) else -self._plain(other)[0])

    def __rsub__(self, other):
        return -self + other  # TenSEAL's own copies the context, secret key included

    __radd__, __rmul__ = __add__, __mul__

    def total(self):
        """The sum of all numbers, in every slot, without spending a level. The length must be a power of two.

        Needs a plan with rotations=True.
        """
        if len(self) & (len(self) - 1):
            raise ValueError(f"the length must be a power of two (encrypt zeros behind the numbers), got {len(self)}")
        if not self.party.context.has_galois_keys():
            raise ValueError("the plan must have rotations=True to move numbers between slots, got keys without")
        # TenSEAL calls the sum a vector of length 1, although every slot holds it: the slots repeat the numbers.
        data = self._of_length(self.data.sum(), len(self))
        added = noise.total_error(2 * self.party.slots, self.party.primes, len(self))
        error = len(self) * self.error_bound + added / (self.party.scale * self.party.factors[self.level])
        return self._result("total", data, self.level, self.bound * len(self), error, lambda x, _: np.full(len(x), x.sum()))

    def within(self, bound):
        """The same vector, with your word that its numbers do not exceed `bound`: for what you know and the count cannot.

        The bound grows as if the worst came together at every step. In shadow mode a false word is a ValueError.
        """
        bound = validate.positive(bound=bound)
        if self.shadow is not None and np.abs(self.shadow).max() > bound:
            raise ValueError(f"bound must hold for the numbers, got {bound:g}, but one has size {np.abs(self.shadow).max():.3g}")
        result = EncryptedVector(self.party, self.data, len(self), self.level, min(bound, self.bound), self.error_bound)
        result.shadow = self.shadow
        return result

    def _need_a_level(self):
        if self.levels_left == 0:
            raise ValueError(f"no multiplication is left: all {self.party.depth} levels are spent (TenSEAL says \"scale out of "
                             "bounds\"). Plan a larger depth, or let the client decrypt and encrypt again")

    def _plain(self, other):
        """A plain operand as a float or an array of this length, with its largest size."""
        if np.ndim(other) == 0:
            value = validate.finite(other=other)
            return value, abs(value)
        values = validate.array(other=other, ndim=1).astype(float)
        if len(values) != len(self):
            raise ValueError(f"other must have {len(self)} numbers as the vector has, got {len(values)}")
        return values, float(np.abs(values).max())

    def _with_plain(self, operation, plain):
        """TenSEAL's result with a plain operand, which first gets the factor that the numbers carry at this level."""
        plain = plain * self.party.factors[self.level]
        if np.ndim(plain) == 0:
            return getattr(self.data, operation + "_plain")(plain)
        # An encrypted vector repeats through all slots. TenSEAL would put a plain one in the first slots only, and
        # whatever moves numbers between slots would then read the wrong ones.
        everywhere = np.resize(plain, self.party.slots).tolist()
        data = self._of_length(self.data, self.party.slots)
        return self._of_length(getattr(data, operation + "_plain")(everywhere), len(self))

    def _of_length(self, data, length):
        """The same ciphertext as a TenSEAL vector of another length: the first field of its message is replaced."""
        import tenseal

        if data.size() == length:
            return data
        message, before = data.serialize(), length_field(data.size())
        if not message.startswith(before):
            raise RuntimeError("TenSEAL writes vectors in another way than version 0.3 did")
        return tenseal.ckks_vector_from(self.party.context, length_field(length) + message[len(before):]).data

    def _in_slots(self, error, level):
        """An error of `noise`, in the units of the numbers at a level."""
        return error(2 * self.party.slots) / (self.party.scale * self.party.factors[level])

    def _product_error(self):
        """What multiplying two ciphertexts of this level adds, in the units of the numbers."""
        error = noise.product_error(2 * self.party.slots, self.party.primes, self.level)
        return error / (self.party.scale * self.party.factors[self.level + 1])

    def _plain_product_error(self, size):
        encoding = self._in_slots(noise.encoding_error, self.level)
        return (size * self.error_bound + (self.bound + self.error_bound) * encoding
                + self._in_slots(noise.rounding_error, self.level + 1))

    def _lowered(self):
        """The same numbers one level down: multiplied by a 1 that carries the factor."""
        return self._result("lower", self._with_plain("mul", 1.0), self.level + 1, self.bound, self._plain_product_error(1),
                            lambda x, _: x)

    def _aligned(self, other):
        """Both vectors at the lower level of the two."""
        if other.party is not self.party:
            raise ValueError("other must belong to the same party and key: load its bytes here first")
        if len(other) != len(self):
            raise ValueError(f"other must have {len(self)} numbers as the vector has, got {len(other)}")
        a, b = self, other
        while a.level < b.level:
            a = a._lowered()
        while b.level < a.level:
            b = b._lowered()
        return a, b

    def _result(self, operation, data, level, bound, error, exact, other=None):
        """A new vector, unless its numbers may not fit or are zero for anybody to see."""
        capacity = self.party.capacity(level)
        if error == math.inf:
            raise ValueError(f"the vector must come with bounds to {operation!r}, got a result whose message told none: "
                             "name public ones, to_bytes(bound=, error_bound=)")
        if bound + error >= capacity:
            raise ValueError(f"the result of {operation!r} may reach {bound:.3g}, but only {capacity:.3g} fits: it would wrap "
                             "around. Plan with a larger `largest`, or declare a tighter bound (encrypt(bound=), within)")
        result = EncryptedVector(self.party, data, len(self), level, bound, error)
        if self.shadow is not None and exact is not None:
            operand = other.shadow if isinstance(other, EncryptedVector) else other
            if not (isinstance(other, EncryptedVector) and operand is None):
                result.shadow = exact(self.shadow, operand)
                self.party.measure(operation, result)
        return result


def ciphertext_in(message):
    """TenSEAL's own bytes of the vector in a message, its checksum verified; ValueError for damage."""
    content = wire.unchecked(message)
    if len(content) < HEADER.size or content[: len(MARK)] != MARK:
        raise ValueError("message must be the bytes of an encrypted vector, got others")
    return wire.unpadded(content[HEADER.size :])


def length_field(length):
    """A list of one number as field 1 of a protobuf message: how TenSEAL begins the bytes of a vector."""
    return b"\x0a" + varint(len(varint(length))) + varint(length)


def varint(number):
    """A whole number as protobuf writes it: seven bits a byte, the lowest first, a high bit on all but the last."""
    written = bytearray()
    while number > 127:
        written.append(number % 128 + 128)
        number //= 128
    return bytes([*written, number])
