"""Averages that a few liars cannot move far: median, trimmed mean, Krum. They must see every single update.

Each function takes one change per row, shape (clients, P), and returns one of shape (P,). They count clients, not records:
a liar would otherwise claim a million records. None of them detects anything; honest clients that differ from the others are
cut off too.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.distance import pdist, squareform

from labkit import validate
from labkit.federated.strategies.strategy import Strategy

__all__ = ["coordinate_median", "trimmed_mean", "krum", "krum_scores", "Median", "TrimmedMean", "Krum"]


def coordinate_median(changes):
    """The median of each coordinate by itself; holds while more than half of the clients are honest.

    Source: Yin, Chen, Ramchandran, Bartlett, "Byzantine-robust distributed learning", ICML 2018.
    """
    return np.median(validate.array(changes=changes, ndim=2), axis=0)


def trimmed_mean(changes, *, trim):
    """The mean of each coordinate without its `trim` smallest and `trim` largest values.

    Raises ValueError when that would leave nothing: 2 x trim must be below the number of clients.
    Source: Yin, Chen, Ramchandran, Bartlett, ICML 2018.
    """
    changes = validate.array(changes=changes, ndim=2)
    trim = validate.integer(trim=trim, at_least=0, at_most=(len(changes) - 1) // 2)
    return np.sort(changes, axis=0)[trim:len(changes) - trim].mean(axis=0)


def krum_scores(changes, *, malicious):
    """For each client the sum of squared distances to its n - malicious - 2 nearest others; small is trustworthy.

    Raises ValueError unless there are at least 2 x malicious + 3 clients, as the paper's guarantee asks.
    """
    changes = validate.array(changes=changes, ndim=2).astype(np.float64)
    clients = len(changes)
    malicious = validate.integer(malicious=malicious, at_least=0)
    if clients < 2 * malicious + 3:
        raise ValueError(f"malicious must leave at least 2 x malicious + 3 clients, got {malicious} malicious of {clients}")
    # Not |a|^2 + |b|^2 - 2ab: far from zero, or beside a liar's huge change, that loses the small distances.
    distances = squareform(pdist(changes, "sqeuclidean"))
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :clients - malicious - 2].sum(axis=1)


def krum(changes, *, malicious, keep=1):
    """The change with the smallest score, or the mean of the `keep` smallest ("multi-Krum").

    malicious: how many liars to withstand; 2 x malicious + 3 clients are needed.
    keep:      from 1 to the number of clients less `malicious`.
    Source: Blanchard, El Mhamdi, Guerraoui, Stainer, "Machine learning with adversaries: Byzantine tolerant gradient
    descent", NeurIPS 2017.
    """
    changes = validate.array(changes=changes, ndim=2)
    scores = krum_scores(changes, malicious=malicious)
    keep = validate.integer(keep=keep, at_least=1, at_most=len(changes) - malicious)
    return changes[np.argsort(scores, kind="stable")[:keep]].mean(axis=0)


class _Robust(Strategy):
    """FedAvg with another middle than the mean."""

    needs_single_updates = True

    def aggregate(self, parameters, updates, memory):
        if len(updates) < self.at_least:
            warnings.warn(f"{type(self).__name__} needs {self.at_least} updates and got {len(updates)}: the model stays as it was",
                          RuntimeWarning, stacklevel=2)
            return parameters, memory
        changes = torch.stack([each.message["change"] for each in updates])
        middle = torch.from_numpy(np.asarray(self.middle(changes.cpu().numpy()))).to(parameters)
        return parameters + middle, memory

    def check(self, cohort):
        if cohort < self.at_least:
            raise ValueError(f"cohort must be at least {self.at_least} for {self}, got {cohort}")


@dataclass(frozen=True)
class Median(_Robust):
    """Move by the coordinate-wise median of the changes."""

    at_least = 1

    def middle(self, changes):
        """One change from many."""
        return coordinate_median(changes)


@dataclass(frozen=True)
class TrimmedMean(_Robust):
    """Move by the trimmed mean: `trim` clients are cut off at either end of each coordinate."""

    trim: int = 1

    def __post_init__(self):
        validate.integer(trim=self.trim, at_least=0)

    @property
    def at_least(self):
        """How many updates it takes."""
        return 2 * self.trim + 1

    def middle(self, changes):
        """One change from many."""
        return trimmed_mean(changes, trim=self.trim)


@dataclass(frozen=True)
class Krum(_Robust):
    """Move by the change that lies nearest to its neighbours, or by the mean of the `keep` nearest."""

    malicious: int = 1
    keep: int = 1

    def __post_init__(self):
        validate.integer(malicious=self.malicious, at_least=0)
        validate.integer(keep=self.keep, at_least=1)

    @property
    def at_least(self):
        """How many updates it takes."""
        return max(2 * self.malicious + 3, self.malicious + self.keep)

    def middle(self, changes):
        """One change from many."""
        return krum(changes, malicious=self.malicious, keep=self.keep)
