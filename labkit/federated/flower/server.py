"""What runs at the SuperLink: a `labkit` strategy as one of Flower's, and how long it waits for whom."""

import logging
import time

import torch

from labkit import validate
from labkit.federated.engines.parameters import load_vector, vector_of
from labkit.federated.flower.messages import (
    ArrayRecord,
    ConfigRecord,
    FlowerStrategy,
    Message,
    MessageType,
    MetricRecord,
    RecordDict,
    ServerApp,
    checked,
    log,
    setting,
    tensors,
)
from labkit.federated.pipeline.step import Pipeline, seed_of
from labkit.federated.strategies.strategy import Update

__all__ = ["server_app", "OnFlower", "ROUND_TIMEOUT", "CONNECT_TIMEOUT"]

ROUND_TIMEOUT = 600.0  # seconds; Flower's own default is an hour
CONNECT_TIMEOUT = 120.0  # seconds; a SuperLink counts a killed node as connected for up to a minute
SAY_EVERY = 10.0  # seconds between two messages about who is missing


def server_app(
    model,
    strategy,
    *,
    clients: int,
    rounds: int | None = None,
    examples=None,
    pipeline=(),
    seed: int | None = None,
    evaluate=None,
    on_end=None,
    round_timeout: float | None = None,
    connect_timeout: float | None = None,
    min_clients: int | None = None,
):
    """A Flower ServerApp that runs `strategy` over all connected nodes.

    model:     a function without arguments that makes the model; its values are where training starts.
    clients:   how many nodes there are; a round begins when just as many are connected.
    rounds:    how many; None reads "num-rounds" from the app's configuration.
    examples:  how many records each client holds, for strategies that must know beforehand; equal if None.
    pipeline:  the steps that the clients have, too.
    seed:      fixes what the server draws for them; whoever knows it can subtract the noise. None as for
               `simulate`: the operating system's randomness for private steps.
    evaluate:  a function of the model that returns a dict of numbers, called on the server after each round.
    on_end:    called with the trained model and the Flower Context.
    round_timeout, connect_timeout, min_clients: see `OnFlower`. None reads "round-timeout" and
                                                 "connect-timeout" from the app's
               configuration.
    """
    checked(model=model, strategy=strategy)
    validate.integer(clients=clients, at_least=1)
    app = ServerApp()

    @app.main()
    def main(grid, context):
        trained, told = model(), context.run_config

        def measured(_round, arrays):
            return MetricRecord(evaluate(load_vector(trained, arrays.to_torch_state_dict()["parameters"])))

        most = int(told["num-rounds"]) if rounds is None else rounds
        timeout = float(told.get("round-timeout", ROUND_TIMEOUT)) if round_timeout is None else round_timeout
        connect = (
            float(told.get("connect-timeout", CONNECT_TIMEOUT))
            if connect_timeout is None
            else connect_timeout
        )
        flower = OnFlower(
            strategy,
            clients=clients,
            rounds=most,
            examples=examples,
            pipeline=pipeline,
            seed=seed,
            round_timeout=timeout,
            connect_timeout=connect,
            min_clients=min_clients,
        )
        result = flower.start(
            grid=grid,
            initial_arrays=ArrayRecord({"parameters": vector_of(trained)}),
            num_rounds=most,
            timeout=timeout,
            evaluate_fn=measured if evaluate else None,
        )
        load_vector(trained, result.arrays.to_torch_state_dict()["parameters"])
        if on_end is not None:
            on_end(trained, context)

    return app


class OnFlower(FlowerStrategy):
    """A `labkit` strategy as a Flower strategy: all nodes take part in every round.

    round_timeout:    seconds that a round waits for answers. A node that has not answered by then (killed,
                      say), that answers with an error, or with NaN, is left out of its round, and the log
                      says so.
    connect_timeout:  seconds that a round waits until `clients` nodes are connected, no more and no fewer;
                      then the run ends with an error that says how many there are.
    min_clients:      after that wait, go on with fewer nodes if there are this many. None: with all of them
                      only.
    Flower itself would wait for ever, or keep the old model and report success. This ends with an error:
    fewer or more nodes than clients, two nodes with one partition-id, a partition-id that the server does not
    expect, and a round without any usable answer.
    """

    def __init__(
        self,
        strategy,
        *,
        clients: int,
        rounds,
        examples=None,
        pipeline=(),
        seed: int | None = None,
        round_timeout=ROUND_TIMEOUT,
        connect_timeout=CONNECT_TIMEOUT,
        min_clients: int | None = None,
    ):
        self.round_timeout = validate.positive(round_timeout=round_timeout)
        self.connect_timeout = validate.positive(connect_timeout=connect_timeout)
        min_clients = clients if min_clients is None else min_clients
        self.min_clients = validate.integer(min_clients=min_clients, at_least=1, at_most=clients)
        self.strategy, self.clients, self.rounds, self.examples = strategy, clients, rounds, examples
        self.steps, self.memory, self.pipeline = tuple(pipeline), None, None
        self.seed, self.asked, self.partitions = seed_of(seed, self.steps), [], {}

    def summary(self):
        """What Flower logs at the start."""
        log(
            logging.INFO,
            f"{self.clients} nodes; a round waits {self.connect_timeout:g} s for them, "
            f"{self.round_timeout:g} s for their answers",
        )

    def configure_train(self, server_round, arrays, config, grid):
        """The message to each node: what the strategy sends, and the number of the round."""
        self.parameters = arrays.to_torch_state_dict()["parameters"]
        if self.memory is None:
            self.memory = self.strategy.start(self.parameters, self.examples or [1] * self.clients)
            self.pipeline = Pipeline(
                setting(self.strategy, self.clients, self.rounds, self.parameters, self.steps), self.seed
            )
        self.asked = self._connected(server_round, grid)
        content = RecordDict(
            {
                "arrays": ArrayRecord(self.strategy.configure(self.parameters, self.memory)),
                "config": ConfigRecord(
                    {"server-round": server_round, "rounds": self.rounds, "clients": self.clients}
                ),
            }
        )
        for each, told in enumerate(self.pipeline.configure(server_round, self.parameters)):
            content[f"step-{each}"] = ArrayRecord(told)
        return [Message(content, node, MessageType.TRAIN) for node in self.asked]

    def _connected(self, server_round, grid):
        """The nodes of this round, once there are as many as clients; TimeoutError if that takes too long."""
        began, said = time.monotonic(), -SAY_EVERY
        patience = 0 if getattr(grid, "steady", False) else self.connect_timeout
        while len(nodes := sorted(grid.get_node_ids())) != self.clients:
            waited = time.monotonic() - began
            state = f"round {server_round}: {len(nodes)} nodes are connected, clients={self.clients},"
            if waited >= patience:
                if self.min_clients <= len(nodes) < self.clients:
                    log(logging.WARNING, f"{state} after {waited:.0f} s: going on with these")
                    break
                cure = (
                    f"stop {len(nodes) - self.clients}, or make the server app with clients={len(nodes)}"
                    if len(nodes) > self.clients
                    else "start the others, or allow fewer with min_clients=..."
                )
                raise TimeoutError(f"{state} after {waited:.0f} s: {cure}")
            if waited - said >= SAY_EVERY:
                said = waited
                log(logging.WARNING, f"{state} waiting up to {patience - waited:.0f} s more")
            time.sleep(0.2)
        return nodes

    def aggregate_train(self, server_round, replies):
        """The new parameters from the nodes' replies, in the order of the clients."""
        replies = list(replies)
        self._tell_of_the_missing(server_round, replies)
        updates = [_update(each.content) for each in replies if not each.has_error()]
        self._tell_apart(server_round, [each for each in replies if not each.has_error()], updates)
        updates = [
            each for each in updates if all(torch.isfinite(value).all() for value in each.message.values())
        ]
        if not updates:
            reasons = {str(each.error.reason) for each in replies if each.has_error()}
            raise RuntimeError(
                ": ".join([f"round {server_round}: no node sent a usable update", *sorted(reasons)[:1]])
            )
        updates.sort(key=lambda each: each.client)
        numbers = {"clients": len(updates), "num-examples": sum(each.examples for each in updates)}
        updates, turns = self.pipeline.server(updates, server_round, self.parameters)
        for turn in turns:
            numbers |= turn.metrics
        if updates:  # a step may have had reason to drop the round
            self.parameters, self.memory = self.strategy.aggregate(self.parameters, updates, self.memory)
        return ArrayRecord({"parameters": self.parameters}), MetricRecord(numbers)

    def _tell_of_the_missing(self, server_round, replies):
        errors = [each for each in replies if each.has_error()]
        silent = set(self.asked) - {each.metadata.src_node_id for each in replies}
        from_link = [str(each.error.reason) for each in errors if each.metadata.src_node_id not in self.asked]
        if silent:
            who = ", ".join(
                f"partition-id {self.partitions[each]}" if each in self.partitions else f"node {each}"
                for each in sorted(silent)
            )
            why = (
                f"from {who} ({from_link[0]})" if from_link else f"within {self.round_timeout:g} s from {who}"
            )
            log(logging.WARNING, f"round {server_round}: no answer {why}; left out of this round")
        for each in errors:
            reason = str(each.error.reason)
            if "node-config must" in reason:
                raise RuntimeError(f"round {server_round}: {reason}")
            if each.metadata.src_node_id in self.asked:
                log(logging.WARNING, f"round {server_round}: left out, for its error: {reason}")

    def _tell_apart(self, server_round, replies, updates):
        for reply, update in zip(replies, updates):
            self.partitions[reply.metadata.src_node_id] = update.client
        clients = [each.client for each in updates]
        twice = sorted({each for each in clients if clients.count(each) > 1})
        if twice:
            raise RuntimeError(
                f"round {server_round}: {clients.count(twice[0])} nodes have partition-id={twice[0]}; "
                f"give each its own, from 0 to {self.clients - 1}, in --node-config"
            )

    def configure_evaluate(self, server_round, arrays, config, grid):
        """No evaluation at the nodes."""
        return []

    def aggregate_evaluate(self, server_round, replies):
        """No evaluation at the nodes."""
        return None


def _update(content):
    numbers = content["metrics"]
    return Update(
        client=int(numbers["client"]),
        examples=int(numbers["num-examples"]),
        steps=int(numbers["steps"]),
        message=tensors(content["arrays"]),
        weight=numbers.get("weight"),
    )
