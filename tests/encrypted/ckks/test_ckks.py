import math

import numpy as np
import pytest
import tenseal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.encrypted.ckks import wire
from labkit.encrypted.ckks.planning import CKKSPlan, plan
from labkit.encrypted.ckks.roles import PUBLIC_HEADER, PUBLIC_MARK, CKKSClient, CKKSServer
from labkit.encrypted.ckks.vector import HEADER, MARK

NAN, INF = math.nan, math.inf
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NUMBERS = st.lists(st.floats(-2, 2, allow_nan=False), min_size=3, max_size=3).map(np.array)


@pytest.fixture(scope="module")
def client():
    return CKKSClient(plan(depth=2, precision_bits=14, largest=16.0), shadow=True)


@pytest.fixture(scope="module")
def server(client):
    return CKKSServer(client.public_bytes())


@pytest.fixture(scope="module")
def turning():
    return CKKSClient(plan(depth=1, precision_bits=12, largest=64.0, rotations=True), shadow=True)


@pytest.fixture(scope="module")
def small_last_prime():
    """Where rotations are inexact: the last prime is no larger than the first."""
    return CKKSClient(CKKSPlan(8192, (44, 36, 44), rotations=True), shadow=True)


def close(result, exact):
    """Decrypted numbers within the vector's own bound, which fails once in a million vectors at most."""
    np.testing.assert_allclose(result.party.decrypt(result), exact, rtol=0, atol=result.error_bound)
    return result.error_bound < 0.01


@FEW
@given(NUMBERS, NUMBERS, st.floats(0.1, 2))
def test_arithmetic_at_mixed_levels(client, a, b, number):
    x, y = client.encrypt(a, bound=2), client.encrypt(b, bound=2)
    assert close(x + y, a + b)
    assert close(x - y * number, a - b * number)
    assert close(x * y, a * b)
    assert close((x * y) * number + x, a * b * number + a)  # level 2 and level 0
    assert close(x + (x * y) * number, a * b * number + a)
    assert close(x * y + y * number, a * b + b * number)
    assert close(number - x, number - a)
    assert close(number * x + number, number * a + number)
    assert close(-x, -a)
    assert close(x + b, a + b) and close(b + x, a + b) and close(b - x, b - a)
    if np.abs(b).max() > 0.01:
        assert close(x * b, a * b) and close(b * x, a * b)


def test_operands_are_left_as_they_were(client):
    x, y = client.encrypt([1.0, 1.5], bound=1.5), client.encrypt([2.0, 2.5], bound=2.5)
    deep = x * x
    before = y.to_bytes()
    deep * y, deep + y, y * deep, y + deep
    assert y.level == 0 and y.to_bytes() == before


def test_bytes_go_there_and_back(client, server):
    numbers = np.array([0.5, -2.0, 3.0])
    x = server.load(client.encrypt(numbers, bound=3).to_bytes())
    assert (x.level, len(x), x.bound) == (0, 3, 3.0)
    answer = (x * x - 1).to_bytes()
    np.testing.assert_allclose(client.decrypt(answer), numbers**2 - 1, atol=1e-5)
    returned = client.load(answer)
    assert returned.level == 1 and returned.levels_left == 1 and "3 numbers" in repr(returned)


def test_a_result_tells_only_the_figures_that_its_maker_names(client, server):
    x = server.load(client.encrypt([0.5, -2.0], bound=3).to_bytes())
    y = x * 0.7
    silent, told = client.load(y.to_bytes()), client.load(y.to_bytes(bound=4.0, error_bound=1e-3))
    assert (told.bound, told.error_bound) == (4.0, 1e-3) and silent.bound == client.capacity(1)
    np.testing.assert_allclose(client.decrypt(silent), [0.35, -1.4], atol=1e-5)
    assert client.decrypt(told + 1.0) == pytest.approx([1.35, -0.4], abs=1e-5)
    for refused in (lambda: silent + 1.0, lambda: silent * 2.0, lambda: silent + silent, lambda: -silent):
        with pytest.raises(ValueError, match="must come with bounds"):
            refused()
    for bad in ({"bound": 1.0, "error_bound": 1e-3}, {"bound": 4.0, "error_bound": 1e-30}, {"bound": 4.0}, {"error_bound": 1.0},
                {"bound": NAN, "error_bound": 1e-3}, {"bound": 4.0, "error_bound": "1"}):
        with pytest.raises(ValueError, match="bound.* must"):
            y.to_bytes(**bad)


def test_no_flipped_bit_goes_unnoticed(client, server):
    """400 flips anywhere in a message; without the checksum most decrypted to numbers near 10^12."""
    x = server.load(client.encrypt([0.1, 0.2, 0.3, 0.4]).to_bytes())
    rng = np.random.default_rng(0)
    for message in (x.to_bytes(), (x * 0.5).to_bytes()):
        for _ in range(200):
            changed = bytearray(message)
            changed[rng.integers(len(changed))] ^= 1 << rng.integers(8)
            with pytest.raises(ValueError, match="message must"):
                client.decrypt(bytes(changed))
    keys = client.public_bytes()
    for _ in range(50):
        changed = bytearray(keys)
        changed[rng.integers(len(changed))] ^= 1 << rng.integers(8)
        with pytest.raises(ValueError, match="public_bytes must"):
            CKKSServer(bytes(changed))


def test_lengths_follow_from_the_plan():
    chosen = plan(depth=2)
    client, rng = CKKSClient(chosen), np.random.default_rng(2)
    for level in range(3):
        lengths = set()
        for numbers in (np.zeros(1), np.zeros(chosen.slots), rng.uniform(-1, 1, chosen.slots), rng.uniform(-1, 1, 7)):
            x = client.encrypt(numbers, bound=1)
            for _ in range(level):
                x = x * 0.5
            lengths.add(len(x.to_bytes()))
        assert lengths == {chosen.ciphertext_bytes(level)}


def test_a_server_encrypts_with_the_public_key(client, server):
    np.testing.assert_allclose(client.decrypt(server.encrypt([7.0]).to_bytes()), [7.0], atol=1e-5)


def test_all_slots_can_be_used(client):
    numbers = np.linspace(-1, 1, client.slots)
    np.testing.assert_allclose(client.decrypt(client.encrypt(numbers)), numbers, atol=1e-6)


@pytest.mark.parametrize("length", [1, 2, 64, 4096])
@pytest.mark.parametrize("party", ["turning", "small_last_prime"])
def test_total_is_in_every_slot_and_spends_no_level(party, length, request):
    party = request.getfixturevalue(party)
    numbers = np.random.default_rng(1).uniform(-1, 1, length) / length
    total = party.encrypt(numbers, bound=1 / length).total()
    assert total.level == 0 and len(total) == length
    np.testing.assert_allclose(party.decrypt(total), numbers.sum(), rtol=0, atol=total.error_bound)
    assert total.error_bound < 0.5


def test_total_after_a_plain_array(turning):
    # TenSEAL puts a plain array into the first slots only; a sum then finds other numbers in the rest
    numbers, plain = np.arange(8) / 8, np.linspace(-1, 1, 8)
    x = turning.encrypt(numbers, bound=1)
    assert close((x * plain).total(), np.full(8, (numbers * plain).sum()))
    assert close((x + plain).total(), np.full(8, (numbers + plain).sum()))
    assert close((x + plain).total().total(), np.full(8, 8 * (numbers + plain).sum()))


def test_total_needs_keys_and_a_power_of_two(client, turning):
    with pytest.raises(ValueError, match="rotations=True"):
        client.encrypt([1.0, 2.0]).total()
    with pytest.raises(ValueError, match="power of two"):
        turning.encrypt([1.0, 2.0, 3.0]).total()


def test_the_shadow_reports_every_step():
    watched = CKKSClient(plan(depth=2), shadow=True)
    x = watched.encrypt([0.5, -1.0])
    1 - x * x * 0.5
    assert [step.operation for step in watched.trace] == ["encrypt", "multiply", "multiply by a plain", "negate", "add a plain"]
    assert [step.level for step in watched.trace] == [0, 1, 2, 2, 2]
    for step in watched.trace:  # chance of failing: about 1e-6
        assert 0 < step.error <= step.error_bound < 1e-5


def test_the_shadow_sees_what_goes_wrong(client):
    x = client.encrypt([0.5])
    x.shadow = x.shadow + 0.25  # as if the ciphertext were damaged
    x + 1.0
    assert client.trace[-1].error == pytest.approx(0.25, abs=1e-6) and client.trace[-1].error > client.trace[-1].error_bound


def test_no_shadow_unless_asked_for(server):
    plain = CKKSClient(plan(depth=1))
    assert (plain.encrypt([1.0]) * 2.0).shadow is None and plain.trace == []
    assert server.encrypt([1.0]).shadow is None


def test_your_word_for_a_bound(client):
    x = client.encrypt([0.5, -0.25])
    y = x.within(0.5)
    assert (x.bound, y.bound, x.within(1000.0).bound) == (16.0, 0.5, 16.0)
    with pytest.raises(ValueError, match="bound must hold"):  # the shadow knows better
        x.within(0.4)
    for bad in (0, -1, NAN, INF, "1"):
        with pytest.raises(ValueError, match="bound must be positive"):
            x.within(bad)


def test_encryption_is_randomised(client):
    first, second = (client.encrypt([1.0]).to_bytes() for _ in range(2))
    assert first[HEADER.size:] != second[HEADER.size:]


BAD_NUMBERS = [NAN, INF, -INF, None, "1", True, 1j, {}]


@pytest.mark.parametrize("bad", [*BAD_NUMBERS, [1.0], [1.0, 2.0, 3.0], [1.0, NAN], [[1.0, 2.0]], [], ["a", "b"]])
@pytest.mark.parametrize("operation", ["__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__"])
def test_bad_operands(client, operation, bad):
    x = client.encrypt([1.0, 2.0])
    with pytest.raises(ValueError, match="^other must"):
        getattr(x, operation)(bad)


@pytest.mark.parametrize("values", [*BAD_NUMBERS, 1.0, [], [NAN], [[1.0]], ["a"], [17.0], [-17.0], np.zeros(10**5)])
def test_bad_values(client, values):
    with pytest.raises(ValueError, match="values must be"):
        client.encrypt(values)


@pytest.mark.parametrize("bound", [0, -1.0, NAN, INF, "1", True])
def test_bad_bounds(client, bound):
    with pytest.raises(ValueError, match="bound must be positive"):
        client.encrypt([0.1], bound=bound)


def test_a_bound_that_does_not_fit(client):
    with pytest.raises(ValueError, match="bound must be below"):
        client.encrypt([0.1], bound=1e30)


def test_a_refused_value_is_not_in_the_message(client):
    with pytest.raises(ValueError) as refused:
        client.encrypt([123.456])
    assert "123" not in str(refused.value)


@pytest.mark.parametrize("arguments, name", [((None,), "plan"), ((8192,), "plan"), (("plan",), "plan"),
                                             ((CKKSPlan(8192, (60, 60, 60, 60)),), "plan")])
def test_bad_plans(arguments, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        CKKSClient(*arguments)


def test_bad_shadow():
    with pytest.raises(ValueError, match="shadow must be"):
        CKKSClient(plan(depth=1), shadow=1)


def test_bad_messages(client, server):
    message = client.encrypt([1.0]).to_bytes()
    for bad in (None, "text", b"", message[:20], b"XXXX" + message[4:], message[: len(message) // 2], bytearray(message),
                message[: HEADER.size], message[: HEADER.size] + b"\0" * 100):
        for party in (client, server):
            with pytest.raises(ValueError, match="message must"):
                party.load(bad)
    content = wire.unchecked(message)
    for told in ((NAN, 1.0), (1.0, 0.0), (1.0, INF), (-1.0, 1.0)):
        with pytest.raises(ValueError, match="message must hold finite bounds, or none"):
            server.load(wire.checked(HEADER.pack(MARK, client.key_name, *told) + content[HEADER.size:]))
    for bad in (content[:-1] + b"x", content[: HEADER.size] + b"\x80"):  # rightly checked, and no ciphertext
        with pytest.raises(ValueError, match="message must"):
            server.load(wire.checked(bad))


def test_bad_public_bytes(client):
    good = client.public_bytes()
    for bad in (None, "text", b"", good[:100], b"XXXX" + good[4:], good[: len(good) // 2], 7):
        with pytest.raises(ValueError, match="public_bytes must"):
            CKKSServer(bad)
    with pytest.raises(ValueError, match="largest must be positive"):
        content = wire.unchecked(good)
        CKKSServer(wire.checked(PUBLIC_HEADER.pack(PUBLIC_MARK, client.key_name, NAN) + content[PUBLIC_HEADER.size:]))


def test_decrypt_takes_own_vectors_and_bytes_only(client, server):
    with pytest.raises(ValueError, match="another party"):
        client.decrypt(server.encrypt([1.0]))
    with pytest.raises(ValueError, match="message must"):
        client.decrypt([1.0])


def test_nothing_loads_tenseal_before_it_is_needed():
    import subprocess
    import sys

    code = "import sys; import labkit.encrypted.learning.models, labkit.encrypted.paillier; print('tenseal' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
    assert tenseal
