"""Split one data set over clients, to imitate data that was born apart.

Every function returns a list of index arrays, one per client: every record goes to exactly one client, and no
client is empty. Real federated data is never split by anybody: `by_group` reads who already holds what.
"""

import numpy as np

from labkit import validate

__all__ = ["iid", "dirichlet", "by_label", "by_group", "skewed_sizes"]


def iid(records, *, clients, sizes=None, seed=0):
    """Deal shuffled records out: every client sees the same mix (independent, identically distributed).

    records: how many records there are.
    clients: how many clients, at most `records`.
    sizes:   records per client, adding up to `records`; by default as equal as can be.
    Returns a list of `clients` sorted index arrays.
    Raises ValueError when there are more clients than records, or when the sizes do not add up.
    """
    records = validate.integer(records=records, at_least=1)
    sizes = _sizes(records, clients, sizes)
    order = np.random.default_rng(validate.integer(seed=seed, at_least=0)).permutation(records)
    return [np.sort(part) for part in np.split(order, np.cumsum(sizes)[:-1])]


def dirichlet(labels, *, clients, alpha, sizes=None, seed=0):
    """Give each client its own mix of labels, drawn from a Dirichlet distribution around the mix of all records.

    labels: the label of each record, shape (n,).
    alpha:  concentration, > 0. Large (100): all clients alike. Small (0.01): nearly one label each.
    sizes:  records per client; equal by default, so that only the mix differs. See `skewed_sizes`.
    Returns a list of `clients` sorted index arrays.
    Clients are served in random order, each with a draw around the mix of what is *left*: otherwise the last ones
    would be promised labels that have run out, and small alphas would not come near one label each.
    Raises ValueError as `iid` does, and for an alpha that is not positive and finite.
    Source: after Hsu, Qi, Brown, "Measuring the effects of non-identical data distribution for federated visual
    classification", arXiv:1909.06335, 2019.
    """
    labels = _column(labels=labels)
    alpha = validate.positive(alpha=alpha)
    sizes = _sizes(len(labels), clients, sizes)
    rng = np.random.default_rng(validate.integer(seed=seed, at_least=0))
    names, codes = np.unique(labels, return_inverse=True)
    left = [rng.permutation(np.flatnonzero(codes == code)) for code in range(len(names))]
    parts = [None] * len(sizes)
    for client in rng.permutation(len(sizes)):
        taken, wanted = [], int(sizes[client])
        while wanted:  # again when a label ran out before the client had enough
            counts = _take(rng, np.array([len(pile) for pile in left]), wanted, alpha * len(names))
            taken += [pile[:count] for pile, count in zip(left, counts)]
            left = [pile[count:] for pile, count in zip(left, counts)]
            wanted -= int(counts.sum())
        parts[client] = np.sort(np.concatenate(taken))
    return parts


def _take(rng, available, wanted, concentration):
    """How many of each label a client takes: a multinomial draw from its own mix, up to what there is."""
    there = available > 0
    mix = np.zeros(len(available))
    mix[there] = np.nan_to_num(rng.dirichlet(concentration * available[there] / available.sum()))
    if mix.sum() == 0:  # a concentration so small that the draw underflows: its limit is a single label
        mix[rng.choice(len(mix), p=available / available.sum())] = 1
    return np.minimum(rng.multinomial(wanted, mix / mix.sum()), available)


def by_label(labels, *, clients, labels_per_client=1, seed=0):
    """Give each client only a few labels, and share each label's records equally among those who hold it.

    labels:             the label of each record, shape (n,).
    labels_per_client:  how many different labels a client holds.
    Returns a list of `clients` sorted index arrays.
    Raises ValueError when labels would be left without a client, when a client would need more labels than there
    are, or when a label has fewer records than clients that are to hold it.
    Source: the "pathological" split of McMahan, Moore, Ramage, Hampson, Aguera y Arcas, AISTATS 2017.
    """
    labels = _column(labels=labels)
    clients = validate.integer(clients=clients, at_least=1)
    names, codes = np.unique(labels, return_inverse=True)
    each = validate.integer(labels_per_client=labels_per_client, at_least=1, at_most=len(names))
    if clients * each < len(names):
        raise ValueError(f"clients times labels_per_client must reach the {len(names)} labels, "
                         f"got {clients} x {each}: some records would have no client")
    rng = np.random.default_rng(validate.integer(seed=seed, at_least=0))
    slots = np.resize(rng.permutation(len(names)), clients * each)  # in a circle: k in a row are k different labels
    taken = [[] for _ in range(clients)]
    for code in range(len(names)):
        holders = np.flatnonzero(slots == code) // each
        records = rng.permutation(np.flatnonzero(codes == code))
        if len(records) < len(holders):
            raise ValueError(f"clients must be few enough to share out label {names[code]!r}: "
                             f"it has {len(records)} records for {len(holders)} clients")
        for holder, part in zip(holders, np.array_split(records, len(holders))):
            taken[holder].append(part)
    return [np.sort(np.concatenate(parts)) for parts in taken]


def by_group(groups):
    """The natural split: one client per value of a column, such as the hospital of each patient.

    groups: the owner of each record, shape (n,).
    Returns a list of sorted index arrays, in the order of numpy.unique(groups).
    """
    groups = _column(groups=groups)
    names, codes = np.unique(groups, return_inverse=True)
    return [np.flatnonzero(codes == code) for code in range(len(names))]


def skewed_sizes(records, *, clients, alpha, minimum=1, seed=0):
    """Client sizes drawn from a Dirichlet distribution: a few clients with much, many with little.

    records: how many records there are to share out.
    alpha:   concentration, > 0. Large: equal sizes. Small: one client has nearly everything.
    minimum: records that every client gets first, 1 or more.
    Returns an integer array of `clients` sizes that add up to `records`, for `iid` or `dirichlet`.
    Raises ValueError when records are too few to give every client the minimum.
    """
    records, clients = validate.integer(records=records, at_least=1), validate.integer(clients=clients, at_least=1)
    minimum, alpha = validate.integer(minimum=minimum, at_least=1), validate.positive(alpha=alpha)
    rng = np.random.default_rng(validate.integer(seed=seed, at_least=0))
    spare = records - clients * minimum
    if spare < 0:
        raise ValueError(f"clients must be at most {records // minimum} to give each at least "
                         f"{minimum} of {records} records, got {clients}")
    shares = np.nan_to_num(rng.dirichlet([alpha] * clients))
    total = shares.sum()
    shares = shares / total if total > 0 else np.eye(clients)[rng.integers(clients)]
    return minimum + rng.multinomial(spare, shares)


def _column(**argument):
    """A non-empty 1-d array of labels or names, without missing values."""
    ((name, value),) = argument.items()
    column = np.asarray(value)
    if column.ndim != 1 or column.size == 0:
        raise ValueError(f"{name} must be a non-empty sequence with one entry per record, got shape {column.shape}")
    missing = _missing(value, column)
    if missing.any():
        raise ValueError(f"{name} must have an entry for every record, got {int(missing.sum())} missing, the first at {int(missing.argmax())}")
    if column.dtype.kind == "O" and len({type(each) for each in column}) > 1:
        raise ValueError(f"{name} must hold entries of one type, got {', '.join(sorted({type(each).__name__ for each in column}))}")
    return column


def _missing(value, column):
    """Where an entry is None, NaN or NaT, masked, or pandas' NA; before numpy writes it out as a word such as "nan"."""
    if isinstance(value, np.ma.MaskedArray):
        return np.ma.getmaskarray(value)
    if column.dtype.kind in "fcmM":
        return column != column
    if isinstance(value, np.ndarray) and column.dtype.kind != "O":
        return np.zeros(len(column), bool)
    return np.array([_is_missing(each) for each in value])


def _is_missing(entry):
    try:
        return entry is None or bool(entry != entry)
    except TypeError:  # pandas' NA does not say whether it equals itself
        return True


def _sizes(records, clients, sizes):
    """Checked client sizes; equal ones (up to one record) when none are given."""
    clients = validate.integer(clients=clients, at_least=1)
    if clients > records:
        raise ValueError(f"clients must be at most the number of records ({records}), got {clients}: "
                         "a client would be empty")
    if sizes is None:
        return np.array([len(part) for part in np.array_split(np.arange(records), clients)])
    if np.ndim(sizes) != 1:
        raise ValueError(f"sizes must be a sequence of {clients} numbers, got {sizes!r}")
    sizes = [validate.integer(sizes=each, at_least=1) for each in sizes]
    if len(sizes) != clients or sum(sizes) != records:
        raise ValueError(f"sizes must be {clients} numbers that add up to {records}, "
                         f"got {len(sizes)} that add up to {sum(sizes)}")
    return np.array(sizes)
