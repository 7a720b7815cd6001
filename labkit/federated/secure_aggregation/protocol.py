"""Clients and server of a secure sum against each other on one machine, with drop-outs; bytes and seconds counted."""

import time
from dataclasses import dataclass, field

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from labkit import validate
from labkit.federated.secure_aggregation import masks
from labkit.federated.secure_aggregation.agreement import ROUNDS, Aborted, Agreement
from labkit.federated.secure_aggregation.client import MaskingClient
from labkit.federated.secure_aggregation.server import MaskingServer


@dataclass(frozen=True)
class Outcome:
    """What came of a secure sum.

    total:    the sum modulo 2^modulus_bits, uint32 or uint64, shape (length,).
    included: the clients whose vectors are in it.
    sent:     {client: [bytes of each message it sent]}: all that the server ever saw of it.
    received: {client: how many bytes it received}.
    seconds:  {client: processor seconds it worked}; `server_seconds` for the server.
    """

    total: np.ndarray
    included: list
    sent: dict = field(repr=False)
    received: dict = field(repr=False)
    seconds: dict = field(repr=False)
    server_seconds: float = field(repr=False)


def make_identities(clients, rng: np.random.Generator | None = None):
    """Signing keys for `clients` clients: (list of 32 private bytes each, {number: 32 public bytes})."""
    clients, rng = validate.integer(clients=clients, at_least=2), validate.generator(rng=rng)
    keys = [Ed25519PrivateKey.generate() if rng is None else Ed25519PrivateKey.from_private_bytes(rng.bytes(32))
            for _ in range(clients)]
    return [key.private_bytes_raw() for key in keys], {each: key.public_key().public_bytes_raw() for each, key in enumerate(keys)}


class OncePerPair:
    """What two clients agree on, computed by the first who asks and handed to the second: for simulations only.

    Real clients cannot share it. In one process both would compute the same number, at half of the cost of a sum.
    """

    def __init__(self):
        self._waiting = {}

    def __call__(self, key, own, public):
        pair = (own, public) if own < public else (public, own)
        if pair in self._waiting:
            return self._waiting.pop(pair)
        return self._waiting.setdefault(pair, masks.agree(key, public))


def secure_sum(vectors, agreement, *, drop_outs=None, identities=None, rng: np.random.Generator | None = None, once_per_pair=False):
    """Run the protocol; returns an `Outcome`.

    vectors:    whole numbers, shape (clients, length); row i belongs to client i.
    agreement:  the `Agreement`.
    drop_outs:  {client: round 1 to 5 from which on it is silent}. Who drops out in round 4 or 5 is still in the sum.
    identities: what `make_identities` returned, or None: then the server is trusted to hand out the right keys.
    rng:        None for the operating system's randomness; a numpy Generator for teaching and tests.
    once_per_pair: True halves the work, as only a simulation can: both ends of a pair use one computation. `seconds` are
                then no longer those of real clients.
    Raises ValueError for bad arguments before any work; Aborted when too few clients are left.
    """
    if not isinstance(agreement, Agreement):
        raise ValueError(f"agreement must be an Agreement, got {type(agreement).__name__}")
    vectors = validate.array(vectors=vectors, ndim=2)
    if vectors.dtype.kind not in "iu" or vectors.shape != (agreement.clients, agreement.length):
        raise ValueError(f"vectors must be whole numbers of shape ({agreement.clients}, {agreement.length}), "
                         f"got {vectors.dtype} of shape {vectors.shape}: encode real numbers with FixedPoint")
    drop_outs = dict(drop_outs or {})
    for client, number in drop_outs.items():
        validate.integer(drop_outs=client, at_least=0, at_most=agreement.clients - 1)
        validate.integer(drop_outs=number, at_least=1, at_most=len(ROUNDS))
    private, directory = identities or ([None] * agreement.clients, None)
    pairs = OncePerPair() if validate.one_of(once_per_pair=once_per_pair, options=[True, False]) else None
    clients = [MaskingClient(each, agreement, identity=private[each], directory=directory, rng=rng, pairs=pairs)
               for each in range(agreement.clients)]
    return _run(clients, MaskingServer(agreement, signed=directory is not None), vectors, drop_outs)


def _run(clients, server, vectors, drop_outs):
    everybody = range(len(clients))
    sent, received, seconds = {each: [] for each in everybody}, dict.fromkeys(everybody, 0), dict.fromkeys(everybody, 0.0)
    letters, served = dict.fromkeys(everybody), 0.0  # nothing comes down before round 1
    work = {1: (lambda client, _: client.advertise(), server.roster),
            2: (lambda client, letter: client.share(letter), server.deliver),
            3: (lambda client, letter: client.masked(letter, vectors[client.number]), server.survivors),
            4: (lambda client, letter: client.vouch(letter), server.vouchers),
            5: (lambda client, letter: client.unmask(letter), server.total)}
    if not server.agreement.consistency:
        del work[4]
    for number, (answer, combine) in work.items():
        messages = {}
        for each, letter in letters.items():
            received[each] += len(letter or b"")
            if drop_outs.get(each, 6) > number:
                began = time.process_time()
                try:
                    messages[each] = answer(clients[each], letter)
                except Aborted:  # too few of its neighbours are left: it falls silent, the others may go on without it
                    continue
                seconds[each] += time.process_time() - began
                sent[each].append(messages[each])
        began = time.process_time()
        letters = combine(messages)
        served += time.process_time() - began
    return Outcome(letters, server.included, sent, received, seconds, served)
