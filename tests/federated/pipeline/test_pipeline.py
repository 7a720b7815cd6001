"""The pipeline: order, sums, memory, randomness, bytes, what is refused, and what is contained."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from labkit.federated import (
    Clip,
    FedAvg,
    Noise,
    Scaffold,
    Step,
    Sum,
    Update,
    Weight,
    add_up,
    simulate,
    vector_of,
)
from tests.federated.by_hand import line, point, update, weight_after

# one step at 0.1 from 0 changes the model by 0.2 and by 3.2
CLIENTS = [point(1, 1, copies=3), point(2, 8)]
ONE = {"rounds": 1, "local_steps": 1, "learning_rate": 0.1}


def run(*steps, clients=CLIENTS, strategy=FedAvg(), **options):
    return simulate(line(), clients, strategy, loss=torch.nn.functional.mse_loss, pipeline=steps, **{**ONE, **options})


@dataclass(frozen=True)
class Note(Step):
    """Writes down when it is called."""

    name: str
    calls: list

    def on_client(self, update, received, memory, turn):
        self.calls.append((self.name, update.client))
        return update, memory

    def on_server(self, updates, memory, turn):
        self.calls.append((self.name, [each.client for each in updates]))
        turn.metrics["notes"] = len(updates)
        return updates, memory


def test_in_order_at_the_client_in_reverse_at_the_server():
    calls = []
    found = run(Note("a", calls), Note("b", calls), Sum())
    assert calls == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("b", [None]), ("a", [None])]
    assert found.rounds[1].metrics == {"notes": 1.0, "notes (1)": 1.0}
    assert found.metric("notes")[1] == 1


@pytest.mark.parametrize("engine", ["lean", "stacked"])
def test_weights_clipping_and_sums_by_hand(engine):
    def after(*steps, strategy=FedAvg()):
        return weight_after(strategy, CLIENTS, pipeline=steps, engine=engine, **ONE)

    mean, plain = 0.75 * 0.2 + 0.25 * 3.2, 0.5 * 0.2 + 0.5 * 3.2
    assert after() == after(Sum()) == pytest.approx(mean, abs=1e-15)
    assert after(Weight("equal")) == after(Weight("equal"), Sum()) == pytest.approx(plain, abs=1e-15)
    assert after(strategy=FedAvg(weight="equal")) == after(Sum(), strategy=FedAvg(weight="equal")) == pytest.approx(plain, abs=1e-15)
    assert after(Weight(at_most=2), Sum()) == pytest.approx((1 * 0.2 + 0.5 * 3.2) / 1.5, abs=1e-15)  # 3 records count as 2
    assert after(Clip(1.0)) == after(Clip(1.0), Sum()) == pytest.approx(0.75 * 0.2 + 0.25 * 1.0, abs=1e-15)
    assert after(Clip(0.1)) == pytest.approx(0.1, abs=1e-15)


def test_clipping_keeps_the_direction():
    step, turn = Clip(max_grad_norm=1.0), None
    long, _ = step.on_client(update(0, 1, 3.0, 4.0), {}, {}, turn)
    assert long.message["change"].tolist() == pytest.approx([0.6, 0.8])
    short, _ = step.on_client(update(0, 1, 0.3, 0.4), {}, {}, turn)
    assert short.message["change"].tolist() == [0.3, 0.4]
    zero, _ = step.on_client(update(0, 1, 0.0, 0.0), {}, {}, turn)
    assert zero.message["change"].tolist() == [0, 0]


@pytest.mark.parametrize("at, expected", [("server", 0.3 / 10), ("client", 0.3 / math.sqrt(10))])
def test_noise_has_the_spread_it_says(at, expected):
    clients = [(np.zeros((1, 40)), np.zeros(1, dtype=np.int64))] * 10
    model = torch.nn.Sequential(torch.nn.Linear(40, 100, bias=False)).double()
    found = simulate(model, clients, FedAvg(), pipeline=[Noise(0.3, at=at)], seed=0, **ONE)
    moved = (vector_of(found.model) - vector_of(model)).numpy()
    # 4,000 numbers: their standard deviation is known to 1.1 %, so 5 % is 4.5 spreads: 7 in a million
    assert moved.std() == pytest.approx(expected, rel=0.05)
    assert abs(moved.mean()) < 4.5 * expected / math.sqrt(4000)
    again = simulate(model, clients, FedAvg(), pipeline=[Noise(0.3, at=at)], seed=0, **ONE)
    other = simulate(model, clients, FedAvg(), pipeline=[Noise(0.3, at=at)], seed=1, **ONE)
    assert torch.equal(vector_of(again.model), vector_of(found.model)) and not torch.equal(vector_of(other.model), vector_of(found.model))


def test_every_round_client_and_step_has_its_own_randomness():
    drawn = []

    class Draw(Step):
        def on_client(self, update, received, memory, turn):
            drawn.append(turn.rng.random())
            return update, memory

        def on_server(self, updates, memory, turn):
            drawn.append(turn.rng.random())
            return updates, memory

    run(Draw(), Draw(), rounds=3)
    assert len(drawn) == len(set(drawn)) == 3 * (2 * 2 + 2)


def test_memory_of_server_and_clients_and_what_travels():
    class Count(Step):
        """Server and clients count the rounds; the server tells its count."""

        def start(self, setting):
            return {"round": torch.zeros(3)}

        def configure(self, memory, turn):
            return {"told": memory["round"]}

        def on_client(self, update, received, memory, turn):
            seen = memory.get("seen", 0)
            assert float(received["told"][0]) == turn.number - 1 and turn.client == update.client
            turns.append((update.client, seen))
            return replace(update, bytes=100), {"seen": seen + 1}

        def on_server(self, updates, memory, turn):
            turn.bytes_up, turn.bytes_down = 7, 5
            return updates, {"round": memory["round"] + 1}

    turns = []
    found = run(Count(), rounds=3)
    assert turns == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]
    assert [each.bytes_up for each in found.rounds] == [0, 207, 207, 207]
    assert [each.bytes_down for each in found.rounds] == [0, *[2 * (8 + 3 * 4) + 5] * 3]


def test_the_server_hears_of_empty_rounds_and_may_still_act():
    class Always(Step):
        sums = True

        def on_server(self, updates, memory, turn):
            seen.append(len(updates))
            return [Update(None, 0, 0, {"change": torch.ones_like(turn.parameters)}, weight=2.0)], memory

    seen = []
    found = run(Always(), rounds=30, cohort=1, sampling="poisson", evaluate=lambda model: {"w": vector_of(model)[0]})
    assert 0 in seen and len(found.rounds) == 31
    assert found.metric("w").tolist() == pytest.approx(np.arange(31) / 2)


def test_a_step_that_returns_nothing_leaves_the_model():
    class Abort(Step):
        def on_server(self, updates, memory, turn):
            return [], memory

    assert float(vector_of(run(Abort(), rounds=3).model)) == 0


def test_poisson_cohorts():
    clients = [point(1, 1)] * 50
    found = run(clients=clients, cohort=10, sampling="poisson", rounds=200)
    sizes = [len(each.cohort) for each in found.rounds[1:]]
    # binomial(50, 1/5): mean 10, spread 2.83, so their mean over 200 rounds lies within 5 x 0.2 of 10 (six in ten million)
    assert abs(np.mean(sizes) - 10) < 1 and 2.2 < np.std(sizes) < 3.5
    counts = np.bincount([client for each in found.rounds for client in each.cohort], minlength=50)
    assert counts.min() > 10 and counts.max() < 75  # binomial(200, 1/5): mean 40, spread 5.7


def test_a_step_that_makes_nan_or_the_wrong_shape_is_contained():
    @dataclass(frozen=True)
    class Spoil(Step):
        value: float

        def on_client(self, update, received, memory, turn):
            if update.client == 1:
                update = replace(update, message={"change": update.message["change"] * self.value})
            return update, {"kept": True}

    for value in (math.nan, math.inf):
        with pytest.warns(RuntimeWarning, match="client 1 holds NaN or infinity"):
            found = run(Spoil(value), rounds=2)
        assert [each.rejected for each in found.rounds] == [(), (1,), (1,)]
        assert float(vector_of(found.model)) == pytest.approx(0.2 + 0.16)


@pytest.mark.parametrize("broken, told", [
    (lambda change: torch.cat([change, change]), r"is a change of shape \(2,\) where the model has \(1,\)"),
    (lambda change: change[0], r"is a change of shape \(\)"),
    (lambda change: None, "has no tensor as 'change'"),
    (lambda change: [0.0], "has no tensor as 'change'"),
])
def test_an_update_of_the_wrong_shape_is_named_and_left_out(broken, told):
    class Wrong(FedAvg):
        def reply(self, parameters, received, memory, *, steps, learning_rate):
            message, memory = super().reply(parameters, received, memory, steps=steps, learning_rate=learning_rate)
            return ({"change": broken(message["change"])} if float(message["change"]) > 1 else message), memory

    with pytest.warns(RuntimeWarning, match=f"client 1 {told}"):
        found = run(strategy=Wrong(), rounds=2)
    assert [each.rejected for each in found.rounds] == [(), (1,), (1,)]
    assert float(vector_of(found.model)) == pytest.approx(0.36)


def test_an_aggregate_that_is_not_finite_leaves_the_model():
    class Explode(FedAvg):
        def aggregate(self, parameters, updates, memory):
            return parameters / 0, memory

    with pytest.warns(RuntimeWarning, match="Explode made of the updates is not a finite vector"):
        found = run(strategy=Explode(), rounds=2)
    assert float(vector_of(found.model)) == 0 and len(found.rounds) == 3


@pytest.mark.parametrize("error", [KeyError("broken"), KeyboardInterrupt()])
def test_the_history_survives_an_exception(error):
    class Late(Step):
        def on_server(self, updates, memory, turn):
            if turn.number == 3:
                raise error
            return updates, memory

    with pytest.raises(type(error)) as caught:
        run(Late(), rounds=5, evaluate=lambda model: {"w": vector_of(model)[0]})
    kept = caught.value.run
    assert [each.number for each in kept.rounds] == [0, 1, 2] and kept.metric("w")[2] > 0
    assert float(vector_of(kept.model)) == pytest.approx(kept.metric("w")[2])
    assert "2 finished rounds" in caught.value.__notes__[0]


class Compares(Step):
    """Needs single updates."""

    needs_single_updates = True


class Codes(Step):
    """Sends what cannot be added."""

    additive = False


class Refuses(Step):
    """Refuses every setting."""

    def check(self, setting):
        raise ValueError(f"Refuses is refused: {setting.clients} {setting.cohort} {setting.parameters} {setting.rounds} {setting.sampling}")


@pytest.mark.parametrize("steps, strategy, told", [
    ([3], FedAvg(), r"pipeline\[0\] must be a Step such as Clip\(max_grad_norm=1.0\), got 3"),
    ([Clip(1.0), Clip], FedAvg(), r"pipeline\[1\] must be a Step"),
    (3, FedAvg(), "pipeline must be a sequence of steps"),
    ([Sum(), Clip(1.0)], FedAvg(), "pipeline must end with Sum: Clip after it"),
    ([Sum(), Sum()], FedAvg(), "pipeline must end with Sum"),
    ([Sum()], Scaffold(), "Scaffold must see single updates, and after Sum the server has only their sum"),
    ([Noise(1.0)], Scaffold(), "Scaffold must see single updates, and after Noise"),
    ([Compares(), Sum()], FedAvg(), "Compares must see single updates, and after Sum"),
    ([Codes(), Sum()], FedAvg(), "what Codes makes of an update cannot be added"),
    ([Refuses()], FedAvg(), "Refuses is refused: 2 2 1 1 fixed"),
])
def test_what_does_not_go_together_is_refused_before_any_work(steps, strategy, told):
    worked = []
    with pytest.raises(ValueError, match=told):
        simulate(line(), CLIENTS, strategy, loss=torch.nn.functional.mse_loss, pipeline=steps, on_round=worked.append, **ONE)
    assert not worked


def test_single_updates_may_be_compared_after_unpacking():
    run(Noise(0.1, at="client"), Compares())
    run(Noise(0.1), Compares())  # in reverse: compared first, added up then


@pytest.mark.parametrize("make, named", [
    (lambda: Clip(max_grad_norm=0), "max_grad_norm"),
    (lambda: Clip(max_grad_norm=-1), "max_grad_norm"),
    (lambda: Clip(max_grad_norm=math.nan), "max_grad_norm"),
    (lambda: Clip(max_grad_norm=math.inf), "max_grad_norm"),
    (lambda: Weight(by="size"), "by"),
    (lambda: Weight(at_most=0), "at_most"),
    (lambda: Weight(at_most=math.inf), "at_most"),
    (lambda: Noise(sigma=-1), "sigma"),
    (lambda: Noise(sigma=math.nan), "sigma"),
    (lambda: Noise(sigma=1, at="home"), "at must be one of"),
    (lambda: add_up([]), "updates must hold at least one"),
    (lambda: add_up([replace(update(0, 1, 1.0), weight=1), replace(update(1, 1, 1.0, 2.0), weight=1)]), "same entries and shapes"),
    (lambda: run(sampling="all"), "sampling"),
    (lambda: run(stragglers=1.1), "stragglers must be a probability from 0 to 1, got 1.1"),
    (lambda: run(stragglers=-0.1), "stragglers"),
    (lambda: run(stragglers=math.nan), "stragglers"),
    (lambda: run(stragglers=True), "stragglers"),
])
def test_bad_arguments_are_named(make, named):
    with pytest.raises(ValueError, match=named):
        make()
