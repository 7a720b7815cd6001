"""A model of its own for everybody, held near the common one."""

import torch

from labkit import validate
from labkit.federated.engines.population import population_of
from labkit.federated.engines.simulation import simulate
from labkit.federated.strategies.strategy import FedProx

__all__ = ["personalise"]


def personalise(model, clients, *, strength, learning_rate: float, loss=torch.nn.functional.cross_entropy, **work):
    """A model of its own for each client, held near the common one: Ditto's second half.

    model:     the common model, trained.
    clients:   a sequence of pairs (X, y), one per client.
    strength:  >= 0, of the pull towards the common model ("lambda"): 0 is plain fine-tuning, large keeps the common model.
    work:      local_steps or local_epochs, batch_size, seed, as of `simulate`.
    Returns a list of models. Nothing leaves a client.
    Raises ValueError, before any work, where `simulate` would.
    Ditto moves the personal models a little in every round; this solves the same problem once the common model is done.
    Source: Li, Hu, Beirami, Smith, "Ditto: fair and robust federated learning through personalization", ICML 2021.
    """
    strategy = FedProx(mu=validate.non_negative(strength=strength))
    population = population_of(clients, model, loss)
    return [simulate(model, [population.records(client)], strategy, rounds=1, learning_rate=learning_rate, loss=loss, **work).model
            for client in range(len(population))]
