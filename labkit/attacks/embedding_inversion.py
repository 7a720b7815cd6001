"""Read words back out of a text's embedding: points that stand for texts are texts, to whoever has other texts with their points.

The attacker owns a public collection of texts of the same kind, and the same encoder. One ridge regression learns, for each word,
the direction in which it moves a point; for a stranger's point the words that fit it best are guessed.

Sources: Song, Raghunathan, "Information Leakage in Embedding Models", CCS 2020; Morris, Kuleshov, Shmatikov, Rush, "Text Embeddings
Reveal (Almost) As Much As Text", EMNLP 2023, who recover whole sentences.
"""

import re
from collections import Counter

import numpy as np
from scipy.sparse import csr_array

from labkit import validate


def words_in(text):
    """The words of a text, in small letters, each once: a set of str."""
    return set(re.findall(r"[a-z']+", text.lower()))


class WordReader:
    """What an attacker learnt from texts of their own. `vocabulary`: the words that it can guess, a tuple of str.

    points:   the texts' embeddings, (n, d). texts: n str.
    least:    a word is learnt if so many of the texts have it, >= 1.
    skipped:  how many of the commonest words are left out, >= 0: guessing "the" is no attack.
    penalty:  strength of the ridge, > 0.
    Raises ValueError for arguments that do not fit, or when no word is left to learn.
    """

    def __init__(self, points, texts, *, least=4, skipped=150, penalty=3.0):
        points = validate.array(points=points, ndim=2).astype(np.float32)
        texts = _texts(texts)
        validate.same_length(points=points, texts=texts)
        least = validate.integer(least=least, at_least=1)
        skipped = validate.integer(skipped=skipped, at_least=0)
        penalty = validate.positive(penalty=penalty)
        sets = [words_in(text) for text in texts]
        counts = Counter(word for words in sets for word in sorted(words))
        common = {word for word, _ in counts.most_common(skipped)}
        self.vocabulary = tuple(sorted(word for word, times in counts.items() if times >= least and word not in common))
        if not self.vocabulary:
            raise ValueError(f"texts must hold a rarer word that {least} of them have, got {len(texts)} without one")
        self._place = {word: place for place, word in enumerate(self.vocabulary)}
        places = [sorted(self._place[word] for word in words if word in self._place) for words in sets]
        starts = np.cumsum([0, *map(len, places)])
        columns = np.concatenate([np.array(each, int) for each in places])
        said = csr_array((np.ones(len(columns), np.float32), columns, starts), shape=(len(texts), len(self.vocabulary)))
        self._share = np.bincount(columns, minlength=len(self.vocabulary)).astype(np.float32) / np.float32(len(texts))
        self._middle = points.mean(axis=0)
        centred = points - self._middle
        inner = centred.T @ centred + np.float32(penalty) * np.eye(points.shape[1], dtype=np.float32)
        self._directions = np.linalg.solve(inner, (said.T @ centred).T)  # centred points need no centred words

    def guess(self, points, count=10):
        """The `count` words that fit each of these points (n, d) best, best first: a list of n lists of str."""
        points = validate.array(points=points, ndim=2)
        count = validate.integer(count=count, at_least=1, at_most=len(self.vocabulary))
        if points.shape[1] != len(self._middle):
            raise ValueError(f"points must have {len(self._middle)} columns, got {points.shape[1]}")
        fit = (points.astype(np.float32) - self._middle) @ self._directions / np.sqrt(self._share + 1e-4)
        return [[self.vocabulary[place] for place in row] for row in np.argsort(-fit, axis=1)[:, :count]]

    def commonest(self, count=10):
        """The control: the words that are most often right for any text, a list of str."""
        count = validate.integer(count=count, at_least=1, at_most=len(self.vocabulary))
        return [self.vocabulary[place] for place in np.argsort(-self._share, kind="stable")[:count]]

    def found(self, guesses, texts):
        """The share of the texts' words (of those in the vocabulary) that are among the guesses for each, from 0 to 1."""
        texts = _texts(texts)
        validate.same_length(guesses=guesses, texts=texts)
        there = [words_in(text) & self._place.keys() for text in texts]
        total = sum(map(len, there))
        if not total:
            raise ValueError("texts must hold a word of the vocabulary, got none")
        return sum(len(words.intersection(guess)) for words, guess in zip(there, guesses)) / total


def rotation_from_pairs(clear, turned):
    """The secret rotation, from texts known with both points: the matrix that turns `turned` back into `clear`.

    clear, turned: points of the same texts before and after, (pairs, d). Returns (d, d), to be multiplied from the right.
    Fewer pairs than d fix only the directions that they span; the others are dropped. Source: Schönemann, "A generalized solution of the orthogonal
    Procrustes problem", Psychometrika 1966.
    """
    clear, turned = validate.array(clear=clear, ndim=2), validate.array(turned=turned, ndim=2)
    if clear.shape != turned.shape:
        raise ValueError(f"clear and turned must have the same shape, got {clear.shape} and {turned.shape}")
    left, sizes, right = np.linalg.svd(turned.T @ clear)
    fixed = int(np.sum(sizes > 1e-4 * sizes[0]))  # beyond these the decomposition's directions are arbitrary
    return left[:, :fixed] @ right[:fixed]


def _texts(texts):
    if isinstance(texts, str) or not len(texts) or not all(isinstance(each, str) for each in texts):
        raise ValueError(f"texts must be a non-empty sequence of str, got {type(texts).__name__}")
    return list(texts)
