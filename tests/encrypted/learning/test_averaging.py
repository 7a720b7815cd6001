"""Averages of models that the server cannot see, under CKKS and BFV."""

import numpy as np
import pytest

from labkit.encrypted.ckks.planning import MOST_BITS
from labkit.encrypted.learning.averaging import (
    DEGREE,
    PLAIN_MODULUS,
    PRIME_BITS,
    CiphertextAdder,
    IntegerKeys,
    RealKeys,
)
from labkit.encrypted.parties import join, split

NAN, INF = float("nan"), float("inf")
RNG = np.random.default_rng(4)
UPDATES = RNG.uniform(-1, 1, (5, 5000))  # more than one ciphertext in either scheme
SHARES = np.array([0.1, 0.2, 0.3, 0.15, 0.25])


@pytest.fixture(scope="module", params=[RealKeys, IntegerKeys], ids=["CKKS", "BFV"])
def keys(request):
    return request.param(clients=5)


def averaged(keys, updates=UPDATES, shares=SHARES):
    adder = CiphertextAdder(keys.public_bytes())
    for update, share in zip(updates, shares):
        adder.add(keys.seal(update, share))
    return keys.open(adder.total())


def test_the_average_is_weighted_by_share(keys):
    np.testing.assert_allclose(averaged(keys), SHARES @ UPDATES, atol=1e-4)
    assert np.abs(SHARES @ UPDATES - UPDATES.mean(axis=0)).max() > 0.05  # the plain mean would not have passed


def test_ckks_is_nearly_exact():
    assert np.abs(averaged(RealKeys(clients=5)) - SHARES @ UPDATES).max() < 1e-5


def test_bfv_is_exact_in_steps_at_the_limits_too():
    keys = IntegerKeys(clients=5)
    for updates in (UPDATES, np.ones((5, 3)), -np.ones((5, 3))):
        for shares in (SHARES, np.ones(5)):
            whole = sum(keys.rounded(update, share) for update, share in zip(updates, shares))
            found = averaged(keys, updates, shares) / keys.step
            assert (np.rint(found) == whole).all() and np.abs(found - whole).max() < 1e-6
            assert np.abs(whole).max() <= PLAIN_MODULUS // 2


def test_bfv_would_wrap_with_one_client_more_and_is_refused():
    import tenseal

    keys = IntegerKeys(clients=1)
    adder = CiphertextAdder(keys.public_bytes())
    adder.add(keys.seal([1.0], 1.0))
    with pytest.raises(ValueError, match="one more: the sum could wrap around"):
        adder.add(keys.seal([1.0], 1.0))
    number = int(keys.rounded([1.0], 1.0)[0])
    vector = tenseal.bfv_vector(keys.context, [number])
    assert (vector + vector).decrypt()[0] != 2 * number  # the control: TenSEAL wraps around without a word


def test_ckks_refuses_too_many_clients():
    keys = RealKeys(clients=1)
    adder = CiphertextAdder(keys.public_bytes())
    with pytest.raises(ValueError, match="wrap around"):
        for _ in range(20):
            adder.add(keys.seal([1.0], 1.0))


def test_parameters_keep_to_the_2024_table():
    assert sum(PRIME_BITS) <= MOST_BITS["2024"][DEGREE] and PLAIN_MODULUS % (2 * DEGREE) == 1
    used, allowed = RealKeys(clients=5).client.plan.security()
    assert used <= allowed


def test_the_server_has_no_secret_key(keys):
    import tenseal

    sums = CiphertextAdder(keys.public_bytes())._sums
    context = sums.server.context if hasattr(sums, "server") else sums.context
    assert not context.has_secret_key()
    if isinstance(keys, IntegerKeys):
        content = split(keys.seal([0.5], 1.0))[1]
        with pytest.raises(ValueError, match="secret_key"):
            tenseal.bfv_vector_from(context, content).decrypt()
        careless = keys.public_bytes()[:24] + keys.context.serialize(save_secret_key=True)
        with pytest.raises(ValueError, match="must not hold a secret key"):
            CiphertextAdder(careless)


def test_sealing_is_randomised(keys):
    assert keys.seal([0.5], 1.0) != keys.seal([0.5], 1.0)


def test_another_key_another_length_nothing_yet(keys):
    adder = CiphertextAdder(keys.public_bytes())
    with pytest.raises(ValueError, match="add must come first"):
        adder.total()
    with pytest.raises(ValueError, match="message must"):
        adder.add(type(keys)(clients=5).seal([0.5], 1.0))
    adder.add(keys.seal([0.5, 0.5], 1.0))
    with pytest.raises(ValueError, match="as many numbers as the first"):
        adder.add(keys.seal([0.5], 1.0))
    message = keys.seal([0.5, 0.5], 1.0)
    for bad in (None, b"", "text", message[:-1], join(split(message)[:-1] + [b"damaged"])):
        with pytest.raises(ValueError, match="message must"):
            adder.add(bad)
    for bad in (None, b"", b"XXXX" * 10, "text", keys.public_bytes()[:40]):
        with pytest.raises(ValueError, match="must"):
            CiphertextAdder(bad)


@pytest.mark.parametrize("update, share, name", [
    ([NAN], 0.5, "update"), ([INF], 0.5, "update"), ([], 0.5, "update"), ([[1.0]], 0.5, "update"), ("a", 0.5, "update"), ([1.5], 0.5, "update"),
    ([0.5], 0, "share"), ([0.5], -0.1, "share"), ([0.5], 1.1, "share"), ([0.5], NAN, "share"), ([0.5], None, "share")])
def test_bad_updates(keys, update, share, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        keys.seal(update, share)


@pytest.mark.parametrize("kind", [RealKeys, IntegerKeys])
@pytest.mark.parametrize("arguments, name", [({"clients": 0}, "clients"), ({"clients": 1.5}, "clients"), ({"clients": 2, "limit": 0}, "limit"),
                                             ({"clients": 2, "limit": NAN}, "limit"), ({"clients": 2, "limit": -1}, "limit")])
def test_bad_keys(kind, arguments, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        kind(**arguments)
