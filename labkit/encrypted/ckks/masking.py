"""Showing the sum of a vector to the owner of the key, and of its terms nothing.

A CKKS plaintext is a polynomial of N coefficients. The slots are its values at N / 2 complex numbers, of which
decryption shows the real halves; the imaginary halves hold nothing but errors, and these errors depend on the numbers.
Masks on the slots miss them. So the mask here covers the whole polynomial. Over all slots the real parts sum to N / 2
times the constant coefficient, and to nothing else:

    every other coefficient   plus a uniformly random number modulo q: what is left says nothing, to anybody
    the constant coefficient  plus a flood 2^hiding_bits as wide as its error is on average: that depends on the numbers
    the ciphertext            plus a fresh encryption of zero: its random half would depend on the numbers, too

All randomness is the operating system's. The flood is what hiding costs: it is in the sum (see `sum_error`).
"""

import os
import secrets
import struct
from functools import lru_cache

import numpy as np

from labkit import validate
from labkit.encrypted.ckks import wire
from labkit.encrypted.ckks.roles import CKKSClient
from labkit.encrypted.ckks.sums import Evaluator
from labkit.encrypted.ckks.vector import EncryptedVector

SEAL_MAGIC, SEAL_HEADER = 0xA15E, 16


def masked_sum(vector, *, hiding_bits):
    """A message that tells the sum of a vector to who has the secret key: see `opened_sum`.

    vector:      an EncryptedVector whose length is a power of two. It is brought to its last level.
    hiding_bits: the flood hides the error of the sum, whatever it is, up to an advantage of 2^-hiding_bits for any
                 attacker; the terms are hidden perfectly. Advantages of several sums add up.
    Raises ValueError for another length, or when the flood does not fit the last prime.
    """
    vector = _power_of_two(vector)
    hiding_bits = validate.integer(hiding_bits=hiding_bits, at_least=1, at_most=60)
    while vector.levels_left:
        vector = vector._lowered()
    party, flood = vector.party, _flood(vector, hiding_bits)
    room = party.primes[0] / 2 - vector.bound * _unit(vector)
    if not flood < room:
        raise ValueError(f"hiding_bits must leave room under the first prime, got {hiding_bits}: a flood of "
                         f"2^{flood.bit_length()} does not fit {party.primes[0].bit_length()} bits")
    constant = secrets.randbelow(2 * flood + 1) - flood
    data = _drowned(vector, constant)
    return EncryptedVector(party, data, len(vector), vector.level, vector.bound, vector.error_bound).to_bytes()


def opened_sum(client, message):
    """The sum of the numbers in a vector, from a message of `masked_sum` (or of `to_bytes`), by the secret key."""
    if not isinstance(client, CKKSClient):
        raise ValueError(f"client must be a CKKSClient, who has the secret key, got {type(client).__name__}")
    return everything_in(client, message).real.mean() * len(client.load(message))


def everything_in(client, message):
    """All that the secret key finds in a message: N / 2 complex numbers, imaginary halves and unused slots included."""
    from tenseal import sealapi

    vector, context, plain = client.load(message), client.context.seal_context().data, sealapi.Plaintext()
    sealapi.Decryptor(context, client.context.secret_key().data).decrypt(vector.data.ciphertext()[0], plain)
    return np.array(sealapi.CKKSEncoder(context).decode_complex(plain)) / client.factors[vector.level]


def sum_error(vector, *, hiding_bits):
    """How far the sum that `opened_sum` finds may be from the exact one, in the units of the numbers."""
    vector = _power_of_two(vector)
    return len(vector) * (_flood(vector, hiding_bits) / _unit(vector) + 8 * _size_of_an_error(vector))


def _flood(vector, hiding_bits):
    """Numbers from -flood to flood, equally likely, differ from the same plus an error b by |b| / (2 flood + 1) in total
    variation; averaged over the errors, by their mean size."""
    return max(1, int(np.ceil(_size_of_an_error(vector) * _unit(vector) * 2.0 ** (hiding_bits - 1))))


def _size_of_an_error(vector):
    """Bound on the mean size of the error in the constant coefficient.

    It is the mean of N / 2 slots' errors, nearly independent and as often positive as negative. The vector's bound lies
    some 15 standard deviations of a single one out; 8 leaves room for what computing in doubles adds.
    """
    return vector.error_bound / vector.party.slots**0.5 / 8


def _unit(vector):
    """What a number in the vector is multiplied by in the plaintext."""
    return vector.party.scale * vector.party.factors[vector.level]


def _drowned(vector, constant):
    """TenSEAL's data: the vector's ciphertext, plus a fresh encryption of zero, plus the mask."""
    from tenseal import sealapi

    (ciphertext,), party = vector.data.ciphertext(), vector.party
    context, evaluator = party.context.seal_context().data, Evaluator(party)
    public_key = party.context.public_key().data
    total, zero, mask = sealapi.Ciphertext(), sealapi.Ciphertext(), sealapi.Ciphertext()
    sealapi.Encryptor(context, public_key).encrypt_zero(ciphertext.parms_id(), zero)
    zero.scale = ciphertext.scale
    primes, degree = party.primes[: ciphertext.coeff_modulus_size()], party.poly_modulus_degree
    points = [_points_of_a_mask(degree, prime, constant) for prime in primes]
    wire.loaded(mask, context, as_ciphertext(points, ciphertext))
    evaluator.evaluator.add(ciphertext, zero, total)
    evaluator.evaluator.add_inplace(total, mask)
    return evaluator._as_data(total, len(vector))


def _points_of_a_mask(degree, prime, constant):
    """The N points, as SEAL stores them, of a random polynomial whose constant coefficient is given.

    Over all N points every power of X but the zeroth sums to zero: N times the constant coefficient is their sum.
    """
    points = uniform_words(degree, prime)
    points[-1] = (degree * constant - sum_of_words(points[:-1])) % prime
    return points


def uniform_words(count, modulus):
    """`count` independent whole numbers below `modulus` (up to 2^63), each equally likely: an array of uint64."""
    mask, drawn = np.uint64(2 ** modulus.bit_length() - 1), np.empty(0, np.uint64)
    while len(drawn) < count:  # what is not below the modulus is drawn again
        fresh = np.frombuffer(os.urandom(8 * (count + 8)), np.uint64) & mask
        drawn = np.r_[drawn, fresh[fresh < modulus]]
    return drawn[:count].copy()


def sum_of_words(words):
    """Their sum as an int, without wrapping around."""
    return (int((words >> np.uint64(32)).sum()) << 32) + int((words & np.uint64(2**32 - 1)).sum())


def as_ciphertext(polynomials, like):
    """SEAL's bytes of a ciphertext (p, 0): what adds a polynomial p to another, for which SEAL offers no function.

    polynomials: p modulo each prime, arrays of N words, in the form (points or coefficients) of the ciphertext `like`.
    """
    words = np.concatenate([*polynomials, np.zeros(sum(map(len, polynomials)), np.uint64)]).astype("<u8").tobytes()
    body = struct.pack("<4Q?3Qd", *like.parms_id(), like.is_ntt_form(), 2, len(polynomials[0]), len(polynomials), like.scale)
    body += struct.pack("<Q", 1)  # the correction factor of another scheme
    return _framed(body + _framed(struct.pack("<Q", len(words) // 8) + words))


def _framed(content):
    """With SEAL's header: not compressed, and in the version that is installed."""
    return struct.pack("<HB2sBHQ", SEAL_MAGIC, SEAL_HEADER, _seal_version(), 0, 0, SEAL_HEADER + len(content)) + content


@lru_cache
def _seal_version():
    from tenseal import sealapi

    return wire.saved(sealapi.Plaintext("1"))[3:5]


def _power_of_two(vector):
    if not isinstance(vector, EncryptedVector) or len(vector) & (len(vector) - 1):
        told = len(vector) if isinstance(vector, EncryptedVector) else type(vector).__name__
        raise ValueError(f"vector must be encrypted, its length a power of two, got {told}")
    return vector
