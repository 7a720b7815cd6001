"""What is learned, from what, and how: the same for server, clients and simulator."""

import torch

from labkit import datasets
from labkit.federated import FedAvg, partition
from labkit.models import small

SEED = 9
STRATEGY = FedAvg()
WORK = {"local_steps": 20, "batch_size": 32, "learning_rate": 0.5, "seed": SEED}


def model():
    """A small network for digits, always with the same start."""
    torch.manual_seed(SEED)
    return small.mlp(64, 32, 10)


def records(clinic, clinics):
    """The records of one clinic. A real client would read its own database here, and know of no other."""
    train, _ = datasets.digits().split(seed=SEED)
    own = partition.dirichlet(train.y, clients=clinics, alpha=1.0, seed=SEED)[clinic]
    return torch.from_numpy(train.X[own]), torch.from_numpy(train.y[own])


def evaluate(trained):
    """Accuracy on digits that no clinic has seen."""
    _, test = datasets.digits().split(seed=SEED)
    with torch.no_grad():
        said = trained(torch.from_numpy(test.X)).argmax(1).numpy()
    return {"accuracy": float((said == test.y).mean())}
