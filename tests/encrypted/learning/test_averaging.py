"""Averages of models that the server cannot see, under CKKS and BFV."""

import numpy as np
import pytest

from labkit.attacks.key_recovery import decrypt_with, recover_key
from labkit.encrypted.ckks import wire
from labkit.encrypted.ckks.planning import MOST_BITS
from labkit.encrypted.ckks.roles import CKKSServer
from labkit.encrypted.learning.averaging import (
    DEGREE,
    PLAIN_MODULUS,
    PRIME_BITS,
    CiphertextAdder,
    IntegerKeys,
    RealKeys,
    _parts,
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


def test_what_ckks_opens_is_a_multiple_of_the_step_and_exact():
    keys = RealKeys(clients=5)
    found = averaged(keys)
    assert (found == sum(keys.rounded(update, share) for update, share in zip(UPDATES, SHARES))).all()
    assert keys.step <= 2**-20 and (found / keys.step % 1 == 0).all()


def test_one_published_average_gives_the_shared_key_away_unless_it_is_rounded():
    """The server sees the model that everybody sees, and the ciphertexts: Li and Micciancio, 2021."""
    keys = RealKeys(clients=3)
    slots = keys.client.slots
    updates = RNG.uniform(-1, 1, (3, 2 * slots))
    adder, messages = CiphertextAdder(keys.public_bytes()), [keys.seal(update, 1 / 3) for update in updates]
    for message in messages:
        adder.add(message)
    server, total = CKKSServer(keys.public_bytes()), adder.total()
    raw, rounded = keys.open(total, raw=True), keys.open(total)
    key = recover_key(server, split(total), [raw[:slots], raw[slots:]])
    stolen = 3 * decrypt_with(key, server, split(messages[0])[0])
    assert np.abs(stolen - updates[0, :slots]).max() < 1e-4
    assert recover_key(server, split(total), [rounded[:slots], rounded[slots:]]) is None
    assert np.abs(raw - rounded).max() < keys.step / 8  # the margin of the rounding, far below what it could bear


def test_the_rounding_margin_follows_security_clients_and_numbers():
    base = RealKeys(clients=5)
    wanted = base._error(base.client.plan)
    assert wanted <= base.step / 2
    for more in ({"security_bits": 80}, {"numbers": 2**40}, {"clients": 50}):
        keys = RealKeys(**({"clients": 5} | more))
        assert keys._error(base.client.plan) > wanted and keys._error(keys.client.plan) <= keys.step / 2


def test_numbers_opened_are_counted():
    keys = RealKeys(clients=1, numbers=5)
    message = keys.seal([0.5, 0.25], 1.0)
    keys.open(message), keys.open(message)
    with pytest.raises(ValueError, match="message must hold at most 1 more numbers, of 5 agreed"):
        keys.open(message)


def test_no_flipped_bit_goes_unnoticed(keys):
    adder, message, rng = CiphertextAdder(keys.public_bytes()), keys.seal([0.5], 1.0), np.random.default_rng(0)
    for _ in range(100):
        changed = bytearray(message)
        changed[rng.integers(len(changed))] ^= 1 << rng.integers(8)
        for take in (adder.add, keys.open):
            with pytest.raises(ValueError, match="message must"):
                take(bytes(changed))


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
    """More errors than planned could decide how the sum is rounded, long before anything wraps around."""
    for clients, limit in ((1, 1.0), (3, 0.01), (5, 1e-8), (12, 4.0)):
        keys = RealKeys(clients=clients, limit=limit)
        adder = CiphertextAdder(keys.public_bytes())
        for _ in range(clients):
            adder.add(keys.seal([limit], 1.0))
        before = keys.open(adder.total())
        with pytest.raises(ValueError, match="message must be one of those planned for"):
            adder.add(keys.seal([limit], 1.0))
        assert (keys.open(adder.total()) == before).all() and before[0] == clients * keys.rounded([limit], 1.0)[0]


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
        content = _parts(keys.seal([0.5], 1.0), keys.key_name)[0]
        with pytest.raises(ValueError, match="secret_key"):
            tenseal.bfv_vector_from(context, content).decrypt()
        careless = wire.checked(keys.public_bytes()[:24] + keys.context.serialize(save_secret_key=True))
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


@pytest.mark.parametrize("arguments, name", [({"precision_bits": 0}, "precision_bits"), ({"numbers": 0}, "numbers"),
                                             ({"security_bits": 0}, "security_bits")])
def test_bad_settings_of_real_keys(arguments, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        RealKeys(clients=2, **arguments)
    with pytest.raises(ValueError, match="raw must be"):
        (keys := RealKeys(clients=2)).open(keys.seal([0.5], 1.0), raw=1)
