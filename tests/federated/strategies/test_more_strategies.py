"""FedAvgM, FedAdam, FedYogi, FedNova, q-FedAvg and personal models, against their papers' formulas worked out by hand.

Two clients throughout, with losses (w - 1)^2 and (2 w - 8)^2, whose gradients are 2 w - 2 and 8 w - 32.
"""

import math

import numpy as np
import pytest
import torch

from labkit.federated import (
    FedAdam,
    FedAvg,
    FedAvgM,
    FedNova,
    FedYogi,
    QFedAvg,
    Sum,
    personalise,
    simulate,
    vector_of,
)
from tests.federated.by_hand import MSE, line, point, update, weight_after

CLIENTS = [point(1, 1), point(2, 8)]
ENGINES = pytest.mark.parametrize("engine", ["lean", "stacked"])


@ENGINES
def test_fedavgm_by_hand(engine):
    # Two local steps at 0.1. Round 1 from 0: changes 0.36 and 3.84, mean 2.1; velocity 2.1, w = 2.1
    # Round 2: 2.1 -> 1.88 -> 1.704, change -0.396;  2.1 -> 3.62 -> 3.924, change 1.824;  mean 0.714
    # velocity 0.5 x 2.1 + 0.714 = 1.764, w = 3.864
    options = {"local_steps": 2, "learning_rate": 0.1, "engine": engine}
    strategy = FedAvgM(weight="equal", momentum=0.5)
    assert weight_after(strategy, CLIENTS, rounds=1, **options) == pytest.approx(2.1, abs=1e-14)
    assert weight_after(strategy, CLIENTS, rounds=2, **options) == pytest.approx(3.864, abs=1e-14)
    half = FedAvgM(weight="equal", momentum=0.5, server_learning_rate=0.5)
    assert weight_after(half, CLIENTS, rounds=1, **options) == pytest.approx(1.05, abs=1e-14)


def test_fedavgm_without_momentum_is_fedavg():
    options = {"rounds": 5, "local_steps": 3, "learning_rate": 0.05}
    assert weight_after(FedAvgM(momentum=0.0), CLIENTS, **options) == weight_after(FedAvg(), CLIENTS, **options)


def adaptive_rounds(strategy, *changes):
    """The model and the memory after rounds in which two clients of equal size send 0 and twice the change."""
    model, memory = torch.zeros(1, dtype=torch.float64), None
    for change in changes:
        memory = memory or strategy.start(model, [1, 1])
        model, memory = strategy.aggregate(model, [update(0, 1, 0.0), update(1, 1, 2 * change)], memory)
    return float(model), {name: float(value) for name, value in memory.items()}


def test_fedadam_by_hand():
    # beta 0.9 and 0.99, tau 0.001, learning rate 0.1; the mean square starts at tau^2
    strategy = FedAdam(server_learning_rate=0.1)
    first = 0.1 * 0.2 / (math.sqrt(0.99e-6 + 0.01 * 4) + 0.001)
    assert adaptive_rounds(strategy, 2.0) == (pytest.approx(first, abs=1e-15), {
        "mean": pytest.approx(0.2), "square": pytest.approx(0.04000099, abs=1e-15)})
    # then a mean change of -1: mean 0.9 x 0.2 - 0.1 = 0.08, square 0.99 x 0.04000099 + 0.01 = 0.0496009801
    second = first + 0.1 * 0.08 / (math.sqrt(0.0496009801) + 0.001)
    assert adaptive_rounds(strategy, 2.0, -1.0)[0] == pytest.approx(second, abs=1e-14)


def test_fedyogi_by_hand():
    strategy = FedYogi(server_learning_rate=0.1)
    # 1e-6 is below 4: square 1e-6 + 0.01 x 4;  then 0.040001 below 1: + 0.01
    first = 0.1 * 0.2 / (math.sqrt(0.040001) + 0.001)
    second = first + 0.1 * 0.08 / (math.sqrt(0.050001) + 0.001)
    assert adaptive_rounds(strategy, 2.0)[0] == pytest.approx(first, abs=1e-14)
    assert adaptive_rounds(strategy, 2.0, -1.0)[0] == pytest.approx(second, abs=1e-14)
    # a small change, 0.1: its square 0.01 is below 0.040001, which falls by 0.01 x 0.01 only (Adam's would fall by 0.0003)
    assert adaptive_rounds(strategy, 2.0, 0.1)[1]["square"] == pytest.approx(0.040001 - 0.0001, abs=1e-15)
    assert adaptive_rounds(FedAdam(), 2.0, 0.1)[1]["square"] == pytest.approx(0.99 * 0.04000099 + 0.0001, abs=1e-15)


@pytest.mark.parametrize("strategy", [FedAdam(server_learning_rate=0.1), FedYogi(server_learning_rate=0.1)])
def test_adaptive_servers_use_the_clients_weights(strategy):
    start = torch.zeros(1, dtype=torch.float64)
    updates = [update(0, 3, 1.0), update(1, 1, 5.0)]
    weighted, _ = strategy.aggregate(start, updates, strategy.start(start, [3, 1]))
    alone, _ = strategy.aggregate(start, [update(0, 1, 2.0)], strategy.start(start, [1]))
    assert weighted.tolist() == alone.tolist()  # (3 x 1 + 1 x 5) / 4 = 2


@ENGINES
def test_fednova_by_hand(engine):
    # Three records and one, one record a step: client 0 takes 3 steps, 0 -> .2 -> .36 -> .488; client 1 one, 0 -> 3.2
    # per step .488 / 3 and 3.2, weights 3 : 1, direction .122 + .8 = .922; mean number of steps 2.25 + .25 = 2.5
    clients = [point(1, 1, copies=3), point(2, 8)]
    options = {"rounds": 1, "local_epochs": 1, "batch_size": 1, "learning_rate": 0.1, "engine": engine}
    assert weight_after(FedNova(), clients, **options) == pytest.approx(2.5 * 0.922, abs=1e-14)
    assert weight_after(FedAvg(), clients, **options) == pytest.approx(0.75 * 0.488 + 0.25 * 3.2, abs=1e-14)
    assert weight_after(FedNova(), clients, pipeline=[Sum()], **options) == pytest.approx(2.5 * 0.922, abs=1e-14)


def test_fednova_is_fedavg_for_equal_work_and_right_for_unequal_work():
    options = {"rounds": 5, "local_steps": 3, "learning_rate": 0.05}
    assert weight_after(FedNova(), CLIENTS, **options) == pytest.approx(weight_after(FedAvg(), CLIENTS, **options), abs=1e-14)
    # 9 records against 1, one record a step, small steps: the loss 9 (w - 1)^2 + (w - 11)^2 over records is least at 2
    clients = [point(1, 1, copies=9), point(1, 11)]
    options = {"rounds": 100, "local_epochs": 1, "batch_size": 1, "learning_rate": 0.005}
    assert weight_after(FedNova(), clients, **options) == pytest.approx(2, abs=0.1)
    # FedAvg lets client 0 walk nine times as far: 81 (w - 1) + (w - 11) = 0
    assert weight_after(FedAvg(), clients, **options) == pytest.approx(92 / 82, abs=0.1)


@ENGINES
def test_q_fedavg_by_hand(engine):
    # One step at 0.1 from w = 0, so L = 10. Client 0: loss 1, own model .2, gradient 10 (0 - .2) = -2, weighted by its loss -2,
    #   curvature 1 x 1^0 x 4 + 10 x 1 = 14.  Client 1: loss 64, own 3.2, gradient -32, weighted -2048, curvature 1024 + 640
    options = {"rounds": 1, "local_steps": 1, "learning_rate": 0.1, "engine": engine}
    assert weight_after(QFedAvg(q=1), CLIENTS, **options) == pytest.approx(2050 / 1678, abs=1e-14)
    assert weight_after(QFedAvg(q=1), CLIENTS, pipeline=[Sum()], **options) == pytest.approx(2050 / 1678, abs=1e-14)
    # q = 2: weighted -2 and 4096 x -32; curvatures 2 x 1 x 4 + 10 and 2 x 64 x 1024 + 10 x 4096
    assert weight_after(QFedAvg(q=2), CLIENTS, **options) == pytest.approx((2 + 4096 * 32) / (18 + 131072 + 40960), abs=1e-14)


def test_q_fedavg_with_q_0_is_fedavg_and_a_large_q_evens_out_the_losses():
    options = {"rounds": 100, "local_steps": 1, "learning_rate": 0.05}
    plain = weight_after(FedAvg(weight="equal"), CLIENTS, **options)
    assert weight_after(QFedAvg(q=0), CLIENTS, **options) == pytest.approx(plain, abs=1e-12)

    def gap(w):
        return abs((w - 1) ** 2 - (2 * w - 8) ** 2)

    fair = weight_after(QFedAvg(q=5), CLIENTS, **options)
    assert gap(fair) < 0.5 * gap(plain)


def test_q_fedavg_survives_a_perfect_client():
    done = weight_after(QFedAvg(q=0.5), [point(1, 0), point(1, 2)], rounds=3, local_steps=2, learning_rate=0.1)
    assert 0 < done < 2


def test_personal_models_by_hand():
    # From the common model 0, loss (w - 1)^2 + 2/2 (w - 0)^2: gradient 4 w - 2; 0 -> .2 -> .32, in the end 1/2
    own = personalise(line(), CLIENTS, strength=2.0, learning_rate=0.1, local_steps=2, loss=MSE)
    assert float(vector_of(own[0])) == pytest.approx(0.32, abs=1e-15)
    own = personalise(line(), CLIENTS, strength=2.0, learning_rate=0.05, local_steps=300, loss=MSE)
    # client 1: 8 w - 32 + 2 w = 0
    assert [float(vector_of(each)) for each in own] == pytest.approx([0.5, 3.2], abs=1e-9)
    free = personalise(line(), CLIENTS, strength=0.0, learning_rate=0.05, local_steps=300, loss=MSE)
    assert [float(vector_of(each)) for each in free] == pytest.approx([1.0, 4.0], abs=1e-9)
    held = personalise(line(), CLIENTS, strength=100.0, learning_rate=0.005, local_steps=300, loss=MSE)
    assert [float(vector_of(each)) for each in held] == pytest.approx([2 / 102, 32 / 108], abs=1e-9)


@pytest.mark.parametrize("strategy", [FedAvgM(server_learning_rate=0.1), FedAdam(), FedYogi(), FedNova(), QFedAvg()],
                         ids=lambda each: type(each).__name__)
def test_all_learn_and_engines_agree(strategy):
    rng = np.random.default_rng(0)
    x = rng.random((90, 6), dtype=np.float32)
    y = (x @ rng.normal(size=(6, 3))).argmax(1)
    clients = [(x[:10], y[:10]), (x[10:40], y[10:40]), (x[40:], y[40:])]
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 3))
    runs = [simulate(model, clients, strategy, rounds=30, local_epochs=1, batch_size=8, learning_rate=0.3, cohort=2, drop_out=0.2,
                     evaluate=(x, y), evaluate_every=30, engine=engine) for engine in ("stacked", "lean")]
    assert torch.allclose(*(vector_of(each.model) for each in runs), rtol=0, atol=1e-5)  # Adam divides by small numbers
    assert runs[0].loss[-1] < 0.9 * runs[0].loss[0]


@pytest.mark.parametrize("make, named", [
    (lambda: FedAvgM(momentum=1.0), "momentum must be from 0 to below 1, got 1.0"),
    (lambda: FedAvgM(momentum=-0.1), "momentum"),
    (lambda: FedAvgM(momentum=math.nan), "momentum"),
    (lambda: FedAvgM(momentum="no"), "momentum"),
    (lambda: FedAvgM(weight="no"), "weight"),
    (lambda: FedAdam(momentum=1), "momentum"),
    (lambda: FedAdam(decay=1.5), "decay"),
    (lambda: FedAdam(floor=0), "floor"),
    (lambda: FedAdam(server_learning_rate=math.inf), "server_learning_rate"),
    (lambda: FedYogi(decay=-1), "decay"),
    (lambda: FedNova(weight=1), "weight"),
    (lambda: FedNova(server_learning_rate=0), "server_learning_rate"),
    (lambda: QFedAvg(q=-1), "q must"),
    (lambda: QFedAvg(q=math.nan), "q must"),
    (lambda: QFedAvg(weight="no"), "weight"),
    (lambda: personalise(line(), CLIENTS, strength=-1, learning_rate=0.1, loss=MSE), "strength"),
    (lambda: personalise(line(), CLIENTS, strength=1, learning_rate=0, loss=MSE), "learning_rate"),
    (lambda: personalise(line(), [(np.ones((0, 1)), np.ones((0, 1)))], strength=1, learning_rate=1, loss=MSE), "empty"),
    (lambda: personalise(line(), [], strength=1, learning_rate=1, loss=MSE), "clients must hold"),
    (lambda: personalise(line(), 3, strength=1, learning_rate=1, loss=MSE), "clients must be a sequence"),
])
def test_bad_arguments_are_named(make, named):
    with pytest.raises(ValueError, match=named):
        make()
