"""Models that score what they cannot read. The client owns data and secret key, the server owns the model; bytes go between.

Packed by feature: one ciphertext holds one feature of thousands of patients, so that a weight is one number for all
slots. A score is then a sum of ciphertexts times numbers: nothing moves between slots, and no rotation keys are needed.
"""

import math

import numpy as np

from labkit import validate
from labkit.encrypted.ckks import noise
from labkit.encrypted.ckks.roles import CKKSClient, CKKSServer
from labkit.encrypted.ckks.sums import weighted_sum
from labkit.encrypted.learning.sigmoid import OddPolynomial
from labkit.encrypted.parties import join, split


def largest_score(weights, bias, input_bound=1.0):
    """How large a linear score can get, rounded up to a power of two so that it says little of the weights.

    weights, bias: the linear model. input_bound: public bound on the size of each feature. For plan(largest=...).
    """
    weights, bias = linear_model(weights, bias)
    input_bound = validate.positive(input_bound=input_bound)
    return 2.0 ** math.ceil(math.log2(max(1.0, input_bound, np.abs(weights).sum() * input_bound + abs(bias))))


class ScoringClient:
    """Asks for the linear scores of records that it does not show.

    plan: from labkit.encrypted.ckks.planning, depth 1 or more, with `largest` at least the largest score.
    """

    def __init__(self, plan):
        self.client = CKKSClient(plan)

    def public_bytes(self):
        """The keys for the server, without the secret one."""
        return self.client.public_bytes()

    def request(self, X, *, input_bound=1.0):
        """Encrypt records, n x d with n up to `slots`, as one message: a ciphertext for each of the d features.

        input_bound: public bound on the size of every number in X; ValueError when one is larger.
        """
        X = validate.array(X=X, ndim=2)
        if len(X) > self.client.slots:
            raise ValueError(f"X must have at most {self.client.slots} rows, one a slot, got {len(X)}")
        return join([self.client.encrypt(column, bound=input_bound).to_bytes() for column in X.T])

    def scores(self, reply):
        """Decrypt the server's answer: one score for each record, float64.

        For the client alone: they carry errors that give its key away (see `labkit.encrypted.ckks.publishing`).
        """
        return self.client.decrypt(reply)

    def error_bound(self, features, *, input_bound=1.0):
        """Public bound on the error of linear scores, for any model whose largest score the plan was made for."""
        features = validate.integer(features=features, at_least=1)
        input_bound, client = validate.positive(input_bound=input_bound), self.client
        encoding = noise.encoding_error(client.poly_modulus_degree) / client.scale
        rounding = noise.rounding_error(client.poly_modulus_degree) / (client.scale * client.factors[1])
        fresh = client.fresh_error
        return client.largest / input_bound * fresh + features * (input_bound + fresh) * encoding + rounding + encoding


class ScoringServer:
    """Owns a linear model: `answer` computes weights . x + bias for every encrypted record.

    weights: d numbers, not all zero; bias: a number; public_bytes: from the client.
    curve:   None, or a `fitted_sigmoid` to answer with probabilities instead (two levels more, and one for its
             interval); ValueError when some record, features at most 1, could leave the interval that it was fitted to.
    """

    def __init__(self, weights, bias, public_bytes, *, curve=None):
        self.weights, self.bias = linear_model(weights, bias)
        if curve is not None:
            if not isinstance(curve, OddPolynomial):
                raise ValueError(f"curve must be None or an OddPolynomial, got {type(curve).__name__}")
            reach = np.abs(self.weights).sum() + abs(self.bias)
            if reach > curve.interval:
                raise ValueError(f"curve must be fitted to scores up to {reach:.3g}, got one for {curve.interval:g}")
        self.curve = curve
        self.server = CKKSServer(public_bytes)

    def answer(self, request):
        """One message with the encrypted scores, from a message with one ciphertext for each feature."""
        features = [self.server.load(each) for each in split(request)]
        if len(features) != len(self.weights):
            raise ValueError(f"request must hold {len(self.weights)} features, one for each weight, got {len(features)}")
        score = weighted_sum(features, self.weights, self.bias)
        if self.curve is not None:
            # z / interval lies within 1 by the server's choice of the curve, which it checked.
            score = self.curve((score * (1 / self.curve.interval)).within(1.0)) + 0.5
        return score.to_bytes()


def linear_model(weights, bias):
    """Weights as an array of float and bias as float; ValueError unless all are finite and a weight is not zero."""
    weights = validate.array(weights=weights, ndim=1).astype(float)
    if not weights.any():
        raise ValueError(f"weights must not all be zero, got {weights!r}")
    return weights, validate.finite(bias=bias)
