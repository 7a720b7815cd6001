"""Which records a client looks at in which step: the same for every engine, and for a client on its own computer."""

import hashlib
import threading

import numpy as np


def batches(examples, *, batch_size, local_steps, local_epochs, seed, round_number, client):
    """The batches of one client in one round: a list of index arrays into its own records.

    Exactly one of local_steps and local_epochs is a number. An epoch is one pass over freshly shuffled records; its
    last batch may be smaller. Steps run through as many epochs as they need. batch_size None means all records at
    every step, unshuffled. The order depends only on (seed, round_number, client): whoever runs the client, in
    whatever order, gets the same batches.
    """
    if batch_size is None or batch_size >= examples:
        steps = local_steps or local_epochs
        return [np.arange(examples)] * steps
    per_epoch = -(-examples // batch_size)
    steps = local_steps or local_epochs * per_epoch
    rng = _stream(seed, round_number, client)
    found = []
    while len(found) < steps:
        order = rng.permutation(examples)
        found += [order[start:start + batch_size] for start in range(0, examples, batch_size)]
    return found[:steps]


def client_seed(seed, round_number, client):
    """The seed of the model's own random layers (dropout) at one client in one round, whichever engine runs it."""
    key = repr((seed, round_number, client, "layers")).encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little") >> 1


_own = threading.local()


def _stream(*key):
    """A Generator whose state is a hash of the key: ten times as fast as making a new one, which counts with many clients.

    Each call takes the stream back from whoever had it before.
    """
    if not hasattr(_own, "generator"):
        _own.generator = np.random.Generator(np.random.PCG64(0))
    digest = hashlib.blake2b(repr(key).encode(), digest_size=32).digest()
    state = {"state": int.from_bytes(digest[:16], "little"), "inc": int.from_bytes(digest[16:], "little") | 1}
    _own.generator.bit_generator.state = {"bit_generator": "PCG64", "state": state, "has_uint32": 0, "uinteger": 0}
    return _own.generator
