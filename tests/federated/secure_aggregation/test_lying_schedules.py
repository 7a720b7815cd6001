"""Every way of telling clients different drop-out lists, for up to seven of them: no vector is ever disclosed.

A schedule is what a lying server says: whose letters the victim (client 0) gets, and to each client which of these dropped
out. The model below applies the clients' rules to all schedules at once; real clients then replay some of them.
Without loss of generality: the victim is shown as few others as it accepts (threshold - 1, those who work for the server
first), and a list differs from "all stayed" only in these, or is just these and the victim, the only list that the
victim itself can vouch for. To drop anybody else gives away keys of masks that the victim does not have.
"""

import itertools

import numpy as np
import pytest

from labkit.federated.secure_aggregation import Aborted, Agreement, MaskingClient, masks, shares
from labkit.federated.secure_aggregation.client import KEY_SHARE, LETTER, bitmap, join, records

ONLY_THESE = -1  # the list of the victim and those that it was shown


def complete(n):
    return [set(range(n)) for _ in range(n)]


def circle(n, degree):
    return [{(each + step) % n for step in range(-(degree // 2), degree // 2 + 1)} for each in range(n)]


def schedules(near, threshold, shown, helpers):
    """All schedules as (honest clients but the victim, array (schedules, clients)): a set of dropped as bits over `wanted`."""
    n, wanted = len(near), [each for each in shown if each not in helpers]
    honest = [each for each in range(1, n) if each not in helpers]
    options = []
    for client in honest:
        lists = [sum(1 << wanted.index(each) for each in dropped) for size in range(len(wanted) + 1)
                 for dropped in itertools.combinations([each for each in wanted if each != client], size)
                 if len(near[client] - set(dropped)) >= threshold]
        if client in wanted and len(near[client] & {0, *shown}) >= threshold:
            lists.append(ONLY_THESE)
        options.append(lists)
    grid = np.meshgrid(*options, indexing="ij")
    return honest, wanted, np.stack([each.ravel() for each in grid], 1)


def reveals(near, threshold, shown, helpers, honest, told, consistency):
    """Who reveals shares, (schedules, honest), and whether the victim does, (schedules,)."""
    if not consistency:
        return np.ones(told.shape, bool), np.ones(len(told), bool)
    found = np.empty(told.shape, bool)
    for column, client in enumerate(honest):
        close = [other for other, each in enumerate(honest) if each in near[client]]
        same = (told[:, close] == told[:, [column]]).sum(1) + ((told[:, column] == ONLY_THESE) if 0 in near[client] else 0)
        found[:, column] = same + len(helpers & near[client]) >= threshold
    close = [other for other, each in enumerate(honest) if each in near[0]]
    victim = (told[:, close] == ONLY_THESE).sum(1) + 1 + len(helpers & near[0]) >= threshold
    return found, victim


def disclosed(near, threshold, shown, helpers, consistency):
    """How many schedules there are, and in how many the server gets the victim's seed and every key it masked with."""
    honest, wanted, told = schedules(near, threshold, shown, helpers)
    active, victim = reveals(near, threshold, shown, helpers, honest, told, consistency)
    close = [column for column, each in enumerate(honest) if each in near[0]]
    ok = active[:, close].sum(1) + victim + len(helpers & near[0]) >= threshold
    for bit, each in enumerate(wanted):
        holders = [column for column, client in enumerate(honest) if client in near[each]]
        lists = told[:, holders]
        dropped = active[:, holders] & (lists != ONLY_THESE) & (lists >> bit & 1).astype(bool)
        ok &= dropped.sum(1) + len(helpers & near[each]) >= threshold
    return len(told), int(ok.sum())


def cases():
    """(n, threshold, helpers) for n up to 7, where helpers alone are no threshold and two clients are honest."""
    return [(n, t, c) for n in range(2, 8) for t in range(2, n + 1) for c in range(min(t, n - 1))]


def count(n, threshold, helping, consistency):
    helpers = set(range(1, 1 + helping))
    return disclosed(complete(n), threshold, list(range(1, threshold)), helpers, consistency)


def test_no_schedule_discloses_a_vector_when_twice_the_threshold_is_above_clients_and_helpers():
    tried = {case: count(*case, consistency=True) for case in cases() if 2 * case[1] > case[0] + case[2]}
    without = {case: count(*case, consistency=False)[1] for case in tried}
    print(f"{sum(n for n, _ in tried.values()):,} schedules, {sum(bad for _, bad in tried.values())} disclosures; "
          f"without the round {sum(without.values()):,}")
    assert sum(n for n, _ in tried.values()) > 500_000
    assert all(bad == 0 for _, bad in tried.values())
    assert without[5, 3, 0] == 1 and without[6, 4, 1] == 1 and without[7, 4, 0] > 200


def test_the_rule_is_tight():
    """With a threshold lower by one than the rule's, some schedule discloses, for every number of clients and helpers."""
    low = [case for case in cases() if 2 * case[1] <= case[0] + case[2]]
    assert len(low) > 20 and all(count(*case, consistency=True)[1] for case in low)


@pytest.mark.parametrize("n, degree", [(6, 4), (7, 4)])
def test_nor_among_few_neighbours(n, degree):
    near, tried = circle(n, degree), 0
    for threshold, helping in [(4, 0), (4, 1), (5, 0), (5, 1), (5, 2), (5, 3)]:
        if 2 * threshold <= degree + 1 + helping + 1:
            continue
        for shown in itertools.combinations(sorted(near[0] - {0}), threshold - 1):
            found, bad = disclosed(near, threshold, list(shown), set(shown[:helping]), True)
            tried += found
            assert bad == 0
    assert tried > 5_000


def replay(n, threshold, shown, lists, consistency):
    """Real clients under a schedule: {client: set of those whose mask key it gave a share of}, of those that revealed."""
    agreement = Agreement(n, threshold, 1, consistency=consistency)
    clients = [MaskingClient(each, agreement) for each in range(n)]
    keys = [each.advertise() for each in clients]
    letters = [records(each.share(join({other: keys[other] for other in range(n) if other != each.number})), LETTER, "letters")
               for each in clients]
    for client in clients:
        seen = shown if client.number == 0 else [other for other in range(n) if other != client.number]
        client.masked(join({other: letters[other][client.number] for other in seen}), np.array([1]))
    answers = {}
    sent = {each: records(clients[each].vouch(told), masks.TAG, "v") for each, told in lists.items()} if consistency else {}
    for client, told in lists.items():
        same = {other: tags[client] for other, tags in sent.items() if client in tags and lists[other] == told}
        try:
            given = records(clients[client].unmask(join(same) if consistency else told), 1 + shares.SIZE, "shares")
        except Aborted:
            continue
        answers[client] = {owner for owner, entry in given.items() if entry[:1] == KEY_SHARE}
    return answers


@pytest.mark.parametrize("consistency", [True, False])
def test_real_clients_reveal_what_the_model_says(consistency):
    n, threshold, rng, spoke = 5, 3, np.random.default_rng(9), 0
    near, shown = complete(n), [1, 2]
    honest, wanted, told = schedules(near, threshold, shown, set())
    active, victim = reveals(near, threshold, shown, set(), honest, told, consistency)
    for row in rng.choice(len(told), 60, replace=False):
        dropped = {client: set() if code == ONLY_THESE else {each for bit, each in enumerate(wanted) if code >> bit & 1}
                   for client, code in zip(honest, told[row].tolist())}
        lists = {client: bitmap({0, *shown} if code == ONLY_THESE else set(range(n)) - dropped[client], n)
                 for client, code in zip(honest, told[row].tolist())} | {0: bitmap({0, *shown}, n)}
        found = replay(n, threshold, shown, lists, consistency)
        expected = {client for client, on in zip(honest, active[row]) if on} | ({0} if victim[row] else set())
        assert set(found) == expected
        assert all(found[client] & set(wanted) == dropped[client] for client in found if client)
        spoke += len(found)
    assert spoke > 20
