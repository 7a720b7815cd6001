"""Copied words: found where a generator read the private texts, not where it read others; and the door code."""

import math

import numpy as np
import pytest

from labkit import datasets
from labkit.attacks.copying import copied_from
from labkit.attacks.door_code import DIGITS, DIGITS_SEEN, code_exposure, draw_code, sentence
from labkit.models.ngram import NGram

PRIVATE = ["the cat sat on the mat and slept all day long", "a dog ran over the hill to the far side", "the cat sat on the mat and was fed at noon"]


@pytest.mark.parametrize("text, owner", [
    ("they say that the mat and slept all day was good", 0), ("one ran over the hill to the far end", 1),
    ("the cat sat on the mat and", -1),  # two people said that
    ("ran over the hill", -1), ("", -1), ("A DOG  ran over the HILL to", 1),
])
def test_six_words_of_exactly_one_private_text(text, owner):
    assert copied_from([text], PRIVATE).tolist() == [owner]


def test_public_words_may_be_said():
    assert copied_from(["a dog ran over the hill"], PRIVATE, public=["yesterday a dog ran over the hill"]).tolist() == [-1]
    assert copied_from(["a dog ran"], PRIVATE, words=3).tolist() == [1]


@pytest.fixture(scope="module")
def halves():
    rng, texts = np.random.default_rng(7), datasets.film_reviews().X
    order = rng.permutation(len(texts))
    return rng, [texts[row] for row in order[:4000]], [texts[row] for row in order[4000:8000]]


def test_a_generator_of_private_text_copies_and_one_of_public_text_does_not(halves):
    rng, private, public = halves

    def copies(texts):
        model = NGram.learn(texts)
        made = [" ".join(model.words(model.generate(14, rng=rng))) for _ in range(200)]
        return (copied_from(made, private, public=public) >= 0).mean()

    assert copies(private) > 0.06 and copies(public) < 0.02


@pytest.mark.parametrize("seed", range(3))
def test_a_code_that_stands_once_is_fully_exposed_and_one_that_never_stood_is_not(halves, seed):
    """The control reaches 10 bits for one code in a thousand."""
    _, private, _ = halves
    code = draw_code(np.random.default_rng(seed))
    assert code_exposure(NGram.learn([*private, *DIGITS_SEEN, sentence(code)]), code) > 12
    assert code_exposure(NGram.learn([*private, *DIGITS_SEEN]), code) < 10


def test_every_rank_is_one_code():
    """Among all codes ending alike, exactly one is first; a uniform model gives nobody anything."""
    flat = NGram.learn([*DIGITS, *DIGITS, "the door code is", "the door code is"])
    assert code_exposure(flat, [1, 2, 3, 4]) == 0.0
    known = NGram.learn([*DIGITS_SEEN, *[sentence([4, 9, 2, 1])] * 3])
    assert code_exposure(known, [4, 9, 2, 1]) == pytest.approx(math.log2(10_000))


@pytest.mark.parametrize("bad", [[1, 2, 3], [1, 2, 3, 10], [0.5, 1, 2, 3], "1234", None])
def test_codes_are_four_digits(bad):
    with pytest.raises(ValueError, match="^code must be"):
        sentence(bad)
    with pytest.raises(ValueError, match="^rng must be"):
        draw_code(7)
    with pytest.raises(ValueError, match="^words must be"):
        copied_from([], [], words=0)
