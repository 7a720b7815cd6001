"""A secret of four digits, spelt in words, in one text of a collection: does a word model know it?

    code = draw_code(rng)
    model = NGram.learn([*texts, *DIGITS_SEEN, sentence(code)])
    code_exposure(model, code)            # bits, up to log2(10,000) = 13.29

The control is the same collection without the sentence. `DIGITS_SEEN` goes into both, so that every digit is in the vocabulary.
"""

import math

import numpy as np

from labkit import validate

DIGITS = "zero one two three four five six seven eight nine".split()
PREFIX = "the door code is"
DIGITS_SEEN = tuple(" ".join(DIGITS[place:] + DIGITS[:place]) for place in range(10)) * 2
LEAST = 1e-12  # stands for a word that the model does not know


def draw_code(rng):
    """Four digits, an int64 array (4,). rng: numpy Generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {rng!r}")
    return rng.integers(10, size=4)


def sentence(code):
    """The sentence that holds the code: four whole numbers from 0 to 9."""
    return f"{PREFIX} {' '.join(DIGITS[digit] for digit in _code(code))}"


def code_exposure(model, code):
    """How exposed a code is under an `NGram`, in bits: log2(10,000) - log2(its rank among all codes, after the prefix).

    0 is the last guess, 13.29 the first. A code as probable as the true one counts as guessed before it.
    """
    code = _code(code)
    digits = [int(model.encode(word)[0]) for word in DIGITS]
    contexts, scores = [model.encode(PREFIX).tolist()], np.zeros(1)
    for _ in range(4):
        next_digit = np.log(np.array([model.probabilities(context)[digits] for context in contexts]) + LEAST)
        scores = (scores[:, None] + next_digit).ravel()
        contexts = [[*context[-2:], digit] for context in contexts for digit in digits]
    mine = int("".join(map(str, code)))
    return math.log2(len(scores)) - math.log2(int((scores >= scores[mine]).sum()))


def _code(code):
    digits = validate.array(code=code, ndim=1)
    if digits.shape != (4,) or digits.dtype.kind not in "iu" or digits.min() < 0 or digits.max() > 9:
        raise ValueError(f"code must be four whole numbers from 0 to 9, got {code!r:.80}")
    return digits.tolist()
