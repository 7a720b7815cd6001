"""One record scored in the coefficients of a polynomial: no rotation, no approximation, nothing but the score told.

A record is the polynomial x(X) = x_0 + x_1 X + x_2 X^2 + ..., the weights are w(1 / X). Modulo X^N + 1 the constant
coefficient of x(X) w(1 / X) is the sum of all x_i w_i: a scalar product for a single product of polynomials. Under BFV,
a scheme for whole numbers, fractions are multiples of 2^-FRACTION_BITS and the score is exact in those.

What else the reply would tell, the server drowns: every other coefficient in uniformly random numbers modulo q, which
hides perfectly; the noise of the constant one, which depends on the weights, in a flood 2^HIDING_BITS times as large;
the random half in a fresh encryption of zero. The client then learns the score, and of the weights what it tells.

Sources: Fan, Vercauteren, ePrint 2012/144 (BFV); Yasuda et al., "Packed homomorphic encryption based on ideal lattices
and its application to biometrics", CD-ARES 2013 (coefficients).
"""

import math
import secrets
import struct
from functools import lru_cache

import numpy as np

from labkit import validate
from labkit.encrypted.ckks import wire
from labkit.encrypted.ckks.masking import as_ciphertext, uniform_words
from labkit.encrypted.learning.models import linear_model

DEGREE, PRIME_BITS = 8192, (56, 56, 60)  # 172 bits; 128-bit security allows 214 at this degree (2024 guideline)
FRACTION_BITS = 20
HIDING_BITS = 24
LARGEST_BITS = 8  # scores below 2^8
MARK = b"BFC1"
HEADER = struct.Struct(">4s16s")  # mark, name of the key


class CoefficientClient:
    """Asks for the score of one record at a time: up to DEGREE numbers, at most 1 in size."""

    def __init__(self):
        seal, self.context = _seal(), _context()
        generator = seal.KeyGenerator(self.context)
        self.public_key = seal.PublicKey()
        generator.create_public_key(self.public_key)
        self._decryptor = seal.Decryptor(self.context, generator.secret_key())
        self._encryptor = seal.Encryptor(self.context, self.public_key)
        self.key_name = secrets.token_bytes(16)

    def public_bytes(self):
        """The public key, for the server."""
        return wire.checked(HEADER.pack(MARK, self.key_name) + wire.saved(self.public_key))

    def request(self, x):
        """Encrypt one record, one-dimensional, as one message."""
        x = validate.array(x=x, ndim=1).astype(float)
        if len(x) > DEGREE or np.abs(x).max() > 1:
            raise ValueError(f"x must be at most {DEGREE} numbers between -1 and 1, got {len(x)}, or one outside")
        ciphertext = _seal().Ciphertext()
        self._encryptor.encrypt(_polynomial(dict(enumerate(_whole(x, FRACTION_BITS)))), ciphertext)
        return _message(ciphertext, self.key_name)

    def score(self, reply):
        """Decrypt the server's answer: a float, a multiple of 2^(-2 FRACTION_BITS) and free of any error."""
        plain = _seal().Plaintext()
        self._decryptor.decrypt(_ciphertext(reply, self.key_name, self.context), plain)
        value = plain[0]
        return (value - plain_modulus() if value > plain_modulus() // 2 else value) / 4**FRACTION_BITS


class CoefficientServer:
    """Owns a linear model, d weights and a bias. ValueError when some record could score 2^LARGEST_BITS or more."""

    def __init__(self, weights, bias, public_bytes):
        weights, bias = linear_model(weights, bias)
        if len(weights) > DEGREE or np.abs(weights).sum() + abs(bias) >= 2**LARGEST_BITS - 1:
            raise ValueError(f"weights must be at most {DEGREE}, their sizes and the bias summing to less than "
                             f"{2**LARGEST_BITS - 1}, got {len(weights)} with {np.abs(weights).sum() + abs(bias):.3g}")
        content = wire.unchecked(public_bytes, "public_bytes")
        if len(content) <= HEADER.size or content[:4] != MARK:
            raise ValueError("public_bytes must be what CoefficientClient.public_bytes() returned, got others")
        seal, self.context = _seal(), _context()
        _, self.key_name = HEADER.unpack_from(content)
        key = wire.loaded(seal.PublicKey(), self.context, content[HEADER.size :], "public_bytes")
        self._encryptor, self._evaluator = seal.Encryptor(self.context, key), seal.Evaluator(self.context)
        whole = _whole(weights, FRACTION_BITS)
        self._weights = _polynomial({0: whole[0]} | {DEGREE - i: -w for i, w in enumerate(whole) if i})
        self._bias = _polynomial({0: _whole([bias], 2 * FRACTION_BITS)[0]})

    def answer(self, request):
        """The encrypted score, under masks."""
        seal = _seal()
        ciphertext, total, zero = _ciphertext(request, self.key_name, self.context), seal.Ciphertext(), seal.Ciphertext()
        self._evaluator.multiply_plain(ciphertext, self._weights, total)
        self._evaluator.add_plain_inplace(total, self._bias)
        self._encryptor.encrypt_zero(zero)
        self._evaluator.add_inplace(total, zero)
        flood = secrets.randbelow(2 * largest_flood() + 1) - largest_flood()
        masks = [uniform_words(DEGREE, prime) for prime in _primes()]
        for mask, prime in zip(masks, _primes()):
            mask[0] = flood % prime
        mask = wire.loaded(seal.Ciphertext(), self.context, as_ciphertext(masks, total))
        self._evaluator.add_inplace(total, mask)
        return _message(total, self.key_name)


def plain_modulus():
    """Room for scores below 2^LARGEST_BITS, either sign, in steps of 2^(-2 FRACTION_BITS)."""
    return 2 ** (2 * FRACTION_BITS + LARGEST_BITS + 1)


def noise_bound():
    """Bound on the noise of the constant coefficient of any model's reply, which the flood hides.

    A fresh coefficient has noise of variance N / 18 (see `labkit.encrypted.ckks.noise`), ten standard deviations here,
    times the weights' sizes in steps; and once more for the encryption of zero.
    """
    return math.ceil(10 * math.sqrt(DEGREE / 18) * (2 ** (LARGEST_BITS + FRACTION_BITS) + 1))


def largest_flood():
    """Numbers up to this hide noise up to `noise_bound`, to 2^-HIDING_BITS; decrypting still rounds it away."""
    flood = noise_bound() << (HIDING_BITS - 1)
    assert 2 * (flood + noise_bound()) < math.prod(_primes()) // plain_modulus()
    return flood


def _whole(numbers, bits):
    return np.rint(np.ldexp(np.asarray(numbers, float), bits)).astype(np.int64).tolist()


def _polynomial(coefficients):
    """SEAL's plaintext from {power: whole number}."""
    terms = [(power, value % plain_modulus()) for power, value in sorted(coefficients.items(), reverse=True) if value]
    return _seal().Plaintext(" + ".join(f"{value:X}x^{power}" if power else f"{value:X}" for power, value in terms) or "0")


def _message(ciphertext, key_name):
    length = wire.padded_length(DEGREE, PRIME_BITS[:-1])
    return wire.checked(HEADER.pack(MARK, key_name) + wire.padded(wire.saved(ciphertext), length))


def _ciphertext(message, key_name, context):
    content = wire.unchecked(message)
    if content[: HEADER.size] != HEADER.pack(MARK, key_name):
        raise ValueError("message must be encrypted under this client's key, got one for another")
    return wire.loaded(_seal().Ciphertext(), context, wire.unpadded(content[HEADER.size :]))


def _seal():
    from tenseal import sealapi

    return sealapi


@lru_cache
def _context():
    seal = _seal()
    parameters = seal.EncryptionParameters(seal.SCHEME_TYPE.BFV)
    parameters.set_poly_modulus_degree(DEGREE)
    parameters.set_coeff_modulus(seal.CoeffModulus.Create(DEGREE, list(PRIME_BITS)))
    parameters.set_plain_modulus(plain_modulus())
    return seal.SEALContext(parameters, True, seal.SEC_LEVEL_TYPE.TC128)


@lru_cache
def _primes():
    return tuple(int(each.value()) for each in _context().first_context_data().parms().coeff_modulus())
