import sys
import unicodedata

import numpy as np
import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.encrypted.ckks import wire
from labkit.encrypted.intersection import matching as intersection
from labkit.encrypted.intersection import padlocks
from labkit.encrypted.intersection.matching import (
    IntersectionClient,
    IntersectionServer,
    dictionary_attack,
    hashed,
    hashed_join,
    points_in,
)
from labkit.encrypted.parties import join, split

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6).map(lambda each: unicodedata.normalize("NFC", each))
WORDS = st.sets(TEXT, min_size=1, max_size=12)
RANGE = [f"+00 555 {number:04d}" for number in range(3000)]  # simulated telephone numbers
BANK, SHOP = RANGE[::60], RANGE[::45]


@pytest.fixture(params=["openmined-psi", "padlocks"], autouse=True)
def kind(request, monkeypatch):
    """Each test runs with the library and with its stand-in."""
    if request.param == "padlocks":
        monkeypatch.setattr(intersection, "_kind", lambda: padlocks.Side)
    else:
        pytest.importorskip("private_set_intersection.python")
    return request.param


def run(client, server):
    return client.common(server.setup(len(client.items)), server.answer(client.request()))


@FEW
@given(WORDS, WORDS)
def test_common_entries_are_those_of_pythons_sets(mine, theirs):
    client, server = IntersectionClient(mine), IntersectionServer(theirs, largest_request=99)
    assert run(client, server) == sorted(mine & theirs)


@FEW
@given(WORDS, WORDS)
def test_the_count_alone(mine, theirs):
    client = IntersectionClient(mine, sizes_only=True)
    server = IntersectionServer(theirs, largest_request=99, sizes_only=True)
    setup, answer = server.setup(len(mine)), server.answer(client.request())
    assert client.common_count(setup, answer) == len(mine & theirs)
    with pytest.raises(ValueError, match="sizes_only"):
        client.common(setup, answer)


@FEW
@given(WORDS, WORDS, st.binary(max_size=4))
def test_the_hashed_join_is_right_too_which_is_its_appeal(mine, theirs, salt):
    assert hashed_join(mine, hashed(theirs, salt=salt), salt=salt) == sorted(mine & theirs)


def test_duplicates_count_once():
    assert run(IntersectionClient(["a", "b", "a"]), IntersectionServer(["a", "a"], largest_request=2)) == ["a"]


@pytest.mark.parametrize("salt", [b"", b"known to both"])
def test_dictionary_reads_the_hashed_list(salt):
    found = dictionary_attack(hashed(BANK, salt=salt), RANGE, salt=salt)
    assert sorted(found.values()) == BANK


def test_dictionary_fails_outside_its_range_or_without_the_salt():
    assert dictionary_attack(hashed(["+00 777 1234"]), RANGE) == {}
    assert dictionary_attack(hashed(BANK, salt=b"secret"), RANGE) == {}


def test_dictionary_finds_nothing_in_the_messages_of_private_set_intersection():
    client, server = IntersectionClient(BANK), IntersectionServer(SHOP, largest_request=len(BANK))
    request = client.request()
    for message in (request, server.answer(request)):
        points = points_in(message)
        assert len(points) == len(BANK) and len(set(points)) == len(BANK)
        assert dictionary_attack([*points, *(each[1:] for each in points)], RANGE) == {}
        # nor does the same dictionary under a key of the attacker's own: equal once in 2^256 times
        assert not set(points) & set(points_in(IntersectionClient(RANGE).request()))


def test_the_servers_list_is_not_in_its_setup():
    setup = IntersectionServer(SHOP, largest_request=1).setup(1)
    assert not any(each in setup for each in hashed(SHOP)) and not any(each.encode() in setup for each in SHOP)


def test_two_runs_share_no_message():
    assert not set(points_in(IntersectionClient(BANK).request())) & set(points_in(IntersectionClient(BANK).request()))


def test_a_greedy_client_reads_everything_unless_limited():
    greedy = IntersectionClient(RANGE)
    assert run(greedy, IntersectionServer(SHOP, largest_request=10**6)) == SHOP
    with pytest.raises(ValueError, match="at most 100 more entries, the limit agreed, got 3000"):
        IntersectionServer(SHOP, largest_request=100).answer(greedy.request())


def test_the_limit_holds_for_all_requests_together():
    server = IntersectionServer(SHOP, largest_request=15)
    server.answer(IntersectionClient(RANGE[:10]).request())
    with pytest.raises(ValueError, match="at most 5 more"):
        server.answer(IntersectionClient(RANGE[10:20]).request())


def test_sizes_show():
    assert len(points_in(IntersectionClient(BANK).request())) == len(BANK)
    assert len(IntersectionServer(SHOP, largest_request=1).setup(1)) > 33 * len(SHOP)


def exchange(client_sizes=False, server_sizes=False):
    client = IntersectionClient(BANK, sizes_only=client_sizes)
    return client, IntersectionServer(SHOP, largest_request=99, sizes_only=server_sizes)


@pytest.mark.parametrize("which", ["request", "setup", "answer"])
def test_no_flipped_bit_goes_unnoticed(which):
    client, server = exchange()
    messages = {"setup": server.setup(len(BANK)), "request": client.request()}
    messages["answer"] = exchange()[1].answer(messages["request"])
    rng = np.random.default_rng(0)
    for _ in range(40):
        changed = bytearray(messages[which])
        changed[rng.integers(len(changed))] ^= 1 << rng.integers(8)
        with pytest.raises(ValueError, match=f"{which} must be undamaged"):
            if which == "request":
                server.answer(bytes(changed))
            else:
                client.common(**({name: messages[name] for name in ("setup", "answer")} | {which: bytes(changed)}))


def test_counts_are_told_once():
    """One entry a request, within the limit of entries: without a limit of requests, each count is an entry."""
    server = IntersectionServer(SHOP, largest_request=len(RANGE), sizes_only=True)
    def count(entry):
        client = IntersectionClient([entry], sizes_only=True)
        return client.common_count(server.setup(1), server.answer(client.request()))
    assert count(SHOP[0]) == 1
    with pytest.raises(ValueError, match="request must be among those agreed"):
        count(SHOP[1])
    server = IntersectionServer(SHOP, largest_request=9, sizes_only=True, requests=3)
    assert [count(each) for each in (SHOP[0], "nobody", SHOP[1])] == [1, 0, 1]
    with pytest.raises(ValueError, match="request must be among those agreed"):
        count(SHOP[2])


def test_names_meet_however_they_are_composed():
    composed, decomposed = "Zo\u00eb Brandt", "Zoe\u0308 Brandt"
    for mine, theirs in ((composed, decomposed), (decomposed, composed)):
        assert run(IntersectionClient([mine]), IntersectionServer([theirs], largest_request=9)) == [mine]
        assert hashed_join([mine], hashed([theirs])) == [mine]
        assert dictionary_attack(hashed([mine]), [theirs]) == {hashed([mine])[0]: theirs}
    assert len(IntersectionClient([composed, decomposed]).items) == 1


def test_tables_are_refused_and_columns_are_not():
    table = pd.DataFrame({"mail": ["a@x.example", "b@x.example"]})
    for bad in (table, {"a@x.example": 1}, np.array([["a", "b"]]), np.array("a")):
        for refused in (lambda: IntersectionClient(bad), lambda: IntersectionServer(bad, largest_request=9), lambda: hashed(bad)):
            with pytest.raises(ValueError, match="items must be a list of str"):
                refused()
    assert run(IntersectionClient(table["mail"]), IntersectionServer(["a@x.example"], largest_request=9)) == ["a@x.example"]
    with pytest.raises(ValueError, match="items must be text that UTF-8 can write"):
        IntersectionClient(["\ud800"])


def damaged(place):
    client, server = exchange()
    setup, answer = server.setup(len(BANK)), server.answer(client.request())
    messages = [setup, answer]
    messages[place] = messages[place][:-5]
    return client.common(*messages)


def off_the_curve():
    client, server = exchange()
    message = client.request()
    request = bytearray(wire.unchecked(message))
    request[bytes(request).index(points_in(message)[0])] = 9  # no point starts with this
    return server.answer(wire.checked(bytes(request)))


@pytest.mark.parametrize("call, words", [
    (lambda: IntersectionClient([]), "items"), (lambda: IntersectionClient("abc"), "items"),
    (lambda: IntersectionClient([1, 2]), "items"), (lambda: IntersectionClient([""]), "items"),
    (lambda: IntersectionClient(None), "items"), (lambda: IntersectionClient([b"a"]), "items"),
    (lambda: IntersectionClient(["a"], sizes_only=1), "sizes_only"),
    (lambda: IntersectionServer([], largest_request=1), "items"), (lambda: IntersectionServer(["a"], largest_request=0), "largest_request"),
    (lambda: IntersectionServer(["a"], largest_request=2.0), "largest_request"),
    (lambda: IntersectionServer(["a"], largest_request=2, requests=0), "requests"),
    (lambda: IntersectionServer(["a"], largest_request=float("nan")), "largest_request"),
    (lambda: IntersectionServer(["a"], largest_request=1, sizes_only="no"), "sizes_only"),
    (lambda: exchange()[1].setup(0), "client_count"), (lambda: exchange()[1].setup(1.5), "client_count"),
    (lambda: exchange()[1].answer("text"), "request"), (lambda: exchange()[1].answer(b"abc"), "request"),
    (lambda: exchange()[1].answer(None), "request"),
    (lambda: padlocks.Side(True).answer(padlocks.join([])), "request"), (off_the_curve, "points of the curve"),
    (lambda: damaged(0), "setup"), (lambda: damaged(1), "answer"),
    (lambda: exchange(True, False)[1].answer(exchange(True, False)[0].request()), "request"),
    (lambda: exchange()[0].common(b"", b""), "setup|answer"), (lambda: exchange()[0].common(1, 2), "setup"),
    (lambda: hashed([]), "items"), (lambda: hashed(["a"], salt="s"), "salt"), (lambda: hashed("abc"), "items"),
    (lambda: hashed_join(["a"], []), "hashes"), (lambda: hashed_join([], [b"a"]), "items"),
    (lambda: hashed_join(["a"], ["text"]), "hashes"), (lambda: dictionary_attack([], ["a"]), "hashes"),
    (lambda: dictionary_attack([b"a"], "abc"), "candidates"), (lambda: dictionary_attack([b"a"], [1]), "candidates"),
    (lambda: dictionary_attack([b"a"], None), "candidates"), (lambda: dictionary_attack([b"a"], ["a"], salt=1), "salt"),
    (lambda: points_in("text"), "message"),
])
def test_bad_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_an_answer_to_somebody_elses_request_is_never_taken_for_right():
    client, server = exchange()
    other = IntersectionClient(BANK)
    answer = server.answer(other.request())
    assert client.common(server.setup(len(BANK)), answer) == []  # the library cannot tell; nothing matches


def test_a_missing_library_is_replaced_with_a_warning(kind, monkeypatch):
    if kind == "padlocks":
        pytest.skip("the choice itself is tested once")
    monkeypatch.setitem(sys.modules, "private_set_intersection.python", None)
    with pytest.warns(UserWarning, match="openmined-psi is not installed"):
        assert isinstance(IntersectionClient(["a"])._side, padlocks.Side)


def test_the_padlocks_commute_and_hide():
    one, two = padlocks.Side(True), padlocks.Side(True)
    point = padlocks.hash_to_point("+00 555 0001")
    assert one.lock(two.lock(point)) == two.lock(one.lock(point)) != one.lock(point)


def test_a_client_who_breaks_the_protocol_learns_which_entries_from_one_count(monkeypatch):
    """Why the texts say "an honest bank": each entry is locked with a secret of its own, so that each answer opens with one of them."""
    monkeypatch.setattr(intersection, "_kind", lambda: padlocks.Side)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the curve P-256 (NIST SP 800-186)
    entries, theirs = [f"n{each}" for each in range(8)], [f"n{each}" for each in (1, 4, 5, 9, 10)]
    server = IntersectionServer(theirs, largest_request=8, sizes_only=True)
    locks, openers = [padlocks.Side(True) for _ in entries], []
    for lock in locks:
        openers.append(padlocks.Side(True))
        openers[-1].key = ec.derive_private_key(pow(lock.key.private_numbers().private_value, -1, order), padlocks.CURVE)
    request = wire.checked(join([padlocks.COUNT_ONLY, *(lock.lock(padlocks.hash_to_point(each)) for lock, each in zip(locks, entries))]))
    setup, answer = (split(wire.unchecked(each)) for each in (server.setup(8), server.answer(request)))
    found = {entry for point in answer for entry, opener in zip(entries, openers) if opener.lock(point) in setup}
    assert found == {"n1", "n4", "n5"}
    with pytest.raises(ValueError, match="request must"):
        server.answer(request)
