"""The same model, the same client update and the same strategy on Flower: separate processes, real messages, TLS.

A `labkit` strategy says what is sent, what a client minimises and how it is combined. `server_app` and `client_app` hang it into
Flower's ServerApp and ClientApp; the records never leave the client's process. With the same seed the result is that of
`labkit.federated.simulate`, up to rounding.

    app = client_app(model, records, FedAvg(), learning_rate=0.5)          # runs at each SuperNode
    app = server_app(model, FedAvg(), clients=3, rounds=5)                 # runs at the SuperLink

A pipeline of steps (clipping, noise, compression) travels along: give both apps the same one. Noise then comes from the
operating system, at the server and at each client. A common `seed` is for comparing with the simulator.

`run_in_process` runs both in this process, with Flower's messages and without its network: for a lab, and to debug.
Needs the extra `labkit[flower]`. Written for Flower 1.41 (message API).
"""

import logging
import os
import time
import warnings
from contextlib import contextmanager

import torch

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")  # flwr reads it when it loads; a value that the user chose wins
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # flwr's generated messages are one version older than protobuf, which says so at length
    from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MessageType, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid, ServerApp
    from flwr.serverapp.strategy import Strategy as FlowerStrategy
    from flwr.supercore.task_identity import TaskIdentity

from labkit import validate
from labkit.federated.engines.batches import batches, client_seed
from labkit.federated.engines.lean import bind, local_training, mean_losses
from labkit.federated.engines.parameters import load_vector, vector_of
from labkit.federated.pipeline.step import Pipeline, Setting, seed_of
from labkit.federated.strategies.strategy import Strategy, Update, weight_of
from labkit.threads import torch_threads

__all__ = ["client_app", "server_app", "run_in_process", "OnFlower"]


def client_app(model, records, strategy, *, learning_rate: float, local_steps=None, local_epochs=None,
               batch_size: int | None = None, seed: int | None = None,
               pipeline=(), loss=torch.nn.functional.cross_entropy):
    """A Flower ClientApp that trains on this node's own records.

    model:    a function without arguments that makes the model.
    records:  a function of the node's "partition-id" and "num-partitions" that returns its own (X, y) as tensors.
    The rest as for `simulate`, which draws the same batches from the same seed.
    """
    _checked(model=model, strategy=strategy)
    if not callable(records):
        raise ValueError(f"records must be a function of (partition, partitions), got {records!r}")
    validate.positive(learning_rate=learning_rate)
    local_epochs = 1 if local_epochs is None and local_steps is None else local_epochs
    app = ClientApp()

    @app.train()
    def train(message, context):
        client, clients = (int(context.node_config[each]) for each in ("partition-id", "num-partitions"))
        config, state = message.content["config"], context.state
        number, drawn = int(config["server-round"]), seed_of(seed, pipeline)
        inputs, targets = records(client, clients)
        received = _tensors(message.content["arrays"])
        memory = _tensors(state["memory"]) if "memory" in state else strategy.start_client(received["parameters"])
        plan = batches(len(targets), batch_size=batch_size, local_steps=local_steps, local_epochs=local_epochs, seed=drawn,
                       round_number=number, client=client)
        own = model()
        with torch_threads(1):
            trained = local_training(own, inputs, targets, received=received, batches=plan, strategy=strategy, memory=memory,
                                     learning_rate=learning_rate, loss=loss, seed=client_seed(drawn, number, client))
            extra = {"loss": mean_losses(bind(own), received, [(inputs, targets)], loss)[0]} if strategy.needs_loss else {}
        reply, memory = strategy.reply(trained, received, memory, steps=len(plan), learning_rate=learning_rate, **extra)
        if memory:
            state["memory"] = ArrayRecord(memory)  # stays at this node until the next round
        update = Update(client, len(targets), len(plan), reply)
        if pipeline:
            steps = Pipeline(_setting(strategy, clients, int(config["rounds"]), received["parameters"], pipeline), drawn)
            if "step-0" in state:
                steps.memories[client] = [_tensors(state[f"step-{each}"]) for each in range(len(pipeline))]
            told = [_tensors(message.content[f"step-{each}"]) for each in range(len(pipeline))]
            update, memories = steps.client(update, weight_of(update, getattr(strategy, "weight", "equal")), told, number,
                                            received["parameters"])
            for each, memory in enumerate(memories):
                state[f"step-{each}"] = ArrayRecord(memory)
        numbers = {"num-examples": len(targets), "steps": len(plan), "client": client}
        if update.weight is not None:
            numbers["weight"] = float(update.weight)
        return Message(RecordDict({"arrays": ArrayRecord(update.message), "metrics": MetricRecord(numbers)}), reply_to=message)

    return app


def server_app(model, strategy, *, clients, rounds: int | None = None, examples=None, pipeline=(),
               seed: int | None = None, evaluate=None, on_end=None):
    """A Flower ServerApp that runs `strategy` over all connected nodes.

    model:     a function without arguments that makes the model; its values are where training starts.
    clients:   how many nodes to wait for, in every round.
    rounds:    how many; None reads "num-rounds" from the app's configuration.
    examples:  how many records each client holds, for strategies that must know beforehand; equal if None.
    pipeline:  the steps that the clients have, too.
    seed:      fixes what the server draws for them; whoever knows it can subtract the noise. None as for `simulate`: the
               operating system's randomness for private steps.
    evaluate:  a function of the model that returns a dict of numbers, called on the server after each round.
    on_end:    called with the trained model and the Flower Context.
    """
    _checked(model=model, strategy=strategy)
    validate.integer(clients=clients, at_least=1)
    app = ServerApp()

    @app.main()
    def main(grid, context):
        trained = model()

        def measured(_round, arrays):
            return MetricRecord(evaluate(load_vector(trained, arrays.to_torch_state_dict()["parameters"])))

        most = int(context.run_config["num-rounds"]) if rounds is None else rounds
        flower = OnFlower(strategy, clients=clients, rounds=most, examples=examples, pipeline=pipeline, seed=seed)
        result = flower.start(grid=grid, initial_arrays=ArrayRecord({"parameters": vector_of(trained)}), num_rounds=most,
                              evaluate_fn=measured if evaluate else None)
        load_vector(trained, result.arrays.to_torch_state_dict()["parameters"])
        if on_end is not None:
            on_end(trained, context)

    return app


class OnFlower(FlowerStrategy):
    """A `labkit` strategy as a Flower strategy: all nodes take part in every round.

    A node that answers with an error, or with NaN, is left out of its round. A round without any answer ends the run with an
    error: Flower itself would keep the old model and report success.
    """

    def __init__(self, strategy, *, clients, rounds, examples=None, pipeline=(), seed=None):
        self.strategy, self.clients, self.rounds, self.examples = strategy, clients, rounds, examples
        self.steps, self.memory, self.pipeline = tuple(pipeline), None, None
        self.seed = seed_of(seed, self.steps)

    def summary(self):
        """Flower logs this at the start; the strategy's settings are in its repr."""

    def configure_train(self, server_round, arrays, config, grid):
        """The message to each node: what the strategy sends, and the number of the round."""
        self.parameters = arrays.to_torch_state_dict()["parameters"]
        if self.memory is None:
            self.memory = self.strategy.start(self.parameters, self.examples or [1] * self.clients)
            setting = _setting(self.strategy, self.clients, self.rounds, self.parameters, self.steps)
            self.pipeline = Pipeline(setting, self.seed)
        while len(nodes := list(grid.get_node_ids())) < self.clients:
            time.sleep(0.2)
        content = RecordDict({"arrays": ArrayRecord(self.strategy.configure(self.parameters, self.memory)),
                              "config": ConfigRecord({"server-round": server_round, "rounds": self.rounds})})
        for each, told in enumerate(self.pipeline.configure(server_round, self.parameters)):
            content[f"step-{each}"] = ArrayRecord(told)
        return [Message(content, node, MessageType.TRAIN) for node in nodes]

    def aggregate_train(self, server_round, replies):
        """The new parameters from the nodes' replies, in the order of the clients."""
        updates = [_update(each.content) for each in replies if not each.has_error()]
        updates = [each for each in updates if all(torch.isfinite(value).all() for value in each.message.values())]
        if not updates:
            raise RuntimeError(f"round {server_round}: no node sent a usable update")
        updates.sort(key=lambda each: each.client)
        numbers = {"clients": len(updates), "num-examples": sum(each.examples for each in updates)}
        updates, turns = self.pipeline.server(updates, server_round, self.parameters)
        for turn in turns:
            numbers |= turn.metrics
        if updates:  # a step may have had reason to drop the round
            self.parameters, self.memory = self.strategy.aggregate(self.parameters, updates, self.memory)
        return ArrayRecord({"parameters": self.parameters}), MetricRecord(numbers)

    def configure_evaluate(self, server_round, arrays, config, grid):
        """No evaluation at the nodes."""
        return []

    def aggregate_evaluate(self, server_round, replies):
        """No evaluation at the nodes."""
        return None


def _update(content):
    numbers = content["metrics"]
    return Update(client=int(numbers["client"]), examples=int(numbers["num-examples"]), steps=int(numbers["steps"]),
                  message=_tensors(content["arrays"]), weight=numbers.get("weight"))


def _tensors(record):
    return dict(record.to_torch_state_dict())


def _setting(strategy, clients, rounds, parameters, pipeline):
    return Setting(strategy, clients, clients, "fixed", rounds, len(parameters), tuple(pipeline))


class _InProcessGrid(Grid):
    """Flower's view of the nodes, with function calls for a network."""

    def __init__(self, client, clients, run_config):
        self.client = client
        self.contexts = {100 + each: Context(1, 100 + each, {"partition-id": each, "num-partitions": clients},
                                             RecordDict(), dict(run_config)) for each in range(clients)}
        self.delivered = 0

    def get_node_ids(self):
        return list(self.contexts)

    def send_and_receive(self, messages, *, timeout=None):
        replies = []
        for message in messages:
            self.delivered += 1
            message.metadata.__dict__["_message_id"] = str(self.delivered)  # a SuperLink numbers them, too
            replies.append(self.client(message, self.contexts[message.metadata.dst_node_id]))
        return replies

    def set_run(self, run):
        raise NotImplementedError("there is one run only")

    run = property(lambda self: None)

    def create_message(self, *_, **__):
        raise NotImplementedError("make a flwr.app.Message")

    push_messages = pull_messages = create_message


def run_in_process(server, client, *, clients, run_config=None):
    """Run a ServerApp against `clients` nodes that all run `client`, in this process, one after the other.

    Everything is Flower's (apps, messages, strategy loop), except for processes and network. Returns nothing: a ServerApp hands its
    result to its own `on_end`. run_config: what the app's pyproject.toml or `flwr run --run-config` would say.
    """
    clients, run_config = validate.integer(clients=clients, at_least=1), dict(run_config or {})
    with _as_a_task():
        server(_InProcessGrid(client, clients, run_config), Context(1, 0, {}, RecordDict(), run_config))


@contextmanager
def _as_a_task():
    """Flower stamps each message with the task that this process works on, and logs every step."""
    before = TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 1, 1
    logger = logging.getLogger("flwr")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id = before
        logger.setLevel(level)


def _checked(*, model, strategy):
    if not callable(model) or isinstance(model, torch.nn.Module):
        raise ValueError(f"model must be a function that makes the model, got {type(model).__name__}")
    if not isinstance(strategy, Strategy):
        raise ValueError(f"strategy must be a labkit Strategy such as FedAvg(), got {strategy!r}")
