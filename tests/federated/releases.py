"""Drive a private step as a server would, for audits: one round, with a Generator of one's own."""

from types import SimpleNamespace

import numpy as np
import torch

from labkit.federated.pipeline.step import Turn
from labkit.federated.strategies.strategy import Update


def turn(rng, parameters, number=1):
    """A `Turn` that draws from `rng`."""
    made = Turn(SimpleNamespace(), number, None, torch.zeros(parameters), (0,))
    made.__dict__["rng"] = rng
    return made


def one_round(step, changes, rng, parameters, weights=None):
    """The summed `Update` that the server has after one round of `step` on these changes (arrays (P,)), and its memory."""
    here = turn(rng, parameters)
    memory = step.start(None)
    received = step.configure(memory, here)
    sent = []
    for client, change in enumerate(changes):
        weight = 1.0 if weights is None else weights[client]
        update = Update(client, 1, 1, {"change": torch.as_tensor(np.asarray(change, dtype=float))}, weight)
        sent.append(step.on_client(update, received, {}, here)[0])
    updates, memory = step.on_server(sent, memory, here)
    return updates[0], memory


def released(step, changes, rng, parameters, weights=None):
    """What is published of one round, times the divisor: the noisy sum, as an array (P,)."""
    return one_round(step, changes, rng, parameters, weights)[0].message["change"].double().numpy()
