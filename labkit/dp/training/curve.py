"""The privacy-accuracy curve of a linear model: every epsilon, every seed, in one stacked pass.

Every model has noise of its own. Two models that share it, scaled to their epsilons, give it away: subtracted in the right
proportion they leave the gradients bare (lab 05 does that). The models of one seed do share their batches, which is what makes the
pass fast. So the epsilon of publishing several of them is not composed from theirs: `event_of_all` says what it is.

For softmax regression the gradient of one example is an outer product, x (p - y)', so its norm is |x| |p - y|: clipping
needs no per-example gradient at all, and a hundred models are one tensor. That makes the curve fast enough for a slider.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch
from dp_accounting import dp_event

from labkit import validate
from labkit.dp.accounting.epsilon import ACCOUNTANTS, RELATION, dp_sgd_event
from labkit.dp.mechanisms.records import labels_of
from labkit.dp.training.dp_sgd import Plan, poisson_sample
from labkit.dp.training.inputs import examples
from labkit.threads import torch_threads


@dataclass(frozen=True, eq=False)
class Curve:
    """Accuracy on test data against epsilon, with what is needed to read it.

    epsilons, noise_multipliers:  arrays (E,).
    accuracies:                   array (E, S), one column per seed: its own batches, its own noise.
    delta, accountant, relation:  what each epsilon is told with. Each holds for one model; publishing several of them, or
                                  choosing the best, spends more.
    event:                        what publishing all the models spends, for `labkit.dp.epsilon_of` or a `Budget`.
    non_private:                  accuracy of the same kind of model, fitted until it converges, without privacy.
    majority:                     accuracy of always naming the commonest class of the training data.
    """

    epsilons: np.ndarray
    noise_multipliers: np.ndarray
    accuracies: np.ndarray
    delta: float
    accountant: str
    relation: str
    non_private: float
    majority: float
    event: dp_event.DpEvent

    @property
    def mean(self):
        """Accuracy averaged over the seeds, array (E,)."""
        return self.accuracies.mean(axis=1)


def privacy_accuracy_curve(X, y, X_test, y_test, *, epsilons, delta: float, classes, records, batch_size: int, steps: int = 200, seeds=10,
                           max_grad_norm: float = 1.0, learning_rate: float = 4.0, momentum: float = 0.0,
                           accountant: str = "pld", rng: np.random.Generator | None = None):
    """Train DP softmax regression at each of E epsilons with S seeds, all at once, and measure accuracy.

    X, y:            training records (n, d), numbers scaled by public bounds, and labels 0 ... classes - 1 (n,). A record with a
                     missing or infinite number, or another label, teaches nothing: an error would tell that it is there.
    X_test, y_test:  the same for the test records. Rows get a constant 1 and are scaled to length 1 (each by itself, so
                     that this costs no privacy).
    epsilons:        the E values, positive.
    delta:           far below 1 / records; from 1 / records on it is refused.
    classes, records: how many classes and training records there are, as the public may know it: neither is read from the data,
                     because one record could change it.
    batch_size:      expected batch size, at most `records`. Also the divisor: see `labkit.dp.training.dp_sgd.Plan`, which explains the rest.
    seeds:           S, how many models per epsilon. Each model has its own noise; those of one seed share their batches.
    rng:             numpy Generator, or None for the operating system's randomness.
    Returns a Curve. Raises ValueError before any work for arguments that do not fit.
    """
    classes, records = validate.integer(classes=classes, at_least=2), validate.integer(records=records, at_least=1)
    X, y, X_test, y_test = _checked(X, y, X_test, y_test, classes)
    epsilons = validate.array(epsilons=epsilons, ndim=1).astype(float)
    for epsilon in epsilons:
        validate.positive(epsilons=epsilon)
    if validate.probability(delta=delta) >= 1 / records:
        raise ValueError(f"delta must be below 1 / {records}, one over the number of records, got {delta!r}")
    validate.integer(seeds=seeds, at_least=1)
    validate.one_of(accountant=accountant, options=ACCOUNTANTS)
    validate.generator(rng=rng)
    plans = [Plan.for_budget(epsilon=float(epsilon), delta=delta, records=records, batch_size=batch_size, steps=steps,
                             max_grad_norm=max_grad_norm, learning_rate=learning_rate, momentum=momentum,
                             accountant=accountant) for epsilon in epsilons]
    rngs = (np.random.default_rng() if rng is None else rng).spawn(seeds)
    rows, test_rows = unit_rows(X), unit_rows(X_test)
    weights = train_stacked(rows, y, classes, plans, rngs)
    return Curve(epsilons=epsilons, noise_multipliers=np.array([plan.noise_multiplier for plan in plans]),
                 accuracies=stacked_accuracy(weights, test_rows, y_test), delta=delta, accountant=accountant, relation=RELATION,
                 non_private=_non_private(rows, y, test_rows, y_test), event=event_of_all(plans, seeds),
                 majority=float((y_test == np.bincount(y[y >= 0], minlength=classes).argmax()).mean()))


def event_of_all(plans, seeds=1):
    """What publishing all models of so many seeds spends, one for each of the plans and seeds, as a dp_accounting event.

    plans:  as for `train_stacked`, which trains the models of one seed on the same batches. Each step then releases one Gaussian
            answer about one Poisson sample, with 1 / noise^2 the sum over the plans.
    """
    noise = math.fsum(plan.noise_multiplier**-2 for plan in plans) ** -0.5
    return dp_sgd_event(noise_multiplier=noise, sample_rate=plans[0].sample_rate, steps=plans[0].steps * seeds)


def unit_rows(X):
    """Rows with a constant 1 appended, scaled to length 1; float32 (n, d + 1). Each row is treated by itself.

    A row with a missing or infinite number becomes zero.
    """
    X = np.asarray(X)
    rows = np.empty((len(X), X.shape[1] + 1), np.float32)
    for start in range(0, len(X), 2048):  # some at a time: in double precision they would be the largest thing in memory
        some = np.pad(X[start : start + 2048].astype(np.float64), ((0, 0), (0, 1)), constant_values=1)
        some[~np.isfinite(some).all(axis=1)] = 0
        some /= np.maximum(1, np.abs(some).max(axis=1, initial=0, keepdims=True))  # so that no square overflows
        lengths = np.linalg.norm(some, axis=1, keepdims=True)
        rows[start : start + 2048] = np.divide(some, lengths, out=np.zeros_like(some), where=lengths > 0)
    return rows


def train_stacked(X, y, classes, plans, rngs, *, which=None):
    """DP-SGD on softmax regression without bias for E plans and S seeds together.

    X, y:   float32 (n, d) and int64 (n,). A row that is not finite, or whose label is not in 0 ... classes - 1, adds nothing.
    which:  row numbers of X, n of them, if the records are only those; saves a copy of X. None: all of X.
    plans:  E plans that differ in nothing but their noise_multiplier.
    rngs:   S numpy Generators: seed s draws its batches from rngs[s], one for all plans, and noise for each plan. With a single
            plan the order is that of `train_private`, so that the model is the same, up to rounding.
    Returns the weights, a float32 tensor (E, S, classes, d). What publishing several of them spends: `event_of_all`.
    Noise is numpy's 32-bit normal, which ends at 8.2 standard deviations: beyond lies a mass of 2e-16, to be counted with delta.
    """
    plan = plans[0]
    E, S, n, d = len(plans), len(rngs), len(y), X.shape[1]
    X, y, known = _with_zeros_for_oddities(X, y, classes)
    rows = torch.from_numpy(X if X.flags.writeable else X.copy())  # PyTorch knows no read-only memory
    places = torch.arange(len(y)) if which is None else torch.tensor(which)
    targets = torch.nn.functional.one_hot(torch.tensor(y), classes).to(rows.dtype)
    lengths = rows.norm(dim=1)
    deviations = torch.tensor([each.noise_multiplier * each.max_grad_norm for each in plans])[:, None]
    weights = torch.zeros(S, classes, E, d)
    velocity = torch.zeros_like(weights)
    with torch_threads(1), torch.no_grad():
        for _ in range(plan.steps):
            batch, noise = _draw(rngs, n, (classes, E, d), plan.sample_rate)
            counts, batch = batch < n, batch.clamp(max=len(y) - 1)
            counts = (counts & known[batch])[:, None, None]
            at = places[batch]
            x = rows.index_select(0, at.flatten()).unflatten(0, at.shape)  # (S, m, d); six times as fast as rows[at]
            logits = (weights.flatten(1, 2) @ x.transpose(1, 2)).unflatten(1, (classes, E))
            residuals = torch.softmax(logits, dim=1).sub_(targets[batch].transpose(1, 2)[:, :, None])  # p - y, (S, classes, E, m)
            residuals.mul_(clip_factors(residuals, lengths[at], plan.max_grad_norm) * counts)
            total = (residuals.flatten(1, 2) @ x).unflatten(1, (classes, E))
            total.addcmul_(noise, deviations)
            if plan.momentum:
                total = velocity.mul_(plan.momentum).add_(total, alpha=1 / plan.batch_size)
                weights.sub_(total, alpha=plan.learning_rate)
            else:
                weights.sub_(total, alpha=plan.learning_rate / plan.batch_size)
    return weights.permute(2, 0, 1, 3)


def _with_zeros_for_oddities(X, y, classes):
    """The records as arrays that can be trained on, and which of them have a label that is one; at least one row, also of none."""
    if not (np.isfinite(X.max(initial=0)) and np.isfinite(X.min(initial=0))):  # no array of answers: X is the largest thing here
        X = np.where(np.isfinite(X).all(axis=1, keepdims=True), X, np.float32(0))
    if not len(y):
        X, y = np.zeros((1, X.shape[1]), np.float32), np.zeros(1, np.int64)
    known = (y >= 0) & (y < classes)
    return X, np.where(known, y, 0), torch.from_numpy(known)


def _draw(rngs, n, shape, rate):
    """Each seed's batch, filled up with n to a common length, (S, m), and its unit noise (S, classes, E, d)."""
    batches, noise = [], np.empty((len(rngs), *shape), np.float32)
    for rng, each in zip(rngs, noise):
        batches.append(poisson_sample(rng, n, rate))
        rng.standard_normal(out=each, dtype=np.float32)
    filled = np.full((len(rngs), max(1, *map(len, batches))), n)
    for row, batch in zip(filled, batches):
        row[: len(batch)] = batch
    return torch.from_numpy(filled), torch.from_numpy(noise)


def clip_factors(residuals, lengths, max_grad_norm):
    """What each example's gradient is multiplied by, so that its norm |p - y| |x| is at most max_grad_norm; (S, 1, E, m)."""
    norms = residuals.square().sum(dim=1, keepdim=True).sqrt_().mul_(lengths[:, None, None])
    return (max_grad_norm / norms).clamp_(max=1)


def stacked_accuracy(weights, X, y):
    """Accuracy of each of the (E, S) models on the records X (n, d), y (n,); array (E, S)."""
    E, S, classes, d = weights.shape
    with torch_threads(1):
        logits = (weights.permute(2, 0, 1, 3).reshape(-1, d) @ torch.from_numpy(X).T).unflatten(0, (classes, E, S))
        return (logits.argmax(0) == torch.tensor(y)).double().mean(-1).numpy()


_FITTED = {}  # the non-private reference is the same for every slider position


def _non_private(X, y, X_test, y_test):
    from sklearn.linear_model import LogisticRegression

    known = y >= 0
    X, y = X[known], y[known]
    if len(np.unique(y)) < 2:
        return float((y_test == np.bincount(y, minlength=1).argmax()).mean())
    key = hashlib.sha256(b"".join(np.ascontiguousarray(each).tobytes() for each in (X, y, X_test, y_test))).digest()
    if key not in _FITTED:
        _FITTED[key] = float(LogisticRegression(C=100, max_iter=1000).fit(X, y).score(X_test, y_test))
    return _FITTED[key]


def _checked(X, y, X_test, y_test, classes):
    X, X_test = examples(X=X), validate.array(X_test=X_test, ndim=2)
    if X.ndim != 2 or not X.shape[1]:
        raise ValueError(f"X must be a matrix, one row for each record, got shape {X.shape}")
    y, y_test = labels_of(classes, y=y), validate.array(y_test=y_test, ndim=1)
    validate.same_length(X=X, y=y)
    validate.same_length(X_test=X_test, y_test=y_test)
    if X.shape[1] != X_test.shape[1]:
        raise ValueError(f"X_test must have as many columns as X ({X.shape[1]}), got {X_test.shape[1]}")
    if y_test.dtype.kind not in "iu" or y_test.min() < 0 or y_test.max() >= classes:
        raise ValueError(f"y_test must hold whole numbers from 0 to {classes - 1}, got {y_test!r:.80}")
    return X, y, X_test, y_test.astype(np.int64)
