"""Models of every kind: equal in all engines, or refused with the layer's name; evaluation in evaluation mode; runs fixed by their seed."""

import os
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from labkit.federated import FedAvg, FedProx, by_client, simulate, vector_of
from labkit.federated.engines.pool import Pool
from labkit.models.fitting import accuracy
from labkit.models.modes import evaluating

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(120, 64)).astype("f4"), RNG.integers(0, 10, 120)
CLIENTS = [(X[each * 20:(each + 1) * 20], Y[each * 20:(each + 1) * 20]) for each in range(6)]


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10)
        self.two.weight = self.one.weight

    def forward(self, x):
        return self.out(torch.tanh(self.two(torch.tanh(self.one(x)))))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.out = nn.GRU(8, 8, batch_first=True), nn.Linear(8, 10)

    def forward(self, x):
        return self.out(self.cell(x.view(len(x), 8, 8))[0][:, -1])


class Meeting(nn.Module):
    """Records of a batch meet, and no layer's type says so."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        return self.out(x - x.mean(0, keepdim=True))


class LateBuffer(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        if not hasattr(self, "seen"):
            self.register_buffer("seen", x.detach().mean(0))
        return self.out(x - self.seen)


def tied_sequential():
    model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
    model[2].weight = model[0].weight
    return model


def hidden(*between):
    return nn.Sequential(nn.Linear(64, 32), *between, nn.Linear(32, 10))


def frozen():
    model = hidden(nn.ReLU())
    model[0].weight.requires_grad_(False)
    return model


EVERYWHERE = {
    "plain": lambda: hidden(nn.ReLU()), "double": lambda: hidden(nn.ReLU()).double(), "frozen": frozen, "tied": Tied,
    "tied in a chain": tied_sequential, "in place": lambda: hidden(nn.ReLU(inplace=True)),
    "in place, not ReLU": lambda: hidden(nn.LeakyReLU(inplace=True)),
    "in place first": lambda: nn.Sequential(nn.LeakyReLU(inplace=True), nn.Linear(64, 10)),
    "group norm": lambda: hidden(nn.GroupNorm(4, 32), nn.ReLU()),
    "convolution": lambda: nn.Sequential(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(144, 10)),
    "parametrised": lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(64, 10))),
    "no drop": lambda: hidden(nn.Dropout(0.0)),
}
ONE_AFTER_ANOTHER = {"dropout": (lambda: hidden(nn.ReLU(), nn.Dropout(0.5)), "layer '2' \\(Dropout\\)"),
                     "recurrent": (Recurrent, "layer 'cell' \\(GRU\\)"),
                     "random slope": (lambda: hidden(nn.RReLU()), "layer '1' \\(RReLU\\)"), "meeting": (Meeting, "records of a batch apart")}
NOWHERE = {
    "old weight norm": (lambda: nn.Sequential(nn.utils.weight_norm(nn.Linear(64, 10))), "layer '0' \\(Linear\\)"),
    "half": (lambda: hidden(nn.ReLU()).half(), "'0.weight' in float16"), "bfloat16": (lambda: hidden(nn.ReLU()).bfloat16(), "'0.weight' in bfloat16"),
    "mixed": (lambda: nn.Sequential(nn.Linear(64, 32), nn.Linear(32, 10).half()), "'1.weight' in float16"),
    "batch norm": (lambda: hidden(nn.BatchNorm1d(32)), "1.running_mean"), "buffer made late": (LateBuffer, "seen"),
    "batch norm of the batch": (lambda: hidden(nn.BatchNorm1d(32, track_running_stats=False)), "must accept"),
}


def run(make, engine="lean", **changes):
    torch.manual_seed(1)
    return simulate(make(), CLIENTS, changes.pop("strategy", FedProx(mu=0.1)), engine=engine,
                    **{"rounds": 2, "local_steps": 3, "batch_size": 8, "learning_rate": 0.3, **changes})


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("whole", [False, True], ids=["batches", "whole"])
@pytest.mark.parametrize("name", EVERYWHERE)
def test_all_engines_agree(name, whole):
    before = X.copy()
    size = {"batch_size": None} if whole else {}
    ways = [vector_of(run(EVERYWHERE[name], engine, **size).model) for engine in ("lean", "stacked", "pool", "auto")]
    assert ways[0].isfinite().all() and all((each - ways[0]).abs().max() < 1e-6 for each in ways[1:])
    assert (X == before).all()  # nobody overwrites the records


@pytest.mark.parametrize("name", ONE_AFTER_ANOTHER)
def test_the_stacked_engine_names_the_layer_it_refuses_and_the_others_agree_bit_for_bit(name):
    make, words = ONE_AFTER_ANOTHER[name]
    with pytest.raises(ValueError, match=words):
        run(make, "stacked")
    lean, pool, auto = (vector_of(run(make, engine).model) for engine in ("lean", "pool", "auto"))
    assert torch.equal(lean, pool) and torch.equal(lean, auto)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", NOWHERE)
def test_what_no_engine_trains_is_refused_before_any_work(name):
    make, words = NOWHERE[name]
    for engine in ("lean", "stacked", "auto"):
        with pytest.raises(ValueError, match=words):
            run(make, engine)


def dropping():
    torch.manual_seed(3)
    return hidden(nn.ReLU(), nn.Dropout(0.5))


def test_the_seed_fixes_a_run_with_dropout_and_leaves_torch_s_generator_alone():
    found = []
    for state in (0, 1):
        torch.manual_seed(state)
        expected = torch.rand(3)
        torch.manual_seed(state)
        model = dropping()
        torch.manual_seed(state)
        found.append(vector_of(simulate(model, CLIENTS, FedAvg(), rounds=2, learning_rate=0.3, seed=5).model))
        assert torch.equal(torch.rand(3), expected)
    other = vector_of(simulate(dropping(), CLIENTS, FedAvg(), rounds=2, learning_rate=0.3, seed=6).model)
    assert torch.equal(*found) and not torch.equal(found[0], other)


@pytest.mark.parametrize("training", [True, False])
def test_measured_in_evaluation_mode_trained_in_training_mode_and_left_as_it_was(training):
    model = dropping().train(training)
    inner = [layer.training for layer in model.modules()]
    run = simulate(model, CLIENTS, FedAvg(), rounds=1, learning_rate=0.3, evaluate=(X, Y), evaluate_clients=CLIENTS)
    with evaluating(model), torch.no_grad():
        outputs = model(torch.tensor(X))
        expected = float(nn.functional.cross_entropy(outputs, torch.tensor(Y)))
        right = float((outputs.argmax(1) == torch.tensor(Y)).double().mean())
    assert run.loss[0] == pytest.approx(expected, abs=1e-6) and run.metric("client_loss")[0] == pytest.approx(expected, abs=1e-6)
    assert by_client(model, CLIENTS)["loss"].mean() == pytest.approx(expected, abs=1e-6)
    assert accuracy(model, X, Y) == pytest.approx(right) == run.accuracy[0]
    assert [layer.training for layer in model.modules()] == inner == [layer.training for layer in run.model.modules()]
    trained = vector_of(run.model)
    without = simulate(hidden(nn.ReLU()), CLIENTS, FedAvg(), rounds=1, learning_rate=0.3)
    assert not torch.equal(trained, vector_of(without.model))
    seen = []
    simulate(model, CLIENTS, FedAvg(), rounds=1, learning_rate=0.3, evaluate=lambda own: seen.append(own.training) or {})
    assert seen == [False, False]


def test_a_worker_that_is_killed_between_rounds_is_told(monkeypatch):
    started, real = [], Pool._start

    def start(pool, *args, **kwargs):
        real(pool, *args, **kwargs)
        started.append(pool)

    monkeypatch.setattr(Pool, "_start", start)

    def kill(record):
        process = started[0].workers[0][0]
        os.kill(process.pid, signal.SIGKILL)
        process.join()

    with pytest.raises(RuntimeError, match="worker process of the pool died"):
        run(lambda: hidden(nn.ReLU()), "pool", rounds=3, on_round=kill)


@pytest.mark.parametrize("bad, words", [
    (lambda: (X[:5], Y[:4]), r"clients\[6\]"), (lambda: (np.full((2, 64), np.nan, "f4"), Y[:2]), r"clients\[6\]"),
    (lambda: (X[:2], np.array([1, 99])), r"clients\[6\] y must lie"), (lambda: (X[:2, :5], Y[:2]), r"of clients\[6\]"),
    (lambda: (X[:0], Y[:0]), r"clients\[6\]"),
    (lambda: (X[:2], np.array([1, -1])), r"clients\[6\] y must lie")])
def test_the_client_at_fault_is_named_among_arrays_that_are_looked_at_together(bad, words):
    with pytest.raises(ValueError, match=words):
        simulate(hidden(nn.ReLU()), [*CLIENTS, bad()], FedAvg(), rounds=1, learning_rate=0.1)


def test_lists_tensors_and_other_precisions_give_the_same_run_as_arrays():
    plain = vector_of(run(lambda: hidden(nn.ReLU())).model)
    for change in (lambda x, y: (torch.tensor(x), torch.tensor(y)), lambda x, y: (x.tolist(), y.tolist()),
                   lambda x, y: (x.astype("f8"), y.astype("i2"))):
        torch.manual_seed(1)
        found = simulate(hidden(nn.ReLU()), [change(*pair) for pair in CLIENTS], FedProx(mu=0.1), engine="stacked", rounds=2, local_steps=3,
                         batch_size=8, learning_rate=0.3)
        assert (vector_of(found.model) - plain).abs().max() < 1e-6


class Keeps(nn.Module):
    """A layer that keeps what it saw."""

    def __init__(self):
        super().__init__()
        self.out, self.all = nn.Linear(64, 10), []

    def forward(self, x):
        self.all.append(x)
        return self.out(x)


@pytest.mark.parametrize("engine", ["lean", "pool"])
def test_no_client_s_record_comes_back_in_the_model(engine):
    given = Keeps()
    run = simulate(given, CLIENTS, FedAvg(), rounds=2, learning_rate=0.1, engine=engine)
    assert run.model.all == [] == given.all


def test_a_layer_in_two_places_is_the_same_in_all_engines():
    layer = nn.Linear(64, 64)
    model = nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh(), nn.Linear(64, 10))
    found = [vector_of(simulate(model, CLIENTS, FedAvg(), rounds=2, learning_rate=0.1, engine=engine).model) for engine in ("lean", "stacked")]
    assert len(found[0]) == 64 * 65 + 10 * 65 and (found[0] - found[1]).abs().max() < 1e-6
    assert (found[0] - vector_of(model)).abs().max() > 1e-3


def test_tables_with_columns_of_any_kind_of_number_are_read():
    def run(table):
        clients = [(table.iloc[each * 20:(each + 1) * 20], Y[each * 20:(each + 1) * 20]) for each in range(6)]
        torch.manual_seed(0)
        return vector_of(simulate(nn.Linear(4, 10), clients, FedAvg(), rounds=2, learning_rate=0.1, evaluate=(table, Y)).model)

    plain = pd.DataFrame(np.c_[np.round(X[:, :3], 2), X[:, 3] > 0]).astype("float64")
    expected = run(plain)
    for table in (plain.astype({3: bool}), plain.astype({3: bool}).convert_dtypes(), plain.astype({0: "float32"})):
        assert (run(table) - expected).abs().max() < 1e-6
    with pytest.raises(ValueError, match=r"^clients\[\d\] X must be a non-empty array of finite numbers"):
        run(plain.convert_dtypes().mask(plain > 2))
    half = [(torch.tensor(x[:, :4], dtype=torch.bfloat16), y) for x, y in CLIENTS]
    assert np.isfinite(vector_of(simulate(nn.Linear(4, 10), half, FedAvg(), rounds=1, learning_rate=0.1).model)).all()


@pytest.mark.parametrize("given, words", [
    ({"clients": [((x > 0).astype(int), y) for x, y in CLIENTS]}, "^clients must have X in floating point"),
    ({"clients": [(x > 0, y) for x, y in CLIENTS]}, "^clients must have X in floating point"),
    ({"evaluate": (X[:, :3], Y)}, "^evaluate must hold records and targets that fit the model"),
    ({"evaluate": (X > 0, Y)}, "^evaluate must hold records and targets that fit the model"),
    ({"evaluate": (X, Y + 5)}, "^evaluate must hold"),
    ({"evaluate_clients": [(X[:, :3], Y)] * 6}, r"^evaluate_clients\[0\] must hold records and targets that fit")])
def test_numbers_that_the_model_cannot_take_are_refused_before_any_work(given, words):
    rounds = []
    with pytest.raises(ValueError, match=words):
        simulate(**({"model": nn.Linear(64, 10), "clients": CLIENTS, "strategy": FedAvg(), "rounds": 1, "learning_rate": 0.1,
                     "on_round": rounds.append} | given))
    assert rounds == []
    with pytest.raises(ValueError, match=r"^clients\[1\] must hold"):
        by_client(nn.Linear(64, 10), [CLIENTS[0], (X[:, :3], Y)])
