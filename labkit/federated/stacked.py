"""The engine for small models: all clients of a cohort in one tensor, one step for everybody at once.

A small model leaves a processor waiting for Python. Stacking the clients' parameters into one tensor of shape
(clients, P) makes a hundred clients cost little more than one.
"""

import copy

import numpy as np
import torch

from labkit.federated.chain import Chain, is_chain
from labkit.federated.lean import bind, mean_losses
from labkit.federated.parameters import trainable
from labkit.federated.strategies import Strategy

__all__ = ["Stacked"]

GATHER_UP_TO = 2_000_000  # numbers in the batches of a round: up to there all are fetched at once, which saves a step half its time


class Stacked:
    """Clients side by side. Those who have finished leave the stack; nobody is padded with empty steps."""

    def __init__(self, model, population, loss):
        self.model, self.population, self.loss = copy.deepcopy(model), population, loss
        parameters = trainable(self.model)
        self.names = [name for name, each in self.model.named_parameters() if each.requires_grad]
        self.shapes = [each.shape for each in parameters]
        self.lengths = [each.numel() for each in parameters]
        self.chain = Chain(self.model, loss) if is_chain(model, population.inputs) else None

    def train(self, received, strategy, clients, plans, memories, learning_rate):
        """Train each client; returns their parameters, shape (clients, P), in the order given."""
        order = sorted(range(len(clients)), key=lambda each: -len(plans[each]))  # longest first: the active are a prefix
        rows, weights = self._plan([clients[each] for each in order], [plans[each] for each in order])
        memory = {name: torch.stack([memories[each][name] for each in order]) for name in memories[0]}
        parameters = received["parameters"].expand(len(clients), -1).clone()
        plain = type(strategy).local_gradient is Strategy.local_gradient
        steps = np.array([len(plans[each]) for each in order])
        whole = self.chain and self.chain.views(parameters)
        at_work = (steps > np.arange(steps[0])[:, None]).sum(1).tolist()
        active = None
        for step, (x, y) in enumerate(self._records(rows, at_work)):
            if active != (active := at_work[step]):
                mine, own = {name: value[:active] for name, value in memory.items()}, parameters[:active]
                views = self.chain and [(weight[:active], bias if bias is None else bias[:active]) for weight, bias in whole]
            if self.chain and plain:
                self.chain.add_gradient(views, views, x, y, weights[step, :active], keep=1, scale=-learning_rate)
            else:
                gradient = self._gradient(own, views, x, y, weights[step, :active])
                own -= learning_rate * strategy.local_gradient(gradient, own, received, mine)
        back = torch.tensor(order, device=parameters.device).argsort()
        return parameters.index_select(0, back)  # indexing with [back] takes five times as long

    def close(self):
        """Nothing to give back."""

    def losses(self, received, clients):
        """Each client's mean loss at the received model, in the order given."""
        bound = bind(copy.deepcopy(self.model))
        return mean_losses(bound, received, [self.population.records(client) for client in clients], self.loss)

    def _plan(self, clients, plans):
        """Row numbers (steps, clients, batch) and weights (steps, clients, batch, 1) that add up to 1 in every batch.

        A batch that is smaller than its neighbours is filled up with a record of the same client at weight 0.
        """
        sizes = np.zeros((len(plans), len(plans[0])), dtype=np.int64)
        for size, plan in zip(sizes, plans):
            size[:len(plan)] = [len(batch) for batch in plan]
        filled = np.arange(sizes.max()) < sizes[:, :, None]
        rows = np.empty(filled.shape, dtype=np.int64)
        rows[:] = np.array([self.population.first[client] for client in clients])[:, None, None]
        rows[filled] += np.concatenate([batch for plan in plans for batch in plan])
        weights = filled / np.maximum(sizes, 1)[:, :, None]
        rows, weights = (np.ascontiguousarray(each.swapaxes(0, 1)) for each in (rows, weights))
        inputs = self.population.inputs
        return torch.from_numpy(rows).to(inputs.device), torch.from_numpy(weights).to(inputs).unsqueeze(-1)

    def _records(self, rows, at_work):
        """The batches of one step after the other, (clients at work, batch, ...) of inputs and of targets."""
        inputs, targets = self.population.inputs, self.population.targets
        if rows.numel() * inputs[0].numel() <= GATHER_UP_TO:
            for active, x, y in zip(at_work, inputs[rows], targets[rows]):
                yield x[:active], y[:active]
            return
        before = None
        for active, step in zip(at_work, rows):
            index = step[:active]
            if before is None or before.shape != index.shape or not torch.equal(before, index):  # whole batches stay the same
                x, y, before = inputs[index], targets[index], index
            yield x, y

    def _gradient(self, parameters, views, x, y, weights):
        """Each client's gradient of its weighted mean loss, shape (clients, P)."""
        if self.chain:
            gradient = torch.empty_like(parameters)
            self.chain.add_gradient(views, self.chain.views(gradient), x, y, weights, keep=0, scale=1)
            return gradient
        leaf = parameters.detach().requires_grad_()
        outputs = torch.func.vmap(self._outputs)(leaf, x)
        losses = self.loss(outputs.flatten(0, 1), y.flatten(0, 1), reduction="none")
        losses = losses.reshape(*weights.shape[:2], -1).mean(-1, keepdim=True)
        return torch.autograd.grad((losses * weights).sum(), leaf)[0]

    def _outputs(self, vector, records):
        """The outputs of one client's model: any model that torch.func can map."""
        pieces = (piece.view(shape) for piece, shape in zip(vector.split(self.lengths), self.shapes))
        return torch.func.functional_call(self.model, dict(zip(self.names, pieces)), (records,))
