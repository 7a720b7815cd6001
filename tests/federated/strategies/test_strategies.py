"""Each strategy against its paper's formulas, computed by hand on one-parameter models."""

import math

import numpy as np
import pytest
import torch

from labkit.federated import FedAvg, FedProx, Scaffold, Strategy, Update, simulate, vector_of, weighted_mean
from tests.federated.by_hand import point, update, weight_after


def test_aggregate_by_examples_and_equal():
    updates = [update(0, 30, 1.0, 0.0), update(1, 10, 0.0, 2.0)]
    assert weighted_mean(updates).tolist() == [0.75, 0.5]
    assert weighted_mean(updates, weight="equal").tolist() == [0.5, 1.0]
    start = torch.tensor([10.0, 20.0], dtype=torch.float64)
    assert FedAvg().aggregate(start, updates, {})[0].tolist() == [10.75, 20.5]
    assert FedAvg(weight="equal").aggregate(start, updates, {})[0].tolist() == [10.5, 21.0]
    assert FedAvg(server_learning_rate=2.0).aggregate(start, updates, {})[0].tolist() == [11.5, 21.0]


@pytest.mark.parametrize("engine", ["lean", "stacked"])
def test_fedavg_one_client_one_step_is_centralised_sgd(engine):
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 5)), rng.integers(0, 3, 40)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 3)).double()
    run = simulate(model, [(x, y)], FedAvg(), rounds=20, local_steps=1, learning_rate=0.3, engine=engine)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.3)
    for _ in range(20):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(torch.tensor(x)), torch.tensor(y)).backward()
        optimiser.step()
    assert torch.allclose(vector_of(run.model), vector_of(model), rtol=0, atol=1e-14)


def test_fedavg_one_step_equals_pooled_step_for_any_sizes_and_labels():
    """The average of local gradients, weighted by examples, is the gradient of the pooled data."""
    rng = np.random.default_rng(1)
    x, y = rng.random((50, 4)), rng.integers(0, 3, 50)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3)).double()
    options = {"rounds": 15, "local_steps": 1, "learning_rate": 0.5}
    apart = simulate(model, [(x[:3], y[:3]), (x[3:], y[3:])], FedAvg(), **options)
    pooled = simulate(model, [(x, y)], FedAvg(), **options)
    plain = simulate(model, [(x[:3], y[:3]), (x[3:], y[3:])], FedAvg(weight="equal"), **options)
    assert torch.allclose(vector_of(apart.model), vector_of(pooled.model), rtol=0, atol=1e-13)
    assert not torch.allclose(vector_of(plain.model), vector_of(pooled.model), atol=1e-3)


@pytest.mark.parametrize("engine", ["lean", "stacked"])
def test_fedavg_two_clients_two_steps_by_hand(engine):
    # client 0: loss (w - 1)^2, client 1: loss (2 w - 8)^2, learning rate 0.1, from w = 0
    # client 0: 0 -> 0.2 -> 0.36;  client 1: 0 -> 3.2 -> 3.84; weights 3 : 1
    clients = [point(1, 1, copies=3), point(2, 8)]
    found = weight_after(FedAvg(), clients, rounds=1, local_steps=2, learning_rate=0.1, engine=engine)
    assert found == pytest.approx(0.75 * 0.36 + 0.25 * 3.84, abs=1e-15)


@pytest.mark.parametrize("engine", ["lean", "stacked"])
def test_fedprox_proximal_gradient_by_hand(engine):
    # one client, loss (w - 1)^2 + (mu / 2)(w - 0)^2 with mu = 2: gradient 2 (w - 1) + 2 w
    # 0 -> 0.2 -> 0.2 - 0.1 * (-1.6 + 0.4) = 0.32
    found = weight_after(FedProx(mu=2.0), [point(1, 1)], rounds=1, local_steps=2, learning_rate=0.1, engine=engine)
    assert found == pytest.approx(0.32, abs=1e-15)


def test_fedprox_with_mu_0_is_fedavg_and_large_mu_stays_near():
    clients = [point(1, 1), point(2, 8)]
    options = {"rounds": 3, "local_steps": 5, "learning_rate": 0.05}
    plain = weight_after(FedAvg(), clients, **options)
    assert weight_after(FedProx(mu=0.0), clients, **options) == plain
    assert abs(weight_after(FedProx(mu=10.0), clients, **options)) < abs(plain)


@pytest.mark.parametrize("engine", ["lean", "stacked"])
def test_scaffold_control_variates_by_hand(engine):
    # gradients: client 0: 2 (w - 1); client 1: 4 (2 w - 8) = 8 w - 32. Learning rate 0.1, two local steps, equal weights.
    # Round 1, all controls 0:  client 0: 0 -> .2 -> .36;  client 1: 0 -> 3.2 -> 3.84;  w = 2.1
    #   controls c_i = -change / (K lr): -1.8 and -19.2, their mean c = -10.5
    # Round 2 from 2.1, steps with g - c_i + c:
    #   client 0: g - (-1.8) - 10.5 = 2 w - 10.7:  2.1 -> 2.75 -> 3.27
    #   client 1: g + 19.2 - 10.5 = 8 w - 23.3:    2.1 -> 2.75 -> 2.88;   w = (3.27 + 2.88) / 2
    #   new controls c_i - c - change / (K lr): -1.8 + 10.5 - 5.85 = 2.85;  -19.2 + 10.5 - 3.9 = -12.6; mean -4.875
    clients = [point(1, 1), point(2, 8)]
    strategy = Scaffold(weight="equal")
    options = {"local_steps": 2, "learning_rate": 0.1, "engine": engine}
    assert weight_after(strategy, clients, rounds=1, **options) == pytest.approx(2.1, abs=1e-14)
    assert weight_after(strategy, clients, rounds=2, **options) == pytest.approx(3.075, abs=1e-14)
    # Round 3 from 3.075: client 0: 2 w - 2 - 2.85 - 4.875 = 2 w - 9.725:  3.075 -> 3.4325 -> 3.7185
    #                     client 1: 8 w - 32 + 12.6 - 4.875 = 8 w - 24.275: 3.075 -> 3.0425 -> 3.036
    assert weight_after(strategy, clients, rounds=3, **options) == pytest.approx((3.7185 + 3.036) / 2, abs=1e-14)


def test_scaffold_server_control_is_the_weighted_mean_of_the_clients():
    strategy = Scaffold()
    start = torch.zeros(1, dtype=torch.float64)
    memory = strategy.start(start, [30, 10])
    own = [strategy.start_client(start)] * 2
    for _ in range(3):
        received, updates = strategy.configure(start, memory), []
        for client, (examples, moved) in enumerate([(30, 1.0), (10, -2.0)]):
            reply, own[client] = strategy.reply(start + moved, received, own[client], steps=4, learning_rate=0.5)
            updates.append(Update(client, examples, 4, reply))
        start, memory = strategy.aggregate(start, updates, memory)
        assert float(memory["control"]) == pytest.approx(0.75 * float(own[0]["control"]) + 0.25 * float(own[1]["control"]))


def test_only_scaffold_reaches_the_common_optimum_with_many_local_steps():
    # equal weights: the sum (w - 1)^2 + (2 w - 8)^2 is least at w = 17 / 5
    clients, best = [point(1, 1), point(2, 8)], 17 / 5
    options = {"rounds": 60, "local_steps": 10, "learning_rate": 0.02, "engine": "stacked"}
    assert weight_after(Scaffold(), clients, **options) == pytest.approx(best, abs=1e-6)
    assert abs(weight_after(FedAvg(), clients, **options) - best) > 0.2
    assert abs(weight_after(FedProx(mu=0.5), clients, **options) - best) > 0.1


def test_the_interface_itself_does_not_aggregate():
    with pytest.raises(NotImplementedError, match="Strategy does not say how to aggregate"):
        Strategy().aggregate(torch.zeros(1), [update(0, 1, 1.0)], {})


@pytest.mark.parametrize("make, named", [
    (lambda: FedAvg(weight="size"), "weight"),
    (lambda: FedAvg(weight=None), "weight"),
    (lambda: FedAvg(server_learning_rate=0), "server_learning_rate"),
    (lambda: FedAvg(server_learning_rate=math.nan), "server_learning_rate"),
    (lambda: FedProx(mu=-0.1), "mu"),
    (lambda: FedProx(mu=math.inf), "mu"),
    (lambda: FedProx(mu="big"), "mu"),
    (lambda: FedProx(weight="no"), "weight"),
    (lambda: Scaffold(server_learning_rate=-1), "server_learning_rate"),
    (lambda: Scaffold(weight=1), "weight"),
    (lambda: weighted_mean([]), "updates"),
    (lambda: weighted_mean([update(0, 1, 1.0)], weight="no"), "weight"),
    (lambda: weighted_mean([update(0, 1, 1.0)], of="control"), "of"),
])
def test_bad_arguments_are_named(make, named):
    with pytest.raises(ValueError, match=named):
        make()
