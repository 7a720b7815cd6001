"""How good is a model: on common test data, and client by client."""

import numpy as np
import torch

from labkit import validate
from labkit.federated.engines.parameters import trainable
from labkit.federated.engines.population import kind_of, to_tensors
from labkit.models.modes import evaluating

__all__ = ["by_client", "worst_share", "evaluator"]


def by_client(model, clients, loss=torch.nn.functional.cross_entropy):
    """The model's loss and accuracy at each client: a dict of arrays with one entry per client.

    clients: a sequence of pairs (X, y), the test data of each client.
    Raises ValueError, naming the client, for no clients and for data that `simulate` would refuse.
    """
    return _by_client(model, _pairs(clients, "clients", model, loss), loss)


def worst_share(values, share=0.1):
    """The mean of the smallest tenth (or another share) of the values, one per client; at least one client counts.

    Of accuracies it is the "worst decile": what the federation is worth to those it serves worst.
    """
    values, share = np.sort(validate.array(values=values, ndim=1)), validate.fraction(share=share)
    return float(values[:max(1, round(share * len(values)))].mean())


def evaluator(evaluate, evaluate_clients, clients, model, loss):
    """A function of the model that returns a dict of numbers, from the arguments of `simulate`; they are checked here."""
    common = _common(evaluate, model, loss)
    if evaluate_clients is None:
        return common
    pairs = _pairs(evaluate_clients, "evaluate_clients", model, loss)
    if len(pairs) != clients:
        raise ValueError(f"evaluate_clients must hold one pair (X, y) for each of the {clients} clients, got {len(pairs)}")

    def measure(model):
        found = {}
        for name, values in _by_client(model, pairs, loss).items():
            worst = worst_share(values) if name == "accuracy" else -worst_share(-values)
            found |= {f"client_{name}": float(values.mean()), f"{name}_spread": float(values.std()), f"{name}_worst_decile": worst}
        return common(model) | found

    return measure


def _common(evaluate, model, loss):
    if evaluate is None:
        return lambda model: {}
    if callable(evaluate):
        def measure(model):
            with evaluating(model):
                return {name: float(value) for name, value in evaluate(model).items()}

        return measure
    inputs, targets = _fitting(evaluate, "evaluate", model, loss)
    return lambda model: _measure(model, inputs, targets, loss)


def _by_client(model, pairs, loss):
    found = [_measure(model, inputs, targets, loss) for inputs, targets in pairs]
    return {name: np.array([each[name] for each in found]) for name in found[0]}


def _pairs(clients, name, model, loss):
    try:
        clients = list(clients)
    except TypeError:
        raise ValueError(f"{name} must be a sequence of pairs (X, y), got {type(clients).__name__}") from None
    if not clients:
        raise ValueError(f"{name} must hold at least one pair (X, y), got none")
    return [_fitting(pair, f"{name}[{number}]", model, loss) for number, pair in enumerate(clients)]


def _fitting(pair, name, model, loss):
    """A pair (X, y) as tensors. Raises ValueError, with `name`, when the model and the loss cannot take its first record."""
    inputs, targets = to_tensors(pair, name, trainable(model)[0])
    try:
        _measure(model, inputs[:1], targets[:1], loss)
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold records and targets that fit the model and the loss, got X of "
                         f"{kind_of(inputs)} and y of {kind_of(targets)}: {str(error).splitlines()[0]:.160}") from None
    return inputs, targets


def _measure(model, inputs, targets, loss):
    """The mean loss and, for whole-number targets, the accuracy."""
    overwrites = any(getattr(layer, "inplace", False) for layer in model.modules())
    with torch.no_grad(), evaluating(model):
        outputs = model(inputs.clone() if overwrites else inputs)
        found = {"loss": float(loss(outputs, targets, reduction="none").mean())}
        if not targets.is_floating_point():
            found["accuracy"] = float((outputs.argmax(-1) == targets).double().mean())
    return found
