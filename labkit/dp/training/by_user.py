"""DP-SGD with the user as the unit: all that one person wrote is one example, however much it is.

Private training hides one example. Where a person has many records, hiding one of them promises that person little
(`labkit.dp.accounting.groups`). Here a user's records, at most `most` of them, have *one* gradient, that of their mean loss; it is clipped once
and drawn by one coin. The mean of several records is a better gradient than one record's, so with enough users this costs little.

Source: user-level sampling, as in McMahan, Ramage, Talwar, Zhang, ICLR 2018, and Charles et al. 2024, arXiv:2407.07737.
"""

from dataclasses import replace

import numpy as np
from torch import nn
from torch.nn.functional import cross_entropy

from labkit import validate
from labkit.dp.mechanisms.contributions import bounded
from labkit.dp.training.dp_sgd import train_private
from labkit.dp.training.inputs import IGNORED, examples


class PerUser(nn.Module):
    """A model of records, to be given users: (users, records, ...) -> the outputs of all records, one after the other."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x.flatten(0, 1))


def stacked_by_user(X, y, users, *, most, rng: np.random.Generator | None = None):
    """Each user's records side by side: arrays (users, most, ...) of X and of y.

    X, y:   n records and their targets, arrays; y holds whole numbers, of one dimension or more.
    users:  whose record each one is, n names or numbers; a record without a user is left out.
    most:   records a user may have, >= 1; of more, so many are drawn with `rng`. Empty places have zeros in X and IGNORED (-100) in y, for
            which cross-entropy counts nothing.
    Raises ValueError for lengths that differ.
    """
    X, y = examples(X=X), examples(y=y)
    validate.same_length(X=X, y=y, users=users)
    if y.dtype.kind not in "iu":
        raise ValueError(f"y must hold whole numbers, got {y.dtype}")
    kept = np.flatnonzero(bounded(users, contributions=most, rng=rng))
    _, owner = np.unique(np.asarray(users)[kept], return_inverse=True)
    order = np.argsort(owner, kind="stable")
    kept, owner = kept[order], owner[order]
    sizes = np.bincount(owner)
    place = np.arange(len(kept)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    stacked_X = np.zeros((len(sizes), most, *X.shape[1:]), X.dtype)
    stacked_y = np.full((len(sizes), most, *y.shape[1:]), IGNORED, np.int64)
    stacked_X[owner, place], stacked_y[owner, place] = X[kept], y[kept]
    return stacked_X, stacked_y


def train_private_by_user(model, X, y, users, *, most, plan, delta: float, accountant: str = "pld", loss=None,
                          rng: np.random.Generator | None = None, progress=None):
    """Train a copy of `model` so that no *user* shows in it.

    X, y, users, most: as for `stacked_by_user`.
    plan:      a `labkit.dp.Plan` whose sample rate, batch size and number of records count users.
    loss:      loss(outputs, targets) of one user's records, their mean, which counts nothing for IGNORED targets; cross-entropy if None.
    The others as for `labkit.dp.train_private`, which does the work.
    Returns Trained, whose relation is "add or remove one user, with at most `most` records".
    """
    of_records = cross_entropy if loss is None else loss
    if not callable(of_records):
        raise ValueError(f"loss must be a function or None, got {loss!r}")
    stacked_X, stacked_y = stacked_by_user(X, y, users, most=most, rng=rng)
    trained = train_private(PerUser(model), stacked_X, stacked_y, plan=plan, delta=delta, accountant=accountant, rng=rng, progress=progress,
                            loss=lambda outputs, targets: of_records(outputs, targets.flatten(0, 1)))
    return replace(trained, model=trained.model.model, relation=f"add or remove one user, with at most {most} records")
