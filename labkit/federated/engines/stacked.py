"""The engine for small models: all clients of a cohort in one tensor, one step for everybody at once.

A small model leaves a processor waiting for Python. Stacking the clients' parameters into one tensor of shape
(clients, P) makes a hundred clients cost little more than one.
"""

import numpy as np
import torch

from labkit.federated.engines.chain import Chain, is_chain
from labkit.federated.engines.lean import bind, mean_losses
from labkit.federated.engines.parameters import copy_of, trainable
from labkit.federated.engines.stackable import refuse_stacking
from labkit.federated.strategies.strategy import Strategy
from labkit.models.modes import without_in_place
from labkit.models.stateless import stateless

__all__ = ["Stacked"]

GATHER_UP_TO = 2_000_000  # numbers in the batches of a round: up to there all are fetched at once, which saves time at every step


class Stacked:
    """Clients side by side. Those who have finished leave the stack; nobody is padded with empty steps."""

    def __init__(self, model, population, loss):
        self.model, self.whole, self.loss = without_in_place(copy_of(model)).train(), population, loss
        parameters = trainable(self.model)
        self.names = [name for name, each in self.model.named_parameters() if each.requires_grad]
        self.shapes = [each.shape for each in parameters]
        self.lengths = [each.numel() for each in parameters]
        self.call = stateless(self.model)
        self.chain = Chain(self.model, loss) if is_chain(model, population.inputs) else None
        if self.chain is None:
            refuse_stacking(self.model, population)

    def train(self, received, strategy, clients, plans, memories, learning_rate, seeds):
        """Train each client; returns the parameters of each, shape (P,), in the order given."""
        self.population = self.whole.gather(clients)  # the records of those at work, and of nobody else
        order = sorted(range(len(clients)), key=lambda each: -len(plans[each]))  # longest first: the active are a prefix
        rows, weights, at_work = self._plan(order, [plans[each] for each in order])
        memory = {name: torch.stack([memories[each][name] for each in order]) for name in memories[0]}
        plain = self.chain and type(strategy).local_gradient is Strategy.local_gradient
        run = self._plain_steps if plain else self._steps
        batches = zip(at_work, self._records(rows, at_work), weights.split(at_work))
        parameters = run(received, strategy, memory, len(order), batches, learning_rate)
        return [own for _, own in sorted(zip(order, parameters.unbind()), key=lambda each: each[0])]

    def _plain_steps(self, received, strategy, memory, clients, batches, learning_rate):
        """SGD on the clients' losses as they are, straight into each layer's own memory."""
        layers = self.chain.copies(received["parameters"], clients)
        for active, (x, y), weights in batches:
            at_work = [(weight[:active], bias if bias is None else bias[:active]) for weight, bias in layers]
            self.chain.add_gradient(at_work, at_work, x, y, weights, keep=1, scale=-learning_rate)
        return self.chain.vectors(layers)

    def _steps(self, received, strategy, memory, clients, batches, learning_rate):
        """SGD on what the strategy makes of the gradients."""
        parameters = received["parameters"].expand(clients, -1).clone()
        for active, (x, y), weights in batches:
            own, mine = parameters[:active], {name: value[:active] for name, value in memory.items()}
            gradient = self._gradient(own, self.chain and self.chain.views(own), x, y, weights)
            own -= learning_rate * strategy.local_gradient(gradient, own, received, mine)
        return parameters

    def close(self):
        """Nothing to give back."""

    def losses(self, received, clients):
        """Each client's mean loss at the received model, in the order given."""
        bound = bind(copy_of(self.model))
        return mean_losses(bound, received, [self.whole.records(client) for client in clients], self.loss)

    def _plan(self, clients, plans):
        """Row numbers (batches, records) and weights (batches, records, 1) that add up to 1 in every batch; and batches per step.

        The batches are in order of the steps: those of step 1 for all clients, then those of step 2 for all that are still at
        work. One that is smaller than its neighbours is filled up with a record of the same client at weight 0.
        """
        sizes = np.zeros((len(plans), len(plans[0])), dtype=np.int64)
        for size, plan in zip(sizes, plans):
            size[:len(plan)] = [len(batch) for batch in plan]
        filled = np.arange(sizes.max()) < sizes[:, :, None]
        rows = np.empty(filled.shape, dtype=np.int64)
        rows[:] = np.array([self.population.first[client] for client in clients])[:, None, None]
        rows[filled] += np.concatenate([batch for plan in plans for batch in plan])
        weights = filled / np.maximum(sizes, 1)[:, :, None]
        real = sizes.T > 0
        rows, weights = (torch.from_numpy(each.swapaxes(0, 1)[real]) for each in (rows, weights))
        inputs = self.population.inputs
        return rows.to(inputs.device), weights.to(inputs).unsqueeze(-1), real.sum(1).tolist()

    def _records(self, rows, at_work):
        """The batches of one step after the other, (clients at work, batch, ...) of inputs and of targets."""
        inputs, targets = self.population.inputs, self.population.targets
        if rows.numel() * inputs[0].numel() <= GATHER_UP_TO:
            yield from zip(inputs[rows].split(at_work), targets[rows].split(at_work))
            return
        before = None
        for index in rows.split(at_work):
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
        return self.call(dict(zip(self.names, pieces)), records)
