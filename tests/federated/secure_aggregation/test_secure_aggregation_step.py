"""Fixed point, the step in a pipeline, and arguments that make no sense."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.federated import FedAvg, simulate, vector_of
from labkit.federated.pipeline.steps import Clip, Weight
from labkit.federated.secure_aggregation import (
    Agreement,
    FixedPoint,
    MaskingClient,
    MaskingServer,
    SecureSum,
    fewest_neighbours,
    make_identities,
    secure_sum,
    signed,
)
from labkit.federated.strategies.robust import Krum, Median

NAN, INF = float("nan"), float("inf")
EQUAL = FedAvg(weight="equal")


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 200), st.floats(1e-6, 1e6), st.integers(12, 64), st.integers(0, 2**32))
def test_sums_of_extremes_never_wrap_around(clients, largest, bits, seed):
    try:
        code = FixedPoint(largest, clients, bits)
    except ValueError:
        assert clients * 2 > 2 ** (bits - 2)
        return
    values = np.random.default_rng(seed).choice([-largest, 0.0, largest, largest / 3], (clients, 5))
    total = sum(code.encode(row).astype(object) for row in values) % 2**bits
    assert np.abs(code.decode(total.astype(np.uint64)) - values.sum(axis=0)).max() <= code.error * (1 + 1e-9) + 1e-9 * clients * largest


def test_one_more_bit_would_wrap_around():
    code = FixedPoint(1.0, 100)
    assert code.fraction_bits == 24 and 100 * 2**24 < 2**31 < 100 * 2**25


def test_beyond_the_bound_is_refused_and_the_number_is_not_told():
    with pytest.raises(ValueError, match="clip first") as error:
        FixedPoint(1.0, 10).encode([0.5, 1.2345])
    assert "1.2345" not in str(error.value)


@pytest.mark.parametrize("bits", [8, 32, 33, 64])
def test_signed(bits):
    numbers = np.array([0, 1, 2 ** (bits - 1) - 1, 2 ** (bits - 1), 2**bits - 1], dtype=np.uint64)
    assert signed(numbers, bits).tolist() == [0, 1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)), -1]


def blank():
    model = torch.nn.Linear(3, 2)
    for each in model.parameters():
        torch.nn.init.zeros_(each)
    return torch.nn.Sequential(model)


def data(clients=5):
    rng = np.random.default_rng(3)
    return [(rng.normal(size=(4 + each, 3)).astype("float32"), rng.integers(0, 2, 4 + each)) for each in range(clients)]


def run(pipeline, strategy=EQUAL, clients=5, **changes):
    return simulate(blank(), data(clients), strategy, rounds=changes.pop("rounds", 3), learning_rate=0.3, pipeline=pipeline, **{"seed": 0, **changes})


@pytest.mark.parametrize("steps, strategy", [
    ([SecureSum(largest=1.0)], EQUAL), ([SecureSum(largest=1.0, degree=2)], EQUAL), ([Weight(at_most=10), SecureSum(largest=1.0)], FedAvg()),
    ([Clip(max_grad_norm=0.1), SecureSum(largest=0.1, modulus_bits=40)], EQUAL),
    ([SecureSum(largest=1000.0, modulus_bits=48)], EQUAL)])
def test_trains_as_in_the_open(steps, strategy):
    secret, opened = run(steps, strategy), run(steps[:-1], strategy)
    assert float((vector_of(secret.model) - vector_of(opened.model)).abs().max()) < 1e-6
    assert secret.bytes_up > opened.bytes_up and secret.bytes_down > opened.bytes_down


def test_late_clients_are_left_out_and_too_few_change_nothing():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = run([SecureSum(largest=1.0, drop_out=0.3, threshold_share=0.51)], rounds=12)
    counted = found.metric("in_the_sum")
    aborted = np.isnan(counted[1:])
    assert 3 <= np.nanmin(counted) < 5 and aborted.any()
    assert sum("changes nothing" in str(each.message) for each in caught) == aborted.sum()


def test_a_number_beyond_the_bound_is_cut():
    change = vector_of(run([SecureSum(largest=0.01)], rounds=1).model)
    assert 0 < change.abs().max() <= 0.01 + 1e-6


@pytest.mark.parametrize("strategy, steps, words", [
    (Krum(malicious=1), [SecureSum(largest=1.0)], "Krum must see single updates"),
    (Median(), [SecureSum(largest=1.0)], "Median must see single updates"),
    (EQUAL, [SecureSum(largest=1.0), Clip(max_grad_norm=1.0)], "must end with SecureSum"),
    (FedAvg(), [SecureSum(largest=1.0)], "count at most 1 each"),
    (FedAvg(), [Weight(by="examples"), SecureSum(largest=1.0)], "count at most 1 each"),
    (EQUAL, [SecureSum(largest=1.0, modulus_bits=8)], "modulus_bits must leave room")])
def test_what_does_not_go_together_is_refused_before_any_work(strategy, steps, words):
    with pytest.raises(ValueError, match=words):
        run(steps, strategy, clients=100)


def test_a_coarse_sum_still_counts_clients_right():
    """With 16 bits for numbers up to a billion nearly all of a change is rounded away, but not who took part."""
    change = vector_of(run([SecureSum(largest=1e9, modulus_bits=16)], rounds=1).model)
    assert torch.isfinite(change).all()


def test_a_sum_of_one_is_refused():
    with pytest.raises(ValueError, match="a sum of one is that one"):
        run([SecureSum(largest=1.0)], cohort=1)


OK = {"clients": 5, "threshold": 3, "length": 4}


@pytest.mark.parametrize("changes, name", [
    ({"clients": 1}, "clients"), ({"clients": 2.0}, "clients"), ({"clients": NAN}, "clients"), ({"clients": -5}, "clients"),
    ({"threshold": 2}, "threshold"), ({"threshold": 6}, "threshold"), ({"threshold": None}, "threshold"), ({"threshold": INF}, "threshold"),
    ({"length": 0}, "length"), ({"length": -1}, "length"), ({"length": True}, "length"), ({"modulus_bits": 7}, "modulus_bits"),
    ({"modulus_bits": 65}, "modulus_bits"), ({"degree": 3}, "degree"), ({"degree": 0}, "degree"), ({"degree": 6}, "degree"),
    ({"session": b""}, "session"), ({"session": "text in place"}, "session")])
def test_bad_agreements(changes, name):
    with pytest.raises(ValueError, match=f"{name} must"):
        Agreement(**{**OK, **changes})


AGREED = Agreement(**OK)


@pytest.mark.parametrize("call, name", [
    (lambda: FixedPoint(0, 3), "largest"), (lambda: FixedPoint(NAN, 3), "largest"), (lambda: FixedPoint(INF, 3), "largest"),
    (lambda: FixedPoint(-1, 3), "largest"), (lambda: FixedPoint(1, 0), "clients"), (lambda: FixedPoint(1, 3, 4), "modulus_bits"),
    (lambda: FixedPoint(1, 3).encode([]), "numbers"), (lambda: FixedPoint(1, 3).encode([NAN]), "numbers"),
    (lambda: FixedPoint(1, 3).encode(["a"]), "numbers"), (lambda: signed([1], 0), "bits"),
    (lambda: MaskingClient(5, AGREED), "number"), (lambda: MaskingClient(-1, AGREED), "number"), (lambda: MaskingClient(0, "agreed"), "agreement"),
    (lambda: MaskingClient(0, AGREED, identity=bytes(32)), "identity"), (lambda: MaskingClient(0, AGREED, rng=3), "rng"),
    (lambda: MaskingServer(None), "agreement"), (lambda: AGREED.neighbours(5), "number"), (lambda: make_identities(1), "clients"),
    (lambda: secure_sum(np.ones((5, 4), int), None), "agreement"), (lambda: secure_sum(np.ones((4, 4), int), AGREED), "vectors"),
    (lambda: secure_sum(np.ones((5, 3), int), AGREED), "vectors"), (lambda: secure_sum(np.ones((5, 4)), AGREED), "vectors"),
    (lambda: secure_sum([], AGREED), "vectors"), (lambda: secure_sum(np.full((5, 4), NAN), AGREED), "vectors"),
    (lambda: secure_sum(np.ones((5, 4), int), AGREED, drop_outs={9: 1}), "drop_outs"),
    (lambda: secure_sum(np.ones((5, 4), int), AGREED, drop_outs={0: 0}), "drop_outs"),
    (lambda: secure_sum(np.ones((5, 4), int), AGREED, drop_outs={0: 6}), "drop_outs"),
    (lambda: SecureSum(largest=0.0), "largest"), (lambda: SecureSum(largest=NAN), "largest"),
    (lambda: SecureSum(largest=1, threshold_share=0.5), "threshold_share"), (lambda: SecureSum(largest=1, threshold_share=1.1), "threshold_share"),
    (lambda: SecureSum(largest=1, drop_out=1.0), "drop_out"), (lambda: SecureSum(largest=1, drop_out=-0.1), "drop_out"),
    (lambda: SecureSum(largest=1, modulus_bits=100), "modulus_bits"), (lambda: SecureSum(largest=1, degree=1), "degree")])
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()


@pytest.mark.parametrize("vector", [[1.0, 2, 3, 4], [1, 2, 3], [[1, 2, 3, 4]], [], None])
def test_bad_vectors(vector):
    with pytest.raises(ValueError, match="vector"):
        MaskingClient(0, AGREED).masked(b"", vector)


def test_the_fewest_neighbours_keep_the_rule_for_a_lying_server_and_their_promise():
    degree, threshold, close = fewest_neighbours(1000)
    assert Agreement(1000, threshold, 1, degree=degree, colluding=close).holders == degree + 1
    with pytest.raises(ValueError, match="threshold must"):
        Agreement(1000, threshold - 1, 1, degree=degree, colluding=close)
    rng = np.random.default_rng(2)
    degree, threshold, close = fewest_neighbours(200, colluding=0.05, dropping=0.05, unsafe=0.01, aborting=0.01)
    agreement = Agreement(200, threshold, 1, degree=degree, session=b"one graph")
    near = np.array([[*agreement.neighbours(each), each] for each in range(200)])
    bad = few = 0
    for _ in range(500):  # a promise of 1 % each: 25 of 500 would be reached once in a million times
        helpers, late = np.zeros(200, bool), np.zeros(200, bool)
        helpers[rng.permutation(200)[:10]], late[rng.permutation(200)[:10]] = True, True
        bad += helpers[near[:, :-1]].sum(1).max() > close
        few += (~late[near]).sum(1).min() < threshold
    assert bad < 25 and few < 25
    assert fewest_neighbours(10**4)[0] < 2 * fewest_neighbours(200)[0] + 20  # grows like a logarithm
    with pytest.raises(ValueError, match="clients must be more"):
        fewest_neighbours(4)
    for bad in ({"colluding": 0}, {"dropping": 1}, {"unsafe": 2}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            fewest_neighbours(100, **bad)
