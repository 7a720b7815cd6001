"""The engine for small models: all clients of a cohort in one tensor, one step for everybody at once.

A small model leaves a processor waiting for Python. Stacking the clients' parameters into one tensor of shape
(clients, P) makes a hundred clients cost little more than one.
"""

import copy

import numpy as np
import torch
from torch import nn

from labkit.federated.lean import bind, mean_losses
from labkit.federated.parameters import trainable

__all__ = ["Stacked", "can_be_stacked_by_hand"]

ELEMENTWISE = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.ELU, nn.Softplus, nn.LeakyReLU, nn.Identity)


def can_be_stacked_by_hand(model):
    """True for a Sequential of linear layers and elementwise functions: batched products replace torch.func.vmap."""
    return (type(model) is nn.Sequential and all(each.requires_grad for each in model.parameters())
            and all(type(layer) in (nn.Linear, nn.Flatten, *ELEMENTWISE) for layer in model)
            and len(set(model)) == len(model))


class Stacked:
    """Clients side by side. Those who have finished leave the stack; nobody is padded with empty steps."""

    def __init__(self, model, population, loss):
        self.model, self.population, self.loss = copy.deepcopy(model), population, loss
        parameters = trainable(self.model)
        self.names = [name for name, each in self.model.named_parameters() if each.requires_grad]
        self.shapes = [each.shape for each in parameters]
        self.lengths = [each.numel() for each in parameters]
        self.outputs = self._by_hand if can_be_stacked_by_hand(model) else self._by_vmap

    def train(self, received, strategy, clients, plans, memories, learning_rate):
        """Train each client; returns their parameters, shape (clients, P), in the order given."""
        order = sorted(range(len(clients)), key=lambda each: -len(plans[each]))  # longest first: the active are a prefix
        rows, weights = self._plan([clients[each] for each in order], [plans[each] for each in order])
        memory = {name: torch.stack([memories[each][name] for each in order]) for name in memories[0]}
        parameters = received["parameters"].repeat(len(clients), 1)
        steps = np.array([len(plans[each]) for each in order])
        before = None
        for step in range(steps.max()):
            active = int((steps > step).sum())
            index = rows[:active, step]
            if before is None or before.shape != index.shape or not torch.equal(before, index):
                x, y = self.population.inputs[index], self.population.targets[index]
                before = index
            gradient = self._gradient(parameters[:active], x, y, weights[:active, step])
            mine = {name: value[:active] for name, value in memory.items()}
            gradient = strategy.local_gradient(gradient, parameters[:active], received, mine)
            parameters[:active] -= learning_rate * gradient
        return parameters[np.argsort(order)]

    def close(self):
        """Nothing to give back."""

    def losses(self, received, clients):
        """Each client's mean loss at the received model, in the order given."""
        bound = bind(copy.deepcopy(self.model))
        return mean_losses(bound, received, [self.population.records(client) for client in clients], self.loss)

    def _plan(self, clients, plans):
        """Row numbers (clients, steps, batch) and weights of the same shape that add up to 1 in every batch.

        A batch that is smaller than its neighbours is filled up with a record of the same client at weight 0.
        """
        width = max(len(batch) for plan in plans for batch in plan)
        rows = np.zeros((len(plans), len(plans[0]), width), dtype=np.int64)
        weights = np.zeros(rows.shape)
        for each, (client, plan) in enumerate(zip(clients, plans)):
            rows[each] = self.population.first[client]
            for step, batch in enumerate(plan):
                rows[each, step, :len(batch)] += batch
                weights[each, step, :len(batch)] = 1 / len(batch)
        inputs = self.population.inputs
        return torch.from_numpy(rows).to(inputs.device), torch.from_numpy(weights).to(inputs)

    def _gradient(self, parameters, x, y, weights):
        """Each client's gradient of its weighted mean loss, shape (clients, P)."""
        leaf = parameters.detach().requires_grad_()
        outputs = self.outputs(leaf, x)
        losses = self.loss(outputs.flatten(0, 1), y.flatten(0, 1), reduction="none")
        losses = losses.reshape(*weights.shape, -1).mean(-1)
        return torch.autograd.grad((losses * weights).sum(), leaf)[0]

    def _by_hand(self, parameters, x):
        """The outputs (clients, batch, ...) of a Sequential, with one batched product per linear layer."""
        pieces = iter([piece.unflatten(1, shape) for piece, shape in zip(parameters.split(self.lengths, 1), self.shapes)])
        for layer in self.model:
            if type(layer) is nn.Linear:
                weight = next(pieces).transpose(1, 2)
                x = torch.baddbmm(next(pieces).unsqueeze(1), x, weight) if layer.bias is not None else x @ weight
            else:
                x = x.flatten(2) if type(layer) is nn.Flatten else layer(x)
        return x

    def _by_vmap(self, parameters, x):
        """The same for any model that torch.func can map."""
        def one(vector, records):
            pieces = (piece.view(shape) for piece, shape in zip(vector.split(self.lengths), self.shapes))
            return torch.func.functional_call(self.model, dict(zip(self.names, pieces)), (records,))

        return torch.func.vmap(one)(parameters, x)
