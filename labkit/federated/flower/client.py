"""What runs at a SuperNode: one client's training on its own records, which never leave its process."""

import torch

from labkit import validate
from labkit.federated.engines.batches import batches, client_seed
from labkit.federated.engines.lean import bind, local_training, mean_losses
from labkit.federated.flower.messages import (
    ArrayRecord,
    ClientApp,
    Message,
    MetricRecord,
    RecordDict,
    checked,
    setting,
    tensors,
)
from labkit.federated.pipeline.step import Pipeline, seed_of
from labkit.federated.strategies.strategy import Update, weight_of
from labkit.threads import torch_threads

__all__ = ["client_app"]


def client_app(
    model,
    records,
    strategy,
    *,
    learning_rate: float,
    local_steps: int | None = None,
    local_epochs=None,
    batch_size: int | None = None,
    seed: int | None = None,
    pipeline=(),
    loss=torch.nn.functional.cross_entropy,
):
    """A Flower ClientApp that trains on this node's own records.

    model:    a function without arguments that makes the model.
    records:  a function of the node's "partition-id" and "num-partitions" that returns its own (X, y) as
              tensors. Both come from the SuperNode's `--node-config`, and must be what the server expects:
              ids from 0, each once.
    The rest as for `simulate`, which draws the same batches from the same seed.
    """
    checked(model=model, strategy=strategy)
    if not callable(records):
        raise ValueError(f"records must be a function of (partition, partitions), got {records!r}")
    validate.positive(learning_rate=learning_rate)
    local_epochs = 1 if local_epochs is None and local_steps is None else local_epochs
    app = ClientApp()

    @app.train()
    def train(message, context):
        config, state = message.content["config"], context.state
        client, clients = _own_number(context.node_config, int(config["clients"]))
        number, drawn = int(config["server-round"]), seed_of(seed, pipeline)
        inputs, targets = records(client, clients)
        received = tensors(message.content["arrays"])
        memory = (
            tensors(state["memory"]) if "memory" in state else strategy.start_client(received["parameters"])
        )
        plan = batches(
            len(targets),
            batch_size=batch_size,
            local_steps=local_steps,
            local_epochs=local_epochs,
            seed=drawn,
            round_number=number,
            client=client,
        )
        own = model()
        with torch_threads(1):
            trained = local_training(
                own,
                inputs,
                targets,
                received=received,
                batches=plan,
                strategy=strategy,
                memory=memory,
                learning_rate=learning_rate,
                loss=loss,
                seed=client_seed(drawn, number, client),
            )
            extra = (
                {"loss": mean_losses(bind(own), received, [(inputs, targets)], loss)[0]}
                if strategy.needs_loss
                else {}
            )
        reply, memory = strategy.reply(
            trained, received, memory, steps=len(plan), learning_rate=learning_rate, **extra
        )
        if memory:
            state["memory"] = ArrayRecord(memory)  # stays at this node until the next round
        update = Update(client, len(targets), len(plan), reply)
        if pipeline:
            steps = Pipeline(
                setting(strategy, clients, int(config["rounds"]), received["parameters"], pipeline), drawn
            )
            if "step-0" in state:
                steps.memories[client] = [tensors(state[f"step-{each}"]) for each in range(len(pipeline))]
            told = [tensors(message.content[f"step-{each}"]) for each in range(len(pipeline))]
            update, memories = steps.client(
                update,
                weight_of(update, getattr(strategy, "weight", "equal")),
                told,
                number,
                received["parameters"],
            )
            for each, memory in enumerate(memories):
                state[f"step-{each}"] = ArrayRecord(memory)
        numbers = {"num-examples": len(targets), "steps": len(plan), "client": client}
        if update.weight is not None:
            numbers["weight"] = float(update.weight)
        return Message(
            RecordDict({"arrays": ArrayRecord(update.message), "metrics": MetricRecord(numbers)}),
            reply_to=message,
        )

    return app


def _own_number(node_config, clients):
    """This node's partition and how many there are; ValueError, which the server passes on, for another."""
    told = {name: node_config.get(name) for name in ("partition-id", "num-partitions")}
    client, partitions = told.values()
    if type(client) is not int or not 0 <= client < clients or partitions != clients:
        said = " ".join(f"{name}={value}" for name, value in told.items())
        raise ValueError(
            f"node-config must hold a partition-id from 0 to {clients - 1} and num-partitions={clients}, for "
            f"a server app with clients={clients}; got {said}"
        )
    return client, clients
