"""Which records a client looks at in which step: the same for every engine, and for a client on its own computer."""

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
    rng = np.random.default_rng([seed, round_number, client + 1])  # + 1: a final 0 would repeat the server's own stream
    found = []
    while len(found) < steps:
        order = rng.permutation(examples)
        found += [order[start:start + batch_size] for start in range(0, examples, batch_size)]
    return found[:steps]
