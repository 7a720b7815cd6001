"""Softmax regression and a multilayer perceptron. No layer mixes examples, so each can be trained with DP-SGD."""

from torch import nn

from labkit import validate


def softmax_regression(features, classes):
    """One linear layer from `features` inputs to `classes` logits, starting at zero (the loss is convex)."""
    layer = nn.Linear(validate.integer(features=features, at_least=1), validate.integer(classes=classes, at_least=2))
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def mlp(features, hidden, classes):
    """features -> hidden ReLU units -> classes logits, with torch's usual random start (seed it with torch.manual_seed)."""
    features, hidden = validate.integer(features=features, at_least=1), validate.integer(hidden=hidden, at_least=1)
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(),
                         nn.Linear(hidden, validate.integer(classes=classes, at_least=2)))
