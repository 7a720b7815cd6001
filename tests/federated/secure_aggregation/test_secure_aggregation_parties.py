"""Clients that do not trust the server: what they refuse, what a lying server can and cannot get."""

import itertools

import numpy as np
import pytest
from scipy.stats import chisquare

from labkit import shamir
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
from labkit.federated.secure_aggregation.client import (
    LETTER,
    NUMBER,
    SEED_SHARE,
    bitmap,
    join,
    records,
)

VECTORS = np.arange(40).reshape(10, 4) - 20


class Sum:
    """Ten clients up to their vouchers, by hand."""

    def __init__(self, identities=None, late=()):
        self.agreement = Agreement(10, 6, 4)
        private, directory = identities or ([None] * 10, None)
        self.clients = [MaskingClient(each, self.agreement, identity=private[each], directory=directory) for each in range(10)]
        self.server = MaskingServer(self.agreement, signed=directory is not None)
        self.adverts = {each.number: each.advertise() for each in self.clients}
        self.rosters = self.server.roster(self.adverts)
        self.letters = self.server.deliver({each.number: each.share(self.rosters[each.number]) for each in self.clients})
        self.masked = {each.number: each.masked(self.letters[each.number], VECTORS[each.number]) for each in self.clients}
        self.lists = self.server.survivors({each: message for each, message in self.masked.items() if each not in late})
        self.here = [each for each in self.clients if each.number not in late]

    def vouched(self):
        self.vouchers = self.server.vouchers({each.number: each.vouch(self.lists[each.number]) for each in self.here})
        return self


def test_honest_rounds_by_hand():
    run = Sum(late=[3]).vouched()
    answers = {each.number: each.unmask(run.vouchers[each.number]) for each in run.here}
    assert (signed(run.server.total(answers), 32) == VECTORS[[0, 1, 2, 4, 5, 6, 7, 8, 9]].sum(axis=0)).all()


def test_a_client_answers_once():
    run = Sum().vouched()
    run.clients[0].unmask(run.vouchers[0])
    with pytest.raises(MessageRefused, match="asked to 'unmask' again"):
        run.clients[0].unmask(run.vouchers[0])
    with pytest.raises(MessageRefused, match="asked to 'vouch' again"):
        run.clients[0].vouch(bitmap(range(9), 10))
    for step in ("advertise", "share", "masked"):
        with pytest.raises(MessageRefused, match=f"asked to '{step}' again"):
            {"advertise": run.clients[0].advertise, "share": lambda: run.clients[0].share(run.rosters[0]),
             "masked": lambda: run.clients[0].masked(run.letters[0], VECTORS[0])}[step]()


def test_clients_that_were_told_different_lists_reveal_nothing():
    run, lists = Sum(), [bitmap(range(10), 10), bitmap(range(9), 10)]
    told = {each.number: lists[each.number % 2] for each in run.clients if each.number != 9}
    vouchers = {each.number: records(each.vouch(told[each.number]), masks.TAG, "v") for each in run.clients if each.number != 9}
    for client in run.clients[:9]:
        heard = {each: sent[client.number] for each, sent in vouchers.items() if client.number in sent}
        same = {each: tag for each, tag in heard.items() if told[each] == told[client.number]}
        with pytest.raises(MessageRefused, match="vouches for another list"):
            client.unmask(join(heard))
        assert len(same) + 1 < 6
        with pytest.raises(MessageRefused, match="asked to 'unmask' again"):  # and no second chance to ask with the right ones only
            client.unmask(join(same))


def test_a_threshold_of_vouchers_for_the_same_list_is_demanded_and_none_can_be_made_up():
    run = Sum().vouched()
    few = dict(list(records(run.vouchers[0], masks.TAG, "v").items())[:4])
    with pytest.raises(Aborted, match="5 are left, at least 6"):
        run.clients[0].unmask(join(few))
    run = Sum().vouched()
    own = records(run.vouchers[0], masks.TAG, "v")
    for forged in ({**own, 5: bytes(masks.TAG)}, {**own, 5: own[6]}):
        with pytest.raises(MessageRefused, match="client 5 vouches for another list"):
            run.clients[0]._done.discard("unmask")  # the test asks again; a client would not answer
            run.clients[0].unmask(join(forged))


def test_a_voucher_serves_for_one_pair_direction_and_list_only():
    secret, session = bytes(range(32)), b"session!"
    mine, theirs = masks.pair_keys(secret, 3, 7, session), masks.pair_keys(secret, 7, 3, session)
    assert mine[0] == theirs[1] and mine[1] == theirs[0] and mine[2] == theirs[2] and len({*mine}) == 3
    made = {masks.voucher(mine[2], sender, each) for sender in (3, 7) for each in (b"a", b"b")}
    assert len(made) == 4
    assert masks.pair_keys(secret, 3, 7, b"another!")[2] != mine[2]


@pytest.mark.parametrize("clients, threshold, degree", [(10, 5, None), (10, 0, None), (11, 5, None), (10, 11, None), (30, 4, 6), (30, 8, 6)])
def test_the_agreement_refuses_such_thresholds_in_words(clients, threshold, degree):
    with pytest.raises(ValueError, match="threshold must be (from|a whole number)"):
        Agreement(clients, threshold, 4, degree=degree)


def test_a_server_that_puts_in_its_own_keys():
    """Without signatures it reads the letters; with them the first client notices."""
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
            letters = records(client.share(join(swapped)), LETTER, "letters")
            secret = masks.agree(masks.load(bytes([100]) * 32), own[32:64])
            key = masks.pair_keys(secret, 0, 1, client.agreement.session)[0]
            opened = masks.letter_cipher(key).decrypt(masks.NONCE, letters[1], None)
            assert len(opened) == 2 * shares.SIZE  # client 0's shares, read by the server: the price of trusting it with the keys


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
    (lambda run: run.clients[0].vouch(run.lists[0][:-1]), "survivors must be 2 bytes"),
    (lambda run: run.clients[0].vouch(b""), "survivors must be 2 bytes"),
    (lambda run: run.clients[0].vouch("list"), "must be bytes"),
    (lambda run: run.clients[0].vouch(bitmap(range(1, 10), 10)), "told that it dropped out"),
    (lambda run: run.clients[0].vouch(bitmap(range(11), 11)), "among the 10 clients, got 10"),
    (lambda run: run.clients[0].unmask(b""), "before it did 'vouch'"),
    (lambda run: run.vouched().clients[0].unmask(run.vouchers[0][:-1]), "whole records"),
    (lambda run: run.vouched().clients[0].unmask(run.vouchers[0] + run.vouchers[0]), "each client once"),
    (lambda run: run.vouched().clients[0].unmask(run.vouchers[0] + NUMBER.pack(77) + bytes(16)), "told of 77"),
    (lambda run: run.server.vouchers(dict.fromkeys(range(10), b"x")), "whole records"),
    (lambda run: run.vouched().server.total({0: b"short"}), "needed|whole records"),
])
def test_damaged_requests_are_refused(spoil, words):
    with pytest.raises((MessageRefused, Aborted), match=words):
        spoil(Sum())


def test_a_client_refuses_a_list_with_somebody_whose_letter_it_never_got():
    run = Sum()
    run.clients[0]._held.pop(4)
    with pytest.raises(MessageRefused, match=r"told that \[4\] stayed"):
        run.clients[0].vouch(run.lists[0])


def test_a_client_does_not_help_to_unmask_a_few():
    with pytest.raises(Aborted, match="5 are left, at least 6"):
        Sum().clients[0].vouch(bitmap(range(5), 10))


def fresh(count=3):
    agreement = Agreement(count, count // 2 + 1, 4)
    clients = [MaskingClient(each, agreement) for each in range(count)]
    return agreement, clients, [each.advertise() for each in clients]


def test_changed_letters_strangers_and_twins_are_refused():
    _, clients, adverts = fresh()
    letters = [each.share(join({other: adverts[other] for other in range(3) if other != each.number})) for each in clients]
    letter = records(letters[1], LETTER, "letters")[0]
    for place in range(0, LETTER, 9):
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
        client.vouch(b"")
    with pytest.raises(MessageRefused, match="before it did 'vouch'"):
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
    run = Sum(late=[3]).vouched()
    answers = {each.number: each.unmask(run.vouchers[each.number]) for each in run.here}
    changed = bytearray(answers[5])
    changed[-1] ^= 1
    with pytest.raises(MessageRefused, match="cannot be rebuilt|another: somebody"):
        run.server.total(answers | {5: bytes(changed)})


def test_a_share_of_somebody_one_does_not_hold_is_refused():
    run = Sum().vouched()
    answers = {each.number: each.unmask(run.vouchers[each.number]) for each in run.clients}
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
    assert all(shares.PRIME % each for each in range(2, 46_341))
    for secret in (bytes(32), b"\xff" * 32):
        assert shares.combine(dict(enumerate(shares.split(secret, 3, 2), 1)), 2) == secret


def test_the_shares_are_those_of_the_plain_formula():
    """The fast products against Horner in Python's own integers, with the largest numbers that occur."""
    rng = np.random.default_rng(5)
    words, randomness = (rng.integers(shares.PRIME - 5, shares.PRIME, size) for size in (9, (40, 9)))
    fast = shamir.shares_of(words, randomness, 300, prime=shares.PRIME)
    plain = shamir.shares_of(words.astype(object), randomness.astype(object), 300, prime=shares.PRIME)
    assert all((fast[point] == plain[point]).all() for point in plain)
    some = {point: fast[point] for point in rng.permutation(300)[:60] + 1}
    assert (shamir.secret_of(some, 41, prime=shares.PRIME) == words).all()


def test_fewer_than_the_threshold_fit_every_secret():
    """Exact: for two shares of a threshold of three, whatever the secret, exactly one polynomial fits."""
    pieces = shares.split(b"s" * 32, 5, 3)
    held = {point: np.frombuffer(pieces[point - 1], "<u4").astype(object) for point in (1, 4)}
    for secret in (0, 1, 2**255):
        words = np.array([secret >> 30 * place & 2**30 - 1 for place in range(9)], object)
        points = {0: words, **held}
        weights = shamir.weights_at(2, tuple(points), shares.PRIME)
        third = sum(weight * value for weight, value in zip(weights, points.values())) % shares.PRIME
        found = shares.combine({1: pieces[0], 2: third.astype("<u4").tobytes(), 4: pieces[3]}, 3)
        assert int.from_bytes(found, "big") == secret


def test_shares_of_fewer_than_the_threshold_are_uniform():
    """One share of a threshold of two, of a fixed secret: each of its words falls into sixteen bins alike."""
    rng = np.random.default_rng(6)
    drawn = np.concatenate([np.frombuffer(shares.split(bytes(32), 2, 2, rng)[0], "<u4") for _ in range(2000)])
    assert chisquare(np.bincount(drawn >> 27, minlength=16)).pvalue > 1e-5  # fails by chance once in 100,000 seeds


@pytest.mark.parametrize("call, words", [
    (lambda: shares.split(b"short", 3, 2), "32 bytes"), (lambda: shares.split(bytes(32), 3, 4), "threshold"),
    (lambda: shares.split(bytes(32), 0, 1), "holders"), (lambda: shares.combine({1: bytes(36)}, 2), "at least 2"),
    (lambda: shares.combine({1: b"\xff" * 36}, 1), "below 2"), (lambda: shares.combine({1: bytes(3)}, 1), "36 bytes"),
    (lambda: shares.combine({1: b"\xfe\xff\xff\x7f" * 9}, 1), "secret of 32 bytes")])
def test_bad_shares(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("place", range(5))
def test_a_changed_share_among_a_surplus_is_noticed(place):
    pieces = dict(enumerate(shares.split(bytes(32), 5, 3), 1))
    changed = bytearray(pieces[place + 1])
    changed[4 * place] ^= 1
    pieces[place + 1] = bytes(changed)
    with pytest.raises(MessageRefused, match="one polynomial"):
        shares.combine(pieces, 3)


def test_a_changed_surplus_share_is_noticed():
    pieces = dict(enumerate(shares.split(bytes(32), 5, 3), 1))
    pieces[5] = pieces[4]
    with pytest.raises(MessageRefused, match="one polynomial"):
        shares.combine(pieces, 3)
