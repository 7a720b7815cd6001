"""A watermark in generated text: before each word a secret key splits the vocabulary in two, and the model leans towards the green part.

A reader sees nothing. Whoever has the key counts the green words: text that was written without it has the expected share of them,
marked text has more. No model is needed to detect it. Each (word before, word) pair is coloured by a keyed hash, independently
of all others, so that for text written without the key the number of green ones among *distinct* pairs is exactly binomial, over
the choice of the key. Counting a repeated pair twice would break that: the same coin does not fall twice.

A mark says which tool wrote a text only as long as the tool is asked by people who do not study it: whoever reads enough marked text sees
which words come too often after which, and can then write marked text without the key (the lab does it with 80 texts; Jovanovic, Staab,
Vechev, "Watermark Stealing in Large Language Models", ICML 2024).

Source: Kirchenbauer, Geiping, Wen, Katz, Miers, Goldstein, "A Watermark for Large Language Models", ICML 2023.
"""

import math
import secrets
import struct
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from labkit import validate
from labkit.protection.evidence import Evidence

BLOCK = 64  # bytes of one hash, each of which colours one word


@dataclass(frozen=True)
class TextMark:
    """A key with its settings.

    vocabulary:  number of words, ids 0 ... vocabulary - 1.
    strength:    > 0, what is added to the logits of green words (delta in the paper): their odds grow by e^strength.
    green_share: between 0 and 1, a multiple of 1/256: the share of green words (gamma in the paper).
    key:         16 to 64 bytes, secret; drawn from the operating system unless given.
    ignored:     id of a word that stands for unknown ones: pairs with it are not counted. None: all count.
    """

    vocabulary: int
    strength: float = 2.0
    green_share: float = 0.5
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    ignored: int | None = 0

    def __post_init__(self):
        validate.integer(vocabulary=self.vocabulary, at_least=2)
        validate.positive(strength=self.strength)
        if not (validate.probability(green_share=self.green_share) * 256).is_integer():
            raise ValueError(f"green_share must be a multiple of 1/256, got {self.green_share!r}")
        if not isinstance(self.key, bytes) or not 16 <= len(self.key) <= 64:
            raise ValueError("key must be 16 to 64 bytes")
        if self.ignored is not None:
            validate.integer(ignored=self.ignored, at_least=0, at_most=self.vocabulary - 1)

    def green(self, previous):
        """Which words are green after the word `previous`, bool (vocabulary,)."""
        previous = validate.integer(previous=previous, at_least=0, at_most=self.vocabulary - 1)
        return _green(self, previous)

    def adjust(self, previous, probabilities):
        """The probabilities (vocabulary,) of the next word, leaning towards the green ones; for `NGram.generate`."""
        leaning = probabilities * np.where(self.green(previous), math.exp(self.strength), 1.0)
        return leaning / leaning.sum()

    def colours(self, tokens):
        """For each word whether it is green after the one before, bool (n,); the first has none before it and is False."""
        tokens = self._ids(tokens)
        return np.array([False, *(self._is_green(*pair) for pair in zip(tokens, tokens[1:]))])

    def evidence(self, tokens, *, distinct=True):
        """How many pairs of neighbouring words are green, as `Evidence` with its p-value and z.

        tokens:    ids of the words, at least two.
        distinct:  count each pair once. False counts repetitions again, as many implementations do: the p-value is then wrong.
        """
        tokens = self._ids(tokens)
        pairs = [pair for pair in zip(tokens, tokens[1:]) if self.ignored not in pair]
        pairs = list(dict.fromkeys(pairs)) if distinct else pairs
        if not pairs:
            raise ValueError(f"tokens must hold at least one pair of known words, got {len(tokens)} ids")
        return Evidence(sum(self._is_green(*pair) for pair in pairs), len(pairs), self.green_share)

    def _colours(self, previous, block):
        return blake2b(struct.pack("<II", previous, block), key=self.key, digest_size=BLOCK).digest()

    def _is_green(self, previous, token):
        return self._colours(previous, token // BLOCK)[token % BLOCK] < 256 * self.green_share

    def _ids(self, tokens):
        tokens = validate.array(tokens=tokens, ndim=1)
        if tokens.dtype.kind not in "iu" or tokens.min() < 0 or tokens.max() >= self.vocabulary:
            raise ValueError(f"tokens must hold whole numbers from 0 to {self.vocabulary - 1}, got {tokens!r}")
        return tokens.tolist()


@lru_cache(maxsize=2048)  # common words come before most others: 20 MB for 10,000 words
def _green(mark, previous):
    colours = b"".join(mark._colours(previous, block) for block in range(-(-mark.vocabulary // BLOCK)))
    found = np.frombuffer(colours, np.uint8)[:mark.vocabulary] < 256 * mark.green_share
    found.setflags(write=False)
    return found
