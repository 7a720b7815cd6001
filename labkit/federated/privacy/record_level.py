"""Training together with a promise for every *record* (a patient), where each client (a hospital) holds many.

In each round every hospital cuts its patients' gradients to a length, adds them up and adds its part of the
noise; only the sum of all hospitals' sums is looked at. The noise is made for one patient, added or removed,
wherever she is treated. It is not made for a hospital: what two sums with and without one tell about it is
not covered.
"""

import secrets

import numpy as np
from scipy.special import expit

from labkit import validate
from labkit.dp.mechanisms.bounding import clip

__all__ = ["noisy_gradient", "train_logistic"]


def noisy_gradient(weights, clients, *, max_grad_norm, noise_multiplier, rng=None):
    """The sum over all patients of their cut gradients of the logistic loss, with Gaussian noise.

    weights:          float array (features,).
    clients:          list of (X, y): array (patients, features), and 0 or 1 for each patient; a client may
                      have none.
    max_grad_norm:    longest (L2) that one patient's gradient is left, > 0: the sensitivity to adding or
                      removing a patient.
    noise_multiplier: standard deviation of the noise over `max_grad_norm`, 0 or more. Each client adds an
                      equal part of the variance; if it is missing at the end, so is its part.
    rng:              numpy Generator, or None for the operating system's randomness.
    Returns a float array (features,).
    Raises ValueError for arguments out of range.
    Source: Dwork, Kenthapadi, McSherry, Mironov, Naor, "Our data, ourselves", Eurocrypt 2006 (noise in
            parts); Abadi et al., CCS 2016.
    """
    weights = validate.array(weights=weights, ndim=1)
    max_grad_norm = validate.positive(max_grad_norm=max_grad_norm)
    sigma = validate.non_negative(noise_multiplier=noise_multiplier) * max_grad_norm  # on the whole sum
    rng = validate.generator(rng=rng)
    rng = np.random.default_rng(secrets.randbits(256)) if rng is None else rng
    if not len(clients) or any(np.shape(X)[1:] != weights.shape or len(X) != len(y) for X, y in clients):
        raise ValueError(f"clients must be a non-empty list of (X, y), X with {len(weights)} columns and y "
                         "as long as X, got other shapes")
    total = np.zeros(len(weights))
    for X, y in clients:
        errors = expit(np.asarray(X) @ weights) - np.asarray(y)
        total += clip(errors[:, None] * X, max_grad_norm=max_grad_norm).sum(axis=0)
        total += rng.normal(0, 1, len(weights)) * sigma / np.sqrt(len(clients))
    return total


def train_logistic(clients, *, patients, rounds, learning_rate, max_grad_norm, noise_multiplier, ridge=1e-3,
                   rng=None):
    """Weights of a logistic regression, trained on all clients together by `rounds` noisy gradients.

    patients:  how many records there are about, > 0: a public number (what the clients announced), by which
               each sum is divided.
    ridge:     weight of half the squared length of the weights in the loss, 0 or more.
    Other arguments as for `noisy_gradient`. Every record is used in every round: the privacy is that of
    `rounds` Gaussian mechanisms, `noise_multiplier_for(epsilon=..., delta=..., sample_rate=1.0,
    steps=rounds)`.
    Returns a float array (features,).
    """
    patients, rounds = validate.positive(patients=patients), validate.integer(rounds=rounds, at_least=1)
    learning_rate, ridge = validate.positive(learning_rate=learning_rate), validate.non_negative(ridge=ridge)
    rng = validate.generator(rng=rng)
    rng = np.random.default_rng(secrets.randbits(256)) if rng is None else rng
    if not len(clients):
        raise ValueError("clients must be a non-empty list of (X, y), got none")
    weights = np.zeros(np.shape(clients[0][0])[1])
    for _ in range(rounds):
        gradient = noisy_gradient(weights, clients, max_grad_norm=max_grad_norm,
                                  noise_multiplier=noise_multiplier, rng=rng)
        weights = weights - learning_rate * (gradient / patients + ridge * weights)
    return weights
