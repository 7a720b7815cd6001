"""The lying server among few neighbours: it reads a vector where clients do not compare lists, and nothing where they do."""

import numpy as np
import pytest

from labkit.federated.secure_aggregation import (
    Aborted,
    Agreement,
    MaskingClient,
    make_identities,
    masks,
    shares,
)
from labkit.federated.secure_aggregation.client import KEY_SHARE, LETTER, SEED_SHARE, bitmap, join, records
from labkit.federated.secure_aggregation.fixed_point import signed

LENGTH = 5


def letters_of(clients, near, keys):
    return [records(each.share(join({other: keys[other] for other in near[each.number]})), LETTER, "letters") for each in clients]


def stories(near, shown, held, threshold):
    """Whom each client is told to have dropped out, so that `threshold` shares of each shown client's mask key come together."""
    need, dropped = dict.fromkeys(shown, threshold), [set() for _ in near]
    for client in sorted(range(1, len(near)), key=lambda each: len(set(shown) & held[each])):
        room = len(held[client]) - threshold
        for other in sorted(set(shown) & held[client] - {client}, key=lambda each: -need[each])[:max(0, room)]:
            if need[other]:
                dropped[client].add(other)
                need[other] -= 1
    assert not any(need.values())
    return dropped


def read_in_a_graph(agreement, vectors):
    """(client 0's vector as the server reads it, or None; how many clients stopped)."""
    n, threshold = agreement.clients, agreement.threshold
    private, directory = make_identities(n)
    clients = [MaskingClient(each, agreement, identity=private[each], directory=directory) for each in range(n)]
    near = [agreement.neighbours(each) for each in range(n)]
    keys = [each.advertise() for each in clients]
    letters, shown = letters_of(clients, near, keys), near[0][:threshold - 1]
    sent = [each.masked(join({other: letters[other][each.number] for other in (near[each.number] if each.number else shown)}),
                        vectors[each.number]) for each in clients]
    held = [{0, *shown}, *({each, *near[each]} for each in range(1, n))]
    told = [bitmap(set(range(n)) - dropped, n) for dropped in stories(near, shown, held, threshold)]
    told[0] = bitmap(set(range(n)) - set(near[0]) | {*shown}, n)
    vouched = [records(each.vouch(told[each.number]), masks.TAG, "v") for each in clients] if agreement.consistency else None
    point = {owner: {holder: at for at, holder in enumerate(sorted([owner, *near[owner]]), 1)} for owner in (0, *shown)}
    seed, found, stopped = {}, {each: {} for each in shown}, 0
    for client in (each for each in range(n) if held[each] & {0, *shown}):
        same = {other: vouched[other][client] for other in near[client] if told[other] == told[client] and client in vouched[other]} \
            if vouched else None
        try:
            given = records(clients[client].unmask(join(same) if vouched else told[client]), 1 + shares.SIZE, "shares")
        except Aborted:
            stopped += 1
            continue
        for owner, entry in given.items():
            if owner == 0 and entry[:1] == SEED_SHARE:
                seed[point[0][client]] = entry[1:]
            elif owner in found and entry[:1] == KEY_SHARE:
                found[owner][point[owner][client]] = entry[1:]
    if min(map(len, (seed, *found.values()))) < threshold:
        return None, stopped
    total = masks.unpack(sent[0], 32) - masks.expand(shares.combine(seed, threshold), LENGTH, 32)
    for other in shown:
        pair = masks.pair_seed(masks.load(shares.combine(found[other], threshold)), keys[0][:masks.KEY], 0, other, agreement.session)
        total = total - masks.expand(pair, LENGTH, 32)  # client 0 has the lowest number, and added every mask
    return signed(total, 32), stopped


@pytest.mark.parametrize("clients", [12, 30, 60])
def test_a_lying_server_reads_a_vector_in_a_graph_only_without_the_consistency_round(clients):
    vectors = np.random.default_rng(0).integers(-1000, 1000, (clients, LENGTH))
    overheard, stopped = read_in_a_graph(Agreement(clients, 7, LENGTH, degree=10, consistency=False), vectors)
    assert np.array_equal(overheard, vectors[0]) and stopped == 0
    overheard, stopped = read_in_a_graph(Agreement(clients, 7, LENGTH, degree=10), vectors)
    assert overheard is None and stopped > 10
    with pytest.raises(ValueError, match="threshold must be from 7 to 11"):
        Agreement(clients, 6, LENGTH, degree=10, consistency=False)
