"""The average of many models, by a server that sees none of them. The clients share one secret key; the server has none.

    CKKS   real numbers, a tiny error                     RealKeys
    BFV    whole numbers only, exact: fixed-point steps    IntegerKeys

Both have `seal(update, share)`, `open(message)` and `public_bytes()`; `CiphertextAdder(public_bytes)` is the server of either.
Every client trusts all others not to hand the key to the server, and the server to add and do nothing else.

An average is made to be published, and a decrypted CKKS number carries an error that gives the key away (Li and
Micciancio, EUROCRYPT 2021). So updates are rounded to a step before they are sealed; their sum is a multiple of the
step, and rounding the decrypted sum to it removes the error, and every trace of the key, exactly.

Sources: Phong et al., "Privacy-preserving deep learning via additively homomorphic encryption", IEEE TIFS 2018; BFV:
Fan and Vercauteren, IACR ePrint 2012/144.
"""

import math
import secrets
import struct

import numpy as np

from labkit import validate
from labkit.encrypted.ckks import noise, wire
from labkit.encrypted.ckks.planning import plan
from labkit.encrypted.ckks.roles import PUBLIC_MARK, CKKSClient, CKKSServer
from labkit.encrypted.parties import join, split

DEGREE = 4096  # BFV: numbers in a ciphertext
PLAIN_MODULUS = 1032193  # prime, 1 more than a multiple of 2 * DEGREE: then slots exist
PRIME_BITS = (52, 54)  # 106 bits in all: the 2024 guideline's most for this degree
INTEGER_MARK = b"BFP2"
VECTOR_MARK = b"BFV2"
INTEGER_HEADER = struct.Struct(">4s16s")  # mark, name of the key
LENGTH = struct.Struct(">I")


class RealKeys:
    """CKKS for averaging up to `clients` updates whose numbers are at most `limit` in size.

    precision_bits: updates times shares are rounded to multiples of `step`, at most 2^-precision_bits.
    numbers:        how many numbers may be opened under this key, in all: models times their weights.
    security_bits:  that the error of a ciphertext decides how any of them is rounded, has probability at most
                    2^-security_bits; if it never does, all that is opened follows from the updates and not from the key.
    """

    exact = False

    def __init__(self, *, clients, limit=1.0, precision_bits=20, numbers=2**24, security_bits=40):
        self.clients, self.limit = validate.integer(clients=clients, at_least=1), validate.positive(limit=limit)
        precision_bits = validate.integer(precision_bits=precision_bits, at_least=1, at_most=30)
        self.left = self.numbers = validate.integer(numbers=numbers, at_least=1)
        self.security_bits = validate.integer(security_bits=security_bits, at_least=1, at_most=128)
        self.bound = self.limit + 2.0**-precision_bits  # of a rounded number, for everybody to read
        largest = self.clients * self.bound
        for bits in range(precision_bits, 60):
            chosen = plan(depth=0, precision_bits=bits, largest=largest)
            self.step = 2.0 ** math.ceil(math.log2(2 * self._error(chosen)))
            if self.step <= 2.0**-precision_bits:
                break
        self.client = CKKSClient(chosen)

    def _error(self, plan):
        """Bound on the error of a sum, for all numbers that will ever be opened."""
        rounding = noise.rounding_error(plan.poly_modulus_degree, numbers=self.numbers, failure=2.0**-self.security_bits)
        return self.clients * (rounding + noise.encoding_error(plan.poly_modulus_degree)) / plan.scale

    def public_bytes(self):
        """For the server: parameters and public key."""
        return self.client.public_bytes()

    def rounded(self, update, share):
        """The multiples of `step` that stand for an update times its share."""
        return np.rint(_update(update, share, self.limit) / self.step) * self.step

    def seal(self, update, share):
        """An update times this client's share of the average, rounded, encrypted. One-dimensional; share: 0 to 1."""
        update = self.rounded(update, share)
        parts = np.split(update, range(self.client.slots, len(update), self.client.slots))
        return join([self.client.encrypt(part, bound=self.bound).to_bytes() for part in parts])

    def open(self, message, *, raw=False):
        """The sum of what was sealed, a multiple of `step`: it may be published.

        raw: True returns what CKKS decrypts to, errors and all, to show what that gives away; never publish it.
        Raises ValueError when more numbers than agreed are opened.
        """
        sums = np.concatenate([self.client.decrypt(each) for each in split(message)])
        if validate.one_of(raw=raw, options=[True, False]):
            return sums
        if len(sums) > self.left:
            raise ValueError(f"message must hold at most {self.left} more numbers, of {self.numbers} agreed, "
                             f"got {len(sums)}: make new keys")
        self.left -= len(sums)
        return np.rint(sums / self.step) * self.step


class IntegerKeys:
    """BFV for averaging up to `clients` updates at most `limit` in size, rounded to multiples of `step`.

    The sum of the rounded numbers is exact; more than `clients` of them would wrap around without a word, and are refused.
    """

    exact = True

    def __init__(self, *, clients, limit=1.0):
        import tenseal

        self.clients, self.limit = validate.integer(clients=clients, at_least=1, at_most=10_000), validate.positive(limit=limit)
        # Rounding adds half a step for each client; the sum must stay within half the plain modulus on either side.
        self.step = self.limit / (PLAIN_MODULUS // (2 * self.clients) - 1)
        self.key_name = secrets.token_bytes(16)
        self.context = tenseal.context(tenseal.SCHEME_TYPE.BFV, DEGREE, PLAIN_MODULUS, list(PRIME_BITS), n_threads=1)

    def public_bytes(self):
        """For the server: parameters and public key."""
        keys = self.context.serialize(save_secret_key=False)
        return wire.checked(INTEGER_HEADER.pack(INTEGER_MARK, self.key_name) + LENGTH.pack(self.clients) + keys)

    def rounded(self, update, share):
        """The whole numbers that stand for an update times its share."""
        return np.rint(_update(update, share, self.limit) / self.step).astype(np.int64)

    def seal(self, update, share):
        """An update times this client's share of the average, in whole steps, encrypted."""
        import tenseal

        numbers = self.rounded(update, share)
        parts = np.split(numbers, range(DEGREE, len(numbers), DEGREE))
        return join([_message(tenseal.bfv_vector(self.context, part.tolist()), self.key_name) for part in parts])

    def open(self, message):
        """The sum of what was sealed, in multiples of `step`."""
        import tenseal

        parts = _parts(message, self.key_name)
        return np.concatenate([_loaded(tenseal.bfv_vector_from, self.context, each).decrypt() for each in parts]) * self.step


class CiphertextAdder:
    """The server: adds what clients sealed. Made from their `public_bytes()`; has no secret key, and takes none."""

    def __init__(self, public_bytes):
        if isinstance(public_bytes, bytes) and public_bytes[:4] == PUBLIC_MARK:
            self._sums = _RealSums(CKKSServer(public_bytes))
        else:
            self._sums = _IntegerSums(public_bytes)
        self.sum = None

    def add(self, message):
        """Take in one client's message. ValueError for another key, another length, or one client too many."""
        vectors = self._sums.load(message)
        if self.sum is not None and [each.size() for each in self.sum] != [each.size() for each in vectors]:
            raise ValueError("message must hold as many numbers as the first one, got another count")
        self.sum = vectors if self.sum is None else self._sums.added(self.sum, vectors)

    def total(self):
        """The encrypted sum of all messages so far."""
        if self.sum is None:
            raise ValueError("add must come first, got no message yet")
        return self._sums.message(self.sum)


class _RealSums:
    def __init__(self, server):
        self.server = server

    def load(self, message):
        return [_Sized(self.server.load(each)) for each in split(message)]

    def added(self, sums, vectors):
        totals = [a.vector + b.vector for a, b in zip(sums, vectors)]
        # `largest` was planned for all clients at their public bound. The errors of more could decide how a sum is rounded.
        if max(each.bound for each in totals) > self.server.largest * (1 + 1e-9):
            raise ValueError(f"message must be one of those planned for, whose sum stays within {self.server.largest:g}, got one more: "
                             "what is opened could give the key away")
        return [_Sized(each) for each in totals]

    def message(self, sums):
        return join([each.vector.to_bytes() for each in sums])


class _Sized:
    """An EncryptedVector that tells its length as TenSEAL's vectors do."""

    def __init__(self, vector):
        self.vector = vector

    def size(self):
        return len(self.vector)


class _IntegerSums:
    def __init__(self, public_bytes):
        import tenseal

        start = INTEGER_HEADER.size + LENGTH.size
        if not isinstance(public_bytes, bytes) or len(public_bytes) < start or public_bytes[:4] != INTEGER_MARK:
            raise ValueError(f"public_bytes must be what public_bytes() returned, got {type(public_bytes).__name__}")
        public_bytes = wire.unchecked(public_bytes, "public_bytes")
        _, self.key_name = INTEGER_HEADER.unpack_from(public_bytes)
        (self.clients,) = LENGTH.unpack_from(public_bytes, INTEGER_HEADER.size)
        self.context = _loaded(lambda _, content: tenseal.context_from(content, n_threads=1), None, public_bytes[start:])
        if self.context.has_secret_key():
            raise ValueError("public_bytes must not hold a secret key, got one")
        self.count = 1

    def load(self, message):
        import tenseal

        return [_loaded(tenseal.bfv_vector_from, self.context, each) for each in _parts(message, self.key_name)]

    def added(self, sums, vectors):
        if self.count == self.clients:
            raise ValueError(f"message must be one of {self.clients}, got one more: the sum could wrap around")
        self.count += 1
        return [a + b for a, b in zip(sums, vectors)]

    def message(self, sums):
        return join([_message(each, self.key_name) for each in sums])


def _update(update, share, limit):
    update = validate.array(update=update, ndim=1).astype(float)
    share = validate.fraction(share=share)
    if np.abs(update).max() > limit:
        raise ValueError(f"update must be at most {limit:g} in size, got a number that is larger")
    return update * share


def _message(vector, key_name):
    """A BFV vector as the bytes of a message, of a length that the parameters fix."""
    content = wire.padded(vector.serialize(), wire.padded_length(DEGREE, PRIME_BITS[:1]))
    return wire.checked(INTEGER_HEADER.pack(VECTOR_MARK, key_name) + content)


def _parts(message, key_name):
    parts = [wire.unchecked(each) for each in split(message)]
    if not parts or any(each[: INTEGER_HEADER.size] != INTEGER_HEADER.pack(VECTOR_MARK, key_name) for each in parts):
        raise ValueError("message must be sealed under this key, got one for another")
    return [wire.unpadded(each[INTEGER_HEADER.size :]) for each in parts]


def _loaded(load, context, content):
    try:
        return load(context, content)
    except Exception as failure:  # TenSEAL raises many types for bytes that are cut short or changed
        raise ValueError(f"message must be undamaged, got one that does not load: {failure}") from None
