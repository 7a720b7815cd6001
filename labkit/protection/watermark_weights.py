"""A watermark in the weights: secret bits that can be read with a secret key, and that hardly change what the model does.

The key is a random matrix K. The mark is read from the *mean* over the units of a layer, w (one number per input, so that
reordering the units does not matter): bit i is 1 where K_i . w > 0. While the model trains, a penalty pushes each of these sums
to its side. To read it, one needs the weights.

It outlives pruning, rounding and some fine-tuning, which change every unit a little. It does not outlive somebody who wants it gone:
the mean of a column follows a single unit, if that unit's weights are made large enough and its outgoing weights zero. That takes
neither key nor data, and hardly changes what the model says.

Source: Uchida, Nagai, Sakazawa, Satoh, "Embedding Watermarks into Deep Neural Networks", ICMR 2017.
"""

from dataclasses import dataclass, field

import numpy as np

from labkit import validate
from labkit.protection.commitment import checked_seed, commitment, new_seed, stream
from labkit.protection.evidence import Evidence


@dataclass(frozen=True, eq=False)
class WeightMark:
    """A key and its bits. `key`: float32 (bits, inputs); `bits`: int64 0 or 1 (bits,). Make one with `WeightMark.random`.

    `seed`: the bytes that both follow from; None for a key of one's own choice, whose readings prove nothing.
    """

    key: np.ndarray
    bits: np.ndarray
    seed: bytes | None = field(default=None, repr=False)

    def __post_init__(self):
        key, bits = validate.array(key=self.key, ndim=2), validate.array(bits=self.bits, ndim=1)
        validate.same_length(key=key, bits=bits)
        if not np.isin(bits, (0, 1)).all():
            raise ValueError(f"bits must hold 0 and 1, got {bits!r}")
        object.__setattr__(self, "key", key.astype(np.float32))
        object.__setattr__(self, "bits", bits.astype(np.int64))
        if self.seed is not None:
            right = _derived(checked_seed(self.seed), *key.shape)
            if not (np.array_equal(right[0], self.key) and np.array_equal(right[1], self.bits)):
                raise ValueError("seed must be the one that key and bits follow from: see WeightMark.from_seed")

    @classmethod
    def random(cls, *, bits, inputs, rng: np.random.Generator | None = None):
        """A new secret: a key of fair signs, +1 and -1, and fair bits, all of which follow from a random seed.

        bits, inputs: whole numbers >= 1; inputs is the number of columns of the weights to be marked, and should well exceed bits.
        rng:          numpy Generator, or None for the operating system's randomness (a key must be secret).
        """
        return cls.from_seed(new_seed(rng), bits=bits, inputs=inputs)

    @classmethod
    def from_seed(cls, seed, *, bits, inputs):
        """The mark that follows from a seed (16 to 64 bytes): how others check what was committed to."""
        bits, inputs = validate.integer(bits=bits, at_least=1), validate.integer(inputs=inputs, at_least=1)
        return cls(*_derived(checked_seed(seed), bits, inputs), seed)

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
        weight = validate.array(weight=_numbers(weight), ndim=2)
        if weight.shape[1] != self.key.shape[1]:
            raise ValueError(f"weight must have {self.key.shape[1]} columns, got shape {weight.shape}")
        return (self.key @ weight.mean(axis=0) > 0).astype(np.int64)

    def evidence(self, weight):
        """How many bits agree, as `Evidence`; its p-value holds for every model that was made without this key, if the key was drawn."""
        return Evidence(int((self.read(weight) == self.bits).sum()), len(self.bits), 0.5)

    def commitment(self):
        """SHA-256 of the seed, in hex: publish it, with a date, before the model is. A mark that is shown later must follow from it.

        Raises ValueError for a mark without a seed: for any weights whatever one can choose a key that reads any bits, and a dated
        hash of it would be as good as any other.
        """
        if self.seed is None:
            raise ValueError("seed must be given for a commitment: a key that was chosen, and not derived, proves nothing")
        return commitment(self.seed, _purpose(*self.key.shape))


def _purpose(bits, inputs):
    return f"weight mark, {bits} bits of {inputs} inputs"


def _derived(seed, bits, inputs):
    """(key, bits) of a seed: signs, float32 (bits, inputs); and 0 or 1, int64 (bits,)."""
    count = bits * inputs + bits
    drawn = np.unpackbits(stream(seed, _purpose(bits, inputs), -(-count // 8)))[:count]
    return 2.0 * drawn[bits:].reshape(bits, inputs).astype(np.float32) - 1, drawn[:bits].astype(np.int64)


def _numbers(weight):
    return weight.detach().cpu().numpy() if hasattr(weight, "detach") else weight
