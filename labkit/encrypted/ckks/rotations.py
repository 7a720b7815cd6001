"""Moving numbers between slots, with keys for those moves only that a computation makes.

Rotation keys are the largest thing that a client sends. TenSEAL makes them for every power of two in both directions;
`rotation_keys` makes a chosen few, and `rotate` calls SEAL, since TenSEAL offers no rotation.
"""

import numpy as np

from labkit import validate
from labkit.encrypted.ckks import noise, wire
from labkit.encrypted.ckks.roles import CKKSClient, CKKSServer
from labkit.encrypted.ckks.sums import Evaluator, _result, _shadow, _vectors

MARK = b"CKR2"


def rotation_keys(client, steps):
    """Keys with which a server can move numbers by each of the steps, as one message: public, and made with the secret key.

    client: a `CKKSClient`. steps: whole numbers from 1 to slots - 1. For `take_rotation_keys`.
    """
    if not isinstance(client, CKKSClient):
        raise ValueError(f"client must be a CKKSClient, who has the secret key, got {type(client).__name__}")
    steps = _steps(steps, client.slots)
    from tenseal import sealapi

    keys, context = sealapi.GaloisKeys(), client.context
    # Moving slots by s is replacing X by X^(3^s) in the polynomials, modulo X^N + 1.
    elements = [pow(3, each, 2 * client.poly_modulus_degree) for each in steps]
    sealapi.KeyGenerator(context.seal_context().data, context.secret_key().data).create_galois_keys(elements, keys)
    return wire.checked(MARK, client.key_name, wire.saved(keys))


def take_rotation_keys(server, message):
    """Give a `CKKSServer` the keys of a message from `rotation_keys`; ValueError for damage or another client's keys."""
    if not isinstance(server, CKKSServer):
        raise ValueError(f"server must be a CKKSServer, got {type(server).__name__}")
    start = len(MARK) + len(server.key_name)
    if not isinstance(message, bytes) or message[: len(MARK)] != MARK or len(message) <= start:
        raise ValueError(f"message must be the bytes that rotation_keys returned, got {type(message).__name__}")
    content = wire.verified(message)
    if content[len(MARK) : start] != server.key_name:
        raise ValueError("message must hold this client's keys, got another's")
    from tenseal import sealapi

    server.rotation_keys = wire.loaded(sealapi.GaloisKeys(), server.context.seal_context().data, content[start:])


def rotate(vector, steps):
    """The vector with every number moved `steps` slots down, the first ones to the end: result[i] = vector[i + steps].

    The length must be a power of two, and the server must have taken keys for these steps. Spends no level.
    """
    (vector,) = _vectors(vector=[vector])
    steps = validate.integer(steps=steps, at_least=1, at_most=max(1, len(vector) - 1))
    if len(vector) & (len(vector) - 1):
        raise ValueError(f"vector must have a power of two as its length (encrypt zeros behind the numbers), got {len(vector)}")
    party = vector.party
    if party.rotation_keys is None:
        raise ValueError("vector must be on a server that took rotation keys (see take_rotation_keys), got one without")
    try:
        data = Evaluator(party).rotate(vector, steps)
    except (ValueError, RuntimeError):  # SEAL's own message does not name the step
        raise ValueError(f"steps must be among those that keys were made for, got {steps}") from None
    added = noise.total_error(2 * party.slots, party.primes, 2) / (party.scale * party.factors[vector.level])
    shadow = _shadow([vector], lambda: np.roll(vector.shadow, -steps))
    return _result(vector, "rotate", data, vector.level, vector.bound, vector.error_bound + added, shadow)


def doublings(start, end):
    """start, 2 start, 4 start, ... below end: the steps that add up runs of slots."""
    start, end = validate.integer(start=start, at_least=1), validate.integer(end=end, at_least=1)
    steps = []
    while start < end:
        steps.append(start)
        start *= 2
    return steps


def added_up(vector, steps, bound=np.finfo(float).max):
    """The vector plus itself moved by each of the steps, one after the other. bound: known for all sums on the way."""
    start, party = vector.error_bound, vector.party
    for doublings_done, each in enumerate(steps, start=1):
        vector = (vector + rotate(vector, each)).within(bound)
        # A move's error is large in few slots, which later moves carry elsewhere: as for `total`
        added = noise.total_error(2 * party.slots, party.primes, 2**doublings_done)
        error = 2**doublings_done * start + added / (party.scale * party.factors[vector.level])
        vector.error_bound = min(vector.error_bound, error)
    return vector


def _steps(steps, slots):
    if not isinstance(steps, (list, tuple)) or not steps:
        raise ValueError(f"steps must be a list of whole numbers, at least one, got {steps!r}")
    return [validate.integer(steps=each, at_least=1, at_most=slots - 1) for each in steps]
