"""Run a federated experiment on one machine."""

import copy
import dataclasses
import numbers
import warnings
from dataclasses import dataclass

import numpy as np
import torch

from labkit.federated.batches import batches
from labkit.federated.history import Round, Run
from labkit.federated.lean import Lean
from labkit.federated.parameters import load_vector, trainable, vector_of
from labkit.federated.population import population_of, to_tensors
from labkit.federated.stacked import Stacked, can_be_stacked_by_hand
from labkit.federated.strategies import Strategy, Update
from labkit.threads import torch_threads
from labkit.validate import integer, one_of, positive

__all__ = ["simulate"]

STACK_UP_TO = 6_000  # parameters; above, one client keeps the processor busy and stacking only moves memory about


def simulate(model, clients, strategy, *, rounds, learning_rate, cohort=None, local_steps=None, local_epochs=None,
             batch_size=None, drop_out=0.0, seed=0, evaluate=None, evaluate_every=1, engine="auto", on_round=None,
             loss=torch.nn.functional.cross_entropy):
    """Train `model` over `clients` by `strategy`; returns a `Run`. The model given is left as it is.

    model:          a torch module without buffers; its values are where training starts.
    clients:        a sequence of pairs (X, y), one per client; none empty.
    strategy:       such as FedAvg().
    rounds:         how often the server averages.
    learning_rate:  of the clients' plain SGD.
    cohort:         clients drawn per round, without replacement; all by default.
    local_steps:    gradient steps a client takes per round, or
    local_epochs:   passes over its data (1 when neither is given).
    batch_size:     records per step; all of the client's by default.
    drop_out:       probability, from 0 to below 1, that a client of the cohort receives the model and never answers.
    seed:           fixes cohorts, drop-outs and batches (not the model's start).
    evaluate:       a pair (X, y) of test data, which gives "loss" and "accuracy", or a function of the model that
                    returns a dict of numbers. Called before training and every `evaluate_every` rounds, and at the end.
    engine:         "stacked" (all clients in one tensor), "lean" (one after the other), or "auto": stacked for small
                    models made of linear layers. The results agree within 1e-6.
    on_round:       called with each `Round` as it ends, for progress bars.
    loss:           torch.nn.functional style: loss(outputs, targets, reduction="none").
    A client whose update is not finite is left out of the average, named in its round's `rejected`, and warned of.
    Bytes count the tensors of messages, without any transport's headers.
    Raises ValueError, before any work, for arguments outside these bounds; see `population_of` for the clients' data.
    """
    if not isinstance(strategy, Strategy):
        raise ValueError(f"strategy must be a Strategy such as FedAvg(), got {strategy!r}")
    rounds, evaluate_every = integer(rounds=rounds, at_least=1), integer(evaluate_every=evaluate_every, at_least=1)
    one_of(["auto", "stacked", "lean"], engine=engine)
    plan = _plan(learning_rate, local_steps, local_epochs, batch_size, drop_out, seed)
    population = population_of(clients, model, loss)
    cohort = len(population) if cohort is None else integer(cohort=cohort, at_least=1, at_most=len(population))
    measure = _measure(evaluate, model, loss)

    with torch_threads(1):
        parameters, model = vector_of(model), copy.deepcopy(model)
        if engine == "auto":
            small = len(parameters) <= STACK_UP_TO and can_be_stacked_by_hand(model)
            engine = "stacked" if small and cohort > 1 else "lean"
        trainer = {"stacked": Stacked, "lean": Lean}[engine](model, population, loss)
        server = _Server(strategy, population, trainer, plan, parameters)
        run = Run(model, [Round(0, metrics=measure(model))], engine)
        for number in range(1, rounds + 1):
            record = server.round(number, cohort)
            load_vector(model, server.parameters)
            if number % evaluate_every == 0 or number == rounds:
                record = dataclasses.replace(record, metrics=measure(model))
            run.rounds.append(record)
            if on_round is not None:
                on_round(record)
    return run


@dataclass(frozen=True)
class _Plan:
    """The settings of the clients' work, checked."""

    learning_rate: float
    local_steps: int | None
    local_epochs: int | None
    batch_size: int | None
    drop_out: float
    seed: int

    def batches(self, examples, number, client):
        return batches(examples, batch_size=self.batch_size, local_steps=self.local_steps,
                       local_epochs=self.local_epochs, seed=self.seed, round_number=number, client=client)


def _plan(learning_rate, local_steps, local_epochs, batch_size, drop_out, seed):
    if local_steps is not None and local_epochs is not None:
        raise ValueError(f"local_steps and local_epochs exclude one another, got {local_steps!r} and {local_epochs!r}")
    if local_steps is not None:
        local_steps = integer(local_steps=local_steps, at_least=1)
    else:
        local_epochs = 1 if local_epochs is None else integer(local_epochs=local_epochs, at_least=1)
    if isinstance(drop_out, bool) or not isinstance(drop_out, numbers.Real) or not 0 <= drop_out < 1:
        raise ValueError(f"drop_out must be a probability from 0 to below 1, got {drop_out!r}")
    return _Plan(positive(learning_rate=learning_rate), local_steps, local_epochs,
                 None if batch_size is None else integer(batch_size=batch_size, at_least=1),
                 float(drop_out), integer(seed=seed, at_least=0))


class _Server:
    """The global model, and everybody's memory between rounds."""

    def __init__(self, strategy, population, trainer, plan, parameters):
        self.strategy, self.population, self.trainer, self.plan = strategy, population, trainer, plan
        self.parameters = parameters
        self.memory = strategy.start(parameters, population.examples)
        self.memories = {}  # of clients, by number; only those that have something to remember
        self.warned = False

    def round(self, number, size):
        """Ask `size` clients, train those that answer, aggregate; returns the round's record."""
        rng = np.random.default_rng([self.plan.seed, number])
        cohort = sorted(rng.choice(len(self.population), size, replace=False).tolist())
        answers = rng.random(size) >= self.plan.drop_out
        working = [client for client, answered in zip(cohort, answers) if answered]
        message = self.strategy.configure(self.parameters, self.memory)
        updates, rejected = [], []
        replies = list(self._replies(working, message, number))
        for (update, memory), good in zip(replies, _finite([update.message for update, _ in replies])):
            if not good:
                rejected.append(update.client)
                continue
            updates.append(update)
            if memory:
                self.memories[update.client] = memory
        if rejected and not self.warned:
            self.warned = True
            warnings.warn(f"round {number}: what came back from client {', '.join(map(str, rejected))} holds NaN or "
                          "infinity and is left out; `rejected` in the run's rounds names all such clients",
                          RuntimeWarning, stacklevel=3)
        if updates:
            self.parameters, self.memory = self.strategy.aggregate(self.parameters, updates, self.memory)
        dropped = tuple(client for client in cohort if client not in set(working))
        return Round(number, tuple(cohort), dropped, tuple(rejected), bytes_down=len(cohort) * _bytes(message),
                     bytes_up=sum(_bytes(update.message) for update, _ in replies))

    def _replies(self, clients, message, number):
        """Train the clients; an `Update` and the client's new memory for each."""
        if not clients:
            return
        examples = [self.population.examples[client] for client in clients]
        plans = [self.plan.batches(count, number, client) for count, client in zip(examples, clients)]
        memories = [self.memories.get(client) or self.strategy.start_client(self.parameters) for client in clients]
        trained = self.trainer.train(message, self.strategy, clients, plans, memories, self.plan.learning_rate)
        for client, count, steps, own, memory in zip(clients, examples, map(len, plans), trained, memories):
            reply, memory = self.strategy.reply(own, message, memory, steps=steps, learning_rate=self.plan.learning_rate)
            yield Update(client, count, steps, reply), memory


def _finite(messages):
    """Which messages hold only finite numbers: one stacked check per entry, not one per client."""
    good = np.ones(len(messages), dtype=bool)
    for name in messages[0] if messages else ():
        good &= torch.isfinite(torch.stack([each[name] for each in messages])).flatten(1).all(1).cpu().numpy()
    return good


def _bytes(message):
    return sum(each.numel() * each.element_size() for each in message.values())


def _measure(evaluate, model, loss):
    """A function of the model that returns a dict of numbers."""
    if evaluate is None:
        return lambda model: {}
    if callable(evaluate):
        return lambda model: {name: float(value) for name, value in evaluate(model).items()}
    inputs, targets = to_tensors(evaluate, "evaluate", trainable(model)[0])

    def measure(model):
        with torch.no_grad():
            outputs = model(inputs)
            found = {"loss": float(loss(outputs, targets, reduction="none").mean())}
            if not targets.is_floating_point():
                found["accuracy"] = float((outputs.argmax(-1) == targets).double().mean())
        return found

    return measure
