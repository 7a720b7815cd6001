"""One vote a person: which candidate text is nearest to mine, and what label do I give it?

    choices = nearest_candidate(private_points, candidate_points)
    votes = private_class_votes(choices, labels, candidates=192, classes=2, epsilon=1, delta=1e-5)
    votes.weights                              # what is left after a cut at one sigma: weights of synthetic examples

The counts of all pairs (candidate, label) are one histogram. Each person stands in one of its cells, so adding or removing somebody
changes one count by 1, and the whole release has sensitivity 1 however many candidates there are. The noise on each cell is the same for
200 candidates and for 4,000, but the votes in a cell get fewer: choice is not free.

Every cell gets noise, also where nobody voted: noise only on the cells that have votes would tell which those are.

Source: the nearest-neighbour histogram of Lin, Gopi, Kulkarni, Nori, Yekhanin, "Differentially Private Synthetic Data via Foundation Model
APIs 1: Images", ICLR 2024 (arXiv:2305.15560), and for texts Xie et al., ICML 2024 (arXiv:2403.01749); here with labels in the vote.
"""

from dataclasses import dataclass

import numpy as np

from labkit import validate
from labkit.dp.mechanisms.calibration import discrete_gaussian_sigma
from labkit.dp.mechanisms.exact import sample_discrete_gaussian

RELATION = "add or remove one person, with one vote"
NOBODY = -1  # the choice of a record that cannot be placed
TOGETHER = 2000  # private points compared with all candidates at once: bounds memory


@dataclass(frozen=True, eq=False)
class ClassVotes:
    """Noisy votes, ready to be published, and what they cost.

    counts:   int64 array (candidates, classes); noise makes some of them negative.
    sigma:    width of the discrete Gaussian noise on each count, in votes.
    epsilon, delta, relation: what this release spends. In a vote of several rounds: all rounds together.
    """

    counts: np.ndarray
    sigma: float
    epsilon: float
    delta: float
    relation: str = RELATION

    @property
    def weights(self):
        """The votes above one sigma, less that sigma; float array (candidates, classes). Work on a release is free of charge.

        Without the cut, half of the empty cells would count as examples, and many empty cells together outvote the people.
        """
        return np.maximum(self.counts - self.sigma, 0.0)

    def __repr__(self):
        cells = " x ".join(map(str, self.counts.shape))
        return f"<votes for {cells} cells, noise of {self.sigma:.3g} votes: epsilon {self.epsilon:.4g} at delta {self.delta:g} ({self.relation})>"


def nearest_candidate(points, candidates):
    """Which candidate is nearest to each private point, by angle: int64 array (n,).

    points:      the private texts as vectors, array (n, d), n >= 0. A row that is not finite or is 0 votes for NOBODY (-1): an error would
                 tell that it is there.
    candidates:  the public ones, array (m, d), finite, none of them 0.
    Raises ValueError for other shapes, or candidates that have no direction.
    """
    candidates = validate.array(candidates=candidates, ndim=2)
    lengths = np.linalg.norm(candidates, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise ValueError("candidates must all have a length above 0, got one that is 0")
    points = np.asarray(points)
    if points.ndim != 2 or points.dtype.kind not in "biuf" or points.shape[1] != candidates.shape[1]:
        raise ValueError(f"points must be an array of numbers with {candidates.shape[1]} columns, got shape {points.shape} of {points.dtype}")
    usable = np.isfinite(points).all(axis=1) & (points != 0).any(axis=1)
    clean, directions = np.where(usable[:, None], points, 0.0), (candidates / lengths).T
    chosen = [(clean[start:start + TOGETHER] @ directions).argmax(axis=1) for start in range(0, len(clean), TOGETHER)]
    return np.where(usable, np.concatenate([*chosen, np.empty(0, np.int64)]), NOBODY).astype(np.int64)


def class_votes(choices, labels, *, candidates, classes):
    """The exact votes, to be kept secret: int64 array (candidates, classes).

    choices:     one whole number a person, 0 to candidates - 1; any other is not counted, nor is a person with another label.
    labels:      one whole number a person, 0 to classes - 1.
    Raises ValueError for arrays of another form, and for fewer than 1 candidate or class.
    """
    candidates, classes = validate.integer(candidates=candidates, at_least=1), validate.integer(classes=classes, at_least=1)
    choices, labels = _whole(choices=choices), _whole(labels=labels)
    validate.same_length(choices=choices, labels=labels)
    counted = (choices >= 0) & (choices < candidates) & (labels >= 0) & (labels < classes)
    cells = choices[counted] * classes + labels[counted]
    return np.bincount(cells, minlength=candidates * classes).reshape(candidates, classes)


def private_class_votes(choices, labels, *, candidates, classes, epsilon: float, delta: float, rounds=1,
                        rng: np.random.Generator | None = None):
    """The votes with discrete Gaussian noise on every cell, as `ClassVotes`.

    choices, labels, candidates, classes: as for `class_votes`. One entry is one *person*: who wrote several texts must be given one vote
                 (`labkit.dp.bounded` with contributions=1 picks one), or the promise is to a text and not to a person.
    epsilon:     > 0. delta: strictly between 0 and 1, far below 1 over the number of people.
    rounds:      votes that the same people are asked for within this budget, >= 1: each gets noise for all of them.
    rng:         numpy Generator, or None for the operating system's random bits.
    Neighbouring: one person with one vote is added or removed. Raises ValueError for arguments out of range.
    """
    exact = class_votes(choices, labels, candidates=candidates, classes=classes)
    rounds = validate.integer(rounds=rounds, at_least=1)
    sigma = discrete_gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=rounds**0.5)
    noise = sample_discrete_gaussian(sigma=sigma, count=exact.size, rng=validate.generator(rng=rng))
    return ClassVotes(exact + noise.reshape(exact.shape), sigma, float(epsilon), float(delta))


private_class_votes.relation = RELATION


def _whole(**argument):
    """One whole number a person, as int64; no people is allowed."""
    ((name, given),) = argument.items()
    values = np.asarray(given)
    if values.size == 0 and values.ndim == 1:
        return np.empty(0, np.int64)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(f"{name} must be a list or array of whole numbers, one for each person, got {given!r:.80}")
    return values.astype(np.int64)
