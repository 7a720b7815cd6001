"""The privacy-accuracy curve of a linear model: every epsilon, every seed, in one stacked pass.

For softmax regression the gradient of one example is an outer product, x (p - y)', so its norm is |x| |p - y|: clipping
needs no per-example gradient at all, and a hundred models are one tensor. That makes the curve fast enough for a slider.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch

from labkit import validate
from labkit.dp.accounting.epsilon import ACCOUNTANTS, RELATION
from labkit.dp.training.dp_sgd import Plan, poisson_sample
from labkit.threads import torch_threads


@dataclass(frozen=True, eq=False)
class Curve:
    """Accuracy on test data against epsilon, with what is needed to read it.

    epsilons, noise_multipliers:  arrays (E,).
    accuracies:                   array (E, S), one column per seed: its own batches, its own noise.
    delta, accountant, relation:  what each epsilon is told with. Each holds for one model; publishing several of them, or
                                  choosing the best, spends more.
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

    @property
    def mean(self):
        """Accuracy averaged over the seeds, array (E,)."""
        return self.accuracies.mean(axis=1)


def privacy_accuracy_curve(X, y, X_test, y_test, *, epsilons, delta, batch_size, steps=200, seeds=10, max_grad_norm=1.0,
                           learning_rate=4.0, momentum=0.0, accountant="pld", rng=None):
    """Train DP softmax regression at each of E epsilons with S seeds, all at once, and measure accuracy.

    X, y:            training records (n, d), numbers scaled by public bounds, and labels 0 ... classes - 1 (n,).
    X_test, y_test:  the same for the test records. Rows get a constant 1 and are scaled to length 1 (each by itself, so
                     that this costs no privacy).
    epsilons:        the E values, positive.
    delta:           below 1 / n.
    batch_size:      expected batch size, at most n. Also the divisor: see `labkit.dp.training.dp_sgd.Plan`, which explains the rest.
    seeds:           S, how many models per epsilon. Each has its own Poisson batches and noise. The models of one seed at
                     different epsilons share both, the noise scaled to each: their differences are then due to epsilon.
    rng:             numpy Generator, or None for the operating system's randomness.
    Returns a Curve. Raises ValueError before any work for arguments that do not fit.
    """
    X, y, X_test, y_test = _checked(X, y, X_test, y_test)
    epsilons = validate.array(epsilons=epsilons, ndim=1).astype(float)
    for epsilon in epsilons:
        validate.positive(epsilons=epsilon)
    if validate.probability(delta=delta) >= 1 / len(X):
        raise ValueError(f"delta must be below 1 / {len(X)}, one over the number of records, got {delta!r}")
    validate.integer(seeds=seeds, at_least=1)
    validate.one_of(accountant=accountant, options=ACCOUNTANTS)
    validate.generator(rng=rng)
    plans = [Plan.for_budget(epsilon=float(epsilon), delta=delta, records=len(X), batch_size=batch_size, steps=steps,
                             max_grad_norm=max_grad_norm, learning_rate=learning_rate, momentum=momentum,
                             accountant=accountant) for epsilon in epsilons]
    rngs = (np.random.default_rng() if rng is None else rng).spawn(seeds)
    rows, test_rows = unit_rows(X), unit_rows(X_test)
    weights = train_stacked(rows, y, int(y.max()) + 1, plans, rngs)
    return Curve(epsilons=epsilons, noise_multipliers=np.array([plan.noise_multiplier for plan in plans]),
                 accuracies=stacked_accuracy(weights, test_rows, y_test), delta=delta, accountant=accountant, relation=RELATION,
                 non_private=_non_private(rows, y, test_rows, y_test),
                 majority=float((y_test == np.bincount(y).argmax()).mean()))


def unit_rows(X):
    """Rows with a constant 1 appended, scaled to length 1; float32 (n, d + 1). Each row is treated by itself."""
    X = np.concatenate([X, np.ones((len(X), 1))], axis=1)
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def train_stacked(X, y, classes, plans, rngs, *, which=None):
    """DP-SGD on softmax regression without bias for E plans and S seeds together.

    X, y:   float32 (n, d) and int64 (n,).
    which:  row numbers of X, n of them, if the records are only those; saves a copy of X. None: all of X.
    plans:  E plans that differ in nothing but their noise_multiplier.
    rngs:   S numpy Generators: seed s draws its batches and noise from rngs[s] in the order of `train_private`, so that
            the model at (e, s) is the one that `train_private` makes from plans[e] and rngs[s], up to rounding.
    Returns the weights, a float32 tensor (E, S, classes, d).
    """
    plan = plans[0]
    E, S, n, d = len(plans), len(rngs), len(y), X.shape[1]
    rows = torch.from_numpy(X if X.flags.writeable else X.copy())  # PyTorch knows no read-only memory
    places = torch.arange(n) if which is None else torch.tensor(which)
    targets = torch.nn.functional.one_hot(torch.tensor(y), classes).to(rows.dtype)
    lengths = rows.norm(dim=1)
    deviations = torch.tensor([each.noise_multiplier * each.max_grad_norm for each in plans])
    weights = torch.zeros(S, classes, E, d)
    velocity = torch.zeros_like(weights)
    with torch_threads(1), torch.no_grad():
        for _ in range(plan.steps):
            batch, noise = _draw(rngs, n, classes, d, plan.sample_rate)
            drawn, batch = batch < n, batch.clamp(max=n - 1)
            at = places[batch]
            x = rows.index_select(0, at.flatten()).unflatten(0, at.shape)  # (S, m, d); six times as fast as rows[at]
            logits = (weights.flatten(1, 2) @ x.transpose(1, 2)).unflatten(1, (classes, E))
            residuals = torch.softmax(logits, dim=1).sub_(targets[batch].transpose(1, 2)[:, :, None])  # p - y, (S, classes, E, m)
            residuals.mul_(drawn[:, None, None])
            residuals.mul_(clip_factors(residuals, lengths[at], plan.max_grad_norm))
            total = (residuals.flatten(1, 2) @ x).unflatten(1, (classes, E))
            total.add_(noise[:, :, None] * deviations[:, None])
            velocity.mul_(plan.momentum).add_(total, alpha=1 / plan.batch_size)
            weights.sub_(velocity, alpha=plan.learning_rate)
    return weights.permute(2, 0, 1, 3)


def _draw(rngs, n, classes, d, rate):
    """Each seed's batch, filled up with n to a common length, (S, m), and its unit noise (S, classes, d)."""
    batches, noise = [], np.empty((len(rngs), classes, d), np.float32)
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

    key = hashlib.sha256(b"".join(np.ascontiguousarray(each).tobytes() for each in (X, y, X_test, y_test))).digest()
    if key not in _FITTED:
        _FITTED[key] = float(LogisticRegression(C=100, max_iter=1000).fit(X, y).score(X_test, y_test))
    return _FITTED[key]


def _checked(X, y, X_test, y_test):
    X, X_test = validate.array(X=X, ndim=2), validate.array(X_test=X_test, ndim=2)
    y, y_test = validate.array(y=y, ndim=1), validate.array(y_test=y_test, ndim=1)
    validate.same_length(X=X, y=y)
    validate.same_length(X_test=X_test, y_test=y_test)
    if X.shape[1] != X_test.shape[1]:
        raise ValueError(f"X_test must have as many columns as X ({X.shape[1]}), got {X_test.shape[1]}")
    for name, labels in [("y", y), ("y_test", y_test)]:
        if labels.dtype.kind not in "iu" or labels.min() < 0:
            raise ValueError(f"{name} must hold whole numbers from 0, got {labels!r}")
    if y.max() < 1:
        raise ValueError("y must hold at least two classes, got only 0")
    return X, y.astype(np.int64), X_test, y_test.astype(np.int64)
