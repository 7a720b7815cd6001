"""One record scored at once, in one ciphertext: for who cannot wait for thousands of others.

By feature (`labkit.encrypted.learning.models`), one patient costs as much as 4,096: a ciphertext for each number. Here
the record stands in the slots of a single ciphertext, the server multiplies by the weights, and the products are added
up by moving the slots. That takes rotation keys, sent once. See `coefficients` for a way without.

Whoever holds the key can work the weights out from few replies, here as by feature: a reply's random half depends on
them. `coefficients` hides all but the score.
"""

import numpy as np

from labkit import validate
from labkit.encrypted.ckks.roles import CKKSClient, CKKSServer
from labkit.encrypted.ckks.rotations import added_up, doublings, rotation_keys, take_rotation_keys
from labkit.encrypted.learning.models import linear_model


class OneRecordClient:
    """Asks for the linear score of one record at a time.

    plan:     as for `ScoringClient`; depth 1 or more, `largest` at least the largest score.
    features: how many numbers a record has.
    """

    def __init__(self, plan, features):
        self.client = CKKSClient(plan)
        self.features = validate.integer(features=features, at_least=1, at_most=self.client.slots // 2)

    def public_bytes(self):
        """The keys for the server, without the secret one and those that rotate."""
        return self.client.public_bytes()

    def rotation_keys(self):
        """The keys with which the server adds up; as bytes, to be sent once."""
        return rotation_keys(self.client, doublings(1, width_of(self.features)))

    def request(self, x, *, input_bound=1.0):
        """Encrypt one record, `features` numbers up to `input_bound` in size, as one message."""
        x = validate.array(x=x, ndim=1).astype(float)
        if len(x) != self.features:
            raise ValueError(f"x must have {self.features} numbers, one for each feature, got {len(x)}")
        padded = np.pad(x, (0, width_of(self.features) - self.features))
        return self.client.encrypt(padded, bound=input_bound).to_bytes()

    def score(self, reply):
        """Decrypt the server's answer: a float, for the client alone (see `labkit.encrypted.ckks.publishing`)."""
        return float(self.client.decrypt(reply)[0])


class OneRecordServer:
    """Owns a linear model, d weights and a bias, and scores one encrypted record at a time."""

    def __init__(self, weights, bias, public_bytes):
        self.weights, self.bias = linear_model(weights, bias)
        self.server = CKKSServer(public_bytes)

    def take_rotation_keys(self, message):
        """The client's `rotation_keys`, before the first `answer`."""
        take_rotation_keys(self.server, message)

    def answer(self, request):
        """The encrypted score, in every slot."""
        x, width = self.server.load(request), width_of(len(self.weights))
        if len(x) != width:
            raise ValueError(f"request must hold {width} numbers, {len(self.weights)} features and zeros, got {len(x)}")
        products = x * np.pad(self.weights, (0, width - len(self.weights)))
        bound = np.abs(self.weights).sum() * x.bound  # of all sums on the way, too
        return (added_up(products, doublings(1, width), bound) + self.bias).to_bytes()


def width_of(features):
    """Slots for a record: the next power of two."""
    return 1 << (features - 1).bit_length()
