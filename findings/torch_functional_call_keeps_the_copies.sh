#!/usr/bin/env bash
# Library: torch 2.13.0, torch.func.functional_call, with which per-example gradients are computed (DP-SGD by vmap).
# Expected: the module is called with other parameters and is afterwards what it was: "without modifying the module", for a layer
#   that stands in two places as well.
# Seen (November 2026): a Sequential that holds one layer twice keeps the tensors it was called with. Its weights are no Parameters any
#   more and want no gradient, so what trains it next, trains nothing, without a word. Two layers that share a weight come back whole.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" --quiet --disable-pip-version-check install 'torch==2.13.0' 'numpy==2.3.5' 2>/dev/null
OMP_NUM_THREADS=1 "$place/env/bin/python" -W ignore - <<'PY'
import torch
from torch import nn


class SharedWeight(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(x))


def kept(model):
    """Which of the model's own parameters are still Parameters after a functional call with copies."""
    functional = {name: each.detach().clone() for name, each in model.named_parameters()}
    torch.func.functional_call(model, functional, (torch.zeros(1, 4),))
    return [isinstance(each, nn.Parameter) and each.requires_grad for each in model.parameters()]


layer = nn.Linear(4, 4)
for name, model, expected in (("one layer twice", nn.Sequential(layer, nn.Tanh(), layer), [False, False]),
                              ("two layers", nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4)), [True] * 4),
                              ("two layers, one weight", SharedWeight(), [True] * 3)):
    found = kept(model)
    print(f"{name}: parameters that are still trainable: {found}")
    assert found == expected
PY
