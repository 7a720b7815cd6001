"""Make a model smaller: cut small weights, store the others in eight bits, or teach a smaller model.

Each returns a new model and leaves the old one as it was. None of them is a defence of privacy: a smaller model may leak as much
(the lab measures it). In real work: `torch.nn.utils.prune`, torchao for integer arithmetic, and the field's libraries for distillation.
"""

import copy

import numpy as np
import torch
from torch import nn

from labkit import validate
from labkit.models.fitting import fit, probabilities_of


def prune(model, fraction):
    """A copy with this share of all weights set to 0, those of smallest size in the whole model; biases are kept.

    model:    torch module; its weights are the parameters with two or more dimensions.
    fraction: from 0 (nothing) to below 1.
    Source: Han, Pool, Tran, Dally, "Learning both Weights and Connections", NeurIPS 2015 (without its retraining).
    """
    if validate.non_negative(fraction=fraction) >= 1:
        raise ValueError(f"fraction must be at least 0 and below 1, got {fraction!r}")
    pruned = copy.deepcopy(model)
    weights = [each for each in pruned.parameters() if each.ndim > 1]
    sizes = torch.cat([each.detach().abs().flatten() for each in weights])
    count = int(fraction * len(sizes))
    if count:
        limit = sizes.kthvalue(count).values
        with torch.no_grad():
            for each in weights:
                each[each.abs() <= limit] = 0
    return pruned


class Int8Linear(nn.Module):
    """A linear layer whose weights are whole numbers from -127 to 127, times one scale per unit; multiplied out when used."""

    def __init__(self, linear):
        super().__init__()
        weight = linear.weight.detach()
        scale = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
        self.register_buffer("scale", scale)
        self.register_buffer("integers", (weight / scale).round().to(torch.int8))
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    @property
    def weight(self):
        """The weights that the integers stand for, (units, inputs)."""
        return self.integers.float() * self.scale

    def forward(self, x):
        return nn.functional.linear(x, self.weight, self.bias)


def quantise(model):
    """A copy with each linear layer's weights in eight bits: a quarter of the size, each weight off by half a scale at most.

    model: an nn.Sequential whose layers are linear or have no weights. Raises ValueError for another kind.
    Weights only, multiplied out when used: this saves memory, and time only where integer arithmetic does the rest.
    """
    if not isinstance(model, nn.Sequential) or any(not isinstance(each, nn.Linear) and list(each.parameters()) for each in model):
        raise ValueError(f"model must be an nn.Sequential of linear layers and layers without weights, got {type(model).__name__}")
    return nn.Sequential(*(Int8Linear(each) if isinstance(each, nn.Linear) else copy.deepcopy(each) for each in model))


def distil(teacher, student, X, *, steps: int, **options):
    """Train `student` in place on what `teacher` says of the records X (n, d), and return it: probabilities teach more than labels.

    teacher, student: torch modules to logits of the same classes. The labels of X are not needed, so X may be public data.
    steps, options:   as for `labkit.models.fitting.fit`.
    Source: Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015 (at temperature 1).
    """
    X = validate.array(X=X, ndim=2)
    return fit(student, X, probabilities_of(teacher, X), steps=steps, **options)


def size_in_bytes(model, *, sparse=False):
    """What the model's numbers take in storage: 4 bytes a float, 1 an int8.

    sparse: store only what is not 0 in each weight matrix, plus one bit per place to say where (a bit map).
    """
    total = 0
    for each in [*model.parameters(), *model.buffers()]:
        values = each.detach().cpu().numpy()
        total += values.nbytes
        if sparse and values.ndim > 1:
            total += int(np.count_nonzero(values) - values.size) * values.itemsize + -(-values.size // 8)
    return total
