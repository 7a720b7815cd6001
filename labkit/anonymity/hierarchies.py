"""What a value may be generalised to: a range of whole numbers, or a node in a tree of categories.

Both kinds put their values on a line, at positions 0, 1, 2 ...: numbers in their order, categories in the order of the
tree's leaves. A generalised value is then a stretch of that line, and Mondrian needs to know nothing else.

    Numbers(17, 90, bands=(5, 10))                       "23", "20 to 29", "*"
    Tree({"partner": ["married", "widowed"], "none": ["single"]})     "married", "partner", "*"

The label "*" stands for the whole domain, a value that is fully suppressed.
"""

from functools import lru_cache

import numpy as np

from labkit import validate

SUPPRESSED = "*"
RANGE, EITHER = " to ", " or "


class Numbers:
    """Whole numbers from low to high, which are public (the form's limits, not the smallest and largest record).

    bands: widths for generalising the whole column at once; level 1 has the first, and so on; above them is "*".
    Raises ValueError unless low < high and the bands are whole numbers that grow, each a multiple of the one before.
    """

    def __init__(self, low, high, bands=()):
        self.low, self.high = validate.integer(low=low), validate.integer(high=high)
        if self.low >= self.high:
            raise ValueError(f"high must be above low, got low={low!r}, high={high!r}")
        self.bands = tuple(validate.integer(bands=each, at_least=2) for each in bands)
        if any(wide % narrow or wide == narrow for narrow, wide in zip(self.bands, self.bands[1:])):
            raise ValueError(f"bands must grow, each a multiple of the one before, got {bands!r}")
        self.size, self.levels = self.high - self.low + 1, len(self.bands) + 1

    def positions(self, values):
        """Each value's place on the line: int array. Raises ValueError for what is no whole number in the range."""
        values = np.asarray(values)
        if values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.floor(values)).all():
            values = np.clip(values, -(2.0**53), 2.0**53).astype(np.int64)  # a column that had gaps once is one of floats
        if values.dtype.kind not in "iu" or (values.size and (values.min() < self.low or values.max() > self.high)):
            raise ValueError(f"values must be whole numbers from {self.low} to {self.high}, got {values[:5]!r} ...")
        return values.astype(np.int64) - self.low

    def label(self, first, last):
        """What to publish for the stretch of positions first ... last."""
        if last - first == self.size - 1:
            return SUPPRESSED
        low, high = int(first) + self.low, int(last) + self.low
        return str(low) if low == high else f"{low}{RANGE}{high}"

    def span(self, label):
        """(first, last): the positions that a label, or a plain value, stands for."""
        if label == SUPPRESSED:
            return 0, self.size - 1
        try:
            ends = [int(each.removesuffix(".0")) - self.low for each in str(label).split(RANGE)]
        except ValueError:
            ends = []
        if len(ends) not in (1, 2) or not 0 <= ends[0] <= ends[-1] < self.size:
            raise ValueError(f"label must be a number or range within {self.low}{RANGE}{self.high}, got {label!r}")
        return ends[0], ends[-1]

    def ends(self, label):
        """The two ends of a range, as labels: what the narrowest range that holds some values says must occur."""
        return tuple(self.label(each, each) for each in self.span(label))

    def penalty(self, first, last):
        """How much a stretch hides: 0 for one value, 1 for the whole domain (normalised certainty penalty)."""
        return (last - first) / (self.size - 1)

    def gap_depths(self):
        """Numbers may be cut anywhere: every gap between neighbours is at the same depth."""
        return np.zeros(self.size - 1, dtype=np.int64)

    def at_level(self, values, level):
        """The labels of a whole column at one level: 0 as it is, then bands that start at multiples of their width."""
        level = validate.integer(level=level, at_least=0, at_most=self.levels)
        positions = self.positions(values)
        if level == self.levels:
            return np.full(len(positions), SUPPRESSED, dtype=object)
        width = self.bands[level - 1] if level else 1
        first = np.maximum((positions + self.low) // width * width - self.low, 0)
        last = np.minimum(((positions + self.low) // width + 1) * width - 1 - self.low, self.size - 1)
        return labels(self, first, last)

    def encode(self, labels):
        """For a model: the middle of each label's range, scaled to [0, 1]; float array (n, 1)."""
        middle = lru_cache(maxsize=None)(lambda label: sum(self.span(label)) / 2 / (self.size - 1))
        return np.array([[middle(each)] for each in labels])


class Tree:
    """Categories in a tree, as nested dicts of node names; the leaves are lists. The root is called "*".

    A stretch of leaves is labelled with the smallest node that holds it, or with some of that node's children.
    Raises ValueError for an empty node, for a name used twice, not a str, or one that a label could not hold.
    """

    def __init__(self, branches):
        self.leaves, self.nodes, self._children, self._paths = [], {}, {}, []
        self._add(SUPPRESSED, branches, ())
        self.size = len(self.leaves)
        if self.size < 2:
            raise ValueError(f"branches must have at least two leaves, got {branches!r}")
        self.levels = max(len(path) for path in self._paths) - 1
        self._place = {leaf: place for place, leaf in enumerate(self.leaves)}
        self.label = lru_cache(maxsize=None)(self._label)

    def _add(self, name, below, path):
        if not isinstance(name, str) or not name or EITHER in name or name in self.nodes or (path and name == SUPPRESSED):
            raise ValueError(f"branches must have one str name per node, each once, without {EITHER!r}, got {name!r}")
        first, path = len(self.leaves), (*path, name)
        self.nodes[name] = None
        if below is None:
            self.leaves.append(name)
            self._paths.append(path)
        elif isinstance(below, (dict, list, tuple)) and below:
            self._children[name] = list(below)
            for child in below:
                self._add(child, below[child] if isinstance(below, dict) else None, path)
        else:
            raise ValueError(f"branches must be dicts and lists with something in them, got {below!r} under {name!r}")
        self.nodes[name] = (first, len(self.leaves) - 1)

    def positions(self, values):
        """Each value's place among the leaves: int array. Raises ValueError for what is no leaf."""
        try:
            return np.array([self._place[each] for each in values], dtype=np.int64)
        except (KeyError, TypeError):
            stray = next(each for each in values if not isinstance(each, str) or each not in self._place)
            raise ValueError(
                f"values must be leaves of the tree ({', '.join(self.leaves[:8])} ...), got {stray!r}"
            ) from None

    def _label(self, first, last):
        """What to publish for the leaves first ... last."""
        if first == last:
            return self.leaves[first]
        smallest = next(node for node in reversed(self._paths[first]) if self.nodes[node][1] >= last)
        children = self._children[smallest]
        met = [each for each in children if self.nodes[each][0] <= last and self.nodes[each][1] >= first]
        return smallest if len(met) == len(children) else EITHER.join(met)

    def span(self, label):
        """(first, last): the leaves that a label, or a plain value, stands for."""
        try:
            parts = [self.nodes[each] for each in label.split(EITHER)]
        except (KeyError, AttributeError):
            raise ValueError(f"label must be nodes of the tree, joined by {EITHER!r}, got {label!r}") from None
        if any(before[1] >= after[0] for before, after in zip(parts, parts[1:])):
            raise ValueError(f"label must name its nodes in the order of the tree, got {label!r}")
        return parts[0][0], parts[-1][1]

    def ends(self, label):
        """The first and last branch of a label, as labels: what the narrowest label of some leaves says must occur."""
        first, last = self.span(label)
        parts = self._children.get(label) or label.split(EITHER)
        return (label, label) if first == last else (parts[0], parts[-1])

    def penalty(self, first, last):
        """How much a stretch hides: 0 for one leaf, else the share of all leaves (normalised certainty penalty)."""
        return np.where(first == last, 0.0, (last - first + 1) / self.size)

    def gap_depths(self):
        """For each pair of neighbouring leaves, how deep below the root their smallest common node is."""
        return np.array([sum(a == b for a, b in zip(left, right)) - 1 for left, right in zip(self._paths, self._paths[1:])])

    def at_level(self, values, level):
        """The labels of a whole column at one level: 0 as it is, then each level cuts the tree's lowest storey off."""
        level = validate.integer(level=level, at_least=0, at_most=self.levels)
        up = np.array([path[min(self.levels - level, len(path) - 1)] for path in self._paths], dtype=object)
        return up[self.positions(values)]

    def encode(self, labels):
        """For a model: a row per label that spreads weight 1 evenly over the leaves it may be; float array (n, leaves)."""
        spread = {}
        for label in set(labels):
            first, last = self.span(label)
            spread[label] = np.zeros(self.size)
            spread[label][first : last + 1] = 1 / (last - first + 1)
        return np.array([spread[each] for each in labels])


def prefixes(codes, lengths):
    """The tree of codes such as post codes, which say less when shortened.

    codes:   str of one length, such as "20417".
    lengths: how many characters each level keeps, longest first: (3, 1) gives 20417 -> 204** -> 2**** -> *.
    Raises ValueError for codes that are empty or differ in length, or lengths that do not fall.
    """
    codes = list(codes)
    if not codes or any(not isinstance(each, str) or len(each) != len(codes[0]) for each in codes):
        raise ValueError(f"codes must be at least one str, all of one length, got {codes[:5]!r}")
    codes = sorted(set(codes))
    lengths = [validate.integer(lengths=each, at_least=1, at_most=len(codes[0]) - 1) for each in lengths]
    if any(a <= b for a, b in zip(lengths, lengths[1:])):
        raise ValueError(f"lengths must fall, got {lengths!r}")

    def grow(members, remaining):
        if not remaining:
            return list(members)
        keep = remaining[0]
        heads = sorted({each[:keep] for each in members})
        return {
            head.ljust(len(codes[0]), "*"): grow([each for each in members if each.startswith(head)], remaining[1:])
            for head in heads
        }

    return Tree(grow(codes, lengths[::-1]))


def checked(hierarchies):
    """The names of the columns in {column: Numbers or Tree}. Raises ValueError for anything else."""
    if not isinstance(hierarchies, dict) or not hierarchies:
        raise ValueError(f"hierarchies must be a dict from column to Numbers or Tree, got {hierarchies!r:.80}")
    for name, each in hierarchies.items():
        if not isinstance(each, (Numbers, Tree)):
            raise ValueError(f"hierarchies must be a dict from column to Numbers or Tree, got {each!r:.80} for {name!r}")
    return list(hierarchies)


def labels(hierarchy, first, last):
    """Labels of many stretches, each distinct stretch worked out once."""
    stretches, which = np.unique(np.stack([first, last]), axis=1, return_inverse=True)
    return np.array([hierarchy.label(int(a), int(b)) for a, b in stretches.T], dtype=object)[which.ravel()]
