"""CKKS on encrypted vectors: TenSEAL underneath, with its silent wrong answers made impossible or loud.

    client = CKKSClient(plan(depth=1))                  # holds the secret key
    server = CKKSServer(client.public_bytes())          # made from bytes alone; cannot decrypt
    x = server.load(client.encrypt([0.1, 0.2]).to_bytes())
    client.decrypt((x * x + 1).to_bytes())          # close to [1.01, 1.04]

Every vector knows its level (multiplications spent), a bound on the numbers in it and a bound on their error. Messages
tell bounds only where they are public (see `EncryptedVector.to_bytes`). Source of the scheme: Cheon, Kim, Kim, Song, ASIACRYPT 2017.
"""

import math
import secrets
import struct
from dataclasses import dataclass

import numpy as np

from labkit import validate
from labkit.encrypted.ckks import noise, wire
from labkit.encrypted.ckks.planning import CKKSPlan
from labkit.encrypted.ckks.vector import HEADER, MARK, NOT_TOLD, EncryptedVector, ciphertext_in

PUBLIC_HEADER = struct.Struct(">4s16sd")  # mark, name of the key, largest number
PUBLIC_MARK = b"CKP2"


@dataclass(frozen=True)
class ShadowStep:
    """One line of a shadow trace: what was done, at which level, and how wrong the numbers then were."""

    operation: str
    level: int
    error: float
    error_bound: float


class Party:
    """What client and server share: parameters, public keys, encryption, reading messages."""

    def __init__(self, context, key_name, largest):
        moduli = context.seal_context().data.key_context_data().parms().coeff_modulus()
        self.context = context
        self.primes = tuple(int(each.value()) for each in moduli)
        self.depth = len(self.primes) - 2
        self.scale = context.global_scale
        self.factors = noise.level_factors(self.primes, self.scale)
        self.poly_modulus_degree = context.seal_context().data.key_context_data().parms().poly_modulus_degree()
        self.slots = self.poly_modulus_degree // 2
        self.largest = largest
        self.rotation_keys = None  # see labkit.encrypted.ckks.rotations
        self.key_name = key_name  # 16 random bytes, in every message: a wrong key would decrypt to nonsense without a word

    @property
    def fresh_error(self):
        """Bound on the error of what was just encrypted, in the units of the numbers."""
        return (noise.rounding_error(2 * self.slots) + noise.encoding_error(2 * self.slots)) / self.scale

    def encrypt(self, values, *, bound=None):
        """Encrypt up to `slots` numbers, a one-dimensional array, as an EncryptedVector.

        bound: public limit on the size of the numbers, which travels with the ciphertext; `largest` unless given.
               Take it from the meaning of the numbers, not from the numbers: it is not secret.
        Raises ValueError when a number exceeds the bound, or there are more than fit.
        """
        import tenseal

        values = validate.array(values=values, ndim=1).astype(float)
        bound = self.largest if bound is None else validate.positive(bound=bound)
        if bound >= self.capacity(0):
            raise ValueError(f"bound must be below {self.capacity(0):.3g}, which is what fits, got {bound:g}")
        if len(values) > self.slots:
            raise ValueError(f"values must be at most {self.slots} numbers, one a slot, got {len(values)}")
        if np.abs(values).max() > bound:
            raise ValueError(f"values must be at most {bound:g} in size, got one that is larger")  # which one is secret
        data = tenseal.ckks_vector(self.context, values.tolist()).data
        vector = EncryptedVector(self, data, len(values), 0, bound, self.fresh_error)
        vector.public = bound, self.fresh_error
        return self._shadowed(vector, values)

    def load(self, message):
        """The EncryptedVector in a message made by `to_bytes`; ValueError for damage or another client's key."""
        import tenseal

        if not isinstance(message, bytes) or len(message) < HEADER.size or message[:4] != MARK:
            raise ValueError(f"message must be the bytes of an encrypted vector, got {type(message).__name__}")
        content = ciphertext_in(message)
        _, key_name, *told = HEADER.unpack_from(message)
        if key_name != self.key_name:
            raise ValueError("message must be encrypted under this client's key, got one for another")
        if tuple(told) != NOT_TOLD and not all(math.isfinite(each) and each > 0 for each in told):
            raise ValueError(f"message must hold finite bounds, or none, got {told}")
        try:
            data = tenseal.ckks_vector_from(self.context, content).data
            (ciphertext,) = data.ciphertext()
            level = self.depth + 1 - ciphertext.coeff_modulus_size()
        except Exception as failure:  # TenSEAL raises many types for bytes that are cut short or changed
            raise ValueError(f"message must be an undamaged encrypted vector, got one that does not load: {failure}") from None
        if ciphertext.scale != self.scale:
            raise ValueError(f"message must have this client's scale, 2^{math.log2(self.scale):.3f}, got {ciphertext.scale:g}")
        if tuple(told) == NOT_TOLD:
            return EncryptedVector(self, data, data.size(), level, self.capacity(level), math.inf)
        vector = EncryptedVector(self, data, data.size(), level, *told)
        vector.public = tuple(told)
        return vector

    def capacity(self, level):
        """The largest number that `level` can hold; beyond it, decryption wraps around to something else."""
        return math.prod(self.primes[: 1 + self.depth - level]) / (2 * self.factors[level] * self.scale)

    def _shadowed(self, vector, values):
        """A server keeps no plain numbers beside a vector."""
        return vector


class CKKSClient(Party):
    """Owns the secret key. `CKKSClient(plan)`; with `shadow=True` every step on its vectors is checked and put in `trace`.

    plan:   a Plan from `labkit.encrypted.ckks.planning`.
    shadow: keep the plain numbers beside every vector that this client encrypts and, after each operation made in
            this process, decrypt and compare: for learning and debugging, not for use. A message holds no shadow.
    """

    def __init__(self, plan, *, shadow=False):
        if not isinstance(plan, CKKSPlan):
            raise ValueError(f"plan must be a Plan (see labkit.encrypted.ckks.planning), got {plan!r}")
        used, allowed = plan.security("2018")
        if used > allowed:
            raise ValueError(f"plan must be 128-bit secure: log2 q may be {allowed} at N = {plan.poly_modulus_degree}, got {used:.0f}")
        shadow = validate.one_of(shadow=shadow, options=[True, False])
        import tenseal

        context = tenseal.context(tenseal.SCHEME_TYPE.CKKS, plan.poly_modulus_degree,
                                  coeff_mod_bit_sizes=list(plan.prime_bits), n_threads=1)
        context.global_scale = plan.scale
        if plan.rotations:
            context.generate_galois_keys()
        self.plan = plan
        self.shadow = shadow
        self.trace = []
        super().__init__(context, secrets.token_bytes(16), plan.largest)

    def public_bytes(self, *, computing=True):
        """What another party needs, to be sent once: parameters and public keys. The secret key is not in it.

        computing: False leaves out the keys for multiplying and rotating, for one who only encrypts: far smaller.
        """
        validate.one_of(computing=computing, options=[True, False])
        keys = self.context.serialize(save_secret_key=False, save_galois_keys=computing, save_relin_keys=computing)
        return wire.checked(PUBLIC_HEADER.pack(PUBLIC_MARK, self.key_name, self.largest) + keys)

    def decrypt(self, message):
        """The numbers in a message (or in a vector of this client), as an array of float64."""
        vector = message if isinstance(message, EncryptedVector) else self.load(message)
        if vector.party is not self:
            raise ValueError("message must be a vector of this client or bytes, got another party's vector")
        return np.array(vector.data.decrypt()) / self.factors[vector.level]

    def _shadowed(self, vector, values):
        if self.shadow:
            vector.shadow = values
            self.measure("encrypt", vector)
        return vector

    def measure(self, operation, vector):
        """Put a line in `trace`: how far a vector is from its shadow. Called after each operation in shadow mode."""
        error = float(np.abs(self.decrypt(vector) - vector.shadow).max())
        self.trace.append(ShadowStep(operation, vector.level, error, vector.error_bound))


class CKKSServer(Party):
    """Computes on what it cannot read. Made only from a client's `public_bytes()`.

    Raises ValueError when the bytes are damaged, hold a secret key, or have a scale far from the primes.
    """

    def __init__(self, public_bytes):
        import tenseal

        if not isinstance(public_bytes, bytes) or public_bytes[:4] != PUBLIC_MARK:
            raise ValueError(f"public_bytes must be what CKKSClient.public_bytes() returned, got {type(public_bytes).__name__}")
        content = wire.unchecked(public_bytes, "public_bytes")
        try:
            context = tenseal.context_from(content[PUBLIC_HEADER.size :], n_threads=1)
            _, key_name, largest = PUBLIC_HEADER.unpack_from(content)
        except Exception as failure:
            raise ValueError(f"public_bytes must be undamaged, got bytes that do not load: {failure}") from None
        if context.has_secret_key():
            raise ValueError("public_bytes must not hold a secret key, got one: whoever sees these bytes reads everything")
        super().__init__(context, key_name, validate.positive(largest=largest))
