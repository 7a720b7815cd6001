"""Too few nodes, too many, two with one number, one that is killed: an error in words, or a bounded wait."""

import logging
import time
from typing import ClassVar

import pytest
import torch

from labkit.federated import FedAvg, Scaffold, vector_of
from labkit.federated.flower import client_app, run_in_process, server_app
from labkit.federated.flower.in_process import InProcessGrid
from labkit.federated.flower.server import OnFlower
from labkit.federated.privacy.distributed_noise import DistributedDiscreteGaussian
from labkit.federated.privacy.user_level import UserLevelDP
from labkit.models import mlp

WORK = {"learning_rate": 0.3, "local_steps": 2, "batch_size": 8, "seed": 3}


def model():
    torch.manual_seed(1)
    return mlp(16, 6, 3)


def records(client, clients):
    generator = torch.Generator().manual_seed(client)
    return torch.rand(20, 16, generator=generator), torch.randint(0, 3, (20,), generator=generator)


class Nodes(InProcessGrid):
    """Nodes that come, go, fall silent and carry wrong numbers, as `Nodes.of` says for the run to come."""

    of: ClassVar[dict] = {}

    def __init__(self, client, clients, run_config):
        super().__init__(client, self.of.get("nodes", clients), run_config)
        for context, config in zip(self.contexts.values(), self.of.get("node_configs", [])):
            context.node_config = config
        self.steady, self.asked, self.rounds, self.timeouts = False, 0, 0, []

    def get_node_ids(self):
        self.asked += 1
        known = list(self.contexts)
        return (
            known[: self.of["at_first"]]
            if self.asked <= self.of.get("polls", 0)
            else known[: self.of.get("later", len(known))]
        )

    def send_and_receive(self, messages, *, timeout=None):
        messages = list(messages)
        self.rounds += bool(messages)
        self.timeouts.append(timeout)
        return super().send_and_receive(
            [
                each
                for each in messages
                if not (
                    self.rounds == self.of.get("silent_in")
                    and each.metadata.dst_node_id == max(self.contexts)
                )
            ],
            timeout=timeout,
        )


@pytest.fixture
def run(monkeypatch, caplog):
    """A run with such nodes; gives the trained parameters and what the log says."""

    def _run(strategy=FedAvg(), *, rounds=1, clients=3, pipeline=(), server=(), **of):
        monkeypatch.setattr(Nodes, "of", of)
        monkeypatch.setattr("labkit.federated.flower.in_process.InProcessGrid", Nodes)
        kept = []
        with caplog.at_level(logging.WARNING, logger="flwr"):
            logging.getLogger("flwr").propagate = True
            run_in_process(
                server_app(
                    model,
                    strategy,
                    clients=clients,
                    rounds=rounds,
                    pipeline=pipeline,
                    seed=1,
                    on_end=lambda trained, _: kept.append(vector_of(trained)),
                    **{"connect_timeout": 1.0, **dict(server)},
                ),
                client_app(model, records, strategy, pipeline=pipeline, **WORK),
                clients=clients,
            )
        return kept[0], caplog.text

    before = logging.getLogger("flwr").propagate
    yield _run
    logging.getLogger("flwr").propagate = before


@pytest.mark.parametrize("strategy", [FedAvg(), Scaffold()], ids=["FedAvg", "Scaffold"])
@pytest.mark.parametrize(
    "nodes, cure",
    [(2, "start the others"), (4, "stop 1, or make the server app with clients=4"), (0, "start the others")],
)
def test_another_number_of_nodes_than_clients_ends_in_time_and_says_how_many(run, strategy, nodes, cure):
    began = time.monotonic()
    told = f"round 1: {nodes} nodes are connected, clients=3, after 1 s"
    with pytest.raises(TimeoutError, match=told) as error:
        run(strategy, nodes=nodes)
    assert cure in str(error.value) and 1 <= time.monotonic() - began < 10


def test_where_no_node_can_come_any_more_nobody_waits():
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="4 nodes are connected, clients=3, after 0 s: stop 1"):
        run_in_process(
            server_app(model, FedAvg(), clients=3, rounds=1),
            client_app(model, records, FedAvg(), **WORK),
            clients=4,
        )
    assert time.monotonic() - began < 10


def test_nodes_that_come_late_are_waited_for_and_the_wait_is_told(run):
    trained, said = run(polls=2, at_first=1, server={"connect_timeout": 30.0})
    assert torch.equal(trained, run()[0])
    assert (
        said.count("round 1: 1 nodes are connected, clients=3, waiting up to 30 s more") == 1
    )  # once, not every fifth of a second


def test_with_min_clients_the_run_goes_on_without_the_missing(run):
    trained, said = run(nodes=3, later=2, server={"min_clients": 2})
    assert "2 nodes are connected, clients=3, after 1 s: going on with these" in said
    assert not torch.allclose(trained, run()[0], atol=1e-4) and torch.isfinite(trained).all()


def test_a_node_that_falls_silent_is_left_out_of_its_round_and_named(run):
    """The SuperLink hands over what has come in time. In the round before, the node had said its number."""
    trained, said = run(rounds=3, silent_in=2, server={"round_timeout": 7.0})
    assert (
        "round 2: no answer within 7 s from partition-id 2; left out of this round" in said
        and "round 3" not in said
    )
    assert not torch.allclose(trained, run(rounds=3)[0], atol=1e-5)


def test_the_stated_timeout_is_the_one_that_flower_gets(run, monkeypatch):
    seen = []
    monkeypatch.setattr(
        Nodes,
        "send_and_receive",
        lambda self, messages, *, timeout=None: seen.append(timeout) or list(messages)[:0],
    )
    with pytest.raises(RuntimeError, match="no node sent a usable update"):
        run(server={"round_timeout": 7.0})
    assert seen == [7.0]


@pytest.mark.parametrize("strategy", [FedAvg(), Scaffold()], ids=["FedAvg", "Scaffold"])
def test_two_nodes_with_one_number_are_an_error_before_anything_is_averaged(run, strategy):
    same = {"partition-id": 1, "num-partitions": 3}
    with pytest.raises(
        RuntimeError, match="round 1: 3 nodes have partition-id=1; give each its own, from 0 to 2"
    ):
        run(strategy, node_configs=[same] * 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"partition-id": 3, "num-partitions": 3},
        {"partition-id": -1, "num-partitions": 3},
        {},
        {"partition-id": 0, "num-partitions": 4},
        {"partition-id": "0", "num-partitions": 3},
        {"num-partitions": 3},
        {"partition-id": 0},
    ],
)
def test_a_node_with_a_wrong_number_is_told_what_the_server_expects(run, wrong):
    with pytest.raises(
        ValueError, match="node-config must hold a partition-id from 0 to 2 and num-partitions=3"
    ):
        run(node_configs=[wrong])


class Failed:
    """A reply with an error, as Flower makes it of an exception at a node."""

    def __init__(self, node, reason):
        self.metadata = type("Metadata", (), {"src_node_id": node})
        self.error = type("Error", (), {"reason": reason})

    def has_error(self):
        return True


def test_such_an_error_of_a_node_ends_the_run_and_another_is_told():
    strategy = OnFlower(FedAvg(), clients=3, rounds=1)
    with pytest.raises(RuntimeError, match="round 1: .*node-config must hold"):
        strategy.aggregate_train(
            1, [Failed(1, "<class 'ValueError'>:<'node-config must hold a partition-id'>")]
        )
    with pytest.raises(RuntimeError, match="no node sent a usable update: <class 'OSError'>:<'disk full'>"):
        strategy.aggregate_train(1, [Failed(1, "<class 'OSError'>:<'disk full'>")])


def test_too_few_senders_drop_the_sum_of_a_step_that_counts_on_their_noise(run):
    equal = FedAvg(weight="equal")
    shared = DistributedDiscreteGaussian(
        max_grad_norm=0.1, grid=0.001, sigma=20, parameters=123, clients=3, rounds=1
    )
    with pytest.warns(RuntimeWarning, match="2 clients answered and the plan counts on the noise of 3"):
        assert torch.equal(run(equal, pipeline=[shared], silent_in=1)[0], vector_of(model()))
    central = UserLevelDP(max_grad_norm=0.1, noise_multiplier=1.0, sample_rate=1.0, rounds=1, divisor=3)
    moved = run(equal, pipeline=[central], silent_in=1)[0]  # its noise does not hang on who came
    assert torch.isfinite(moved).all() and not torch.equal(moved, vector_of(model()))


@pytest.mark.parametrize(
    "name, bad",
    [
        ("round_timeout", 0),
        ("round_timeout", float("inf")),
        ("connect_timeout", -1.0),
        ("min_clients", 0),
        ("min_clients", 4),
        ("min_clients", 1.5),
    ],
)
def test_bad_waits_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        OnFlower(FedAvg(), clients=3, rounds=1, **{name: bad})
