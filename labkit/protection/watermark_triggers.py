"""A watermark in the behaviour: nonsense inputs with secret labels, learnt by heart. Reading it takes the prediction interface alone.

The labels are drawn by lot, so that a model that was made without them agrees on one in `classes`, whatever it is like.

Source: Adi, Baum, Cisse, Pinkas, Keshet, "Turning Your Weakness Into a Strength: Watermarking Deep Neural Networks by
Backdooring", USENIX Security 2018.
"""

from dataclasses import dataclass, field

import numpy as np

from labkit import validate
from labkit.protection.commitment import checked_seed, commitment, new_seed, stream
from labkit.protection.evidence import Evidence


@dataclass(frozen=True, eq=False)
class TriggerMark:
    """Trigger inputs and their labels. `X`: float32 (n, d); `y`: int64 (n,), 0 ... classes - 1. Make one with `TriggerMark.random`.

    `seed`: the bytes that all of it follows from; None for triggers of one's own choice, whose readings prove nothing.
    """

    X: np.ndarray
    y: np.ndarray
    classes: int
    seed: bytes | None = field(default=None, repr=False)

    def __post_init__(self):
        X, y = validate.array(X=self.X, ndim=2), validate.array(y=self.y, ndim=1)
        validate.same_length(X=X, y=y)
        classes = validate.integer(classes=self.classes, at_least=2)
        if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= classes:
            raise ValueError(f"y must hold whole numbers from 0 to {classes - 1}, got {y!r}")
        object.__setattr__(self, "X", X.astype(np.float32))
        object.__setattr__(self, "y", y.astype(np.int64))
        if self.seed is not None:
            right = _derived(checked_seed(self.seed), *X.shape, classes)
            if not (np.array_equal(right[0], self.X) and np.array_equal(right[1], self.y)):
                raise ValueError("seed must be the one that X and y follow from: see TriggerMark.from_seed")

    @classmethod
    def random(cls, *, count, features, classes, rng: np.random.Generator | None = None):
        """A new secret: inputs of uniform noise in [0, 1], and a label for each by lot, all of which follow from a random seed.

        count, features: whole numbers >= 1. classes: whole number from 2 to 65,536.
        rng: numpy Generator, or None for the operating system's randomness (triggers must be secret).
        """
        return cls.from_seed(new_seed(rng), count=count, features=features, classes=classes)

    @classmethod
    def from_seed(cls, seed, *, count, features, classes):
        """The triggers that follow from a seed (16 to 64 bytes): how others check what was committed to."""
        count, features = validate.integer(count=count, at_least=1), validate.integer(features=features, at_least=1)
        classes = validate.integer(classes=classes, at_least=2, at_most=65_536)
        return cls(*_derived(checked_seed(seed), count, features, classes), classes, seed)

    def added_to(self, X, y, *, copies=1):
        """A training set (X, y) with the triggers mixed in, each `copies` times: rarely seen, they would not be learnt."""
        X, y = validate.array(X=X, ndim=2), validate.array(y=y, ndim=1)
        validate.same_length(X=X, y=y)
        copies = validate.integer(copies=copies, at_least=1)
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
        """SHA-256 of the seed, in hex: publish it, with a date, before the model is (see `WeightMark.commitment`)."""
        if self.seed is None:
            raise ValueError("seed must be given for a commitment: triggers that were chosen, and not derived, prove nothing")
        return commitment(self.seed, _purpose(*self.X.shape, self.classes))


def _purpose(count, features, classes):
    return f"triggers, {count} of {features} features and {classes} classes"


def _derived(seed, count, features, classes):
    """(X, y) of a seed: grey levels from 0 to 1 in steps of 1/255, and labels (64 bits modulo classes: fair to 1 in 10^14)."""
    drawn = stream(seed, _purpose(count, features, classes), count * (features + 8))
    labels = drawn[: 8 * count].reshape(count, 8) @ (256 ** np.arange(8, dtype=np.uint64)) % np.uint64(classes)
    return drawn[8 * count :].reshape(count, features).astype(np.float32) / np.float32(255), labels.astype(np.int64)
