"""Small networks that can run under encryption: one hidden layer, and squares where others have ReLU or sigmoid.

    scores = weights2 . (weights1 . x + bias1)^2 + bias2

Additions and multiplications only, three levels deep. A convolution is a hidden layer whose weights are mostly zero and
otherwise shared: `convolution` says which. Trained in the clear by the model's owner. Source: Gilad-Bachrach et al.,
"CryptoNets", ICML 2016.
"""

import math
from dataclasses import dataclass

import numpy as np

from labkit import validate
from labkit.encrypted.ckks.planning import KEY_ROOM, LARGEST_PRIME, MOST_BITS, CKKSPlan

DEPTH = 3  # weights, square, weights
ROOM = 2  # bits by which capacity must exceed the largest score: a sign, and one for slack


@dataclass(frozen=True, eq=False)
class SquareNetwork:
    """The weights of a network with one hidden layer of squares.

    weights1: d x h. bias1: h. weights2: h x c. bias2: c. All finite; no column of weights1 or weights2 all zero.
    Made by `train`, or from numbers of yours. Raises ValueError for shapes that do not fit.
    """

    weights1: np.ndarray
    bias1: np.ndarray
    weights2: np.ndarray
    bias2: np.ndarray

    def __post_init__(self):
        for name, ndim in [("weights1", 2), ("bias1", 1), ("weights2", 2), ("bias2", 1)]:
            object.__setattr__(self, name, validate.array(**{name: getattr(self, name)}, ndim=ndim).astype(float))
        for weights, bias in [("weights1", "bias1"), ("weights2", "bias2")]:
            matrix, vector = getattr(self, weights), getattr(self, bias)
            if matrix.shape[1] != len(vector):
                raise ValueError(f"{bias} must have {matrix.shape[1]} numbers, one for each column of {weights}, got {len(vector)}")
            if not matrix.any(axis=0).all():
                raise ValueError(f"{weights} must have no column of zeros, got one: its output would not depend on the input")
        if self.weights1.shape[1] != self.weights2.shape[0]:
            raise ValueError(f"weights2 must have {self.weights1.shape[1]} rows, one for each column of weights1, "
                             f"got {self.weights2.shape[0]}")

    @property
    def sizes(self):
        """Numbers of inputs, hidden units and classes."""
        return *self.weights1.shape, self.weights2.shape[1]

    def scores(self, X):
        """Plain scores, n x c, for records n x d: the twin of the encrypted computation."""
        X = validate.array(X=X, ndim=2)
        if X.shape[1] != self.sizes[0]:
            raise ValueError(f"X must have {self.sizes[0]} columns, got {X.shape[1]}")
        return (X @ self.weights1 + self.bias1) ** 2 @ self.weights2 + self.bias2

    @property
    def hidden_bounds(self):
        """The largest size that each hidden unit can have before squaring, for inputs from 0 to 1."""
        high = np.maximum(self.weights1, 0).sum(axis=0) + self.bias1
        low = np.minimum(self.weights1, 0).sum(axis=0) + self.bias1
        return np.maximum(np.abs(high), np.abs(low))

    @property
    def largest(self):
        """The largest size that any number of the computation can have, up to a power of two, which says little of the weights."""
        scores = self.hidden_bounds**2 @ np.abs(self.weights2) + np.abs(self.bias2)
        return 2.0 ** math.ceil(math.log2(max(1.0, self.hidden_bounds.max() ** 2, scores.max())))


def network_plan(network, *, alone=False, poly_modulus_degree=8192):
    """The most exact Plan for a SquareNetwork at one ring degree, by the 2024 table. alone: to score one record at a time.

    `labkit.encrypted.ckks.planning.plan` chooses for the worst chain of products and would refuse; here the chain is known.
    Raises ValueError when the network's numbers leave primes of fewer than 24 bits.
    """
    _network(network)
    alone = validate.one_of(alone=alone, options=[True, False])
    validate.one_of(poly_modulus_degree=poly_modulus_degree, options=MOST_BITS["2024"])
    headroom = ROOM + int(math.log2(network.largest)) + alone  # there, sums are formed by doubling
    more = KEY_ROOM if alone else 0  # rotations are exact under a large last prime only
    middle = min((MOST_BITS["2024"][poly_modulus_degree] - 2 * headroom - more) // (DEPTH + 2), LARGEST_PRIME - headroom - more)
    if middle < 24:
        raise ValueError(f"poly_modulus_degree must be larger for numbers up to {network.largest:g}, got {poly_modulus_degree}, "
                         f"which leaves primes of {middle} bits")
    first = middle + headroom
    return CKKSPlan(poly_modulus_degree, (first, *[middle] * DEPTH, first + more), largest=network.largest)


def dense(inputs, hidden):
    """Which weights a fully connected hidden layer shares: none. For `train(shared=...)`."""
    inputs, hidden = (validate.integer(**{name: value}, at_least=1) for name, value in [("inputs", inputs), ("hidden", hidden)])
    return np.arange(inputs * hidden).reshape(inputs, hidden)


def convolution(side, kernel, stride, channels):
    """Which weights a convolution over a square picture shares, as a matrix side^2 x hidden: a number each, or -1 for none.

    side: of the picture, in pixels. kernel: side of the filters. stride: pixels between two places. channels: filters.
    The hidden units are ordered by channel, then row, then column.
    """
    side = validate.integer(side=side, at_least=1)
    kernel = validate.integer(kernel=kernel, at_least=1, at_most=side)
    stride, channels = validate.integer(stride=stride, at_least=1), validate.integer(channels=channels, at_least=1)
    places = range(0, side - kernel + 1, stride)
    columns = []
    for channel in range(channels):
        for top in places:
            for left in places:
                picture = np.full((side, side), -1)
                picture[top : top + kernel, left : left + kernel] = (
                    channel * kernel**2 + np.arange(kernel**2).reshape(kernel, kernel))
                columns.append(picture.ravel())
    return np.array(columns).T


def train(X, y, shared, *, classes, epochs=60, learning_rate=2e-3, batch_size=36, seed=0):
    """Train a SquareNetwork in the clear, by Adam on the cross-entropy.

    X: n x d, from 0 to 1. y: n labels, 0 ... classes - 1. shared: from `dense` or `convolution`, d rows.
    seed: of the start and of the order. Raises ValueError for arguments that do not fit each other.
    """
    X, y = validate.array(X=X, ndim=2).astype(float), validate.array(y=y, ndim=1)
    validate.same_length(X=X, y=y)
    classes, epochs = validate.integer(classes=classes, at_least=2), validate.integer(epochs=epochs, at_least=1)
    learning_rate, batch_size = validate.positive(learning_rate=learning_rate), validate.integer(batch_size=batch_size, at_least=1)
    shared = validate.array(shared=shared, ndim=2)
    if shared.dtype.kind != "i" or shared.min() < -1 or shared.shape[0] != X.shape[1]:
        raise ValueError(f"shared must be whole numbers from -1, with {X.shape[1]} rows as X has columns, got shape {shared.shape}")
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= classes:
        raise ValueError(f"y must be labels from 0 to {classes - 1}, got {y.min()} to {y.max()}")
    rng = np.random.default_rng(validate.integer(seed=seed, at_least=0))
    hidden, several, there = shared.shape[1], shared.max() + 1, shared >= 0
    weights, bias1 = rng.normal(0, 1.6 / math.sqrt(there.sum(axis=0).mean()), several), np.zeros(hidden)
    weights2, bias2 = rng.normal(0, 0.1, (hidden, classes)), np.zeros(classes)
    adam = _Adam([weights, bias1, weights2, bias2], learning_rate)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(len(X)), max(1, len(X) // batch_size)):
            weights1 = np.where(there, weights[shared], 0.0)
            z = X[rows] @ weights1 + bias1
            scores = z**2 @ weights2 + bias2
            error = np.exp(scores - scores.max(axis=1, keepdims=True))
            error /= error.sum(axis=1, keepdims=True)
            error[np.arange(len(rows)), y[rows]] -= 1
            error /= len(rows)
            back = error @ weights2.T * 2 * z
            slope = np.bincount(shared[there], (X[rows].T @ back)[there], minlength=several)
            adam.step([slope + 1e-4 * weights, back.sum(axis=0), (z**2).T @ error + 1e-4 * weights2, error.sum(axis=0)])
    return SquareNetwork(np.where(there, weights[shared], 0.0), bias1, weights2, bias2)


class _Adam:
    """Kingma and Ba, ICLR 2015; changes the arrays in place."""

    def __init__(self, parameters, learning_rate):
        self.parameters, self.learning_rate, self.steps = parameters, learning_rate, 0
        self.means = [np.zeros_like(each) for each in parameters]
        self.squares = [np.zeros_like(each) for each in parameters]

    def step(self, slopes):
        self.steps += 1
        for parameter, mean, square, slope in zip(self.parameters, self.means, self.squares, slopes):
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope**2 - square)
            size = np.sqrt(square / (1 - 0.999**self.steps)) + 1e-8
            parameter -= self.learning_rate * mean / (1 - 0.9**self.steps) / size


def _network(network):
    if not isinstance(network, SquareNetwork):
        raise ValueError(f"network must be a SquareNetwork, got {type(network).__name__}")
    return network
