"""A server that lies about who dropped out, and so reads one client's vector out of a secure sum without the consistency round.

It shows the victim the letters of threshold - 1 others only, so that the victim masks with nobody else. Then it tells each
of the other clients another story: each hears that a few of these dropped out, and gives a share of their mask keys. No
client hears too much, no client's two secrets are ever revealed, and in the end the server has every mask of the victim.
`labkit.federated.secure_aggregation.agreement` proves that the consistency round stops it.
"""

from labkit import validate
from labkit.federated.secure_aggregation import MaskingClient, fixed_point, masks, shares
from labkit.federated.secure_aggregation.client import KEY_SHARE, LETTER, SEED_SHARE, bitmap, join, records

__all__ = ["read_by_lying", "stories"]


def stories(clients, threshold, masked_with, helpers):
    """What each client is told: {client: set of those said to have dropped out}, or None when the lie cannot work.

    masked_with: the clients whose mask keys the server wants. helpers: those who work for it, and give theirs and their shares.
    A client goes along while `threshold` of all have stayed, and knows that it is there itself.
    """
    wanted = {each: threshold - len(helpers) for each in masked_with if each not in helpers}
    told = {}
    for client in range(1, clients):
        if client in helpers:
            continue
        most = sorted((each for each in wanted if each != client and wanted[each] > 0), key=lambda each: -wanted[each])
        told[client] = set(most[:clients - threshold])
        for each in told[client]:
            wanted[each] -= 1
    return None if any(left > 0 for left in wanted.values()) else told


def read_by_lying(vectors, agreement, *, helpers=0, identities=None, rng=None):
    """Client 0's vector, int64 (length,), as such a server reads it; or None when no lie reaches far enough.

    vectors:    whole numbers (clients, length), as for `secure_sum`; `agreement` without a degree.
    helpers:    how many clients (the last ones) work for the server and hand it all they hold.
    identities: what `make_identities` returned, or None.
    Raises MessageRefused or Aborted when a client notices.
    """
    n, threshold = agreement.clients, agreement.threshold
    vectors = validate.array(vectors=vectors, ndim=2)
    helpers = set(range(n - validate.integer(helpers=helpers, at_least=0, at_most=n - 2), n))
    masked_with = ([*sorted(helpers), *(each for each in range(1, n) if each not in helpers)])[:threshold - 1]
    told = stories(n, threshold, masked_with, helpers)
    if told is None:
        return None
    private, directory = identities or ([None] * n, None)
    clients = [MaskingClient(each, agreement, identity=private[each], directory=directory, rng=rng) for each in range(n)]
    keys = [client.advertise() for client in clients]
    letters = [records(client.share(join({other: keys[other] for other in range(n) if other != client.number})), LETTER, "letters")
               for client in clients]
    shown = {client: masked_with if client == 0 else [other for other in range(n) if other != client] for client in range(n)}
    sent = [client.masked(join({other: letters[other][client.number] for other in shown[client.number]}), vectors[client.number])
            for client in clients]
    lists = {client: bitmap(set(range(n)) - dropped, n) for client, dropped in told.items()}
    lists[0] = bitmap([0, *masked_with], n)
    seed, found = _collect(clients, lists, masked_with, helpers, agreement)
    total = masks.unpack(sent[0], agreement.modulus_bits) - masks.expand(shares.combine(seed, threshold), agreement.length,
                                                                         agreement.modulus_bits)
    for other in masked_with:
        key = clients[other]._mask_key if other in helpers else masks.load(shares.combine(found[other], threshold))
        pair = masks.pair_seed(key, keys[0][:masks.KEY], 0, other, agreement.session)
        mask = masks.expand(pair, agreement.length, agreement.modulus_bits)
        total = total - mask if other > 0 else total + mask
    return fixed_point.signed(total & masks.words(agreement.modulus_bits)[1], agreement.modulus_bits)


def _collect(clients, lists, masked_with, helpers, agreement):
    """The shares that honest clients give in the last rounds, and those that the helpers hand over."""
    seed, found = {}, {each: {} for each in masked_with}
    if agreement.consistency:
        lists = _vouchers(clients, lists, helpers)
    for client, message in lists.items():
        for owner, entry in records(clients[client].unmask(message), 1 + shares.SIZE, "shares").items():
            if owner == 0 and entry[:1] == SEED_SHARE:
                seed[client + 1] = entry[1:]
            elif owner in found and entry[:1] == KEY_SHARE:
                found[owner][client + 1] = entry[1:]
    for helper in helpers:
        seed[helper + 1] = clients[helper]._held[0][0]
        for owner in found:
            found[owner][helper + 1] = clients[helper]._held[owner][1]
    return seed, found


def _vouchers(clients, lists, helpers):
    """To each client the vouchers of those who were told the same, and of the helpers, who vouch for anything."""
    sent = {client: records(clients[client].vouch(told), masks.TAG, "vouchers") for client, told in lists.items()}
    passed = {}
    for client, told in lists.items():
        same = {other: sent[other][client] for other, story in lists.items() if story == told and client in sent[other]}
        same |= {each: masks.voucher(clients[each]._pairs[client][2], each, told) for each in helpers}
        passed[client] = join(same)
    return passed
