"""Reading records out of a gradient by division: exact, no optimisation, works on sums too.

The gradient of a linear layer at neuron k is, for one record, error_k times the record; that of the bias is error_k.
One divided by the other is the record. In a sum over many records a neuron mixes those that woke it up, and a neuron
that only one of them woke up still holds that one, clean.

Sources: Phong and others, "Privacy-preserving deep learning via additively homomorphic encryption", IEEE TIFS 2018 (the
division); Zhao, Mopuri, Bilen, "iDLG", 2020 (the label); Boenisch and others, "When the curious abandon honesty",
EuroS&P 2023, and Fowl and others, "Robbing the Fed", ICLR 2022 (trap weights).
"""

import numpy as np
import torch
from torch.nn import functional

from labkit import validate

MOST = 120.0  # decibels: an error of 1e-12 per pixel, which is what single precision can show


def gradients(model, X, y, *, loss=functional.cross_entropy, create_graph=False):
    """The gradient of the mean loss over a batch: a list of tensors, one per trainable parameter.

    X, y: tensors or arrays of equal length. Raises ValueError for empty, unequal or non-finite ones.
    """
    X, y = (torch.tensor(each) if isinstance(each, np.ndarray) and each.dtype.kind in "biuf" else each for each in (X, y))
    for name, each in (("X", X), ("y", y)):
        if not isinstance(each, torch.Tensor) or each.ndim == 0 or not len(each) or not torch.isfinite(each).all():
            raise ValueError(f"{name} must be a non-empty tensor or array of finite numbers, got {each!r:.60}")
    validate.same_length(X=X, y=y)
    parameters = [each for each in model.parameters() if each.requires_grad]
    return list(torch.autograd.grad(loss(model(X), y), parameters, create_graph=create_graph))


def _layer(weights, biases):
    weights, biases = (np.asarray(torch.as_tensor(each).detach()) for each in (weights, biases))
    weights, biases = validate.array(weights=weights, ndim=2), validate.array(biases=biases, ndim=1)
    validate.same_length(weights=weights, biases=biases)
    return weights, biases


def read_records(weights, biases, *, smallest=1e-7):
    """Every neuron's reading: its row of the weights' gradient, divided by its entry of the biases' gradient.

    weights:  gradient of a linear layer's weights, shape (neurons, inputs); biases: (neurons,).
    smallest: neurons whose bias gradient is no larger are left out: nothing woke them up.
    Returns an array (readings, inputs), largest bias gradient first; empty when no neuron woke up.
    """
    smallest = validate.non_negative(smallest=smallest)
    weights, biases = _layer(weights, biases)
    order = np.argsort(-np.abs(biases), kind="stable")
    order = order[np.abs(biases[order]) > smallest]
    return weights[order] / biases[order, None]


def read_label(biases):
    """The label of a single record, from the gradient of the last layer's biases, shape (classes,).

    It is probability minus 1 for the true class, and a positive probability for all others.
    """
    return int(validate.array(biases=np.asarray(torch.as_tensor(biases).detach()), ndim=1).argmin())


def set_trap(model, brightness):
    """A malicious server's weights for the first two linear layers of `model` (Linear, ReLU, Linear), in place.

    Neuron k becomes the mean of the inputs less a threshold, so that it wakes up for records brighter than that, and
    passes on the same amount whatever it saw. Two neighbours then differ by the records between two thresholds.
    brightness: records' means as the server imagines them (from any similar, public records); thresholds are their
    quantiles. Returns the model. Raises ValueError for a model of another shape.
    """
    brightness = validate.array(brightness=brightness, ndim=1)
    layers = [each for each in model.modules() if isinstance(each, torch.nn.Linear)]
    if len(layers) < 2 or layers[0].bias is None or layers[1].in_features != layers[0].out_features:
        raise ValueError("model must have a linear layer with biases that feeds another, got none")
    first, second = layers[:2]
    levels = np.quantile(brightness, np.linspace(0, 1, first.out_features + 2)[1:-1])
    with torch.no_grad():
        first.weight.fill_(1 / first.in_features)
        first.bias.copy_(-torch.from_numpy(levels))
        second.weight.copy_(second.weight[:, :1].expand_as(second.weight))
    return model


def read_trapped(weights, biases, *, smallest=1e-7):
    """The readings from a model with trap weights: differences of neighbouring neurons, divided. As `read_records`."""
    weights, biases = _layer(weights, biases)
    last = np.zeros_like(weights[:1]), np.zeros_like(biases[:1])
    return read_records(weights - np.concatenate([weights[1:], last[0]]), biases - np.concatenate([biases[1:], last[1]]),
                        smallest=smallest)


def psnr(guess, truth):
    """Peak signal-to-noise ratio in decibels, for pixels from 0 to 1: 10 is a blur, 30 looks right, 120 is exact.

    guess, truth: arrays whose last axis is pixels; guesses are cut to 0 ... 1. Returns a float, or an array for several.
    """
    guess, truth = (np.asarray(validate.array(**{name: each}), dtype=float) for name, each in (("guess", guess), ("truth", truth)))
    if guess.shape[-1:] != truth.shape[-1:]:
        raise ValueError(f"guess and truth must have as many pixels, got {guess.shape} and {truth.shape}")
    error = np.mean((np.clip(guess, 0, 1) - truth) ** 2, axis=-1)
    found = -10 * np.log10(np.maximum(error, 10 ** (-MOST / 10)))
    return float(found) if found.ndim == 0 else found


def best_readings(readings, truth):
    """For each true record the reading that is nearest: (their PSNR, shape (n,); the readings, shape (n, inputs)).

    Only somebody who knows the records can choose so; it measures what is there to be read. With no reading at all
    (none woke up) the PSNR is 0 and the reading empty paper.
    """
    truth = np.asarray(validate.array(truth=truth, ndim=2), dtype=float)
    readings = np.asarray(readings, dtype=float)
    if readings.size == 0:
        return np.zeros(len(truth)), np.zeros_like(truth)
    readings = np.clip(validate.array(readings=readings, ndim=2), 0, 1)
    nearest = np.array([np.mean((readings - each) ** 2, axis=1).argmin() for each in truth])
    return psnr(readings[nearest], truth), readings[nearest]
