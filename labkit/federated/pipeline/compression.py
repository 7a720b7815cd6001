"""Fewer bytes up: send only the largest changes, or send each change in a few bits."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from labkit import validate
from labkit.federated.pipeline.step import Step

__all__ = ["TopK", "Quantise"]


@dataclass(frozen=True)
class TopK(Step):
    """Send the largest changes only: their values and their places (4 bytes each).

    fraction: of the P numbers that are sent, above 0 and at most 1; at least one number.
    remember: whether the client adds what it did not send to its next change ("error feedback"). Without, small changes
              are never heard of and the average is biased.
    Source: Aji, Heafield, "Sparse communication for distributed gradient descent", EMNLP 2017; Stich, Cordonnier, Jaggi,
    "Sparsified SGD with memory", NeurIPS 2018.
    """

    fraction: float = 0.1
    remember: bool = True

    additive = False

    def __post_init__(self):
        validate.fraction(fraction=self.fraction)
        if not isinstance(self.remember, bool):
            raise ValueError(f"remember must be True or False, got {self.remember!r}")

    def check(self, setting):
        before = setting.steps[:setting.steps.index(self)]
        if any(not each.additive for each in before):
            raise ValueError("TopK must come before other compression: it needs the whole change to choose from")

    def on_client(self, update, received, memory, turn):
        change = update.message["change"]
        if self.remember and "unsent" in memory:
            change = change + memory["unsent"]
        count = max(1, round(self.fraction * len(change)))
        places = torch.topk(change.abs(), count).indices.sort().values
        if self.remember:
            memory = {"unsent": change.index_fill(0, places, 0)}
        message = {**update.message, "change": change[places], "places": places.to(torch.int32)}
        return replace(update, message=message), memory

    def on_server(self, updates, memory, turn):
        return [self._unpack(each, turn.setting.parameters) for each in updates], memory

    def _unpack(self, update, length):
        message = dict(update.message)
        places, values = message.pop("places").long(), message["change"]
        message["change"] = values.new_zeros(length).index_copy(0, places, values)
        return replace(update, message=message)


@dataclass(frozen=True)
class Quantise(Step):
    """Round each number at random to one of 2^bits levels between the smallest and the largest, right on average.

    bits: per number, 1 to 8. The codes are packed; smallest, largest and count travel along.
    Source: Suresh, Yu, Kumar, McMahan, "Distributed mean estimation with limited communication", ICML 2017.
    """

    bits: int = 8

    additive = False

    def __post_init__(self):
        validate.integer(bits=self.bits, at_least=1, at_most=8)

    def check(self, setting):
        if setting.steps[-1] != self or setting.steps.count(self) > 1:
            raise ValueError("Quantise must be the last step, once: nothing can work on packed codes")

    def on_client(self, update, received, memory, turn):
        change = update.message["change"]
        low, high = float(change.min()), float(change.max())
        scale = (high - low) / (2 ** self.bits - 1) or 1.0  # 1: all numbers are equal, and any scale will do
        levels = (change.double().numpy() - low) / scale
        codes = np.floor(levels + turn.rng.random(levels.shape)).clip(0, 2 ** self.bits - 1).astype(np.uint8)
        packed = np.packbits(np.unpackbits(codes[:, None], axis=1)[:, 8 - self.bits:])
        message = {**update.message, "change": torch.from_numpy(packed), "range": change.new_tensor([low, high]),
                   "count": torch.tensor(len(change), dtype=torch.int32)}
        return replace(update, message=message), memory

    def on_server(self, updates, memory, turn):
        return [self._unpack(each, turn.parameters) for each in updates], memory

    def _unpack(self, update, like):
        message = dict(update.message)
        low, high = message.pop("range").double().tolist()
        count = int(message.pop("count"))
        bits = np.unpackbits(message["change"].numpy())[:count * self.bits].reshape(count, self.bits)
        codes = bits @ (1 << np.arange(self.bits)[::-1])
        message["change"] = torch.from_numpy(low + codes * (high - low) / (2 ** self.bits - 1)).to(like)
        return replace(update, message=message)
