"""LoRA: fine-tune a large model by training a small addition to it.

A linear layer's weights W stay as they were. Beside them runs a narrow detour: down to `rank` numbers, and up again.

    x  ->  W x  +  (alpha / rank) * up(down(x))

`up` starts at zero, so that a model with fresh adapters answers exactly as it did before. Private training gains twice: there are
few weights to add noise to, and few numbers in the gradient of each example.

Source: Hu, Shen, Wallis, Allen-Zhu, Li, Wang, Wang, Chen, "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022; with
DP-SGD: Yu and others, "Differentially Private Fine-tuning of Language Models", ICLR 2022.
"""

import torch
from torch import nn

from labkit import validate


class LoRA(nn.Module):
    """A frozen linear layer with a trainable detour of width `rank`."""

    def __init__(self, layer, *, rank, alpha):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.down = nn.Linear(layer.in_features, rank, bias=False)
        self.up = nn.Linear(rank, layer.out_features, bias=False)
        nn.init.zeros_(self.up.weight)
        self.scale = alpha / rank

    def forward(self, x):
        return self.layer(x) + self.scale * self.up(self.down(x))

    def merged(self):
        """One plain linear layer that answers the same: the detour costs nothing once training is over."""
        merged = nn.Linear(self.layer.in_features, self.layer.out_features, bias=self.layer.bias is not None)
        merged.load_state_dict(self.layer.state_dict())
        with torch.no_grad():
            merged.weight += self.scale * self.up.weight @ self.down.weight
        return merged


def add_lora(model, *, names, rank=4, alpha=8.0):
    """Freeze `model`, and put a LoRA in place of each linear layer that goes by one of these names; returns the model.

    names:  the last part of the layers' names, such as ("query", "value").
    rank:   width of the detour, 1 or more, and no wider than the layers.
    alpha:  strength of the detour, > 0.
    The starting weights of `down` are random: seed them with torch.manual_seed. Everything else in the model is frozen; set
    `requires_grad_(True)` on what shall be trained beside the adapters, such as the head.
    Raises ValueError before anything is changed, also when a name is not that of a linear layer.
    """
    _module(model)
    rank, alpha = validate.integer(rank=rank, at_least=1), validate.positive(alpha=alpha)
    if isinstance(names, str) or not len(names):
        raise ValueError(f"names must be a non-empty sequence of names, got {names!r}")
    places = [(parent, name, getattr(parent, name)) for parent in model.modules() for name in names
              if isinstance(getattr(parent, name, None), nn.Linear)]
    missing = set(names) - {name for _, name, _ in places}
    if missing:
        raise ValueError(f"names must be those of linear layers in the model, got {', '.join(sorted(missing))}")
    narrowest = min(min(layer.in_features, layer.out_features) for _, _, layer in places)
    if rank > narrowest:
        raise ValueError(f"rank must be at most {narrowest}, the width of the narrowest layer, got {rank}")
    model.requires_grad_(False)
    for parent, name, layer in places:
        setattr(parent, name, LoRA(layer, rank=rank, alpha=alpha))
    return model


def merge_lora(model):
    """Put a plain linear layer in place of each LoRA, with the same answers; returns the model."""
    for parent in list(_module(model).modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, LoRA):
                setattr(parent, name, layer.merged())
    return model


def trainable(model):
    """{name: parameter} of what training will change."""
    return {name: each for name, each in _module(model).named_parameters() if each.requires_grad}


def snapshot(model):
    """A copy of the trainable weights, for `assert_moved` to compare with after training."""
    return {name: each.detach().clone() for name, each in trainable(model).items()}


def assert_moved(before, model):
    """Raise RuntimeError, naming them, when trainable weights are what they were before training.

    before: what `snapshot` returned. Training that silently trains nothing spends its epsilon all the same: it happens when the
    optimiser holds other parameters than the model uses (adapters added, or moved to another device, after it was made; Opacus
    issue #820 reports 45 hours lost to that). It does not see that nothing was *learnt*: under noise, every weight that the optimiser
    holds moves.
    """
    now = trainable(model)
    if set(before) != set(now):
        raise RuntimeError(f"other weights are trainable than before training: {', '.join(sorted(set(before) ^ set(now)))}")
    still = [name for name, each in now.items() if torch.equal(before[name], each.detach())]
    if still:
        raise RuntimeError(f"training did not move {len(still)} of {len(now)} trainable weights: {', '.join(still)}. "
                           "Does the optimiser hold the parameters that the model uses?")


def _module(model):
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be a torch.nn.Module, got {model!r}")
    return model
