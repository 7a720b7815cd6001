"""Flower: in one process it agrees with the simulator for every strategy and step; over TLS on loopback it does, too."""

import numpy as np
import pytest
import torch

from labkit.federated import FedAvg, FedProx, Scaffold, partition, simulate, vector_of
from labkit.federated.flower import client_app, run_in_process, server_app
from labkit.federated.flower.app import write_app
from labkit.federated.flower.server import OnFlower
from labkit.federated.privacy.adaptive_clipping import AdaptiveUserLevelDP
from labkit.federated.privacy.distributed_noise import DistributedDiscreteGaussian
from labkit.federated.privacy.user_level import UserLevelDP
from labkit.models import mlp

CLIENTS, ROUNDS = 4, 3
WORK = {"learning_rate": 0.3, "local_steps": 4, "batch_size": 8, "seed": 3}


def model():
    torch.manual_seed(1)
    return mlp(16, 6, 3)


def records(client, clients=CLIENTS):
    rng = np.random.default_rng(0)
    x, y = rng.random((120, 16), dtype=np.float32), rng.integers(0, 3, 120)
    part = partition.dirichlet(y, clients=clients, alpha=0.5, sizes=[20, 50, 15, 35], seed=1)[client]
    return torch.from_numpy(x[part]), torch.from_numpy(y[part])


def on_flower(strategy, pipeline=(), examples=None, model=model, records=records, **changes):
    kept = []
    server = server_app(model, strategy, clients=CLIENTS, rounds=ROUNDS, examples=examples, pipeline=pipeline, seed=WORK["seed"],
                        on_end=lambda trained, context: kept.append(vector_of(trained)))
    run_in_process(server, client_app(model, records, strategy, pipeline=pipeline, **{**WORK, **changes}), clients=CLIENTS)
    return kept[0]


def in_simulator(strategy, pipeline=()):
    clients = [records(each) for each in range(CLIENTS)]
    return vector_of(simulate(model(), clients, strategy, rounds=ROUNDS, pipeline=pipeline, engine="lean", **WORK).model)


PLAN = dict(max_grad_norm=0.1, noise_multiplier=1.0, sample_rate=1.0, rounds=ROUNDS, divisor=CLIENTS)
STEPS = {
    "user-level": [UserLevelDP(**PLAN)],
    "adaptive": [AdaptiveUserLevelDP(**PLAN, count_noise=2.0)],
    "distributed": [DistributedDiscreteGaussian(max_grad_norm=0.1, grid=0.001, sigma=20, parameters=123, clients=CLIENTS, rounds=ROUNDS)],
}


@pytest.mark.parametrize("strategy", [FedAvg(), FedAvg(weight="equal"), FedProx(mu=0.3), Scaffold(weight="equal"), Scaffold()],
                         ids=lambda each: f"{type(each).__name__}-{each.weight}")
def test_strategies_agree_with_the_simulator(strategy):
    """SCAFFOLD's clients remember: their memory stays in the node's context between rounds."""
    examples = [len(records(each)[1]) for each in range(CLIENTS)]
    assert torch.allclose(on_flower(strategy, examples=examples), in_simulator(strategy), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", STEPS)
def test_private_steps_agree_with_the_simulator(name):
    equal = FedAvg(weight="equal")
    found = on_flower(equal, STEPS[name])
    assert torch.allclose(found, in_simulator(equal, STEPS[name]), rtol=0, atol=1e-6)
    assert float((found - in_simulator(equal)).norm()) > 0.01  # there was noise


def test_a_client_with_nan_is_left_out():
    def one_bad(client, clients):
        x, y = records(client)
        return (x * float("nan") if client == 2 else x), y

    found = on_flower(FedAvg(), records=one_bad)
    assert torch.isfinite(found).all() and not torch.allclose(found, on_flower(FedAvg()), atol=1e-4)


def test_a_round_without_a_usable_answer_is_an_error_and_no_silent_success():
    with pytest.raises(RuntimeError, match="no node sent a usable update"):
        on_flower(FedAvg(), records=lambda client, clients: (records(client)[0] * float("nan"), records(client)[1]))


@pytest.mark.parametrize("name, call", [
    ("model", lambda: server_app(model(), FedAvg(), clients=3)),
    ("model", lambda: client_app(model(), records, FedAvg(), learning_rate=0.1)),
    ("strategy", lambda: server_app(model, "FedAvg", clients=3)),
    ("strategy", lambda: client_app(model, records, None, learning_rate=0.1)),
    ("records", lambda: client_app(model, [1, 2], FedAvg(), learning_rate=0.1)),
    *[("learning_rate", lambda bad=bad: client_app(model, records, FedAvg(), learning_rate=bad)) for bad in (0, -1, float("nan"), None)],
    *[("clients", lambda bad=bad: server_app(model, FedAvg(), clients=bad)) for bad in (0, -1, 1.5, None)],
    *[("clients", lambda bad=bad: run_in_process(None, None, clients=bad)) for bad in (0, 2.5)],
])
def test_bad_arguments_are_refused_by_name(name, call):
    with pytest.raises(ValueError, match=name):
        call()


def test_write_app_refuses_a_folder_that_is_in_use(tmp_path):
    app = write_app(tmp_path / "clinics")
    assert sorted(each.name for each in (app / "clinics").iterdir()) == ["__init__.py", "client_app.py", "server_app.py", "task.py"]
    with pytest.raises(ValueError, match="folder"):
        write_app(app)


def test_the_strategy_is_one_of_flowers():
    from flwr.serverapp.strategy import Strategy

    assert issubclass(OnFlower, Strategy)
