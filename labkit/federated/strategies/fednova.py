"""Averaging clients that did unequal amounts of work."""

from dataclasses import dataclass

from labkit.federated.strategies.strategy import FedAvg, weighted_mean

__all__ = ["FedNova"]


@dataclass(frozen=True)
class FedNova(FedAvg):
    """Average the change *per step*, then move by the average number of steps.

    FedAvg lets a client that took ten times as many steps pull ten times as hard, and so solves another problem than the
    one asked. Here the clients' records alone say how they count. For plain local SGD, where a client's steps all count
    alike; the clients also send how many steps they took.
    Source: Wang, Liu, Liang, Joshi, Poor, "Tackling the objective inconsistency problem in heterogeneous federated
    optimization", NeurIPS 2020.
    """

    sends = ("change", "steps")

    def reply(self, parameters, received, memory, *, steps: int, learning_rate: float):
        change = parameters - received["parameters"]
        return {"change": change / steps, "steps": change.new_tensor([steps])}, memory

    def aggregate(self, parameters, updates, memory):
        steps = weighted_mean(updates, of="steps", weight=self.weight)
        direction = weighted_mean(updates, weight=self.weight)
        return parameters + self.server_learning_rate * steps * direction, memory
