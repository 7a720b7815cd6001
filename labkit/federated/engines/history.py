"""What a federated run leaves behind: the model, and a record of every round."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch

__all__ = ["Run", "Round"]


@dataclass(frozen=True)
class Round:
    """What happened in one round. Round 0 is the model before training."""

    number: int
    cohort: tuple = ()  # clients that were asked
    dropped: tuple = ()  # of these, who never answered
    rejected: tuple = ()  # of these, whose update held NaN or infinity, or had a wrong shape, and was left out
    slow: tuple = ()  # of these, who did only part of the work
    bytes_down: int = 0  # tensors sent to the cohort
    bytes_up: int = 0  # tensors that came back
    metrics: dict = field(default_factory=dict)  # what `evaluate` and the steps of the pipeline said, by name


@dataclass
class Run:
    """The trained model and the history of the run."""

    model: torch.nn.Module
    rounds: list
    engine: str

    def metric(self, name):
        """One metric over the rounds, as an array; NaN where it was not evaluated."""
        if not any(name in each.metrics for each in self.rounds):
            known = sorted({metric for each in self.rounds for metric in each.metrics})
            raise ValueError(f"name must be one of {', '.join(known) or '(nothing was evaluated)'}, got {name!r}")
        return np.array([each.metrics.get(name, math.nan) for each in self.rounds])

    @property
    def loss(self):
        """The mean loss on the evaluation data, rounds + 1 numbers (the first before training)."""
        return self.metric("loss")

    @property
    def accuracy(self):
        """The accuracy on the evaluation data, rounds + 1 numbers (the first before training)."""
        return self.metric("accuracy")

    @property
    def bytes_down(self):
        """Bytes sent from the server to clients, over all rounds."""
        return sum(each.bytes_down for each in self.rounds)

    @property
    def bytes_up(self):
        """Bytes sent from clients to the server, over all rounds."""
        return sum(each.bytes_up for each in self.rounds)
