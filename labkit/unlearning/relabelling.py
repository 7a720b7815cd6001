"""Random labels: train a little more, with nonsense in place of what is to be forgotten.

For a classifier the records to forget get labels by lot. For a language model the secret's place is taken by other values of its kind.
As with ascent, nothing is guaranteed: what was learnt is painted over, and a network that has been painted over on *this* record says
something else than one that never met it.

Source: Golatkar, Achille, Soatto, "Eternal Sunshine of the Spotless Net", CVPR 2020, arXiv:1911.04933 (as a baseline).
"""

import numpy as np

from labkit import validate


def random_labels(y, erased, *, classes, rng):
    """Labels with those of the erased records drawn anew, each class alike: int array (n,).

    y:        labels (n,), whole numbers from 0 to classes - 1.
    erased:   bool (n,): whose label to draw. The true one may come again.
    classes:  whole number >= 2. rng: numpy Generator.
    """
    y, erased = validate.array(y=y, ndim=1), validate.array(erased=erased, ndim=1)
    validate.same_length(y=y, erased=erased)
    classes = validate.integer(classes=classes, at_least=2)
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= classes:
        raise ValueError(f"y must hold whole numbers from 0 to {classes - 1}, got {y!r:.80}")
    if erased.dtype != bool:
        raise ValueError(f"erased must be an array of True and False, got dtype {erased.dtype}")
    return np.where(erased, _generator(rng).integers(0, classes, len(y)), y)


def decoys(prefix, *, digits, count, rng, end=""):
    """Texts with other numbers in the secret's place: a list of `count` str, `prefix` with `digits` random digits and `end`.

    prefix, end: str. digits, count: whole numbers >= 1. rng: numpy Generator. The secret itself may come again.
    """
    for name, value in (("prefix", prefix), ("end", end)):
        if not isinstance(value, str):
            raise ValueError(f"{name} must be a str, got {value!r}")
    digits, count = validate.integer(digits=digits, at_least=1, at_most=18), validate.integer(count=count, at_least=1)
    return [f"{prefix}{number:0{digits}d}{end}" for number in _generator(rng).integers(10**digits, size=count)]


def _generator(rng):
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {rng!r}")
    return rng
