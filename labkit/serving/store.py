"""One store of texts, many owners: whom a search brings, and what the statistics behind it tell.

Source of the attack on shared word statistics: Wang, Grubbs, Lu, Bindschaedler, Cash, Ristenpart, "Side-Channel Attacks on Shared
Search Indexes", IEEE S&P 2017.
"""

import math
import re
from collections import Counter

import numpy as np

from labkit import validate

FILTERS = ("none", "after", "before")
STATISTICS = ("shared", "own")
BESIDE, ASKED = "bicycle", "holiday"  # two harmless words: one stands in the bait, one only in the question


class SharedStore:
    """Search by meaning over the texts of many owners, as retrieval for a language model does it.

    A text becomes a point (word weights, then their `dimensions` main directions); a question brings the nearest texts.
    texts:      non-empty sequence of str. owners: one label for each, such as a number.
    dimensions: at least 1, and below the number of texts.
    seed:       of the randomised factorisation; privacy does not rest on it.
    Raises ValueError for arguments that do not fit.
    """

    def __init__(self, texts, owners, *, dimensions=128, seed=0):
        texts = _texts(texts)
        validate.same_length(texts=texts, owners=owners)
        dimensions = validate.integer(dimensions=dimensions, at_least=1, at_most=max(1, len(texts) - 1))
        seed = validate.integer(seed=seed, at_least=0)
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.owners = np.asarray(owners)
        self._words = TfidfVectorizer(sublinear_tf=True, stop_words="english")
        try:
            weights = self._words.fit_transform(texts)
        except ValueError:  # the library's message names no argument
            raise ValueError("texts must hold words other than the very commonest, got none") from None
        if dimensions >= weights.shape[1]:
            raise ValueError(f"dimensions must be below the number of words, {weights.shape[1]}, got {dimensions}")
        self._directions = TruncatedSVD(dimensions, random_state=seed).fit(weights)
        self._points = _unit(self._directions.transform(weights))

    def search(self, question, *, asker, filtered="before", count=5):
        """The numbers of the texts nearest to `question`, best first: an int array of at most `count`.

        filtered: "none": whoever owns them; "after": the nearest `count` of all, less those of others;
                  "before": the nearest `count` among the asker's own.
        """
        (question,) = _texts([question])
        validate.one_of(filtered=filtered, options=FILTERS)
        count = validate.integer(count=count, at_least=1)
        likeness = self._points @ _unit(self._directions.transform(self._words.transform([question])))[0]
        mine = self.owners == asker
        if filtered == "before":
            likeness = np.where(mine, likeness, -np.inf)
        nearest = np.argsort(-likeness, kind="stable")[:count]
        return nearest if filtered == "none" else nearest[mine[nearest]]


class KeywordIndex:
    """Search by words, filtered first: an owner finds own texts only. What is shared is how rare a word is.

    statistics: "shared" counts in how many texts of *all* owners a word stands, as one index for all does;
                "own" counts in the asker's texts alone.
    """

    def __init__(self, *, statistics="own"):
        self.statistics = validate.one_of(statistics=statistics, options=STATISTICS)
        self._texts = {}  # number: (owner, words)
        self._standing, self._sizes = {}, Counter()  # for each circle of owners: word counts, number of texts
        self._next = 0

    def add(self, owner, text):
        """Take in a text; returns its number."""
        words = frozenset(re.findall(r"[a-z']+", _texts([text])[0].lower()))
        number, self._next = self._next, self._next + 1
        self._texts[number] = owner, words
        self._count(owner, words, 1)
        return number

    def remove(self, number):
        """Forget a text, and what it added to the statistics. Raises ValueError for an unknown number."""
        if number not in self._texts:
            raise ValueError(f"number must be that of a text in the index, got {number!r}")
        self._count(*self._texts.pop(number), -1)

    def score(self, question, number, *, asker):
        """How well the asker's own text fits the question: the cosine of their word weights, from 0 to 1.

        Raises PermissionError for somebody else's text, as for one that does not exist.
        """
        owner, words = self._texts.get(number, (None, frozenset()))
        if number not in self._texts or owner != asker:
            raise PermissionError("no such text of yours")
        asked = set(re.findall(r"[a-z']+", question.lower()))
        weight = {word: self._rarity(word, self._circle(asker)) for word in words | asked}
        both = sum(weight[word] ** 2 for word in sorted(words & asked))
        lengths = [math.sqrt(sum(weight[word] ** 2 for word in sorted(each))) for each in (words, asked)]
        return both / (lengths[0] * lengths[1]) if all(lengths) else 0.0

    def _circle(self, owner):
        return None if self.statistics == "shared" else owner

    def _count(self, owner, words, by):
        circle = self._circle(owner)
        self._sizes[circle] += by
        standing = self._standing.setdefault(circle, Counter())
        for word in words:
            standing[word] += by

    def _rarity(self, word, circle):
        """Inverse document frequency, smoothed as scikit-learn does."""
        return math.log((1 + self._sizes[circle]) / (1 + self._standing[circle][word])) + 1


def bait_score(index, owner, word):
    """The attack: does a stranger's text hold `word`? Put in a bait of one's own with it, and read the bait's score.

    index: a KeywordIndex; owner: the attacker. The bait is taken out again. Returns the score, from 0 to 1. The commoner the
    word, the less it weighs, and the lower the score: a word that nobody else has scores highest.
    """
    bait = index.add(owner, f"{word} {BESIDE}")
    try:
        return index.score(f"{word} {BESIDE} {ASKED}", bait, asker=owner)
    finally:
        index.remove(bait)


def _unit(points):
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)


def _texts(texts):
    if isinstance(texts, str) or not len(texts) or not all(isinstance(each, str) and each for each in texts):
        raise ValueError(f"texts must be a non-empty sequence of non-empty str, got {str(texts)[:60]!r}")
    return list(texts)
