"""The server of a secure sum, in the same five rounds as `client`. It sees bytes, and at the end the sum.

Each method takes the messages that arrived, {client: bytes}, and returns what goes back, {client: bytes}. A client
that is missing has dropped out. Aborted when too few are left.
"""

import numpy as np

from labkit.federated.secure_aggregation import masks, shares
from labkit.federated.secure_aggregation.agreement import (
    ROUNDS,
    Aborted,
    Agreement,
    MessageRefused,
    check_bytes,
)
from labkit.federated.secure_aggregation.client import (
    KEY_SHARE,
    KEYS,
    LETTER,
    SEED_SHARE,
    SIGNATURE,
    bitmap,
    join,
    records,
)


class MaskingServer:
    """Adds the vectors of the clients that stay long enough.

    agreement: the `Agreement`.
    signed:    whether clients sign their keys; the server passes the signatures on, it need not check them.
    """

    def __init__(self, agreement, *, signed=False):
        if not isinstance(agreement, Agreement):
            raise ValueError(f"agreement must be an Agreement, got {type(agreement).__name__}")
        self.agreement, self.signed = agreement, signed
        self.members = set(range(agreement.clients))  # of the last round
        self._rounds = 0

    def _next(self, messages, number, size=None):
        """Note who answered in round `number` (1 to 5); Aborted when too few did."""
        if number != self._rounds + 1:
            raise ValueError(f"rounds must come in order, got round {number} after round {self._rounds}")
        if not isinstance(messages, dict) or not set(messages) <= self.members:
            told = sorted(messages) if isinstance(messages, dict) else type(messages).__name__
            raise ValueError(f"messages must be a dict by number of a client of the round before, got {told}")
        for client, message in messages.items():
            check_bytes(message, name=f"message of client {client} in round {number}", size=size)
        if len(messages) < self.agreement.threshold:
            raise Aborted(f"round {number} ({ROUNDS[number - 1]}): {len(messages)} of {self.agreement.clients} clients answered, "
                          f"at least {self.agreement.threshold} are needed; no sum, and nothing is revealed")
        self.members, self._rounds = set(messages), number

    def _present(self, number):
        return [each for each in self.agreement.neighbours(number) if each in self.members]

    def roster(self, messages):
        """After round 1: to each client the keys of its neighbours."""
        self._next(messages, 1, KEYS + SIGNATURE * self.signed)
        self._keys = dict(messages)
        return {client: join({other: messages[other] for other in self._present(client)}) for client in messages}

    def deliver(self, messages):
        """After round 2: to each client the letters for it."""
        self._holders = {client: sorted([client, *self._present(client)]) for client in messages}
        self._next(messages, 2)
        letters = {client: records(message, LETTER, f"letters of client {client}") for client, message in messages.items()}
        return {client: join({other: letters[other][client] for other in self._present(client)}) for client in messages}

    def survivors(self, messages):
        """After round 3: add the masked vectors; to each client the list of those who stayed."""
        bits, shared = self.agreement.modulus_bits, set(self.members)
        self._next(messages, 3, self.agreement.length * -(-bits // 8))
        self._dropped, self.included = shared - self.members, sorted(self.members)
        self._total = np.zeros(self.agreement.length, masks.words(bits)[0])
        for message in messages.values():
            self._total += masks.unpack(message, bits)
        return dict.fromkeys(messages, bitmap(self.included, self.agreement.clients))

    def vouchers(self, messages):
        """After round 4: to each client what its neighbours vouch for."""
        self._next(messages, 4)
        sent = {client: records(message, masks.TAG, f"vouchers of client {client}") for client, message in messages.items()}
        return {client: join({other: sent[other][client] for other in self._present(client) if client in sent[other]})
                for client in messages}

    def total(self, messages):
        """After round 5: the sum modulo 2^modulus_bits of the vectors of `included`, uint32 or uint64."""
        if not self.agreement.consistency and self._rounds == 3:
            self._rounds = 4  # left out
        self._next(messages, 5)
        found = {}
        for holder, message in messages.items():
            for owner, entry in records(message, 1 + shares.SIZE, f"shares of client {holder}").items():
                if owner not in self._holders or holder not in self._holders[owner]:
                    raise MessageRefused(f"client {holder} sent a share of client {owner}, which it cannot hold")
                point = self._holders[owner].index(holder) + 1
                found.setdefault((owner, entry[:1]), {})[point] = entry[1:]
        length, bits, session = self.agreement.length, self.agreement.modulus_bits, self.agreement.session
        total = self._total.copy()
        for client in self.included:
            total -= masks.expand(self._rebuilt(client, SEED_SHARE, found), length, bits)
        included = set(self.included)
        for client in self._dropped:
            private = None
            for other in set(self.agreement.neighbours(client)) & included:
                private = private or self._rebuilt_key(client, found)
                mine = masks.expand(masks.pair_seed(private, self._keys[other][:masks.KEY], client, other, session), length, bits)
                total = total + mine if client < other else total - mine  # what the one who dropped out would have added
        return total & masks.words(bits)[1]

    def _rebuilt(self, client, kind, found):
        pieces = found.get((client, kind), {})
        if len(pieces) < self.agreement.threshold:
            what = "seed" if kind == SEED_SHARE else "mask key"
            raise Aborted(f"round 5 ({ROUNDS[4]}): {len(pieces)} of those who hold the {what} of client {client} answered, "
                          f"at least {self.agreement.threshold} are needed; no sum, and nothing is revealed")
        try:
            return shares.combine(pieces, self.agreement.threshold)
        except MessageRefused as error:
            raise MessageRefused(f"the secret of client {client} cannot be rebuilt: {error}") from error

    def _rebuilt_key(self, client, found):
        private = masks.load(self._rebuilt(client, KEY_SHARE, found))
        if masks.public_bytes(private) != self._keys[client][:masks.KEY]:
            raise MessageRefused(f"shares must give the key that client {client} advertised, got another: somebody sent a wrong one")
        return private
