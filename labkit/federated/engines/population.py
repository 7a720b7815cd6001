"""The clients' data, checked once and laid out so that both engines read it fast."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch

from labkit import validate
from labkit.federated.engines.parameters import trainable

__all__ = ["Population", "population_of", "to_tensors"]


@dataclass(frozen=True)
class Population:
    """All clients' records in one pair of tensors; client k holds rows first[k] : first[k] + examples[k]."""

    inputs: torch.Tensor  # (records, ...)
    targets: torch.Tensor  # (records,) for labels, or (records, ...)
    first: list  # first row of each client
    examples: list  # records of each client

    def records(self, client):
        """The inputs and targets of one client, as views."""
        rows = slice(self.first[client], self.first[client] + self.examples[client])
        return self.inputs[rows], self.targets[rows]

    def __len__(self):
        return len(self.examples)


def population_of(clients, model, loss):
    """Check the clients against each other and against the model; every complaint names the client.

    clients: a sequence of pairs (X, y): arrays or tensors, X with the same shape of one record everywhere.
    Raises ValueError for no clients, an empty client, unequal lengths, NaN or infinity, different shapes, labels that
    the model has no output for, or data that the model cannot take.
    """
    try:
        clients = list(clients)
    except TypeError:
        raise ValueError(f"clients must be a sequence of pairs (X, y), got {type(clients).__name__}") from None
    if not clients:
        raise ValueError("clients must hold at least one pair (X, y), got none")
    parameter = trainable(model)[0]
    pairs = [to_tensors(pair, f"clients[{number}]", parameter) for number, pair in enumerate(clients)]
    for number, pair in enumerate(pairs):
        for kind, own, first in zip(("X", "y"), pair, pairs[0]):
            if (own.shape[1:], own.dtype) != (first.shape[1:], first.dtype):
                raise ValueError(f"clients must all have the same kind of records: {kind} of clients[0] is {_kind(first)}, "
                                 f"of clients[{number}] {_kind(own)}")
    examples = [len(y) for _, y in pairs]
    population = Population(torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs]),
                            [0, *np.cumsum(examples)[:-1].tolist()], examples)
    _check_model(population, model, loss)
    return population


def to_tensors(pair, name, parameter):
    """A pair (X, y) as tensors: labels stay whole numbers, the rest takes the precision of the model's `parameter`.

    Raises ValueError, with `name`, for what is no pair, no records, NaN or infinity, and unequal lengths.
    """
    try:
        inputs, targets = pair
        lengths = len(inputs), len(targets)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a pair (X, y) of arrays, got {type(pair).__name__}") from None
    if 0 in lengths:
        raise ValueError(f"{name} must not be empty, got {lengths[0]} records in X and {lengths[1]} in y")
    if lengths[0] != lengths[1]:
        raise ValueError(f"{name} must have as many records in X as in y, got {lengths[0]} and {lengths[1]}")
    return tuple(_tensor(validate.array(**{f"{name} {kind}": _numpy(values)}), parameter)
                 for kind, values in (("X", inputs), ("y", targets)))


def _numpy(values):
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values


def _tensor(values, parameter):
    tensor = torch.from_numpy(np.array(values))
    return tensor.to(device=parameter.device, dtype=parameter.dtype if tensor.is_floating_point() else torch.int64)


def _kind(tensor):
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape[1:])} per record"


def _check_model(population, model, loss):
    """Run the model on one record, so that a misfit is told before any training."""
    shape = tuple(population.inputs.shape[1:])
    try:
        with torch.no_grad():
            outputs = model(population.inputs[:1])
    except (RuntimeError, IndexError, TypeError) as error:
        raise ValueError(f"model must accept the clients' records of shape {shape}, but: {error}") from None
    if loss is torch.nn.functional.cross_entropy:
        if population.targets.is_floating_point() or population.targets.dim() != 1:
            raise ValueError("clients must have whole numbers as labels, one per record, for the cross-entropy loss")
        classes = outputs.shape[-1]
        for number in range(len(population)):
            y = population.records(number)[1]
            if y.min() < 0 or y.max() >= classes:
                raise ValueError(f"clients[{number}] y must lie between 0 and {classes - 1}, as the model has {classes} "
                                 f"outputs, got {int(y.min())} to {int(y.max())}")
    copies = outputs.shape[-1] + 1  # not the number of outputs: a target broadcast over them would go unnoticed
    outputs, targets = outputs.repeat_interleave(copies, 0), population.targets[:1].repeat_interleave(copies, 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of such a broadcast; below it is an error
            shape = loss(outputs, targets, reduction="none").shape
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        raise ValueError("loss must accept the model's outputs, the clients' targets and reduction='none', "
                         f"but: {error}") from None
    if tuple(shape) not in ((copies,), tuple(outputs.shape)):
        raise ValueError(f"loss with reduction='none' must return one number per record or per output, got shape {tuple(shape)} "
                         f"for outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)}")
