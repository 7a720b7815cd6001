"""A differentially private release of a whole table: noisy counts, then made-up rows that follow them.

For each feature, the table "feature by label" is counted and published with noise. From these tables alone, synthetic
rows are drawn: first a label, then each feature given the label (the model of naive Bayes). Nothing else touches the
records, so the synthetic table has the guarantee of the counts. What it keeps is each feature's relation to the label;
how features go together within a label is lost.
"""

import numpy as np

from labkit import validate
from labkit.dp.mechanisms.numeric import geometric


def noisy_tables(features, label, sizes, label_size, *, epsilon, rng=None):
    """Publish every table feature by label with geometric noise: epsilon-differential privacy, delta 0.

    features:   int array (n, d); column j holds codes 0 ... sizes[j] - 1.
    label:      int array (n,), codes 0 ... label_size - 1.
    sizes, label_size: how many codes there are: public, not counted from the data.
    epsilon:    privacy loss bound for all d tables together, > 0.
    Neighbouring: one person added or removed. That person is in one cell of each of the d tables, so the whole answer has L1
    sensitivity d.
    Returns a list of d int arrays (sizes[j], label_size), which may hold negative numbers.
    Raises ValueError for codes outside their sizes or arrays that do not match.
    """
    features, label, sizes, label_size = _checked(features, label, sizes, label_size)
    exact = [
        np.bincount(column * label_size + label, minlength=size * label_size) for column, size in zip(features.T, sizes)
    ]
    noisy = geometric(np.concatenate(exact), sensitivity=len(sizes), epsilon=epsilon, rng=rng)
    ends = np.cumsum([len(each) for each in exact])[:-1]
    return [each.reshape(size, label_size) for each, size in zip(np.split(noisy, ends), sizes)]


def synthetic_rows(tables, rows, rng):
    """Draw rows that follow the noisy tables; works on published numbers only, so it costs no privacy.

    tables: what `noisy_tables` returned. rows: how many to draw, 1 or more (a public choice, not the true number).
    rng:    numpy Generator.
    Returns (features, label): int arrays (rows, d) and (rows,).
    """
    rows = validate.integer(rows=rows, at_least=1)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {rng!r}")
    if not isinstance(tables, (list, tuple)) or not tables:
        raise ValueError(f"tables must be a non-empty list of arrays, got {type(tables).__name__}")
    tables = [validate.array(tables=each, ndim=2) for each in tables]
    if len({each.shape[1] for each in tables}) > 1:
        raise ValueError(f"tables must agree in the number of labels, got {[each.shape[1] for each in tables]}")
    positive = [np.maximum(each, 0) for each in tables]  # a count below zero can only be noise
    labels = np.mean([_shares(each.sum(axis=0)) for each in positive], axis=0)  # d noisy estimates of the same shares
    label = rng.choice(len(labels), size=rows, p=labels)
    features = np.empty((rows, len(tables)), dtype=np.int64)
    for j, table in enumerate(positive):
        for value in range(len(labels)):
            those = label == value
            features[those, j] = rng.choice(len(table), size=those.sum(), p=_shares(table[:, value]))
    return features, label


def _shares(counts):
    total = counts.sum()
    return counts / total if total > 0 else np.full(len(counts), 1 / len(counts))


def _checked(features, label, sizes, label_size):
    features, label = validate.array(features=features, ndim=2), validate.array(label=label, ndim=1)
    validate.same_length(features=features, label=label)
    label_size = validate.integer(label_size=label_size, at_least=2)
    if not isinstance(sizes, (list, tuple)):
        raise ValueError(f"sizes must be a list of whole numbers, got {sizes!r}")
    sizes = [validate.integer(sizes=each, at_least=1) for each in sizes]
    if len(sizes) != features.shape[1]:
        raise ValueError(f"sizes must have one entry per column of features ({features.shape[1]}), got {len(sizes)}")
    for name, values, limit in [("features", features, np.array(sizes)), ("label", label, label_size)]:
        if values.dtype.kind not in "iu" or (values < 0).any() or (values >= limit).any():
            raise ValueError(f"{name} must be whole numbers from 0 and below the size given, got {values[:3]!r} ...")
    return features.astype(np.int64), label.astype(np.int64), sizes, label_size
