"""Which models cannot be trained with all clients in one tensor, and which layer is to blame."""

import torch
from torch import nn

from labkit.federated.engines.parameters import copy_of
from labkit.models.stateless import stateless

__all__ = ["refuse_stacking"]


def refuse_stacking(model, population):
    """Raise ValueError, naming the layer, for a model that draws at random, lets records meet, or that torch cannot map.

    Side by side a random layer would draw other numbers than one client after another, and a batch is filled up with
    records of weight 0, which must not touch the others.
    """
    for name, layer in model.named_modules():
        where = f"got layer {name!r} ({type(layer).__name__}): use engine='lean'"
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            raise ValueError(f"model must keep the records of a batch apart for engine='stacked', {where}")
        drawn = getattr(layer, "p", 0) if isinstance(layer, nn.modules.dropout._DropoutNd) else getattr(layer, "dropout", 0)
        if isinstance(layer, nn.RReLU) or (isinstance(drawn, float) and drawn > 0):
            raise ValueError(f"model must not draw at random for engine='stacked', {where}")
    _try_to_map(copy_of(model), population)


def _try_to_map(model, population):
    """Run two clients of three records each side by side, and each record alone: all must agree."""
    entered = ["", "the model"]
    for name, layer in model.named_modules():
        layer.register_forward_pre_hook(lambda layer, _, name=name: entered.__setitem__(slice(None), [name, type(layer).__name__]))
    records = population.inputs[torch.arange(6) % len(population.inputs)] if len(population.inputs) else population.inputs
    if records.is_floating_point():
        records = records + torch.linspace(0, 1, 6, dtype=records.dtype).view(-1, *[1] * (records.dim() - 1))
    parameters = {name: torch.stack([each.detach()] * 2) for name, each in model.named_parameters()}
    try:
        both = torch.func.vmap(stateless(model))(parameters, records.unflatten(0, (2, 3))).flatten(0, 1)
    except RuntimeError as error:
        raise ValueError(f"model must be one that torch can map over clients for engine='stacked', got layer {entered[0]!r} "
                         f"({entered[1]}): use engine='lean'. ({str(error).splitlines()[0][:120]})") from None
    with torch.no_grad():
        alone = torch.cat([model(records[each:each + 1]) for each in range(6)])
    if both.shape != alone.shape or not torch.allclose(both, alone, rtol=1e-3, atol=1e-4, equal_nan=True):
        raise ValueError("model must keep the records of a batch apart for engine='stacked', and with others in its batch a record gets "
                         "another output: use engine='lean'")
