"""Exercises of lab 07, federated learning."""

import numpy as np

from labkit.exercises.choices import one_letter
from labkit.lab.checks import Checks

check = Checks()

check.add(
    "two hospitals", expected=0.3, tolerance=1e-9, wrong=[0.4, 0.5, "0.6"],
    hint="Every patient counts once: multiply each model by its hospital's number of patients, add, divide by all patients.")

check.add(
    "traffic", expected=2_080_000, wrong=[1_040_000, 2_600, 104_000, 4_160_000],
    hint="rounds x clients x parameters x 4 bytes, for what goes down and for what comes up; SCAFFOLD sends a second "
         "vector of the same length each way.")


def _judge_local_step(step):
    theta, gradient = np.array([1.0, -2.0]), np.array([0.5, 0.5])
    found, expected = np.asarray(step(theta.copy(), gradient, 0.1), dtype=float), theta - 0.1 * gradient
    if found.shape == expected.shape and np.allclose(found, expected):
        return None
    return f"from {theta} with gradient {gradient} and learning rate 0.1 expected {expected}, you returned {found}"


check.add(
    "local step", judge=_judge_local_step,
    wrong=[lambda theta, gradient, learning_rate: theta + learning_rate * gradient,
           lambda theta, gradient, learning_rate: theta - gradient,
           lambda theta, gradient, learning_rate: None, 3],
    hint="The gradient points to where the loss grows fastest, so take the learning rate times it away.")


def _judge_read(read):
    rng = np.random.default_rng(7)
    record = rng.random(6)
    errors = rng.normal(size=4)  # how far each output is from its target
    errors[1] = 0.0  # an output that learned nothing from this record: its row is empty
    found = np.asarray(read(np.outer(errors, record), errors.copy()), dtype=float)
    if found.shape == record.shape and np.allclose(found, record):
        return None
    return f"expected the record {record.round(3)}, you returned {found.round(3)}"


check.add(
    "read the record", judge=_judge_read,
    wrong=[lambda weights, biases: weights[0], lambda weights, biases: weights.mean(0),
           lambda weights, biases: weights[1] / (biases[1] + 1e-9), None],
    hint="Row k of the weights' gradient is the record times an error, and entry k of the biases' gradient is that error. "
         "Choose a row whose error is not 0.")

check.add("when it falls behind", judge=one_letter("B", {
    "A": "the longer clients with different records train alone, the further they drift apart",
    "C": "what makes the clients differ stays as it is",
    "D": "larger steps make the drift larger"}),
          hint="What pulls the shared model apart while the clients train alone?", wrong=["A", "C", "D", 20])
