"""From noisy votes to a table that may be taken away. Everything here is work on a release, and costs no privacy."""

import csv
from pathlib import Path

import numpy as np

from labkit import validate
from labkit.synthetic.voting import ClassVotes

HEADER = ("text", "label", "weight")


def synthetic_rows(texts, votes, class_names):
    """The synthetic examples, heaviest first: a list of (text, class name, weight); weights are votes after the cut.

    texts:        the candidates, one str for each row of the votes.
    votes:        a `ClassVotes`.
    class_names:  one str for each column.
    Raises ValueError where these do not fit together.
    """
    if not isinstance(votes, ClassVotes):
        raise ValueError(f"votes must be a labkit.synthetic.ClassVotes, got {votes!r:.80}")
    texts, class_names = _texts(votes.counts.shape[0], texts=texts), _texts(votes.counts.shape[1], class_names=class_names)
    weights = votes.weights
    order = [cell for cell in np.argsort(-weights, axis=None, kind="stable") if weights.flat[cell] > 0]
    places = [divmod(int(cell), len(class_names)) for cell in order]
    return [(texts[row], class_names[column], round(float(weights[row, column]), 2)) for row, column in places]


def write_csv(path, rows):
    """Write rows of `synthetic_rows` as a CSV file in UTF-8, with a line of names. Returns the path."""
    path = Path(path)
    if path.suffix != ".csv":
        raise ValueError(f"path must end in .csv, got {str(path)!r}")
    if not rows or any(len(row) != len(HEADER) for row in rows):
        raise ValueError(f"rows must be at least one (text, label, weight), got {rows!r:.80}")
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])
    return path


def _texts(count, **argument):
    ((name, given),) = argument.items()
    if isinstance(given, str) or len(given) != count or not all(isinstance(each, str) for each in given):
        raise ValueError(f"{name} must be {validate.integer(count=count)} texts, got {given!r:.80}")
    return list(given)
