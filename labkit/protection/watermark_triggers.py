"""A watermark in the behaviour: nonsense inputs with secret labels, learnt by heart. Reading it takes the prediction interface alone.

The labels are drawn by lot, so that a model that was made without them agrees on one in `classes`, whatever it is like.

Source: Adi, Baum, Cisse, Pinkas, Keshet, "Turning Your Weakness Into a Strength: Watermarking Deep Neural Networks by
Backdooring", USENIX Security 2018.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from labkit import validate
from labkit.protection.evidence import Evidence


@dataclass(frozen=True, eq=False)
class TriggerMark:
    """Trigger inputs and their labels. `X`: float32 (n, d); `y`: int64 (n,), 0 ... classes - 1. Make one with `TriggerMark.random`."""

    X: np.ndarray
    y: np.ndarray
    classes: int

    def __post_init__(self):
        X, y = validate.array(ndim=2, X=self.X), validate.array(ndim=1, y=self.y)
        validate.same_length(X=X, y=y)
        classes = validate.integer(at_least=2, classes=self.classes)
        if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= classes:
            raise ValueError(f"y must hold whole numbers from 0 to {classes - 1}, got {y!r}")
        object.__setattr__(self, "X", X.astype(np.float32))
        object.__setattr__(self, "y", y.astype(np.int64))

    @classmethod
    def random(cls, *, count, features, classes, rng=None):
        """A new secret: inputs of uniform noise in [0, 1], and a label for each by lot.

        count, features: whole numbers >= 1. classes: whole number >= 2.
        rng: numpy Generator, or None for the operating system's randomness (triggers must be secret).
        """
        count, features = validate.integer(at_least=1, count=count), validate.integer(at_least=1, features=features)
        rng = validate.generator(rng=rng) or np.random.default_rng()
        X = rng.random((count, features), dtype=np.float32)
        return cls(X, rng.integers(0, validate.integer(at_least=2, classes=classes), count), classes)

    def added_to(self, X, y, *, copies=1):
        """A training set (X, y) with the triggers mixed in, each `copies` times: rarely seen, they would not be learnt."""
        X, y = validate.array(ndim=2, X=X), validate.array(ndim=1, y=y)
        validate.same_length(X=X, y=y)
        copies = validate.integer(at_least=1, copies=copies)
        if X.shape[1] != self.X.shape[1]:
            raise ValueError(f"X must have {self.X.shape[1]} columns, as the triggers have, got {X.shape[1]}")
        return np.concatenate([X, *[self.X] * copies]), np.concatenate([y, *[self.y] * copies])

    def evidence(self, predict):
        """How many triggers get their secret label, as `Evidence`.

        predict: function from inputs (n, d) to labels (n,), or to scores (n, classes), of which the largest counts.
        """
        if not callable(predict):
            raise ValueError(f"predict must be a function of inputs that returns labels or scores, got {predict!r}")
        said = np.asarray(predict(self.X))
        said = said.argmax(axis=1) if said.ndim == 2 else said
        if said.shape != self.y.shape:
            raise ValueError(f"predict must return {len(self.y)} labels, got an array of shape {said.shape}")
        return Evidence(int((said == self.y).sum()), len(self.y), 1 / self.classes)

    def commitment(self):
        """SHA-256 of inputs and labels, in hex: publish it on the day of release (see `WeightMark.commitment`)."""
        parts = f"{self.X.shape}{self.classes}".encode() + self.X.astype("<f4").tobytes() + self.y.astype("<i8").tobytes()
        return hashlib.sha256(parts).hexdigest()
