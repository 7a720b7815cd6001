"""Broken ways to answer a question with noise. `rows` holds one 0 or 1 per person; a function makes many independent runs."""

import numpy as np

from labkit.dp.mechanisms.calibration import gaussian_sigma
from labkit.dp.mechanisms.numeric import geometric
from labkit.dp.zoo.specimen import AuditSetting, Specimen

ADD, REPLACE = "one person added or removed", "one person replaced"
FORTY = np.repeat([0, 1], 20)
ONE_MORE, ONE_SWITCHED = np.append(FORTY, 1), np.append(FORTY[:-1], 0)


def histogram(rows, runs, rng, *, epsilon, delta):
    counts = np.array([np.sum(rows == 0), np.sum(rows == 1)])
    return counts + rng.laplace(scale=1 / epsilon, size=(runs, 2))


def histogram_repaired(rows, runs, rng, *, epsilon, delta):
    counts = np.array([np.sum(rows == 0), np.sum(rows == 1)])
    return counts + rng.laplace(scale=2 / epsilon, size=(runs, 2))


def inverted(rows, runs, rng, *, epsilon, delta):
    return rows.sum() + rng.laplace(scale=epsilon, size=runs)


def inverted_repaired(rows, runs, rng, *, epsilon, delta):
    return rows.sum() + rng.laplace(scale=1 / epsilon, size=runs)


def seeded(rows, runs, rng, *, epsilon, delta, restarts=True):
    ours = np.random.default_rng(42)
    noise = ours.laplace(scale=1 / epsilon, size=None if restarts else runs)
    return rows.sum() + noise * np.ones(runs)


def seeded_repaired(rows, runs, rng, *, epsilon, delta, restarts=True):
    ours = np.random.default_rng(42)
    noise = rng.laplace(scale=1 / epsilon, size=runs)
    return rows.sum() + noise * np.ones(runs)


def classic_gaussian(rows, runs, rng, *, epsilon, delta):
    sigma = np.sqrt(2 * np.log(1.25 / delta)) / epsilon
    return rows.sum() + rng.normal(scale=sigma, size=runs)


def classic_gaussian_repaired(rows, runs, rng, *, epsilon, delta):
    sigma = gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=1)
    return rows.sum() + rng.normal(scale=sigma, size=runs)


def floating_point(rows, runs, rng, *, epsilon, delta):
    total = np.full(runs, rows.sum())
    return total + rng.laplace(scale=1 / epsilon, size=runs)


def floating_point_repaired(rows, runs, rng, *, epsilon, delta):
    total = np.full(runs, rows.sum())
    return geometric(total, sensitivity=1, epsilon=epsilon, rng=rng)


def leftover_digits(answers):
    """1 where an answer has digits below 2^-53. One plus noise never has; noise alone often does (Mironov 2012)."""
    return (answers * 2.0**53 % 1 != 0).astype(int)


SPECIMENS = (
    Specimen(
        "Histogram, sensitivity off by two",
        "Replacing a person takes one from a bin and gives one to another: the counts move by 2 in all, the noise is for 1.",
        "Noise of scale 2 / epsilon.", REPLACE, histogram, histogram_repaired,
        look=AuditSetting("One person changes bin; the auditor subtracts the two noisy counts.", 1.0, 0.0, (FORTY, ONE_SWITCHED),
                     lambda counts: counts[:, 1] - counts[:, 0]),
        overlook=AuditSetting("The auditor looks at one bin only.", 1.0, 0.0, (FORTY, ONE_SWITCHED), lambda counts: counts[:, 1])),
    Specimen(
        "Laplace, scale inverted",
        "Multiplies by epsilon where it should divide.",
        "Noise of scale 1 / epsilon.", ADD, inverted, inverted_repaired,
        look=AuditSetting("The mechanism runs at epsilon 0.5.", 0.5, 0.0, (ONE_MORE, FORTY)),
        overlook=AuditSetting("The mechanism runs at epsilon 1, where dividing and multiplying are the same.", 1.0, 0.0,
                         (ONE_MORE, FORTY))),
    Specimen(
        "Laplace, noise seeded",
        "The seed stands in the code: after each restart the noise is the same, and whoever runs the code can subtract it.",
        "Draw the noise from a fresh generator.", ADD, seeded, seeded_repaired,
        look=AuditSetting("Each run restarts the program.", 1.0, 0.0, (ONE_MORE, FORTY)),
        overlook=AuditSetting("All runs happen in one program, whose generator moves on.", 1.0, 0.0, (ONE_MORE, FORTY),
                         options={"restarts": False})),
    Specimen(
        "Gaussian, classic formula at epsilon 10",
        "The textbook formula is proved for epsilon up to 1. At 10, with this delta, its noise is too small.",
        "Solve for sigma (Balle and Wang 2018).", ADD, classic_gaussian, classic_gaussian_repaired,
        look=AuditSetting("The auditor reads the outputs as two Gaussian hills.", 10.0, 0.05, (ONE_MORE, FORTY), reading="Gaussian"),
        overlook=AuditSetting("The auditor only counts: 20,000 runs cannot show an epsilon of 10, whatever the mechanism.", 10.0, 0.05,
                         (ONE_MORE, FORTY))),
    Specimen(
        "Laplace in floating point",
        "A computer's noise has gaps, and they lie elsewhere for another count: the last digits give the count away.",
        "Whole-number noise, exact.", ADD, floating_point, floating_point_repaired,
        look=AuditSetting("The auditor looks for digits below 2^-53.", 1.0, 0.0, (np.array([1]), np.array([0])), leftover_digits),
        overlook=AuditSetting("The auditor looks at how large the answer is, not at its last digits.", 1.0, 0.0,
                         (np.array([1]), np.array([0])))),
)
