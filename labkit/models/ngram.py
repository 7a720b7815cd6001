"""A language model that fits on a page: the next word depends on the last two, by counting.

It writes nonsense, in milliseconds. That is enough to mark text and to find the mark: a watermark only needs a model that chooses
words. The probabilities of the three last-word tables (none, one, two words back) are mixed with fixed weights (interpolation).
"""

import re
from collections import Counter, defaultdict

import numpy as np

from labkit import validate

TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|[.,!?;:]")
UNKNOWN = 0  # the id of every word that is not in the vocabulary; never generated
WEIGHTS = (0.05, 0.35, 0.6)  # of the tables that look back 0, 1 and 2 words


def tokenise(text):
    """The lower-case words and punctuation marks of a text, a list of str."""
    if not isinstance(text, str):
        raise ValueError(f"text must be a str, got {text!r}")
    return TOKEN.findall(text.lower())


class NGram:
    """A trigram model. `vocabulary`: the words by id, number 0 stands for every unknown one. Make one with `NGram.learn`."""

    def __init__(self, vocabulary, counts):
        self.vocabulary = vocabulary
        self._ids = {word: number for number, word in enumerate(vocabulary)}
        unigram = np.bincount(list(counts[0][()]), list(counts[0][()].values()), len(vocabulary)).astype(float)
        self._unigram = unigram / unigram.sum()
        self._tables = [{context: _shares(after) for context, after in table.items()} for table in counts[1:]]

    @classmethod
    def learn(cls, texts, *, least=2):
        """Count the words of `texts` (a sequence of str); words seen fewer than `least` times (>= 1) become unknown."""
        least = validate.integer(least=least, at_least=1)
        if isinstance(texts, str) or not len(texts):
            raise ValueError(f"texts must be a non-empty sequence of str, got {texts!r}")
        split = [tokenise(text) for text in texts]
        seen = Counter(word for words in split for word in words)
        vocabulary = ["<unknown>", *sorted(word for word, times in seen.items() if times >= least)]
        if len(vocabulary) < 3:
            raise ValueError(f"texts must hold at least two words that occur {least} times, got {len(vocabulary) - 1}")
        ids = {word: number for number, word in enumerate(vocabulary)}
        counts = [defaultdict(Counter) for _ in WEIGHTS]
        for words in split:
            numbers = [ids.get(word, UNKNOWN) for word in words]
            for place, number in enumerate(numbers):
                for back, table in enumerate(counts[:place + 1]):
                    if number != UNKNOWN:
                        table[tuple(numbers[place - back:place])][number] += 1
        return cls(vocabulary, counts)

    def encode(self, text):
        """The ids of a text's words, an int64 array; 0 where a word is unknown. Raises ValueError for a text without words."""
        numbers = np.array([self._ids.get(word, UNKNOWN) for word in tokenise(text)], np.int64)
        if not len(numbers):
            raise ValueError(f"text must hold at least one word, got {text!r}")
        return numbers

    def words(self, tokens):
        """The words of a sequence of ids, a list of str."""
        return [self.vocabulary[number] for number in validate.array(tokens=tokens, ndim=1)]

    def probabilities(self, context):
        """How likely each word comes next, array (vocabulary,), after a sequence of ids of which the last two count."""
        mixed, left = np.zeros(len(self.vocabulary)), 1.0
        for back, weight in ((2, WEIGHTS[2]), (1, WEIGHTS[1])):
            known = self._tables[back - 1].get(tuple(context[-back:])) if len(context) >= back else None
            if known is not None:
                mixed[known[0]] += weight * known[1]
                left -= weight
        return mixed + left * self._unigram

    def generate(self, length, *, rng=None, adjust=None):
        """Write `length` (>= 1) words; returns their ids, an int64 array.

        rng:     numpy Generator, or None for fresh randomness.
        adjust:  None, or a function (id of the word before, probabilities) -> probabilities, called before each draw but the first.
        """
        length, rng = validate.integer(length=length, at_least=1), validate.generator(rng=rng) or np.random.default_rng()
        tokens = []
        while len(tokens) < length:
            chances = self.probabilities(tokens)
            if adjust is not None and tokens:
                chances = adjust(tokens[-1], chances)
            totals = np.cumsum(chances)
            tokens.append(min(int(np.searchsorted(totals, rng.random() * totals[-1], side="right")), len(totals) - 1))
        return np.array(tokens, np.int64)

    def surprise(self, tokens):
        """Mean bits per word that the model needs for these ids (0 ids are skipped): the log2 of the perplexity."""
        tokens = validate.array(tokens=tokens, ndim=1).tolist()
        bits = [-np.log2(self.probabilities(tokens[:place][-2:])[number]) for place, number in enumerate(tokens) if number != UNKNOWN]
        if not bits:
            raise ValueError("tokens must hold at least one known word")
        return float(np.mean(bits))


def _shares(after):
    """A table's row as (ids, their shares)."""
    numbers, times = np.array(list(after), np.int64), np.array(list(after.values()), float)
    return numbers, times / times.sum()
