"""Linkage: turn an "anonymous" table back into people, with a second table or with what a neighbour knows.

Every attack on a generalised release starts from the same question, `possible_values`: which sensitive values do the rows
that fit this person have? One value left: read it (homogeneity). Some values out of the question: strike them and look again
(background knowledge). A second release: keep what both allow (intersection). The attacker sees only published rows.
"""

from functools import lru_cache

import numpy as np
import pandas as pd

from labkit.anonymity.columns import coded
from labkit.anonymity.hierarchies import checked
from labkit.anonymity.measures import classes, columns_of

BLOCK = 500  # targets matched at a time: bounds the memory to this many times the number of classes


def link(release, register, on):
    """Join a release with a register that names people, where exactly one person of the register fits a row.

    release:  DataFrame without names. register: DataFrame with names. on: columns that both have, unchanged.
    Returns a DataFrame with one line per re-identified row: `release_row`, `register_row` (the index labels).
    A match is certain if the register holds everybody whom the release holds.
    Raises ValueError for columns that either table lacks.
    Source: Sweeney, "Simple demographics often identify people uniquely", 2000.
    """
    on = columns_of(release, on)
    columns_of(register, on)
    alone = register[~register.duplicated(on, keep=False)]
    named = pd.DataFrame({name: alone[name] for name in on}).assign(register_row=alone.index)
    rows = pd.DataFrame({name: release[name] for name in on}).assign(release_row=release.index)
    for name in on:
        if pd.api.types.is_numeric_dtype(rows[name]) != pd.api.types.is_numeric_dtype(named[name]):
            raise ValueError(f"register must have {name!r} in the form that release has it in, got {named[name].dtype} beside "
                             f"{rows[name].dtype}")
    return rows.merge(named, on=on, how="inner")[["release_row", "register_row"]]


def possible_values(release, hierarchies, targets, sensitive):
    """For each target: how many released rows that fit this person have each sensitive value.

    release:     DataFrame with labels in the quasi-identifiers (plain values are labels too), and the sensitive column.
    hierarchies: {quasi-identifier: Numbers or Tree}, public: what the labels mean.
    targets:     DataFrame with the targets' true quasi-identifiers, which the attacker knows.
    Returns a DataFrame of counts: one line per target (its index), one column per sensitive value.
    Raises ValueError for tables that lack these columns, or labels and values outside the hierarchies.
    """
    names = columns_of(release, checked(hierarchies), sensitive)
    if sensitive is None:
        raise ValueError("sensitive must be among the columns of the release, got None")
    columns_of(targets, names)
    codes, values = coded(release[sensitive])
    groups = release.groupby(names, sort=False, observed=True)
    which = groups.ngroup().to_numpy()
    counts = np.bincount(which * len(values) + codes, minlength=(which.max() + 1) * len(values)).reshape(-1, len(values))
    shown = release.iloc[np.unique(which, return_index=True)[1]]  # one row of each class
    spans = {name: _spans(hierarchies[name], shown[name]) for name in names}
    places = {name: hierarchies[name].positions(targets[name].to_numpy()) for name in names}
    found = np.zeros((len(targets), len(values)), dtype=np.int64)
    for start in range(0, len(targets), BLOCK):
        target, fitting = np.nonzero(_fits(spans, {name: each[start : start + BLOCK] for name, each in places.items()}))
        np.add.at(found, target + start, counts[fitting])
    return pd.DataFrame(found, index=targets.index, columns=values)


def _spans(hierarchy, labels):
    span = lru_cache(maxsize=None)(hierarchy.span)
    return np.array([span(each) for each in labels]).T


def _fits(spans, places):
    """Boolean array (targets, classes): may this person be in this class?"""
    fits = True
    for name, (first, last) in spans.items():
        at = places[name][:, None]
        fits = fits & (first <= at) & (at <= last)
    return fits


def _counts(**argument):
    ((name, value),) = argument.items()
    if not isinstance(value, pd.DataFrame) or not value.shape[1]:
        raise ValueError(f"{name} must be what possible_values returns, got {type(value).__name__}")
    return value


def read_off(possible):
    """The homogeneity attack: where one value is left, that is the answer; otherwise None. Series, one per target.

    Source: Machanavajjhala, Kifer, Gehrke, Venkitasubramaniam, TKDD 2007.
    """
    left = _counts(possible=possible).to_numpy() > 0
    answer = np.asarray(possible.columns, dtype=object)[left.argmax(axis=1)]
    return pd.Series(np.where(left.sum(axis=1) == 1, answer, None), index=possible.index, dtype=object)


def rule_out(possible, excluded):
    """Background knowledge: strike the values that a target cannot have. Source as for `read_off`.

    excluded: a list of values struck for everybody, or a function of the target's index label that returns such a list.
    Returns the counts with those set to 0. Raises ValueError for a value that is no column.
    """
    struck = _counts(possible=possible).copy()
    for target in possible.index if callable(excluded) else [slice(None)]:
        values = excluded(target) if callable(excluded) else excluded
        if not isinstance(values, (list, tuple, set)) or not set(values) <= set(possible.columns):
            raise ValueError(f"excluded must be a list of values among {list(possible.columns)}, got {values!r}")
        struck.loc[target, list(values)] = 0
    return struck


def intersect(first, second):
    """Two releases that both hold the target: keep the values that both allow; counts are the smaller ones.

    first, second: what `possible_values` returned for the same targets. Raises ValueError when the targets differ.
    Source: Ganta, Kasiviswanathan, Smith, "Composition attacks and auxiliary information in data privacy", KDD 2008.
    """
    if not _counts(first=first).index.equals(_counts(second=second).index):
        raise ValueError("first and second must have the same targets in the same order")
    values = first.columns.union(second.columns)
    return np.minimum(first.reindex(columns=values, fill_value=0), second.reindex(columns=values, fill_value=0))


def success(answers, truth):
    """What share of all targets was answered, and rightly: float. Answers that are None, or absent, count as not answered.

    answers: Series from `read_off`. truth: Series of the true values, one per target, same index.
    Raises ValueError when either is no Series, or truth is empty.
    """
    for name, each in [("answers", answers), ("truth", truth)]:
        if not isinstance(each, pd.Series) or (name == "truth" and not len(each)):
            raise ValueError(f"{name} must be a pandas Series with one line per target, got {type(each).__name__}")
    answers = answers.reindex(truth.index)
    return float((answers.notna() & (answers.astype(object) == truth.astype(object))).mean())


def down_code(release, hierarchies):
    """Undo generalisation: what a release that generalises no more than necessary says about exact values.

    A class labelled "23 to 41" by such a method holds somebody aged exactly 23 and somebody aged exactly 41, or the label
    would have been narrower. So two of its rows get a narrower value back.
    Returns a DataFrame with two lines per class and generalised column: `class` (as numbered by `measures.classes`),
    `column`, and `value`, a label that somebody in the class must have. Certain for a minimal method, a guess for any other.
    Source: after Cohen, "Attacks on deidentification's defenses", USENIX Security 2022.
    """
    names = columns_of(release, checked(hierarchies))
    first_of_class = ~release.duplicated(names).to_numpy()
    shown, number = release[first_of_class], classes(release, names)[first_of_class]
    found = []
    for name in names:
        ends = lru_cache(maxsize=None)(hierarchies[name].ends)
        for which, label in zip(number, shown[name].astype(str)):
            low, high = ends(label)
            if low != high:
                found += [(which, name, low), (which, name, high)]
    return pd.DataFrame(found, columns=["class", "column", "value"])


def confirmed(asserted, release, table, hierarchies):
    """Which of the assertions of `down_code` are true, by the original `table` (same index as `release`): bool array."""
    which = classes(release, checked(hierarchies))
    if not isinstance(table, pd.DataFrame) or not release.index.isin(table.index).all():
        raise ValueError("table must hold the rows of the release, under the same index")
    spans = [hierarchies[name].span(value) for name, value in zip(asserted["column"], asserted["value"])]
    spans = np.array(spans, dtype=np.int64).reshape(-1, 2)
    true = np.zeros(len(asserted), dtype=bool)
    for name in hierarchies:
        place = hierarchies[name].positions(table.loc[release.index, name].to_numpy())
        size = hierarchies[name].size
        occurs = np.zeros((which.max() + 1, size + 1), dtype=np.int64)  # how many of a class lie below each position
        np.add.at(occurs, (which, place + 1), 1)
        below = occurs.cumsum(axis=1)
        here = (asserted["column"] == name).to_numpy()
        of = asserted["class"].to_numpy(dtype=np.int64)[here]
        true[here] = below[of, spans[here, 1] + 1] > below[of, spans[here, 0]]
    return true


def dictionary_attack(pseudonyms, guesses, pseudonym_of):
    """Hash every possible identifier and look the pseudonyms up.

    pseudonyms:   the column that was published. guesses: identifiers that people may have. pseudonym_of: the function the
    attacker believes was used, without the key if there is one.
    Returns {pseudonym: identifier} for those that were found. Raises ValueError for arguments that are none of these.
    """
    for name, each in [("pseudonyms", pseudonyms), ("guesses", guesses)]:
        if isinstance(each, (str, bytes)) or not hasattr(each, "__iter__"):
            raise ValueError(f"{name} must be a list of str, got {type(each).__name__}")
    if not callable(pseudonym_of):
        raise ValueError(f"pseudonym_of must be a function of an identifier, got {pseudonym_of!r}")
    known = {pseudonym_of(each): each for each in guesses}
    return {each: known[each] for each in set(pseudonyms) if each in known}
