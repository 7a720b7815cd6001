"""Networks that classify what they cannot see. The client owns pictures and secret key, the server the network.

Two ways to pack. By feature: one ciphertext holds one pixel of up to `slots` pictures; nothing moves between slots.
Alone: one picture in one ciphertext, repeated through all slots; for who cannot wait for others, and needs rotation
keys. Both cost three levels. Sources: Gilad-Bachrach et al., "CryptoNets", ICML 2016 (by feature); Brutzkus et al.,
"Low latency privacy preserving inference", ICML 2019 (alone).
"""

import numpy as np

from labkit import validate
from labkit.encrypted.ckks.roles import CKKSClient, CKKSServer
from labkit.encrypted.ckks.rotations import added_up, doublings, rotation_keys, take_rotation_keys
from labkit.encrypted.ckks.sums import weighted_sum
from labkit.encrypted.learning.networks import _network
from labkit.encrypted.parties import join, split


class NetworkClient:
    """Has pictures classified without showing them.

    plan: the model owner's `network_plan(network)`; with alone=True for `request_alone`.
    """

    def __init__(self, plan):
        self.client = CKKSClient(plan)

    def public_bytes(self):
        """The keys for the server, without the secret one."""
        return self.client.public_bytes()

    def rotation_keys(self, inputs):
        """The keys for `answer_alone` on records of so many numbers, a power of two; as bytes, to be sent once."""
        inputs = _power_of_two(inputs=validate.integer(inputs=inputs, at_least=1, at_most=self.client.slots // 4))
        return rotation_keys(self.client, doublings(1, inputs) + doublings(2 * inputs, self.client.slots))

    def request(self, X):
        """Encrypt records, n x d with n up to `slots` and numbers from 0 to 1, as d ciphertexts in one message."""
        X = _from_0_to_1(validate.array(X=X, ndim=2))
        if len(X) > self.client.slots:
            raise ValueError(f"X must have at most {self.client.slots} rows, one a slot, got {len(X)}")
        return join([self.client.encrypt(column, bound=1.0).to_bytes() for column in X.T])

    def request_alone(self, x):
        """Encrypt one record, d numbers from 0 to 1, d a power of two, as one ciphertext."""
        x = _from_0_to_1(validate.array(x=x, ndim=1))
        _power_of_two(x=len(x))
        return self.client.encrypt(x, bound=1.0).to_bytes()

    def scores(self, reply):
        """Decrypt an answer to `request`: n x c, one score for each record and class."""
        return np.column_stack([self.client.decrypt(each) for each in split(reply)])

    def scores_alone(self, reply, classes):
        """Decrypt an answer to `request_alone`: c scores."""
        return self.client.decrypt(reply)[: validate.integer(classes=classes, at_least=1)]


class NetworkServer:
    """Owns a SquareNetwork; `answer` and `answer_alone` run it on what a client encrypted.

    public_bytes: from the client.
    """

    def __init__(self, network, public_bytes):
        self.network = _network(network)
        self.server = CKKSServer(public_bytes)

    def take_rotation_keys(self, message):
        """The client's `rotation_keys`, before the first `answer_alone`."""
        take_rotation_keys(self.server, message)

    def answer(self, request):
        """The encrypted scores of all records, a ciphertext for each class, from a ciphertext for each feature."""
        network, pixels = self.network, [self.server.load(each) for each in split(request)]
        if len(pixels) != network.sizes[0]:
            raise ValueError(f"request must hold {network.sizes[0]} features, got {len(pixels)}")
        hidden = []
        for weights, bias, bound in zip(network.weights1.T, network.bias1, network.hidden_bounds):
            z = weighted_sum(pixels, weights, bias).within(bound)
            hidden.append(z * z)
        return join([weighted_sum(hidden, weights, bias).to_bytes() for weights, bias in zip(network.weights2.T, network.bias2)])

    def answer_alone(self, request):
        """The encrypted scores of one record, repeated through the slots, from one ciphertext.

        Hidden unit u works in block u of the slots, 2 d long, where the record stands twice. Adding the slots to
        themselves, moved by 1, 2, 4, ... d / 2, leaves the unit's sum in the first d slots of its block. The second
        weights stand in the first c of those and are zero elsewhere; moving by 2 d, 4 d, ... adds up the blocks.
        """
        network, x = self.network, self.server.load(request)
        inputs, units, classes = network.sizes
        width, blocks = 2 * inputs, self.server.slots // (2 * inputs)
        if len(x) != inputs:
            raise ValueError(f"request must hold {inputs} numbers, got {len(x)}")
        if units > blocks or classes > inputs:
            raise ValueError(f"network must have at most {blocks} hidden units and {inputs} classes to run alone, got {network.sizes}")
        first, offsets = np.zeros((blocks, width)), np.zeros((blocks, width))
        first[:units], offsets[:units] = np.tile(network.weights1.T, 2), network.bias1[:, None]
        second = np.zeros((blocks, width))
        second[:units, :classes] = network.weights2
        z = added_up(_filling(x) * first.ravel(), doublings(1, inputs))
        # Beyond the first d slots of a block stand mixtures of two units, hence twice the bound.
        z = (z + offsets.ravel()).within(2 * network.hidden_bounds.max())
        terms = (z * z * second.ravel()).within(network.largest)  # zero where the mixtures stood
        scores = added_up(terms, doublings(width, self.server.slots), network.largest)
        return (scores + np.resize(np.r_[network.bias2, np.zeros(width - classes)], self.server.slots)).to_bytes()


def _filling(vector):
    """The same ciphertext as a vector of all slots: TenSEAL repeats a shorter one through them."""
    party = vector.party
    result = vector._result("repeat", vector._of_length(vector.data, party.slots), vector.level, vector.bound,
                            vector.error_bound, None)
    result.length = party.slots
    return result


def _power_of_two(**argument):
    ((name, count),) = argument.items()
    if count & (count - 1):
        raise ValueError(f"{name} must be a power of two of numbers (put zeros behind the record), got {count}")
    return count


def _from_0_to_1(X):
    if X.min() < 0 or X.max() > 1:
        raise ValueError("X must lie between 0 and 1, got a number outside")  # which one is secret
    return X.astype(float)
