"""A common model that serves the worst-off better."""

from dataclasses import dataclass

from labkit import validate
from labkit.federated.strategies.strategy import Strategy, weighted_mean

__all__ = ["QFedAvg"]


@dataclass(frozen=True)
class QFedAvg(Strategy):
    """Clients with a larger loss count more: the server lowers the mean of the clients' loss to the power q + 1.

    q:      0 counts all alike (FedAvg with weight "equal"); the larger, the more the worst-off decide. Large q learn slowly.
    weight: "equal", as in the paper, or "examples".
    A client also sends one number, the curvature that its own step would have to be divided by.
    Source: Li, Sanjabi, Beirami, Smith, "Fair resource allocation in federated learning", ICLR 2020 (q-FedAvg, its
    Algorithm 2, with 1 / learning rate as the Lipschitz constant).
    """

    q: float = 1.0
    weight: str = "equal"

    sends = ("change", "curvature")
    needs_loss = True

    def __post_init__(self):
        validate.non_negative(q=self.q)
        validate.one_of(weight=self.weight, options=["equal", "examples"])

    def reply(self, parameters, received, memory, *, steps: int, learning_rate: float, loss):
        smoothness, loss = 1 / learning_rate, max(loss, 1e-10)  # a loss of 0 to a negative power would not be finite
        gradient = smoothness * (received["parameters"] - parameters)
        curvature = self.q * loss ** (self.q - 1) * float(gradient @ gradient) + smoothness * loss ** self.q
        return {"change": -loss ** self.q * gradient, "curvature": gradient.new_tensor([curvature])}, memory

    def aggregate(self, parameters, updates, memory):
        step = weighted_mean(updates, weight=self.weight) / weighted_mean(updates, of="curvature", weight=self.weight)
        return parameters + step, memory
