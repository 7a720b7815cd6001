"""The plain steps of a pipeline: how much a client counts, how far it may move the model, noise, and an open sum."""

from dataclasses import dataclass, replace

import torch

from labkit import validate
from labkit.federated.pipeline.step import Step, add_up

__all__ = ["Weight", "Clip", "Noise", "Sum"]


@dataclass(frozen=True)
class Weight(Step):
    """How much each client counts, instead of the strategy's own `weight`.

    by:      "examples" or "equal".
    at_most: with "examples", the records above which a client counts no more; weights are then records / at_most, up to 1.
    Source (of the bound): McMahan, Ramage, Talwar, Zhang, "Learning differentially private recurrent language models",
    ICLR 2018.
    """

    by: str = "examples"
    at_most: float | None = None

    sets_weight = True

    @property
    def bounds_weight(self):
        return self.by == "equal" or self.at_most is not None

    def __post_init__(self):
        validate.one_of(by=self.by, options=["examples", "equal"])
        if self.at_most is not None:
            validate.positive(at_most=self.at_most)

    def on_client(self, update, received, memory, turn):
        weight = 1.0 if self.by == "equal" else float(update.examples)
        if self.by == "examples" and self.at_most is not None:
            weight = min(weight / self.at_most, 1.0)
        return replace(update, weight=weight), memory


@dataclass(frozen=True)
class Clip(Step):
    """Shorten a change that is longer than `max_grad_norm` (Euclidean) to that length; leave the others as they are.

    Only the entry "change" is clipped: a guarantee needs a strategy that sends nothing else (`Strategy.sends`).
    """

    max_grad_norm: float

    never_lengthens = True

    def __post_init__(self):
        validate.positive(max_grad_norm=self.max_grad_norm)

    def on_client(self, update, received, memory, turn):
        change = update.message["change"]
        length = float(torch.linalg.vector_norm(change))
        if length <= self.max_grad_norm:
            return update, memory
        return replace(update, message={**update.message, "change": change * (self.max_grad_norm / length)}), memory


@dataclass(frozen=True)
class Noise(Step):
    """Independent Gaussian noise on every number of the change. By itself it promises nothing: nothing is clipped or counted.

    sigma:  standard deviation of the noise, in the units of the change.
    at:     "client" (on each change before it leaves; a weight multiplies both), or "server" (once, on the sum of
            the weighted changes).
    """

    sigma: float
    at: str = "server"

    private = True

    def __post_init__(self):
        validate.non_negative(sigma=self.sigma)
        validate.one_of(at=self.at, options=["client", "server"])

    @property
    def sums(self):
        return self.at == "server"

    def on_client(self, update, received, memory, turn):
        return (update if self.sums else self._noisy(update, turn)), memory

    def on_server(self, updates, memory, turn):
        if self.sums and updates:
            whole = updates[0] if updates[0].client is None else add_up(updates)
            updates = [self._noisy(whole, turn)]
        return updates, memory

    def _noisy(self, update, turn):
        change = update.message["change"]
        noise = torch.from_numpy(turn.rng.normal(0, self.sigma, change.shape)).to(change)
        return replace(update, message={**update.message, "change": change + noise})


class Sum(Step):
    """Hand on only the weighted sum of the updates: what an ideal secure aggregation would show the server."""

    sums = hides = never_lengthens = True

    def on_server(self, updates, memory, turn):
        return [add_up(updates)] if updates else [], memory
