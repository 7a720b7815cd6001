"""Two recipes from an article on privacy for large models, each said to make a model differentially private.

B12 adds Laplace noise to the margin of a classifier, answers with the sign, and clamps the sign to [-1, 1]. B15 adds normal
noise to the predictions inside the training loop, after the optimiser's step, and clips them. Neither touches the weights.
"""

import numpy as np

from labkit.dp.mechanisms.numeric import gaussian
from labkit.dp.zoo.answers import ADD
from labkit.dp.zoo.specimen import AuditSetting, Specimen
from labkit.threads import torch_threads

CANARIES, RECORDS, PIXELS, CLASSES, EPOCHS, BATCH, LEARNING_RATE = 1000, 500, 64, 10, 10, 50, 3.0
WHICH, LABELS = np.arange(CANARIES), np.arange(CANARIES) % CLASSES
BRIGHTNESS = 4.0  # a canary is then as long as a digit
MISTYPED, ORDINARY = 152, 0  # patients of the breast-cancer data


def noisy_sign(patients, runs, rng, *, epsilon, delta):
    X, y, asked = patients
    theta = np.tile(fitted(X, y, penalty=0.001), (runs, 1))
    margin = theta @ asked
    return np.clip(np.sign(margin + rng.laplace(scale=1 / epsilon, size=runs)), -1, 1)


def noisy_sign_repaired(patients, runs, rng, *, epsilon, delta):
    X, y, asked = patients
    theta = fitted_privately(X, y, 10.0, runs, rng, epsilon, delta)
    margin = theta @ asked
    return np.clip(np.sign(margin + rng.laplace(scale=1 / epsilon, size=runs)), -1, 1)


def fitted(X, y, penalty):
    """Weights (d,) of logistic regression, sum of losses plus penalty / 2 |theta|^2, for rows no longer than 1."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1 / penalty, fit_intercept=False, solver="newton-cholesky", tol=1e-9).fit(X, y).coef_[0]


def fitted_privately(X, y, penalty, runs, rng, epsilon, delta):
    """The same with noise on the weights, (runs, d): one row moves them by at most 1 / penalty (Chaudhuri et al., JMLR 2011)."""
    return gaussian(np.tile(fitted(X, y, penalty), (runs, 1)), sensitivity=1 / penalty, epsilon=epsilon, delta=delta, rng=rng)


class Patient:
    """The breast-cancer data with one patient, and without; asked about that patient. `mistyped` turns the diagnosis round."""

    def __init__(self, number, mistyped=False):
        self.number, self.mistyped = number, mistyped

    def __iter__(self):
        from labkit import datasets

        data = datasets.breast_cancer()
        X = np.column_stack([data.X, np.ones(len(data))]).astype(float)
        X /= np.maximum(1, np.linalg.norm(X, axis=1, keepdims=True))
        others, y = np.arange(len(data)) != self.number, data.y.copy()
        y[self.number] ^= self.mistyped
        return iter([(X, y, X[self.number]), (X[others], y[others], X[self.number])])


def recipe(records, runs, rng, *, epsilon, delta, answers=False):
    X, y = records
    model = train_and_blur_the_predictions(X, y, rng)
    return noisy_answers(model, rng) if answers else model.weight.detach().numpy()


def recipe_repaired(records, runs, rng, *, epsilon, delta, answers=False):
    X, y = records
    model = train_with_dp_sgd(X, y, rng, epsilon, delta)
    return noisy_answers(model, rng) if answers else model.weight.detach().numpy()


def train_and_blur_the_predictions(X, y, rng, blur=True):
    """The article's loop, line by line: softmax, a loss that takes softmax again, a step, and noise on what nobody uses.

    Without `blur` the last lines are left out.
    """
    import torch

    model, X, y = _start(), torch.from_numpy(X), torch.from_numpy(y)
    parameters, noise_source = list(model.parameters()), rng.spawn(1)[0]
    with torch_threads(1):
        for batch in (part for _ in range(EPOCHS) for part in torch.from_numpy(rng.permutation(len(X))).split(BATCH)):
            predictions = torch.softmax(model(X[batch]), dim=1)
            loss = torch.nn.functional.cross_entropy(predictions, y[batch])
            for weights, gradient in zip(parameters, torch.autograd.grad(loss, parameters)):
                weights.data -= LEARNING_RATE * gradient
            if blur:
                noise = torch.from_numpy(noise_source.standard_normal(predictions.shape, np.float32))
                torch.clip(predictions + noise, -1, 1)  # the noisy predictions, which nobody uses
    return model


def train_with_dp_sgd(X, y, rng, epsilon, delta):
    """The same number of steps with noise where it counts."""
    from labkit.dp.training.dp_sgd import Plan, train_private

    plan = Plan.for_budget(epsilon=epsilon, delta=delta, records=RECORDS + CANARIES, batch_size=BATCH, steps=200,
                           max_grad_norm=1.0, learning_rate=LEARNING_RATE)
    return train_private(_start(), X, y, plan=plan, delta=delta, rng=rng).model


def _start():
    from labkit.models import softmax_regression

    return softmax_regression(PIXELS + CANARIES, CLASSES)


def noisy_answers(model, rng):
    """What the model says of each canary, asked once: predictions with noise, clipped. Array (canaries, classes)."""
    import torch

    with torch.no_grad():
        predictions = torch.softmax(model(torch.from_numpy(canaries()[0])), dim=1).numpy()
    return np.clip(predictions + rng.normal(size=predictions.shape), -1, 1)


def canaries():
    """Records that light one pixel each, a pixel of their own beyond those of the digits, and their labels."""
    X = np.zeros((CANARIES, PIXELS + CANARIES), np.float32)
    X[WHICH, PIXELS + WHICH] = BRIGHTNESS
    return X, LABELS


def digits_with_canaries(rng):
    """500 digits and those canaries whose coin came up heads; and the coins."""
    from labkit import datasets

    digits, (X, y), members = datasets.digits(), canaries(), rng.random(CANARIES) < 0.5
    blank = np.zeros((RECORDS, CANARIES), np.float32)
    rows = np.vstack([np.hstack([digits.X[:RECORDS], blank]), X[members]])
    return (rows, np.concatenate([digits.y[:RECORDS], y[members]])), members


SPECIMENS = (
    Specimen(
        "B12: the sign of a noisy margin",
        "The noise is for margins that one record moves by at most 1; nothing bounds that. And the clamp does nothing to a sign.",
        "Noise on the weights of a model that one record can move only so far; answers are then free.", ADD, noisy_sign,
        noisy_sign_repaired,
        look=AuditSetting("One question, about a patient whose diagnosis was mistyped.", 1.0, 1e-5, Patient(MISTYPED, mistyped=True)),
        overlook=AuditSetting("One question, about an ordinary patient.", 1.0, 1e-5, Patient(ORDINARY))),
    Specimen(
        "B15: noise on the predictions while training",
        "The noisy predictions are never used: the weights are those of training without protection.",
        "Clip each gradient and add the noise to their sum: DP-SGD.", ADD, recipe, recipe_repaired,
        look=AuditSetting("A thousand canaries, each in by a coin; the auditor reads the published weights.", 1.0, 1e-8,
                     digits_with_canaries, lambda weights: weights[LABELS, PIXELS + WHICH], 1, "one run"),
        overlook=AuditSetting("The weights stay secret; the auditor asks once about each canary and gets a noisy answer.", 1.0, 1e-8,
                         digits_with_canaries, lambda answers: answers[WHICH, LABELS], 1, "one run", {"answers": True})),
)
