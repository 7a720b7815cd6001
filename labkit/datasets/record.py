"""What every loader returns: one documented, frozen record."""

from dataclasses import dataclass, replace
from functools import lru_cache, wraps

import numpy as np

from labkit import validate


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A data set, ready to train on, with where it comes from.

    X:             float32 array, n rows x d columns; or, for texts, a tuple of n str. Numbers are scaled with public,
                   fixed bounds (the loader's docstring lists them), never with the data's own minimum or maximum:
                   such statistics are computed from the private records and leak a little of them.
    y:             n labels, int64 (0 ... classes - 1); float64 where people gave a score.
    feature_names: d names, the columns of X; empty for texts.
    target_names:  the name of each class, in the order of the labels; empty where y is a score.
    groups:        who holds each row (the hospital), n str; None where there is no such thing.
    table:         the records as published, a pandas DataFrame with one line per row of X; None where there is none.
                   Each access gives a fresh copy.
    images:        the grey levels as published, uint8 (n, height, width), 0 is paper and 255 ink; None where there are
                   none. A quarter of the memory: X = images / 255 is made when it is first asked for, and kept; so ask
                   the `take` of the rows that you need for its X.

    Every caller of a loader gets the same arrays, so they are read-only: no lab cell can spoil the data of the next.
    What `take` and `split` return is a copy of your own (but not MNIST's official split, which is read-only).
    """

    name: str
    X: object
    y: np.ndarray
    feature_names: tuple
    target_names: tuple
    source: str
    licence: str
    description: str
    groups: np.ndarray | None = None
    _table: object = None
    _official_train: int | None = None
    images: np.ndarray | None = None

    def __post_init__(self):
        if self.X is None and self.images is not None:
            object.__delattr__(self, "X")  # __getattr__ makes it
        parts = {"X": self.__dict__.get("X"), "y": self.y, "groups": self.groups, "table": self._table, "images": self.images}
        validate.same_length(**{name: part for name, part in parts.items() if part is not None})

    def __getattr__(self, name):
        if name != "X" or self.__dict__.get("images") is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        X = self.images.reshape(len(self), -1).astype(np.float32)
        X /= 255
        X.flags.writeable = self.images.flags.writeable
        object.__setattr__(self, "X", X)
        return X

    @property
    def table(self):
        return None if self._table is None else self._table.copy()

    def __len__(self):
        return len(self.y)

    def __repr__(self):
        columns = "texts" if self._holds_texts() else f"{len(self.feature_names) or self.X.shape[1]} columns"
        classes = f"{len(self.target_names)} classes" if self.target_names else "scores"
        return f"<{self.name}: {len(self):,} rows x {columns}, {classes}; {self.source}; {self.licence}>"

    def take(self, rows):
        """The Dataset of these rows, in this order, with groups and table kept in step.

        rows: non-empty 1-D sequence of row numbers, 0 ... len - 1. Raises ValueError for anything else.
        """
        rows = validate.array(rows=rows, ndim=1)
        if rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= len(self):
            raise ValueError(f"rows must be row numbers from 0 to {len(self) - 1}, got {rows!r}")
        return self._rows(rows)

    def split(self, test_size=None, seed=0):
        """(train, test): disjoint, together all rows, both in a seeded random order.

        test_size: share of the rows in test, above 0 and below 1. None: the split that the data set was published
                   with where there is one (MNIST: the last 10,000; rows keep their order), otherwise 0.2.
        seed:      whole number, 0 or more; the same seed gives the same split.
        Stratified: every class, and within every group every class, gives its share of rows to test (to within
        one row); scores are not stratified.
        """
        seed = validate.integer(seed=seed, at_least=0)
        if test_size is None and self._official_train is not None:
            return self._rows(slice(self._official_train)), self._rows(slice(self._official_train, None))
        share = validate.probability(test_size=0.2 if test_size is None else test_size)
        wanted = round(share * len(self))
        if not 0 < wanted < len(self):
            raise ValueError(f"test_size must leave rows on both sides of {len(self)} rows, got {test_size!r}")
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(self))
        order = order[np.argsort(self._strata()[order], kind="stable")]
        # Walk along the strata and send every (1 / share)-th row to test.
        steps = np.arange(len(self) + 1, dtype=np.int64) * wanted // len(self)
        to_test = np.diff(steps) == 1
        return self.take(rng.permutation(order[~to_test])), self.take(rng.permutation(order[to_test]))

    def _strata(self):
        strata = self.y if self.target_names else np.zeros(len(self), dtype=np.int64)
        if self.groups is None:
            return strata
        return np.unique(self.groups, return_inverse=True)[1] * (strata.max() + 1) + strata

    def _rows(self, rows):
        """The Dataset of `rows`, an array of row numbers (copied) or a slice (not copied)."""
        if "X" not in self.__dict__:
            X = None  # of images: made from theirs
        elif self._holds_texts() and not isinstance(rows, slice):
            X = tuple(self.X[row] for row in rows)
        else:
            X = self.X[rows]
        return replace(
            self,
            X=X,
            y=self.y[rows],
            groups=None if self.groups is None else self.groups[rows],
            images=None if self.images is None else self.images[rows],
            _table=None if self._table is None else self._table.iloc[rows].reset_index(drop=True),
            _official_train=None,
        )

    def _holds_texts(self):
        return isinstance(self.__dict__.get("X"), tuple)


def loader(load):
    """Decorator of a loader: read once, keep the result, and hand out read-only arrays."""

    @lru_cache(maxsize=1)
    @wraps(load)
    def kept():
        dataset = load()
        for part in (dataset.__dict__.get("X"), dataset.y, dataset.groups, dataset.images):
            if isinstance(part, np.ndarray):
                part.flags.writeable = False
        return dataset

    return kept
