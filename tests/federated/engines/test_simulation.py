"""The simulator: engines agree, cohorts and drop-outs, bytes, determinism, and what happens to bad input."""

import dataclasses
import math
import multiprocessing
import os
import warnings

import numpy as np
import pytest
import torch

from labkit.federated import (
    Clip,
    FedAvg,
    FedNova,
    FedProx,
    QFedAvg,
    Scaffold,
    by_client,
    load_vector,
    local_training,
    partition,
    simulate,
    vector_of,
    worst_share,
)
from labkit.federated.engines.batches import batches
from labkit.federated.engines.simulation import POOL_FROM, STACK_UP_TO

STRATEGIES = [FedAvg(), FedProx(mu=0.3), Scaffold(), Scaffold(weight="equal")]


class Small(torch.nn.Module):
    """Not a Sequential: the stacked engine has to map it."""

    def __init__(self):
        super().__init__()
        self.convolution, self.out = torch.nn.Conv2d(1, 2, 3), torch.nn.Linear(8, 3)

    def forward(self, x):
        return self.out(torch.tanh(self.convolution(x.view(-1, 1, 4, 4))).flatten(1))


def seeded(*kinds):
    """A Sequential whose layers are made after the seed is set, so that every call gives the same weights."""
    torch.manual_seed(5)
    return torch.nn.Sequential(*(kind() for kind in kinds))


def linear(inputs, outputs, **options):
    return lambda: torch.nn.Linear(inputs, outputs, **options)


MODELS = {
    "logistic": lambda: seeded(linear(16, 3)),
    "network": lambda: seeded(linear(16, 8), torch.nn.ReLU, linear(8, 3, bias=False)),
    "convolution": lambda: seeded(Small),
}


@pytest.fixture(scope="module")
def clients():
    """Seven clients of very unequal size, from 1 record to 82."""
    rng = np.random.default_rng(0)
    x, y = rng.random((200, 16), dtype=np.float32), rng.integers(0, 3, 200)
    parts = partition.dirichlet(y, clients=7, alpha=0.5, sizes=[20, 1, 35, 82, 3, 9, 50], seed=2)
    return [(x[part], y[part]) for part in parts]


def run(clients, strategy=FedAvg(), model="logistic", **options):
    options = {"rounds": 3, "learning_rate": 0.3, **options}
    return simulate(MODELS[model](), clients, strategy, **options)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda each: f"{type(each).__name__}-{each.weight}")
@pytest.mark.parametrize("work", [{"local_epochs": 2, "batch_size": 8}, {"local_steps": 5, "batch_size": 16}, {"local_steps": 3},
                                  {"local_epochs": 1, "batch_size": 4, "cohort": 3, "drop_out": 0.3, "rounds": 6}])
def test_engines_agree(clients, model, strategy, work):
    stacked, lean = (run(clients, strategy, model, engine=engine, **work) for engine in ("stacked", "lean"))
    assert torch.allclose(vector_of(stacked.model), vector_of(lean.model), rtol=0, atol=1e-6)
    assert [dataclasses.replace(each, metrics={}) for each in stacked.rounds] == \
           [dataclasses.replace(each, metrics={}) for each in lean.rounds]
    assert float((vector_of(lean.model) - vector_of(MODELS[model]())).norm()) > 0.01  # it did train


def test_the_engine_follows_the_size_of_the_model(clients):
    wide = seeded(linear(16, STACK_UP_TO // 16), torch.nn.ReLU, linear(STACK_UP_TO // 16, 3))
    assert run(clients, rounds=1).engine == "stacked"
    assert simulate(wide, clients, FedAvg(), rounds=1, learning_rate=0.1).engine == "lean"
    assert run(clients, model="convolution", rounds=1).engine == "lean"  # mapping it would not be faster


@pytest.mark.parametrize("strategy", [FedAvg(), Scaffold(), QFedAvg()], ids=lambda each: type(each).__name__)
def test_the_pool_gives_the_lean_engines_result_bit_for_bit(clients, strategy):
    options = {"rounds": 4, "local_epochs": 2, "batch_size": 8, "cohort": 4, "sampling": "poisson", "drop_out": 0.2,
               "pipeline": [Clip(0.5)], "evaluate": clients[3]}
    pool, lean = (run(clients, strategy, "convolution", engine=engine, **options) for engine in ("pool", "lean"))
    assert pool.engine == "pool" and torch.equal(vector_of(pool.model), vector_of(lean.model)) and pool.rounds == lean.rounds
    assert not multiprocessing.active_children()


def test_large_models_get_the_pool_where_there_are_processors(clients, monkeypatch):
    large = seeded(linear(16, POOL_FROM // 16), torch.nn.ReLU, linear(POOL_FROM // 16, 3))
    options = {"learning_rate": 0.01, "rounds": 3, "engine": "auto"}
    monkeypatch.setattr("labkit.federated.engines.simulation.processors", lambda: 2)
    assert simulate(large, clients, FedAvg(), **options).engine == "pool"
    assert simulate(large, clients, FedAvg(), **{**options, "rounds": 1}).engine == "lean"  # not worth starting processes
    monkeypatch.setattr("labkit.federated.engines.simulation.processors", lambda: 1)
    assert simulate(large, clients, FedAvg(), **options).engine == "lean"


def test_without_fork_the_pool_says_so_and_the_lean_engine_takes_over(clients, monkeypatch):
    monkeypatch.setattr("labkit.federated.engines.pool.multiprocessing.get_all_start_methods", lambda: ["spawn"])
    with pytest.warns(RuntimeWarning, match="engine='pool' needs Linux"):
        found = run(clients, engine="pool")
    assert found.engine == "lean" and torch.equal(vector_of(found.model), vector_of(run(clients, engine="lean").model))


def test_an_exception_or_a_death_in_the_pool_is_told_and_nothing_stays_behind(clients):
    class Broken(FedAvg):
        def local_gradient(self, gradient, parameters, received, memory):
            raise KeyError("broken")

    class Dies(FedAvg):
        def local_gradient(self, gradient, parameters, received, memory):
            os._exit(3)

    with pytest.raises(RuntimeError, match=r"in a worker process of the pool: client \d: KeyError: 'broken'") as caught:
        run(clients, Broken(), engine="pool")
    assert len(caught.value.run.rounds) == 1
    with pytest.raises(RuntimeError, match="a worker process of the pool died .exit code 3"):
        run(clients, Dies(), engine="pool")
    assert not multiprocessing.active_children()


def test_stragglers_do_part_of_the_work(clients):
    options = {"rounds": 30, "local_steps": 10, "batch_size": 8}
    steps = {}

    class Spy(FedAvg):
        def aggregate(self, parameters, updates, memory):
            steps.setdefault("all", []).append([each.steps for each in updates])
            return super().aggregate(parameters, updates, memory)

    found = run(clients, Spy(), stragglers=0.5, **options)
    slow = [len(each.slow) for each in found.rounds[1:]]
    assert 55 <= sum(slow) <= 155  # binomial(210, 1/2), mean 105, spread 7.2
    for record, taken in zip(found.rounds[1:], steps["all"]):
        assert all((1 <= count < 10) == (client in record.slow) for client, count in zip(record.cohort, taken))
    everybody = [count for taken in steps["all"] for count in taken if count < 10]
    assert set(range(1, 10)) == set(everybody)  # each is missed with probability below (9/10)^55
    assert all(len(each.slow) == 7 for each in run(clients, stragglers=1.0, **{**options, "rounds": 3}).rounds[1:])


def test_engines_agree_on_stragglers(clients):
    options = {"rounds": 4, "local_epochs": 3, "batch_size": 4, "stragglers": 0.6}
    stacked, lean = (run(clients, FedNova(), engine=engine, **options) for engine in ("stacked", "lean"))
    assert torch.allclose(vector_of(stacked.model), vector_of(lean.model), rtol=0, atol=1e-6)


def test_evaluation_by_client(clients):
    found = run(clients, rounds=2, evaluate_clients=clients, evaluate=clients[0])
    each = by_client(found.model, clients)
    assert each["accuracy"].shape == each["loss"].shape == (7,)
    with torch.no_grad():
        right = found.model(torch.from_numpy(clients[3][0])).argmax(1).numpy() == clients[3][1]
    assert each["accuracy"][3] == pytest.approx(right.mean())
    last = found.rounds[-1].metrics
    assert last["client_accuracy"] == pytest.approx(each["accuracy"].mean()) and last["accuracy"] == pytest.approx(each["accuracy"][0])
    assert last["accuracy_spread"] == pytest.approx(each["accuracy"].std())
    assert last["accuracy_worst_decile"] == each["accuracy"].min()  # a tenth of seven clients: one
    assert last["loss_worst_decile"] == each["loss"].max()
    assert worst_share([0.1 * number for number in range(20)]) == pytest.approx(0.05)
    assert worst_share([1.0, 0.0, 2.0], share=0.7) == 0.5


def test_ten_thousand_clients(clients):
    """Ten thousand clients of one record: a round costs by its cohort, and records of rounds are small."""
    rng = np.random.default_rng(0)
    x, y = rng.random((10_000, 1, 16), dtype=np.float32), rng.integers(0, 3, (10_000, 1))
    found = run(list(zip(x, y)), rounds=3, cohort=50)
    assert found.engine == "stacked" and all(len(each.cohort) == 50 for each in found.rounds[1:])


def test_one_torch_thread_inside_and_the_old_number_after(clients):
    seen = []
    before = torch.get_num_threads()
    run(clients, rounds=1, on_round=lambda record: seen.append(torch.get_num_threads()))
    assert seen == [1] and torch.get_num_threads() == before


def test_history_and_evaluation(clients):
    x, y = np.concatenate([c[0] for c in clients]), np.concatenate([c[1] for c in clients])
    records = []
    found = run(clients, rounds=5, evaluate=(x, y), evaluate_every=2, on_round=records.append)
    assert [each.number for each in found.rounds] == list(range(6)) and records == found.rounds[1:]
    assert [bool(each.metrics) for each in found.rounds] == [True, False, True, False, True, True]
    assert np.isnan(found.loss[[1, 3]]).all() and found.loss[5] < found.loss[0]
    with torch.no_grad():
        outputs = found.model(torch.from_numpy(x))
    assert found.accuracy[-1] == pytest.approx((outputs.argmax(1).numpy() == y).mean())
    assert found.loss[-1] == pytest.approx(float(torch.nn.functional.cross_entropy(outputs, torch.from_numpy(y))), rel=1e-6)
    own = run(clients, evaluate=lambda model: {"size": vector_of(model).norm()})
    assert len(own.metric("size")) == 4
    with pytest.raises(ValueError, match="name must be one of size"):
        own.metric("accuracy")
    with pytest.raises(ValueError, match="nothing was evaluated"):
        run(clients).loss


def test_the_model_given_is_left_alone(clients):
    model = MODELS["logistic"]()
    before = vector_of(model).clone()
    for engine in ("stacked", "lean"):
        simulate(model, clients, FedAvg(), rounds=2, learning_rate=0.3, engine=engine)
    assert torch.equal(vector_of(model), before)


def test_the_seed_fixes_everything(clients):
    options = {"cohort": 3, "drop_out": 0.3, "batch_size": 4, "rounds": 5}
    first, again, other = (run(clients, seed=seed, **options) for seed in (1, 1, 2))
    assert torch.equal(vector_of(first.model), vector_of(again.model)) and first.rounds == again.rounds
    assert not torch.equal(vector_of(first.model), vector_of(other.model))


def test_batches_do_not_depend_on_who_else_takes_part():
    first = batches(10, batch_size=4, local_steps=None, local_epochs=2, seed=1, round_number=3, client=5)
    again = batches(10, batch_size=4, local_steps=6, local_epochs=None, seed=1, round_number=3, client=5)
    assert [len(each) for each in first] == [4, 4, 2, 4, 4, 2]
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert sorted(np.concatenate(first[:3])) == sorted(np.concatenate(first[3:])) == list(range(10))
    for changed in ({"round_number": 4}, {"client": 4}, {"seed": 2}):
        same = {"seed": 1, "round_number": 3, "client": 5, **changed}
        other = batches(10, batch_size=4, local_steps=6, local_epochs=None, **same)
        assert not all(np.array_equal(a, b) for a, b in zip(first, other)), changed


def test_a_client_on_its_own_computer_gets_the_same_update(clients):
    """What a real engine would run for one client is what the simulator ran for it."""
    model, strategy = MODELS["network"](), FedProx(mu=0.3)
    start = vector_of(model)
    alone = local_training(model, *map(torch.from_numpy, clients[2]), received={"parameters": start},
                           batches=batches(len(clients[2][0]), batch_size=8, local_steps=6, local_epochs=None, seed=4,
                                           round_number=1, client=2),
                           strategy=strategy, memory={}, learning_rate=0.3, loss=torch.nn.functional.cross_entropy)
    messages = []

    class Spy(FedProx):
        def aggregate(self, parameters, updates, memory):
            messages.extend(updates)
            return super().aggregate(parameters, updates, memory)

    run(clients, Spy(mu=0.3), "network", rounds=1, local_steps=6, batch_size=8, seed=4)
    assert torch.allclose(messages[2].message["change"], alone - start, rtol=0, atol=1e-6)
    assert messages[2].steps == 6 and messages[2].examples == len(clients[2][0])


def test_cohorts_are_drawn_without_replacement_and_cover_everybody(clients):
    found = run(clients, cohort=3, rounds=40)
    assert all(len(set(each.cohort)) == 3 for each in found.rounds[1:])
    # a client is missed in 40 rounds with probability (4/7)^40 < 1e-9
    assert {client for each in found.rounds for client in each.cohort} == set(range(7))


def test_drop_outs_send_nothing_and_the_others_go_on(clients):
    found = run(clients, rounds=60, drop_out=0.5)
    answered = sum(len(each.cohort) - len(each.dropped) for each in found.rounds)
    assert 130 <= answered <= 290  # binomial(420, 1/2), mean 210, spread 10.2: eight spreads either way
    assert all(set(each.dropped) <= set(each.cohort) for each in found.rounds)
    assert found.bytes_down == 60 * 7 * 51 * 4
    assert found.bytes_up == answered * 51 * 4


def test_a_round_without_answers_changes_nothing(clients):
    found = run(clients, cohort=1, rounds=40, drop_out=0.9, evaluate=lambda model: {"norm": vector_of(model).norm()})
    norms = found.metric("norm")
    empty = [each.number for each in found.rounds[1:] if each.dropped]
    assert empty  # none of 40 dropping has probability 0.1^40
    assert all(norms[number] == norms[number - 1] for number in empty)


@pytest.mark.parametrize("strategy, tensors", [(FedAvg(), 1), (FedProx(), 1), (Scaffold(), 2)])
def test_bytes_are_those_of_the_tensors_sent(clients, strategy, tensors):
    found = run(clients, strategy, rounds=4, cohort=5)
    size = 16 * 3 + 3
    assert found.bytes_down == found.bytes_up == 4 * 5 * size * 4 * tensors
    assert found.rounds[0].bytes_down == 0


def test_frozen_parameters_are_neither_trained_nor_sent(clients):
    model = MODELS["network"]()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    for engine in ("stacked", "lean"):
        found = simulate(model, clients, FedAvg(), rounds=2, learning_rate=0.3, engine=engine)
        assert torch.equal(found.model[0].weight, before)
        assert not torch.equal(found.model[2].weight, model[2].weight)
        assert found.bytes_up == 2 * 7 * (8 * 3) * 4


@pytest.mark.parametrize("engine", ["stacked", "lean"])
@pytest.mark.parametrize("strategy", STRATEGIES[:2], ids=lambda each: type(each).__name__)
def test_a_client_that_diverges_is_named_and_left_out(clients, engine, strategy):
    """Its data is finite, its update is not; the others' result is as if it were not there."""
    options = {"strategy": strategy, "engine": engine, "local_steps": 3, "batch_size": 8}
    poisoned = [*clients, (np.full((5, 16), 3e38, dtype=np.float32), np.arange(5) % 3)]
    with pytest.warns(RuntimeWarning, match="client 7 holds NaN or infinity"):
        found = run(poisoned, **options)
    assert [each.rejected for each in found.rounds[1:]] == [(7,)] * 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clean = run(clients, **options)
    assert torch.allclose(vector_of(found.model), vector_of(clean.model), rtol=0, atol=1e-6)
    assert all(each.rejected == () for each in clean.rounds)


@pytest.mark.parametrize("engine", ["stacked", "lean"])
def test_a_nan_update_leaves_the_others_average_untouched(clients, engine):
    class Broken(FedAvg):
        """Client 2 sends NaN in every round (its reply is recognised by its number of steps)."""

        def reply(self, parameters, received, memory, *, steps, learning_rate):
            message, memory = super().reply(parameters, received, memory, steps=steps, learning_rate=learning_rate)
            return ({"change": message["change"] * math.nan} if steps == target else message), memory

    target = -(-len(clients[2][0]) // 8)
    with pytest.warns(RuntimeWarning, match="NaN"):
        found = run(clients, Broken(), engine=engine, rounds=1, batch_size=8)
    assert found.rounds[1].rejected == (2,)
    assert torch.isfinite(vector_of(found.model)).all()
    assert not torch.equal(vector_of(found.model), vector_of(MODELS["logistic"]()))


def test_all_updates_rejected_keeps_the_model_and_the_history(clients):
    with pytest.warns(RuntimeWarning):
        found = run([(np.full((2, 16), 1e38, dtype=np.float32), np.array([0, 1]))], learning_rate=1e9, rounds=2)
    assert [each.rejected for each in found.rounds] == [(), (0,), (0,)]
    assert torch.equal(vector_of(found.model), vector_of(MODELS["logistic"]()))


def test_vectors_round_trip_and_refuse_the_wrong_length():
    model = MODELS["network"]()
    vector = torch.arange(float(len(vector_of(model))))
    assert torch.equal(vector_of(load_vector(model, vector)), vector)
    with pytest.raises(ValueError, match="vector must be a tensor of shape"):
        load_vector(model, vector[:-1])
    with pytest.raises(ValueError, match="vector must"):
        load_vector(model, [1.0])


GOOD = (np.zeros((4, 16), dtype=np.float32), np.array([0, 1, 2, 0]))


@pytest.mark.parametrize("change, named", [
    ({"model": None}, "model"),
    ({"model": torch.nn.ReLU()}, "model must have at least one parameter"),
    ({"model": torch.nn.Sequential(torch.nn.Linear(16, 3), torch.nn.BatchNorm1d(3))}, "BatchNorm"),
    ({"model": torch.nn.Linear(15, 3)}, "model must accept"),
    ({"model": torch.nn.Linear(16, 2)}, r"clients\[0\] y must lie between 0 and 1"),
    ({"clients": []}, "clients must hold at least one"),
    ({"clients": None}, "clients"),
    ({"clients": 3}, "clients"),
    ({"clients": [GOOD, 3]}, r"clients\[1\]"),
    ({"clients": [GOOD, GOOD[:1]]}, r"clients\[1\] must be a pair"),
    ({"clients": [GOOD, (GOOD[0][:0], GOOD[1][:0])]}, r"clients\[1\] must not be empty"),
    ({"clients": [GOOD, (GOOD[0], GOOD[1][:3])]}, r"clients\[1\] must have as many"),
    ({"clients": [GOOD, (GOOD[0] * math.nan, GOOD[1])]}, r"clients\[1\] X must be .* finite"),
    ({"clients": [GOOD, (GOOD[0] + math.inf, GOOD[1])]}, r"clients\[1\] X must be .* finite"),
    ({"clients": [GOOD, (GOOD[0], GOOD[1] * math.nan)]}, r"clients\[1\] y must be .* finite"),
    ({"clients": [GOOD, (GOOD[0], np.array(["a"] * 4))]}, r"clients\[1\] y"),
    ({"clients": [GOOD, (GOOD[0][:, :9], GOOD[1])]}, r"clients\[1\] float32 of shape \(9,\)"),
    ({"clients": [GOOD, (GOOD[0], GOOD[1] + 1)]}, r"clients\[1\] y must lie between 0 and 2"),
    ({"clients": [GOOD, (GOOD[0], -GOOD[1])]}, r"clients\[1\] y must lie"),
    ({"clients": [(GOOD[0], GOOD[1] * 1.0)]}, "whole numbers as labels"),
    ({"strategy": None}, "strategy"),
    ({"strategy": FedAvg}, "strategy"),
    ({"rounds": 0}, "rounds"),
    ({"rounds": 2.5}, "rounds"),
    ({"learning_rate": 0}, "learning_rate"),
    ({"learning_rate": -1}, "learning_rate"),
    ({"learning_rate": math.nan}, "learning_rate"),
    ({"learning_rate": math.inf}, "learning_rate"),
    ({"cohort": 0}, "cohort"),
    ({"cohort": 3}, "cohort must be a whole number from 1 to 2, got 3"),
    ({"local_steps": 0}, "local_steps"),
    ({"local_steps": 1, "local_epochs": 1}, "exclude"),
    ({"local_epochs": 0}, "local_epochs"),
    ({"batch_size": 0}, "batch_size"),
    ({"batch_size": "all"}, "batch_size"),
    ({"drop_out": 1.0}, "drop_out"),
    ({"drop_out": -0.1}, "drop_out"),
    ({"drop_out": math.nan}, "drop_out"),
    ({"drop_out": "no"}, "drop_out"),
    ({"seed": -1}, "seed"),
    ({"seed": "1"}, "seed"),
    ({"evaluate": 3}, "evaluate"),
    ({"evaluate": (GOOD[0], GOOD[1][:2])}, "evaluate must have as many"),
    ({"evaluate": (GOOD[0] * math.nan, GOOD[1])}, "evaluate X"),
    ({"evaluate_every": 0}, "evaluate_every"),
    ({"engine": "fast"}, "engine must be one of"),
    ({"evaluate_clients": 3}, "evaluate_clients must be a sequence"),
    ({"evaluate_clients": []}, "evaluate_clients must hold at least one"),
    ({"evaluate_clients": [GOOD]}, "evaluate_clients must hold one pair .X, y. for each of the 2 clients, got 1"),
    ({"evaluate_clients": [GOOD, (GOOD[0] * math.nan, GOOD[1])]}, r"evaluate_clients\[1\] X"),
    ({"loss": torch.nn.functional.mse_loss}, "loss must accept"),
    ({"loss": lambda outputs, targets, reduction: outputs.sum()}, "loss"),
])
def test_bad_arguments_are_named_before_any_work(change, named):
    worked = []
    arguments = {"model": torch.nn.Linear(16, 3), "clients": [GOOD, GOOD], "strategy": FedAvg(), "rounds": 1,
                 "learning_rate": 0.1, "on_round": worked.append, **change}
    with pytest.raises(ValueError, match=named):
        simulate(arguments.pop("model"), arguments.pop("clients"), arguments.pop("strategy"), **arguments)
    assert not worked


@pytest.mark.parametrize("call, named", [
    (lambda: by_client(torch.nn.Linear(16, 3), []), "clients must hold at least one"),
    (lambda: by_client(torch.nn.Linear(16, 3), None), "clients must be a sequence"),
    (lambda: by_client(torch.nn.Linear(16, 3), [GOOD, 3]), r"clients\[1\]"),
    (lambda: by_client(None, [GOOD]), "model"),
    (lambda: worst_share([]), "values"),
    (lambda: worst_share([math.nan]), "values"),
    (lambda: worst_share([1.0], share=0), "share"),
])
def test_bad_arguments_of_evaluation_are_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
