"""The server as an optimiser: the clients' mean change is its gradient, and it may have momentum or step sizes of its own."""

from dataclasses import dataclass

import torch

from labkit import validate
from labkit.federated.strategies.strategy import FedAvg, weighted_mean

__all__ = ["FedAvgM", "FedAdam", "FedYogi"]


def _below_one(**argument):
    ((name, value),) = argument.items()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ValueError(f"{name} must be from 0 to below 1, got {value!r}")


@dataclass(frozen=True)
class FedAvgM(FedAvg):
    """FedAvg whose server has momentum: velocity = momentum x velocity + mean change; the model moves by the velocity.

    momentum: from 0 (FedAvg) to below 1. In the long run it makes steps 1 / (1 - momentum) times as long, so lower
              `server_learning_rate` or the clients' with it.
    Source: Hsu, Qi, Brown, "Measuring the effects of non-identical data distribution for federated visual
    classification", arXiv:1909.06335, 2019.
    """

    momentum: float = 0.9

    def __post_init__(self):
        super().__post_init__()
        _below_one(momentum=self.momentum)

    def start(self, parameters, examples):
        return {"velocity": torch.zeros_like(parameters)}

    def aggregate(self, parameters, updates, memory):
        velocity = self.momentum * memory["velocity"] + weighted_mean(updates, weight=self.weight)
        return parameters + self.server_learning_rate * velocity, {"velocity": velocity}


@dataclass(frozen=True)
class FedAdam(FedAvg):
    """The server runs Adam on the mean change: every parameter gets a step size of its own, about `server_learning_rate`.

    momentum: of the mean change ("beta 1").
    decay:    of the mean squared change ("beta 2").
    floor:    added to the root of that ("tau"): parameters that move less than this are not blown up.
    As in the paper, without the correction for the first rounds that Adam itself has.
    Source: Reddi, Charles, Zaheer, Garrett, Rush, Konecny, Kumar, McMahan, "Adaptive federated optimization", ICLR 2021.
    """

    server_learning_rate: float = 0.03
    momentum: float = 0.9
    decay: float = 0.99
    floor: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        _below_one(momentum=self.momentum)
        _below_one(decay=self.decay)
        validate.positive(floor=self.floor)

    def start(self, parameters, examples):
        return {"mean": torch.zeros_like(parameters), "square": torch.full_like(parameters, self.floor ** 2)}

    def aggregate(self, parameters, updates, memory):
        change = weighted_mean(updates, weight=self.weight)
        mean = self.momentum * memory["mean"] + (1 - self.momentum) * change
        square = self.square(memory["square"], change ** 2)
        step = mean / (square.sqrt() + self.floor)
        return parameters + self.server_learning_rate * step, {"mean": mean, "square": square}

    def square(self, old, new):
        """The running mean of the squared change."""
        return self.decay * old + (1 - self.decay) * new


@dataclass(frozen=True)
class FedYogi(FedAdam):
    """FedAdam whose step sizes shrink fast and grow slowly: the mean square moves by a set share of the new one.

    Source: Reddi and others, ICLR 2021 (see FedAdam).
    """

    def square(self, old, new):
        return old - (1 - self.decay) * new * torch.sign(old - new)
