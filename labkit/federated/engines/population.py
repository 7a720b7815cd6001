"""The clients' data, checked once, and gathered for those who are at work."""

import math
import warnings
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import torch

from labkit import validate
from labkit.dp.training.inputs import examples
from labkit.federated.engines.parameters import copy_of, trainable
from labkit.models.modes import evaluating, without_in_place

__all__ = ["Population", "population_of", "to_tensors"]


CHUNK = 2_000_000  # numbers that are looked at together
KINDS = {np.dtype(each) for each in ("f4", "f8", "i1", "i2", "i4", "i8", "u1")}


@dataclass(frozen=True)
class Gathered:
    """The records of a few clients in one pair of tensors; the k-th of them holds rows first[k] : first[k] + examples[k]."""

    inputs: torch.Tensor  # (records, ...)
    targets: torch.Tensor  # (records,) for labels, or (records, ...)
    first: list  # first row of each client
    examples: list  # records of each client


class Population:
    """All clients' arrays as they were given; they become tensors when their client is at work.

    So a hundred thousand clients cost nothing beyond their data, of which a round needs a hundredth.
    """

    def __init__(self, xs, ys, parameter):
        self._xs, self._ys, self._parameter = xs, ys, parameter
        self.examples = [len(y) for y in ys]

    def records(self, client):
        """The inputs and targets of one client, as tensors of its own."""
        return _tensor(self._xs[client], self._parameter), _tensor(self._ys[client], self._parameter)

    def gather(self, clients):
        """The records of these clients, `Gathered`."""
        examples = [self.examples[each] for each in clients]
        inputs, targets = (_tensor(np.concatenate([arrays[each] for each in clients]), self._parameter, fresh=True)
                           for arrays in (self._xs, self._ys))
        return Gathered(inputs, targets, [0, *np.cumsum(examples)[:-1].tolist()], examples)

    @property
    def inputs(self):
        """The first client's inputs: what records look like."""
        return self.records(0)[0]

    def all_finite(self):
        """Whether no client holds NaN or infinity."""
        return all(_is_finite(each) for arrays in (self._xs, self._ys) if arrays[0].dtype.kind == "f" for each in _together(arrays))

    def label_range(self):
        """The smallest and the largest label of all clients, whole numbers."""
        found = [(each.min(), each.max()) for each in _together(self._ys)]
        return int(min(low for low, _ in found)), int(max(high for _, high in found))

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
    population = _as_given(clients, parameter) or _one_by_one(clients, parameter)
    _check_model(population, model, loss)
    return population


def _as_given(clients, parameter):
    """The population of plain arrays of one kind, looked at in chunks; None for what has to be looked at client by client."""
    try:
        xs, ys = zip(*clients, strict=True)
    except (TypeError, ValueError):
        return None
    if {*map(type, xs), *map(type, ys)} != {np.ndarray}:
        return None
    for arrays in (xs, ys):
        shapes, kinds = set(map(attrgetter("shape"), arrays)), set(map(attrgetter("dtype"), arrays))
        if () in shapes or len({each[1:] for each in shapes}) > 1 or 0 in {each[0] for each in shapes} or len(kinds) > 1 or not kinds <= KINDS:
            return None
    population = Population(list(xs), list(ys), parameter)
    return population if list(map(len, xs)) == population.examples and population.all_finite() else None


def _together(arrays):
    """The numbers of all arrays, and perhaps more: the one array of which they are parts, or a copy of a few at a time."""
    base = arrays[0].base
    parts = isinstance(base, np.ndarray) and base.dtype == arrays[0].dtype and set(map(id, map(attrgetter("base"), arrays))) == {id(base)}
    if parts and base.size <= 2 * sum(map(attrgetter("size"), arrays)):
        rows = max(1, CHUNK * len(base) // base.size)
        yield from (base[at:at + rows] for at in range(0, len(base), rows))
        return
    many = max(1, CHUNK // max(map(attrgetter("size"), arrays)))
    yield from (np.concatenate(arrays[at:at + many]) for at in range(0, len(arrays), many))


def _is_finite(values):
    """Their sum is quick to look at, and tells; a sum that overflows is looked at again."""
    with np.errstate(all="ignore"):
        return math.isfinite(values.sum()) or bool(np.isfinite(values).all())


def _one_by_one(clients, parameter):
    pairs = [to_tensors(pair, f"clients[{number}]", parameter) for number, pair in enumerate(clients)]
    for number, pair in enumerate(pairs):
        for kind, own, first in zip(("X", "y"), pair, pairs[0]):
            if (own.shape[1:], own.dtype) != (first.shape[1:], first.dtype):
                raise ValueError(f"clients must all have the same kind of records: {kind} of clients[0] is {kind_of(first)}, "
                                 f"of clients[{number}] {kind_of(own)}")
    return Population([x.cpu().numpy() for x, _ in pairs], [y.cpu().numpy() for _, y in pairs], parameter)


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
    return tuple(_tensor(validate.array(**{f"{name} {kind}": examples(**{f"{name} {kind}": values})}), parameter)
                 for kind, values in (("X", inputs), ("y", targets)))


def _tensor(values, parameter, fresh=False):
    """A tensor of the values; fresh: they are nobody else's, and need no copy."""
    tensor = torch.from_numpy(values if fresh else np.array(values))
    return tensor.to(device=parameter.device, dtype=parameter.dtype if tensor.is_floating_point() else torch.int64)


def _check_labels(population, classes):
    low, high = population.label_range()
    if low >= 0 and high < classes:
        return
    for number in range(len(population)):
        own = population.records(number)[1]
        if own.min() < 0 or own.max() >= classes:
            raise ValueError(f"clients[{number}] y must lie between 0 and {classes - 1}, as the model has {classes} "
                             f"outputs, got {int(own.min())} to {int(own.max())}")


def kind_of(tensor):
    """What each record of a tensor (n, ...) is, in words: its type and shape."""
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape[1:])} per record"


def _accepts(model, records):
    try:
        with torch.no_grad(), evaluating(model):
            model(records)
    except (RuntimeError, IndexError, TypeError, ValueError):
        return False
    return True


def _check_model(population, model, loss):
    """Run the model on one record, so that a misfit is told before any training."""
    inputs, targets = population.records(0)
    shape = tuple(inputs.shape[1:])
    tried = without_in_place(copy_of(model))
    try:
        with torch.no_grad(), evaluating(tried):
            outputs = tried(inputs[:1])
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        if not inputs.is_floating_point() and _accepts(tried, inputs[:1].to(trainable(model)[0].dtype)):
            raise ValueError("clients must have X in floating point for this model, got whole numbers: X.astype(numpy.float32) "
                             "makes them") from None
        raise ValueError(f"model must accept the clients' records of shape {shape}, but: {error}") from None
    trainable(tried)  # a layer may make its buffers when it is first used
    if loss is torch.nn.functional.cross_entropy:
        if targets.is_floating_point() or targets.dim() != 1:
            raise ValueError("clients must have whole numbers as labels, one per record, for the cross-entropy loss")
        _check_labels(population, outputs.shape[-1])
    copies = outputs.shape[-1] + 1  # not the number of outputs: a target broadcast over them would go unnoticed
    outputs, targets = outputs.repeat_interleave(copies, 0), targets[:1].repeat_interleave(copies, 0)
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
