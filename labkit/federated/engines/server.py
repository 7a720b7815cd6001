"""One round: ask, train, send through the pipeline, aggregate; and everybody's memory between rounds."""

import math
import warnings

import torch

from labkit.federated.engines.batches import client_seed
from labkit.federated.engines.history import Round
from labkit.federated.pipeline.step import message_bytes
from labkit.federated.strategies.strategy import Update, weight_of

__all__ = ["AggregatingServer"]


class AggregatingServer:
    """The global model, and what the server and the clients remember."""

    def __init__(self, strategy, population, trainer, plan, parameters, pipeline):
        self.strategy, self.population, self.trainer, self.plan = strategy, population, trainer, plan
        self.parameters, self.pipeline = parameters, pipeline
        self.memory = strategy.start(parameters, population.examples)
        self.memories = {}  # of clients, by number; only those that have something to remember
        self.warned = False

    def round(self, number):
        """One round; returns its record."""
        cohort, working, shares = self.plan.cast(number)
        message = self.strategy.configure(self.parameters, self.memory)
        received = self.pipeline.configure(number, self.parameters)
        replies = self._replies(working, shares, message, number)
        updates, bytes_up, rejected = self._receive(replies, received, number)
        updates, turns = self.pipeline.server(updates, number, self.parameters)
        if updates:
            self._aggregate(updates, number)
        bytes_down = message_bytes(message) + sum(map(message_bytes, received))
        return Round(number, tuple(cohort), dropped=tuple(sorted(set(cohort) - set(working))), rejected=tuple(rejected),
                     slow=tuple(client for client, share in zip(working, shares) if share < 1),
                     bytes_down=len(cohort) * bytes_down + sum(each.bytes_down for each in turns),
                     bytes_up=bytes_up + sum(each.bytes_up for each in turns), metrics=_metrics(turns))

    def _replies(self, clients, shares, message, number):
        """Train the clients; a list of an `Update` and the client's new memory for each."""
        if not clients:
            return []
        examples = [self.population.examples[client] for client in clients]
        plans = [self.plan.batches(count, number, client, share) for count, client, share in zip(examples, clients, shares)]
        memories = [self.memories.get(client) or self.strategy.start_client(self.parameters) for client in clients]
        trained = self.trainer.train(message, self.strategy, clients, plans, memories, self.plan.learning_rate,
                                     [client_seed(self.plan.seed, number, client) for client in clients])
        replies = []
        losses = self.trainer.losses(message, clients) if self.strategy.needs_loss else None
        for position, (client, count, own, memory) in enumerate(zip(clients, examples, trained, memories)):
            steps, extra = len(plans[position]), {} if losses is None else {"loss": losses[position]}
            reply, memory = self.strategy.reply(own, message, memory, steps=steps, learning_rate=self.plan.learning_rate, **extra)
            replies.append((Update(client, count, steps, reply), memory))
        return replies

    def _receive(self, replies, received, number):
        """What arrives and is sound, the bytes that came, and who was rejected with the reason."""
        updates = [update for update, _ in replies]
        rejected = _misshapen(updates, self.parameters.shape)
        rejected |= _not_finite([each for each in updates if each.client not in rejected])
        bytes_up = sum(message_bytes(each.message) for each in updates if each.client in rejected)
        memories = {update.client: memory for update, memory in replies if memory}
        updates = [each for each in updates if each.client not in rejected]
        if self.pipeline.steps:
            weight = getattr(self.strategy, "weight", "equal")
            sent = [self.pipeline.client(each, weight_of(each, weight), received, number, self.parameters) for each in updates]
            late = _not_finite([update for update, _ in sent])
            for update, memory in sent:
                if update.client not in late:
                    self.pipeline.remember(update.client, memory)
            updates, rejected = [update for update, _ in sent], rejected | late
        bytes_up += sum(message_bytes(each.message) if each.bytes is None else each.bytes for each in updates)
        self.memories |= {client: memory for client, memory in memories.items() if client not in rejected}
        self._warn(number, rejected)
        return [each for each in updates if each.client not in rejected], bytes_up, rejected

    def _aggregate(self, updates, number):
        parameters, memory = self.strategy.aggregate(self.parameters, updates, self.memory)
        if parameters.shape == self.parameters.shape and _is_finite(parameters):
            self.parameters, self.memory = parameters, memory
        else:
            warnings.warn(f"round {number}: what {type(self.strategy).__name__} made of the updates is not a finite vector of "
                          f"shape {tuple(self.parameters.shape)}; the model stays as it was", RuntimeWarning, stacklevel=4)

    def _warn(self, number, rejected):
        if rejected and not self.warned:
            self.warned = True
            told = "; ".join(f"what came back from client {client} {reason}" for client, reason in rejected.items())
            warnings.warn(f"round {number}: {told}, and is left out. `rejected` in the run's rounds names all such clients",
                          RuntimeWarning, stacklevel=5)


def _misshapen(updates, shape):
    """{client: reason} for messages without a change of the model's shape, or with something else than tensors."""
    found = {}
    for each in updates:
        strange = [name for name, value in each.message.items() if not isinstance(value, torch.Tensor)]
        change = each.message.get("change")
        if strange or change is None:
            found[each.client] = f"has no tensor as {(strange or ['change'])[0]!r}"
        elif change.shape != shape:
            found[each.client] = f"is a change of shape {tuple(change.shape)} where the model has {tuple(shape)}"
    return found


def _not_finite(updates):
    """{client: reason} for messages that hold NaN or infinity."""
    return {each.client: "holds NaN or infinity" for each in updates if not all(map(_is_finite, each.message.values()))}


def _is_finite(tensor):
    """Whether no number is NaN or infinite. Their sum would be too, and is four times as fast as looking at every number."""
    return math.isfinite(tensor.sum()) or bool(torch.isfinite(tensor).all())


def _metrics(turns):
    """All steps' metrics in one dict; a name that two steps use gets the position of the later one."""
    found = {}
    for position, turn in enumerate(turns):
        for name, value in turn.metrics.items():
            found[f"{name} ({position})" if name in found else name] = float(value)
    return found
