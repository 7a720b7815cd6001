"""Clients that do not trust the server: what they refuse, what a lying server can and cannot get."""

import itertools

import numpy as np
import pytest

from labkit.federated.secure_aggregation import (
    Aborted,
    Agreement,
    MaskingClient,
    MaskingServer,
    MessageRefused,
    make_identities,
    masks,
    shares,
    signed,
)
from labkit.federated.secure_aggregation.client import KEY_SHARE, NUMBER, SEED_SHARE, join, records
from labkit.shamir import weights_at

VECTORS = np.arange(40).reshape(10, 4) - 20


class Sum:
    """Ten clients up to their masked vectors, by hand."""

    def __init__(self, threshold=6, identities=None, late=()):
        self.agreement = Agreement(10, 6, 4)
        if threshold != 6:  # what the agreement refuses: to show why
            object.__setattr__(self.agreement, "threshold", threshold)
        private, directory = identities or ([None] * 10, None)
        self.clients = [MaskingClient(each, self.agreement, identity=private[each], directory=directory) for each in range(10)]
        self.server = MaskingServer(self.agreement, signed=directory is not None)
        self.adverts = {each.number: each.advertise() for each in self.clients}
        self.rosters = self.server.roster(self.adverts)
        self.letters = self.server.deliver({each.number: each.share(self.rosters[each.number]) for each in self.clients})
        self.masked = {each.number: each.masked(self.letters[each.number], VECTORS[each.number]) for each in self.clients}
        self.requests = self.server.request({each: message for each, message in self.masked.items() if each not in late})

    def lie(self, victim, believers):
        """Ask everybody about everybody; `believers` are told that the victim dropped out, the others that it is alive."""
        seeds, keys = {}, {}
        for client in self.clients:
            if client.number != victim:
                request = join({each: KEY_SHARE if each == victim and client.number in believers else SEED_SHARE for each in range(10)})
                entry = records(client.unmask(request), 1 + shares.SIZE, "shares")[victim]
                (keys if entry[:1] == KEY_SHARE else seeds)[client.number + 1] = entry[1:]
        return seeds, keys

    def read(self, victim, seeds, keys):
        """The victim's vector from its own masked message and both its secrets."""
        threshold, session = self.agreement.threshold, self.agreement.session
        key = masks.load(shares.combine(keys, threshold))
        total = masks.unpack(self.masked[victim], 32) - masks.expand(shares.combine(seeds, threshold), 4, 32)
        for other in set(range(10)) - {victim}:
            mine = masks.expand(masks.pair_seed(key, self.adverts[other][:32], victim, other, session), 4, 32)
            total = total - mine if victim < other else total + mine
        return signed(total, 32)


def test_honest_rounds_by_hand():
    run = Sum(late=[3])
    answers = {each.number: each.unmask(run.requests[each.number]) for each in run.clients if each.number != 3}
    assert (signed(run.server.total(answers), 32) == VECTORS[[0, 1, 2, 4, 5, 6, 7, 8, 9]].sum(axis=0)).all()


def test_a_client_asked_about_one_peer_as_alive_and_dropped_out_refuses():
    run = Sum()
    both = run.requests[0] + NUMBER.pack(4) + KEY_SHARE
    with pytest.raises(MessageRefused, match="both its secrets"):
        run.clients[0].unmask(both)


def test_a_client_answers_once():
    run = Sum()
    run.clients[0].unmask(run.requests[0])
    with pytest.raises(MessageRefused, match="asked to 'unmask' again"):
        run.clients[0].unmask(join({each: KEY_SHARE if each == 4 else SEED_SHARE for each in range(10)}))
    for step in ("advertise", "share", "masked"):
        with pytest.raises(MessageRefused, match=f"asked to '{step}' again"):
            {"advertise": run.clients[0].advertise, "share": lambda: run.clients[0].share(run.rosters[0]),
             "masked": lambda: run.clients[0].masked(run.letters[0], VECTORS[0])}[step]()


def test_a_lying_server_gets_both_secrets_of_nobody_with_the_threshold_above_half():
    """Whatever split of the nine others it tries: by symmetry only the size matters."""
    for size in range(10):
        seeds, keys = Sum().lie(victim=0, believers=set(range(1, size + 1)))
        assert len(seeds) < 6 or len(keys) < 6


def test_with_half_or_less_it_reads_a_client():
    """The broken twin: threshold 4 of 10, which `Agreement` refuses."""
    run = Sum(threshold=4)
    seeds, keys = run.lie(victim=0, believers={1, 2, 3, 4})
    assert (run.read(0, seeds, keys) == VECTORS[0]).all()


@pytest.mark.parametrize("clients, threshold, degree", [(10, 5, None), (10, 0, None), (11, 5, None), (10, 11, None), (30, 3, 6), (30, 8, 6)])
def test_the_agreement_refuses_such_thresholds_in_words(clients, threshold, degree):
    with pytest.raises(ValueError, match="threshold must be (more than half|a whole number)"):
        Agreement(clients, threshold, 4, degree=degree)


def test_a_server_that_puts_in_its_own_keys():
    """Without signatures it reads the letters; with them the first client notices."""
    mine = masks.load(b"m" * 32)
    identities = make_identities(10)
    for known in (None, identities):
        private, directory = known or ([None] * 10, None)
        client = MaskingClient(0, Agreement(10, 6, 4), identity=private[0], directory=directory)
        own = client.advertise()
        swapped = {each: masks.public_bytes(masks.load(bytes([each]) * 32)) + masks.public_bytes(masks.load(bytes([99 + each]) * 32))
                   + bytes(64 * (known is not None)) for each in range(1, 10)}
        if known:
            with pytest.raises(MessageRefused, match="not signed by it"):
                client.share(join(swapped))
        else:
            letters = records(client.share(join(swapped)), 82, "letters")
            secret = masks.agree(masks.load(bytes([100]) * 32), own[32:64])
            opened = masks.letter_cipher(secret, 0, 1, client.agreement.session).decrypt(masks.NONCE, letters[1], None)
            assert len(opened) == 66  # client 0's shares, read by the server: the price of trusting it with the keys
    assert mine is not None


def test_a_signature_serves_in_one_session_only():
    identities = make_identities(3)
    one, other = Agreement(3, 2, 1), Agreement(3, 2, 1)
    clients = [MaskingClient(each, other, identity=identities[0][each], directory=identities[1]) for each in range(3)]
    old = [MaskingClient(each, one, identity=identities[0][each], directory=identities[1]).advertise() for each in range(3)]
    for each in clients:
        each.advertise()
    with pytest.raises(MessageRefused, match="not signed by it"):
        clients[0].share(join({1: old[1], 2: old[2]}))


@pytest.mark.parametrize("spoil, words", [
    (lambda run: run.clients[0].unmask(run.requests[0][:-1]), "whole records"),
    (lambda run: run.clients[0].unmask(b""), "told that it dropped out or nothing"),
    (lambda run: run.clients[0].unmask(join(dict.fromkeys(range(10), KEY_SHARE))), "told that it dropped out"),
    (lambda run: run.clients[0].unmask(join(dict.fromkeys(range(10), b"\x02"))), "told that it dropped out"),
    (lambda run: run.clients[0].unmask(join(dict.fromkeys(range(9), SEED_SHARE))), "holds secrets of"),
    (lambda run: run.clients[0].unmask(join(dict.fromkeys(range(11), SEED_SHARE))), "holds secrets of"),
    (lambda run: run.clients[0].unmask("request"), "must be bytes"),
    (lambda run: run.server.total({0: b"short"}), "needed|whole records"),
])
def test_damaged_requests_are_refused(spoil, words):
    with pytest.raises((MessageRefused, Aborted), match=words):
        spoil(Sum())


def test_a_client_does_not_help_to_unmask_a_few():
    run = Sum()
    few = join({each: SEED_SHARE if each < 5 else KEY_SHARE for each in range(10)})
    with pytest.raises(Aborted, match="5 are left, at least 6"):
        run.clients[0].unmask(few)


def fresh(count=3):
    agreement = Agreement(count, count // 2 + 1, 4)
    clients = [MaskingClient(each, agreement) for each in range(count)]
    return agreement, clients, [each.advertise() for each in clients]


def test_changed_letters_strangers_and_twins_are_refused():
    _, clients, adverts = fresh()
    letters = [each.share(join({other: adverts[other] for other in range(3) if other != each.number})) for each in clients]
    letter = records(letters[1], 82, "letters")[0]
    for place in range(0, 82, 9):
        _, (client, *_), adverts = fresh()
        client.share(join({1: adverts[1], 2: adverts[2]}))
        changed = bytearray(letter)
        changed[place] ^= 1
        with pytest.raises(MessageRefused, match="letter of client 1"):
            client.masked(join({1: bytes(changed)}), np.zeros(4, int))
    _, (client, *_), adverts = fresh()
    with pytest.raises(MessageRefused, match="told of 7"):
        client.share(join({1: adverts[1], 7: adverts[2]}))
    _, (client, *_), adverts = fresh()
    with pytest.raises(MessageRefused, match="different keys"):
        client.share(join({1: adverts[1], 2: adverts[1]}))
    _, (client, *_), adverts = fresh()
    with pytest.raises(MessageRefused, match="large order"):
        client.share(join({1: adverts[1], 2: bytes(64)}) if False else join({1: adverts[1][:32] + bytes(32), 2: adverts[2]}))


def test_rounds_come_in_order():
    agreement, (client, *_), adverts = fresh()
    with pytest.raises(MessageRefused, match="before it did 'share'"):
        client.masked(b"", np.zeros(4, int))
    with pytest.raises(MessageRefused, match="before it did 'masked'"):
        client.unmask(b"")
    with pytest.raises(ValueError, match="rounds must come in order"):
        MaskingServer(agreement).deliver(dict(enumerate(adverts)))


@pytest.mark.parametrize("messages, words", [
    ([], "dict by number"), ({9: b""}, "dict by number"), ({0: b"", 1: b"", 2: b""}, "client 0 in round 1 must be 64 bytes"),
    ({0: "text"}, "must be bytes")])
def test_the_server_refuses_damaged_messages_by_name(messages, words):
    with pytest.raises(ValueError, match=words):
        MaskingServer(Agreement(3, 2, 4)).roster(messages)


def test_a_wrong_share_is_noticed():
    run = Sum(late=[3])
    answers = {each.number: each.unmask(run.requests[each.number]) for each in run.clients if each.number != 3}
    changed = bytearray(answers[5])
    changed[-1] ^= 1
    with pytest.raises(MessageRefused, match="cannot be rebuilt|another: somebody"):
        run.server.total(answers | {5: bytes(changed)})


def test_a_share_of_somebody_one_does_not_hold_is_refused():
    run = Sum()
    answers = {each.number: each.unmask(run.requests[each.number]) for each in run.clients}
    stranger = NUMBER.pack(77) + SEED_SHARE + bytes(shares.SIZE)
    with pytest.raises(MessageRefused, match="share of client 77"):
        run.server.total(answers | {5: stranger})


# Shares

@pytest.mark.parametrize("holders, threshold", [(1, 1), (2, 2), (5, 3), (20, 11)])
def test_any_threshold_of_shares_give_the_secret(holders, threshold):
    secret = bytes(range(224, 256))
    pieces = dict(enumerate(shares.split(secret, holders, threshold), 1))
    for chosen in itertools.islice(itertools.combinations(pieces, threshold), 30):
        assert shares.combine({point: pieces[point] for point in chosen}, threshold) == secret
    assert shares.combine(pieces, threshold) == secret


def test_the_field_is_prime_and_holds_every_key():
    assert shares.PRIME > 2**256 and all(pow(base, shares.PRIME - 1, shares.PRIME) == 1 for base in (2, 3, 5, 7, 11, 13, 17, 19, 23))
    for secret in (bytes(32), b"\xff" * 32):
        assert shares.combine(dict(enumerate(shares.split(secret, 3, 2), 1)), 2) == secret


def test_fewer_than_the_threshold_fit_every_secret():
    """Exact: for two shares of a threshold of three, whatever the secret, exactly one polynomial fits."""
    pieces = shares.split(b"s" * 32, 5, 3)
    values = {point: int.from_bytes(pieces[point - 1], "big") for point in (1, 4)}
    for secret in (0, 1, 2**255):
        points = {0: secret, **values}
        weights = weights_at(2, tuple(points), shares.PRIME)
        third = sum(weight * value for weight, value in zip(weights, points.values())) % shares.PRIME
        found = shares.combine({1: pieces[0], 2: third.to_bytes(33, "big"), 4: pieces[3]}, 3)
        assert int.from_bytes(found, "big") == secret


@pytest.mark.parametrize("call, words", [
    (lambda: shares.split(b"short", 3, 2), "32 bytes"), (lambda: shares.split(bytes(32), 3, 4), "threshold"),
    (lambda: shares.split(bytes(32), 0, 1), "holders"), (lambda: shares.combine({1: bytes(33)}, 2), "at least 2"),
    (lambda: shares.combine({1: b"\xff" * 33}, 1), "2\\^256"), (lambda: shares.combine({1: bytes(3)}, 1), "33 bytes")])
def test_bad_shares(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_changed_surplus_share_is_noticed():
    pieces = dict(enumerate(shares.split(bytes(32), 5, 3), 1))
    pieces[5] = pieces[4]
    with pytest.raises(MessageRefused, match="one polynomial"):
        shares.combine(pieces, 3)
