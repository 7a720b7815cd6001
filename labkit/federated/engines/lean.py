"""What one client computes in one round. Also the engine for large models: the clients one after the other."""

import contextlib

import torch

from labkit.federated.engines.chain import Chain, is_chain
from labkit.federated.engines.parameters import copy_of, trainable
from labkit.federated.strategies.strategy import Strategy
from labkit.models.modes import evaluating, without_in_place

__all__ = ["local_training", "Lean", "bind", "mean_losses", "train_one"]


def local_training(model, inputs, targets, *, received, batches, strategy, memory, learning_rate: float, loss, seed: int = 0):
    """Plain SGD on the client's own objective; returns the trained parameters, shape (P,).

    model:    trained in place, from `received["parameters"]`.
    batches:  index arrays into inputs and targets, one per step.
    strategy: its `local_gradient` turns the gradient of the mean batch loss into that of the client's objective.
    loss:     such as torch.nn.functional.cross_entropy: called with reduction="none".
    seed:     of the model's random layers, such as dropout: see `batches.client_seed`.
    """
    return train_one(bind(model), inputs, targets, received, batches, strategy, memory, learning_rate, loss, seed)


class Lean:
    """Clients in sequence, on one copy of the model: no optimiser object, no state to reset, nothing padded."""

    def __init__(self, model, population, loss):
        self.bound, self.population, self.loss = bind(copy_of(model)), population, loss

    def train(self, received, strategy, clients, plans, memories, learning_rate, seeds):
        """Train each client; returns the parameters of each, shape (P,), in the order given."""
        return [train_one(self.bound, *self.population.records(client), received, plan, strategy, memory, learning_rate, self.loss,
                          seed) for client, plan, memory, seed in zip(clients, plans, memories, seeds)]

    def close(self):
        """Nothing to give back."""

    def losses(self, received, clients):
        """Each client's mean loss at the received model."""
        return mean_losses(self.bound, received, [self.population.records(client) for client in clients], self.loss)


def bind(model):
    """Make the trainable parameters views into one vector, so that a step is one subtraction. Returns all three.

    The model is put into training mode, and its activations no longer overwrite their input.
    """
    without_in_place(model).train()
    parameters = trainable(model)
    vector = torch.cat([each.detach().reshape(-1) for each in parameters])
    for each, piece in zip(parameters, vector.split([each.numel() for each in parameters])):
        each.data = piece.view_as(each)
    return model, parameters, vector


def mean_losses(bound, received, records, loss):
    """The mean loss of the received model on each pair (inputs, targets), a list of floats."""
    model, _, vector = bound
    vector.copy_(received["parameters"])
    with torch.no_grad(), evaluating(model):
        return [float(loss(model(inputs), targets, reduction="none").mean()) for inputs, targets in records]


def train_one(bound, inputs, targets, received, batches, strategy, memory, learning_rate, loss, seed):
    """`local_training` on a model that `bind` has prepared."""
    model, parameters, vector = bound
    vector.copy_(received["parameters"])
    plain = type(strategy).local_gradient is Strategy.local_gradient
    chain = Chain(model, loss) if is_chain(model, inputs) else None
    views = chain and chain.views(vector[None])
    with contextlib.nullcontext() if chain else _drawing_from(seed):
        for batch in batches:
            x, y = (inputs, targets) if len(batch) == len(inputs) else (inputs[batch], targets[batch])
            if chain:
                with torch.no_grad():
                    if plain:
                        chain.add_gradient(views, views, x[None], y[None], 1 / len(batch), keep=1, scale=-learning_rate)
                        continue
                    gradient = torch.empty_like(vector)
                    chain.add_gradient(views, chain.views(gradient[None]), x[None], y[None], 1 / len(batch), keep=0, scale=1)
            else:
                value = loss(model(x), y, reduction="none").mean()
                gradient = torch.cat([each.reshape(-1) for each in torch.autograd.grad(value, parameters, materialize_grads=True)])
            with torch.no_grad():
                vector.sub_(strategy.local_gradient(gradient, vector, received, memory), alpha=learning_rate)
    return vector.clone()


@contextlib.contextmanager
def _drawing_from(seed):
    """Torch's common generator starts from `seed`, and afterwards is as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
