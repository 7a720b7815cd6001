"""Model inversion: what does the model think a member of this class looks like?

Start from a blank input and change it, step by step, so that the model grows surer of one class. What comes out is the class as
the model knows it: an average of its training records. Where a class is one person, that average is the person's face.

Source: Fredrikson, Jha, Ristenpart, "Model Inversion Attacks that Exploit Confidence Information and Basic
Countermeasures", CCS 2015 (algorithm 1, on the cross-entropy in place of 1 - p, with a pull towards the blank).
"""

import numpy as np
import torch

from labkit import validate
from labkit.threads import torch_threads


def invert_class(model, target, *, features, steps=300, step_size=0.05, decay=0.0, start=0.0, low=0.0, high=1.0):
    """Find an input that the model takes for class `target`, by gradient descent on the model's loss.

    model:      torch module from (n, features) to (n, classes) logits.
    target:     the class, a whole number from 0; or a sequence of them.
    features, steps: whole numbers >= 1. step_size: > 0, in the units of an input.
    decay:      0 or more, weight of the squared distance from `start`: keeps what the class does not need blank.
    start:      what every number of the input begins with, within [low, high].
    Returns a float32 array (features,), or (targets, features), within [low, high].
    Raises ValueError for arguments that do not fit.
    """
    targets = np.atleast_1d(validate.array(target=target))
    if targets.ndim != 1 or targets.dtype.kind not in "iu" or targets.min() < 0:
        raise ValueError(f"target must be a whole number from 0, or several, got {target!r}")
    for name, value in [("features", features), ("steps", steps)]:
        validate.integer(**{name: value}, at_least=1)
    validate.positive(step_size=step_size)
    validate.non_negative(decay=decay)
    if not validate.finite(low=low) < validate.finite(high=high):
        raise ValueError(f"high must be above low, got low={low!r}, high={high!r}")
    if not low <= validate.finite(start=start) <= high:
        raise ValueError(f"start must lie between {low} and {high}, got {start!r}")
    with torch_threads(1):
        images = torch.full((len(targets), features), float(start), requires_grad=True)
        labels = torch.from_numpy(targets.astype(np.int64))
        for _ in range(steps):
            loss = torch.nn.functional.cross_entropy(model(images), labels, reduction="sum")
            loss = loss + decay * (images - start).square().sum()
            (slope,) = torch.autograd.grad(loss, images)
            with torch.no_grad():
                # Scaled to its largest entry: the loss flattens once the model is sure, and the picture should go on forming.
                slope /= slope.abs().amax(dim=1, keepdim=True).clamp(min=1e-12)
                images.sub_(slope, alpha=step_size).clamp_(low, high)
    found = images.detach().numpy()
    return found if np.ndim(target) else found[0]
