"""A watermark in the weights: secret bits that can be read with a secret key, and that hardly change what the model does.

The key is a random matrix K. The mark is read from the *mean* over the units of a layer, w (one number per input, so that
reordering the units does not matter): bit i is 1 where K_i . w > 0. While the model trains, a penalty pushes each of these sums
to its side. To read it, one needs the weights.

Source: Uchida, Nagai, Sakazawa, Satoh, "Embedding Watermarks into Deep Neural Networks", ICMR 2017.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from labkit import validate
from labkit.protection.evidence import Evidence


@dataclass(frozen=True, eq=False)
class WeightMark:
    """A key and its bits. `key`: float32 (bits, inputs); `bits`: int64 0 or 1 (bits,). Make one with `WeightMark.random`."""

    key: np.ndarray
    bits: np.ndarray

    def __post_init__(self):
        key, bits = validate.array(ndim=2, key=self.key), validate.array(ndim=1, bits=self.bits)
        validate.same_length(key=key, bits=bits)
        if not np.isin(bits, (0, 1)).all():
            raise ValueError(f"bits must hold 0 and 1, got {bits!r}")
        object.__setattr__(self, "key", key.astype(np.float32))
        object.__setattr__(self, "bits", bits.astype(np.int64))

    @classmethod
    def random(cls, *, bits, inputs, rng=None):
        """A new secret: standard normal key and fair bits.

        bits, inputs: whole numbers >= 1; inputs is the number of columns of the weights to be marked, and should well exceed bits.
        rng:          numpy Generator, or None for the operating system's randomness (a key must be secret).
        """
        bits, inputs = validate.integer(at_least=1, bits=bits), validate.integer(at_least=1, inputs=inputs)
        rng = validate.generator(rng=rng) or np.random.default_rng()
        return cls(rng.normal(size=(bits, inputs)), rng.integers(0, 2, bits))

    def penalty(self, weight, *, strength=0.1):
        """What to add to the loss while training: strength (> 0) times the cross-entropy of the bits; a scalar tensor.

        weight: torch parameter (units, inputs) of the layer to be marked.
        """
        import torch

        strength = validate.positive(strength=strength)
        sums = torch.from_numpy(self.key) @ weight.mean(dim=0)
        return strength * torch.nn.functional.binary_cross_entropy_with_logits(sums, torch.from_numpy(self.bits).float())

    def read(self, weight):
        """The bits that these weights (units, inputs) hold, an int64 array; tensors are welcome."""
        weight = validate.array(ndim=2, weight=_numbers(weight))
        if weight.shape[1] != self.key.shape[1]:
            raise ValueError(f"weight must have {self.key.shape[1]} columns, got shape {weight.shape}")
        return (self.key @ weight.mean(axis=0) > 0).astype(np.int64)

    def evidence(self, weight):
        """How many bits agree, as `Evidence`; its p-value holds for every model that was made without this key."""
        return Evidence(int((self.read(weight) == self.bits).sum()), len(self.bits), 0.5)

    def commitment(self):
        """SHA-256 of key and bits, in hex: publish it on the day of release. A key that is shown later must fit it.

        Without it a reading proves nothing: for any weights whatever one can look for a key that reads any bits.
        """
        parts = f"{self.key.shape}".encode() + self.key.astype("<f4").tobytes() + self.bits.astype("<i8").tobytes()
        return hashlib.sha256(parts).hexdigest()


def _numbers(weight):
    return weight.detach().cpu().numpy() if hasattr(weight, "detach") else weight
