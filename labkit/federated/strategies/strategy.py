"""Federated algorithms: what the server sends, what a client minimises, how the server combines.

A strategy answers those questions and nothing else. It holds only settings, never state: what the server or a client
must remember from round to round is handed in and handed back. So one strategy object serves the simulator (which
stacks many clients into one tensor) and a real engine (where each client is a computer of its own).

Parameters are one flat vector of shape (P,). Everything that travels is a dict of tensors, so that bytes can be counted.

    the server, before a round    configure(parameters, memory)            -> message to every client of the cohort
    a client, at every step       local_gradient(gradient, parameters, ..) -> gradient of its own objective
    a client, after its steps     reply(parameters, received, memory, ..)  -> message to the server
    the server, after a round     aggregate(parameters, updates, memory)   -> new parameters
"""

from dataclasses import dataclass

import torch

from labkit import validate

__all__ = ["Strategy", "Update", "FedAvg", "FedProx", "Scaffold", "weighted_mean"]


@dataclass(frozen=True)
class Update:
    """What one client sent back: `message["change"]` is its model less the one it received, shape (P,)."""

    client: int | None  # position in the population; None for a sum over clients
    examples: int  # how many records it holds
    steps: int  # gradient steps it took this round
    message: dict  # name -> tensor
    weight: float | None = None  # how much it counts, when that is not left to the strategy
    bytes: int | None = None  # what it takes to send, when that is not the size of the tensors


def weighted_mean(updates, *, of="change", weight="examples"):
    """The mean over updates of one entry of their messages.

    of:     which entry.
    weight: "examples" weighs a client by its records, "equal" all alike; updates that carry a weight keep that one.
    Returns a tensor of the entry's shape. Raises ValueError for no updates and for an entry that one of them lacks.
    """
    validate.one_of(weight=weight, options=["examples", "equal"])
    if not updates:
        raise ValueError("updates must hold at least one Update, got none")
    for each in updates:
        validate.one_of(of=of, options=each.message)
    weights = torch.tensor([weight_of(each, weight) for each in updates], dtype=torch.float64)
    stacked = torch.stack([each.message[of] for each in updates])
    return (weights / weights.sum()).to(stacked) @ stacked


def weight_of(update, weight):
    """The update's own weight, or else its number of records, or 1."""
    if update.weight is not None:
        return float(update.weight)
    return float(update.examples) if weight == "examples" else 1.0


class Strategy:
    """The interface, with the answers that most algorithms share. `memory` is a dict of tensors, empty if unused."""

    sends = ("change",)  # the entries of a client's message
    needs_single_updates = False  # True: `aggregate` must tell clients apart, so a sum of updates will not do
    needs_loss = False  # True: `reply` is also given `loss`, the client's mean loss at the model it received

    def check(self, cohort):
        """Raise ValueError, before any work, when rounds of `cohort` clients can never be aggregated."""

    def start(self, parameters, examples):
        """The server's memory before round 1. examples: how many records each client holds, a list."""
        return {}

    def start_client(self, parameters):
        """A client's memory before the first round it takes part in."""
        return {}

    def configure(self, parameters, memory):
        """The message to each client of the cohort: the model, and whatever else it needs."""
        return {"parameters": parameters}

    def local_gradient(self, gradient, parameters, received, memory):
        """The gradient of the client's own objective, given that of its loss on the current batch.

        gradient, parameters and the client's memory have shape (P,), or (clients, P) when the simulator stacks
        clients; what was received has shape (P,). Elementwise formulas work for both.
        """
        return gradient

    def reply(self, parameters, received, memory, *, steps: int, learning_rate: float):
        """The message to the server after `steps` local steps, and the client's memory for next time.

        A strategy that sets `needs_loss` has one more keyword argument, `loss`.
        """
        return {"change": parameters - received["parameters"]}, memory

    def aggregate(self, parameters, updates, memory):
        """The server's new parameters and memory from at least one `Update`."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to aggregate")


@dataclass(frozen=True)
class FedAvg(Strategy):
    """Federated averaging: clients take several steps alone, the server averages what they changed.

    weight:               "examples" weighs a client by its records, so that every record counts the same;
                          "equal" weighs every client the same, whatever it holds.
    server_learning_rate: how far the server follows the average; 1 replaces the model by the mean of the clients'.
    Source: McMahan, Moore, Ramage, Hampson, Aguera y Arcas, "Communication-efficient learning of deep networks from
    decentralized data", AISTATS 2017.
    """

    weight: str = "examples"
    server_learning_rate: float = 1.0

    def __post_init__(self):
        validate.one_of(weight=self.weight, options=["examples", "equal"])
        validate.positive(server_learning_rate=self.server_learning_rate)

    def aggregate(self, parameters, updates, memory):
        mean = weighted_mean(updates, weight=self.weight)
        return parameters + self.server_learning_rate * mean, memory


@dataclass(frozen=True)
class FedProx(FedAvg):
    """FedAvg with a rubber band: each client also pays mu/2 times its squared distance from the model it received.

    mu: strength, >= 0; 0 is FedAvg.
    Source: Li, Sahu, Zaheer, Sanjabi, Talwalkar, Smith, "Federated optimization in heterogeneous networks", MLSys 2020.
    """

    mu: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        validate.non_negative(mu=self.mu)

    def local_gradient(self, gradient, parameters, received, memory):
        return gradient + self.mu * (parameters - received["parameters"])


@dataclass(frozen=True)
class Scaffold(FedAvg):
    """Steer every local step by how this client's gradient differs from everybody's: stochastic controlled averaging.

    A client remembers its own average gradient ("control") and is told the population's; the difference is taken out
    of every step. Costs twice the bytes of FedAvg, both ways, and clients that remember.
    With weight="equal" this is the paper's algorithm (its option II); with "examples" clients count by their records.
    Source: Karimireddy, Kale, Mohri, Reddi, Stich, Suresh, "SCAFFOLD: stochastic controlled averaging for federated
    learning", ICML 2020.
    """

    sends = ("change", "control")
    needs_single_updates = True  # each control counts by its client's share of the whole population

    def start(self, parameters, examples):
        weights = [each if self.weight == "examples" else 1 for each in examples]
        return {"control": torch.zeros_like(parameters), "share": parameters.new_tensor(weights) / sum(weights)}

    def start_client(self, parameters):
        return {"control": torch.zeros_like(parameters)}

    def configure(self, parameters, memory):
        return {"parameters": parameters, "control": memory["control"]}

    def local_gradient(self, gradient, parameters, received, memory):
        return gradient - memory["control"] + received["control"]

    def reply(self, parameters, received, memory, *, steps: int, learning_rate: float):
        change = parameters - received["parameters"]
        control = memory["control"] - received["control"] - change / (steps * learning_rate)
        return {"change": change, "control": control - memory["control"]}, {"control": control}

    def aggregate(self, parameters, updates, memory):
        parameters, _ = super().aggregate(parameters, updates, memory)
        shares = memory["share"][[each.client for each in updates]]
        control = memory["control"] + shares @ torch.stack([each.message["control"] for each in updates])
        return parameters, {**memory, "control": control}
