import numpy as np
import pytest

from labkit.encrypted.ckks.planning import CKKSPlan
from labkit.encrypted.ckks.roles import CKKSClient, CKKSServer
from labkit.encrypted.ckks.rotations import added_up, doublings, rotate, rotation_keys, take_rotation_keys

NAN, INF = float("nan"), float("inf")
PLAN = CKKSPlan(8192, (45, 36, 55), largest=64.0)


@pytest.fixture(scope="module")
def client():
    return CKKSClient(PLAN)


@pytest.fixture(scope="module")
def server(client):
    server = CKKSServer(client.public_bytes())
    take_rotation_keys(server, rotation_keys(client, [1, 2, 4, 8, 15, 1024, 2048]))
    return server


def sent(client, server, numbers):
    return server.load(client.encrypt(numbers, bound=1).to_bytes())


@pytest.mark.parametrize("length, steps", [(2, 1), (16, 1), (16, 8), (16, 15), (4096, 1024), (4096, 2048)])
def test_numbers_move(client, server, length, steps):
    numbers = np.linspace(-1, 1, length)
    moved = rotate(sent(client, server, numbers), steps)
    assert moved.level == 0 and len(moved) == length
    assert np.abs(client.decrypt(moved.to_bytes()) - np.roll(numbers, -steps)).max() <= moved.error_bound < 1e-3


def test_moving_works_below_the_top_level(client, server):
    numbers = np.linspace(-1, 1, 16)
    moved = rotate(sent(client, server, numbers) * 0.5, 2)
    np.testing.assert_allclose(client.decrypt(moved.to_bytes()), np.roll(numbers, -2) / 2, atol=1e-4)


def test_adding_up_by_doubling(client, server):
    numbers = np.random.default_rng(0).uniform(-1, 1, 16)
    total = added_up(sent(client, server, numbers), doublings(1, 16), bound=16.0)
    assert total.bound <= 16
    np.testing.assert_allclose(client.decrypt(total.to_bytes()), np.full(16, numbers.sum()), atol=1e-3)
    runs = added_up(sent(client, server, numbers), [1, 2])
    expected = sum(np.roll(numbers, -each) for each in range(4))
    np.testing.assert_allclose(client.decrypt(runs.to_bytes()), expected, atol=1e-3)


def test_doublings():
    assert doublings(1, 8) == [1, 2, 4] and doublings(128, 512) == [128, 256] and doublings(4, 4) == []


def test_a_few_keys_are_smaller_than_all(client):
    few = len(rotation_keys(client, [1, 2]))
    assert few < 0.15 * CKKSPlan(8192, PLAN.prime_bits, rotations=True).public_bytes()
    assert len(rotation_keys(client, [1, 2, 4, 8])) == pytest.approx(2 * few, rel=0.02)


def test_the_keys_hold_no_secret(client):
    import tenseal

    with pytest.raises(Exception):
        tenseal.context_from(rotation_keys(client, [1])[20:])


def test_without_the_key_for_a_step(client, server):
    x = sent(client, server, np.ones(16))
    with pytest.raises(ValueError, match="steps must be among those"):
        rotate(x, 3)
    bare = CKKSServer(client.public_bytes())
    with pytest.raises(ValueError, match="took rotation keys"):
        rotate(sent(client, bare, np.ones(16)), 1)


def test_another_client_s_keys_are_refused(client):
    with pytest.raises(ValueError, match="this client's keys"):
        take_rotation_keys(CKKSServer(client.public_bytes()), rotation_keys(CKKSClient(PLAN), [1]))


@pytest.mark.parametrize("steps", [[], None, 1, "12", [0], [-1], [4096], [1.0], [NAN], [True]])
def test_bad_steps(client, steps):
    with pytest.raises(ValueError, match="steps must"):
        rotation_keys(client, steps)


@pytest.mark.parametrize("bad", [0, -1, 16, 1.0, None, NAN, INF])
def test_bad_step(client, server, bad):
    with pytest.raises(ValueError, match="steps must be"):
        rotate(sent(client, server, np.ones(16)), bad)


def test_bad_parties_messages_and_vectors(client, server):
    with pytest.raises(ValueError, match="client must be"):
        rotation_keys(server, [1])
    with pytest.raises(ValueError, match="server must be"):
        take_rotation_keys(client, b"")
    good = rotation_keys(client, [1])
    for bad in (None, b"", "text", good[:10], b"XXXX" + good[4:], good[: len(good) // 2], good[:20] + bytes(100)):
        with pytest.raises(ValueError, match="message must"):
            take_rotation_keys(server, bad)
    with pytest.raises(ValueError, match="vector must be a list"):
        rotate(None, 1)
    with pytest.raises(ValueError, match="power of two"):
        rotate(sent(client, server, np.ones(3)), 1)
    for bad in (0, -1, 1.5, None):
        with pytest.raises(ValueError, match="start must be"):
            doublings(bad, 8)
        with pytest.raises(ValueError, match="end must be"):
            doublings(1, bad)
