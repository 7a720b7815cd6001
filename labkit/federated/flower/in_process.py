"""Both apps in this process: Flower's messages and loop over rounds, with function calls for a network."""

import logging
from contextlib import contextmanager

from labkit import validate
from labkit.federated.flower.messages import Context, Grid, RecordDict, TaskIdentity

__all__ = ["run_in_process", "InProcessGrid", "as_a_task"]


def run_in_process(server, client, *, clients, run_config=None):
    """Run a ServerApp against `clients` nodes that all run `client`, in this process, one after the other.

    Everything is Flower's (apps, messages, strategy loop), except for processes and network. Returns nothing:
    a ServerApp hands its result to its own `on_end`. run_config: what the app's pyproject.toml or `flwr run
    --run-config` would say.
    """
    clients, run_config = validate.integer(clients=clients, at_least=1), dict(run_config or {})
    with as_a_task():
        server(InProcessGrid(client, clients, run_config), Context(1, 0, {}, RecordDict(), run_config))


class InProcessGrid(Grid):
    """Flower's view of the nodes, with function calls for a network."""

    steady = True  # no node comes or goes, so nobody need wait for one

    def __init__(self, client, clients, run_config):
        self.client = client
        self.contexts = {
            100 + each: Context(
                1,
                100 + each,
                {"partition-id": each, "num-partitions": clients},
                RecordDict(),
                dict(run_config),
            )
            for each in range(clients)
        }
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


@contextmanager
def as_a_task(level=logging.WARNING):
    """Flower stamps each message with this process's task, and logs every step: here from `level` on."""
    before = TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 1, 1
    logger = logging.getLogger("flwr")
    level_before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id = before
        logger.setLevel(level_before)
