"""Exercises of lab 05b, handwritten digits at epsilon 3."""

import numpy as np

from labkit.dp import noise_multiplier_for
from labkit.exercises.choices import set_of_letters
from labkit.lab import Checks

check = Checks()

FREE = {"a", "d", "e"}
WHY = {
    "a": "it looks at one image at a time, so nobody's image enters another's row",
    "b": "the mean image is computed from everybody's records, and was paid for by nobody",
    "c": "principal components of the training images are computed from them",
    "d": "other people's published digits are not the records that you promised to protect",
    "e": "the weights of each step are private already; averaging them looks at nothing else",
    "f": "each comparison looks at the held-out records, which are private too",
}

check.add(
    "what is free", judge=set_of_letters(FREE, WHY),
    hint="For each, ask: if one training record were another person's, could anything change except that record's own row?",
    wrong=[set(), {"a", "e"}, {"a", "b", "d", "e"}, {"a", "c", "d", "e"}, "adez"],
)


def _factors(function):
    rng = np.random.default_rng(0)
    for max_grad_norm in (0.2, 1.0):
        rows = rng.normal(size=(7, 12)) * rng.uniform(0.1, 3, size=(7, 1))
        errors = rng.normal(size=(7, 10)) * rng.uniform(0.01, 1, size=(7, 1))
        gradients = rows[:, :, None] * errors[:, None]
        expected = np.minimum(1, max_grad_norm / np.linalg.norm(gradients, axis=(1, 2)))
        factors = np.asarray(function(rows, errors, max_grad_norm))
        if factors.shape != (7,):
            return f"expected one factor for each of the 7 examples, shape (7,), you gave shape {factors.shape}"
        if not np.allclose(factors, expected):
            worst = int(np.abs(factors - expected).argmax())
            return (f"expected the factor {expected[worst]:.4g} for a row of length {np.linalg.norm(rows[worst]):.3g} and an error "
                    f"of length {np.linalg.norm(errors[worst]):.3g} at clip {max_grad_norm:g}, you gave {factors[worst]:.4g}")
    return None


check.add(
    "clip without gradients", judge=_factors,
    hint="The gradient of one example is the outer product of its row and its error, and the length of an outer product is the "
         "product of the two lengths.",
    wrong=[lambda rows, errors, max_grad_norm: np.minimum(1, max_grad_norm / np.linalg.norm(errors, axis=1)),
           lambda rows, errors, max_grad_norm: max_grad_norm / (np.linalg.norm(rows, axis=1) * np.linalg.norm(errors, axis=1)),
           lambda rows, errors, max_grad_norm: np.minimum(1, max_grad_norm / np.linalg.norm(rows, axis=1, keepdims=True)),
           lambda rows, errors, max_grad_norm: np.ones(len(rows))],
)


def _ratio(answer):
    answer = float(answer)
    half, whole = (noise_multiplier_for(epsilon=3, delta=1e-6, sample_rate=size / 60_000, steps=steps) / size
                   for size, steps in ((2048, 800), (4096, 400)))
    ratio = half / whole * 2**0.5 * 0.5  # twice the steps, each with half the learning rate
    return None if abs(answer - ratio) <= 0.02 else f"expected {ratio:.3g} (within 0.02), you gave {answer:.3g}"


check.add(
    "half the batch", judge=_ratio,
    hint="The noise on one step's mean gradient is noise_multiplier / batch. Independent noises add up like random steps: over k "
         "steps the spread is sqrt(k) times learning rate times that.",
    wrong=[1, 2, 0.5, 1.41],
)
