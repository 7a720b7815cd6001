"""One-parameter models and clients whose rounds can be computed on paper."""

import numpy as np
import torch

from labkit.federated import Update, simulate, vector_of

MSE = torch.nn.functional.mse_loss


def line(start=0.0):
    """y = w x, one parameter."""
    model = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False)).double()
    torch.nn.init.constant_(model[0].weight, start)
    return model


def point(x, y, copies=1):
    """A client whose loss is (w x - y)^2, so its gradient is 2 x (w x - y)."""
    return np.full((copies, 1), float(x)), np.full((copies, 1), float(y))


def weight_after(strategy, clients, *, start=0.0, engine="lean", **options):
    """The model's one number after `simulate`."""
    return float(vector_of(simulate(line(start), clients, strategy, loss=MSE, engine=engine, **options).model))


def update(client, examples, *change):
    """An `Update` after one step."""
    return Update(client, examples, 1, {"change": torch.tensor(change, dtype=torch.float64)})
