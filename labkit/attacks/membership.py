"""Membership inference: was this record in the training set?

An attack gives each record a score, higher where it looks more as if the model was trained on it. `loss_threshold` takes the model's
loss alone. `lira` asks what the loss of *this* record would be with it in the training set and without, from other models trained on
other samples (shadow models): some records are hard for every model, and only the comparison shows who was there.

An attack is judged where false alarms are few (`Roc.true_positives_at`): one that names ten people and is always right harms them,
though on average it is no better than a coin.
"""

from dataclasses import dataclass

import numpy as np

from labkit import validate

LEAST_SHADOWS = 3  # models with a record, and without it, for a mean and a spread


@dataclass(frozen=True)
class Roc:
    """What an attack achieves at every threshold: arrays of equal length, from (0, 0) to (1, 1).

    false_positives:  share of non-members that are accused.
    true_positives:   share of members that are found.
    """

    false_positives: np.ndarray
    true_positives: np.ndarray

    @property
    def auc(self):
        """The chance that a random member scores higher than a random non-member; 0.5 is a coin toss."""
        return float(np.trapezoid(self.true_positives, self.false_positives))

    def true_positives_at(self, false_positives):
        """The share of members found when at most this share of non-members, above 0 and up to 1, is accused.

        Between two thresholds the attacker tosses a coin which to use, so the curve is interpolated.
        """
        return float(np.interp(validate.fraction(false_positives=false_positives), self.false_positives, self.true_positives))


def roc(scores, members):
    """The Roc of scores against the truth.

    scores:   one number per record, higher for "member"; any shape.
    members:  bool, the same shape. Both members and non-members must occur.
    Raises ValueError for scores that are not finite, members that are not bool, or shapes that differ.
    """
    scores, members = _pair(scores=scores, members=members)
    scores, members = scores.ravel(), members.ravel()
    if members.all() or not members.any():
        raise ValueError(f"members must hold both True and False, got only {members.flat[0]}")
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # equal scores are accused together
    found = np.cumsum(members[order])[ends]
    accused = ends + 1 - found
    return Roc(np.append(0, accused) / (~members).sum(), np.append(0, found) / members.sum())


def log_odds(logits, y):
    """How sure a model is of the right label: log of its probability over that of all the others.

    logits: array (..., n, classes), y: labels (n,), whole numbers from 0. Returns an array (..., n), finite where the logits are.
    Unlike the loss it is nearly normally distributed over models, which `lira` relies on.
    Raises ValueError for logits that are not finite, or labels that do not fit.
    """
    logits, right = _right(logits, y)
    others = np.where(right, -np.inf, logits)
    most = others.max(axis=-1, keepdims=True)
    return logits[right].reshape(logits.shape[:-1]) - (most + np.log(np.exp(others - most).sum(axis=-1, keepdims=True)))[..., 0]


def loss_threshold(logits, y):
    """The attack of one line: the lower the loss (cross-entropy), the likelier a member. Arguments as for `log_odds`.

    Returns scores, array (..., n). Source: Yeom, Giacomelli, Fredrikson, Jha, CSF 2018.
    """
    return -np.logaddexp(0, -log_odds(logits, y))


def lira(sureness, members):
    """The likelihood-ratio attack: each model in turn is the target, all the others are its shadow models.

    sureness:  `log_odds` of each model for each record, array (models, records).
    members:   which records each model was trained on, bool, the same shape; each by its own coin.
    Returns scores (models, records): the log of how much likelier the target's sureness is under a normal distribution fitted to the
    shadows that had the record than under one fitted to those that had not.
    Raises ValueError for shapes that differ, or a record that fewer than 4 models have, or fewer than 4 have not.
    Source: Carlini, Chien, Nasr, Song, Terzis, Tramer, "Membership Inference Attacks From First Principles", IEEE S&P 2022.
    """
    sureness, members = _pair(sureness=sureness, members=members)
    if sureness.ndim != 2:
        raise ValueError(f"sureness must have the shape (models, records), got {sureness.shape}")
    fewest = min(members.sum(axis=0).min(), (~members).sum(axis=0).min())
    if fewest <= LEAST_SHADOWS:
        raise ValueError(f"members must hold each record, and leave each out, in at least {LEAST_SHADOWS + 1} models, got {fewest}")
    return _log_density(sureness, members) - _log_density(sureness, ~members)


def _log_density(sureness, group):
    """Log density of each model's sureness under a normal fitted to the other models of the group; (models, records)."""
    own = group.astype(float)
    counts = own.sum(axis=0) - own
    centred = sureness - sureness.mean(axis=0)  # small numbers, so that squares lose no digits
    values = own * centred
    means = (values.sum(axis=0) - values) / counts
    squares = own * centred**2
    spread = np.sqrt(np.maximum((squares.sum(axis=0) - squares) / counts - means**2, 0)) + 1e-6
    return -((centred - means) ** 2) / (2 * spread**2) - np.log(spread)


def _pair(*, members, **scores):
    ((name, given),) = scores.items()
    values, members = validate.array(**scores), validate.array(members=members)
    if members.dtype != bool:
        raise ValueError(f"members must be an array of True and False, got dtype {members.dtype}")
    if values.shape != members.shape:
        raise ValueError(f"{name} and members must have the same shape, got {values.shape} and {members.shape}")
    return values, members


def _right(logits, y):
    """The logits as float64, and where the right label stands, bool of the same shape."""
    logits, y = validate.array(logits=logits), validate.array(y=y, ndim=1)
    if logits.ndim < 2 or logits.shape[-1] < 2 or logits.shape[-2] != len(y):
        raise ValueError(f"logits must have the shape (..., {len(y)}, classes), one row per label, got {logits.shape}")
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= logits.shape[-1]:
        raise ValueError(f"y must hold whole numbers from 0 to {logits.shape[-1] - 1}, got {y!r}")
    return logits.astype(float), np.broadcast_to(np.arange(logits.shape[-1]) == y[:, None], logits.shape)
