"""Gradient ascent: push the loss of what is to be forgotten up again.

Training went down the loss of a text; so go up. It is the cheapest shortcut, a few steps on one text, and comes with no guarantee at
all: it changes what the model *says*, and nobody knows what the weights still hold. Too far, and the secret becomes the one value that
the model says least, which tells it as surely.

Source: Jang et al., "Knowledge Unlearning for Mitigating Privacy Risks in Language Models", ACL 2023, arXiv:2210.01504; Golatkar,
Achille, Soatto, "Eternal Sunshine of the Spotless Net", CVPR 2020, arXiv:1911.04933, name the effect of going too far.
"""

import copy
import math

import numpy as np
import torch

from labkit import validate
from labkit.models.transformer import next_token_loss


def ascend(model, tokens, *, learning_rate, steps, until=math.inf, part=slice(None), keep=None):
    """A copy of a language model after gradient ascent on some texts; returns (copy, steps taken). `model` stays as it is.

    model:          torch module, token ids (batch, time) -> logits (batch, time, vocabulary).
    tokens:         int array (texts, 1 + length): what to forget.
    learning_rate:  > 0, of plain gradient steps. steps: the most that are taken, whole number >= 1.
    until:          stop once the mean loss, in nats a token, is at least this; by default never.
    part:           which of the `length` predicted tokens count, a slice; by default all.
    keep:           int array of texts on which the copy is held to the old model's answers (cross-entropy to its probabilities), or None.
    Raises ValueError for arguments out of range, before any work.
    """
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"model must be a torch.nn.Module, got {model!r}")
    tokens = _rows(tokens=tokens)
    validate.positive(learning_rate=learning_rate)
    validate.integer(steps=steps, at_least=1)
    if not isinstance(part, slice) or not len(range(tokens.shape[1] - 1)[part]):
        raise ValueError(f"part must be a slice that holds some of the {tokens.shape[1] - 1} predicted tokens, got {part!r}")
    if not isinstance(until, (int, float)) or not until > 0:
        raise ValueError(f"until must be a loss above 0, got {until!r}")
    pull = _pull(model, _rows(keep=keep)) if keep is not None else None
    changed = copy.deepcopy(model)
    optimiser = torch.optim.SGD(changed.parameters(), lr=learning_rate)
    for taken in range(steps):
        loss = next_token_loss(changed(tokens[:, :-1])[:, part], tokens[:, 1:][:, part])
        if loss.item() >= until:
            return changed, taken
        optimiser.zero_grad()
        (pull(changed) - loss if pull else -loss).backward()
        optimiser.step()
    return changed, steps


def _rows(**argument):
    ((name, _),) = argument.items()
    rows = validate.array(**argument, ndim=2)
    if rows.dtype.kind not in "iu" or rows.min() < 0 or rows.shape[1] < 2:
        raise ValueError(f"{name} must hold token ids, at least two a text, got {rows!r:.80}")
    return torch.from_numpy(rows.astype(np.int64))


def _pull(model, kept):
    """How far a changed model's answers on `kept` are from the old ones, as a function to minimise."""
    with torch.no_grad():
        old = model(kept[:, :-1]).softmax(-1)
    return lambda changed: -(old * changed(kept[:, :-1]).log_softmax(-1)).sum(-1).mean()
