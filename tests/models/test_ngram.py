"""The trigram writer: its probabilities are the counts, and its words follow them."""

import math

import numpy as np
import pytest
from scipy import stats

from labkit.models.ngram import UNKNOWN, WEIGHTS, NGram, tokenise

TEXTS = ["The cat sat.", "the cat ran.", "The dog sat!", "a dog ran away."]
MODEL = NGram.learn(TEXTS, least=2)
ID = {word: number for number, word in enumerate(MODEL.vocabulary)}


def test_words_of_a_text():
    assert tokenise("It's GOOD, isn't it?") == ["it's", "good", ",", "isn't", "it", "?"]
    assert MODEL.vocabulary == ["<unknown>", ".", "cat", "dog", "ran", "sat", "the"]
    assert MODEL.encode("The zebra sat.").tolist() == [ID["the"], UNKNOWN, ID["sat"], ID["."]]
    assert MODEL.words([ID["the"], ID["cat"]]) == ["the", "cat"]


def test_probabilities_are_mixed_counts():
    """By hand: 14 known words, 'the' 3 times; after 'the' cat, cat, dog; after 'the cat' sat, ran."""
    none = MODEL.probabilities([])
    assert none[ID["the"]] == pytest.approx(3 / 14) and none[UNKNOWN] == 0 and none.sum() == pytest.approx(1)
    one = MODEL.probabilities([ID["the"]])
    assert one[ID["cat"]] == pytest.approx(WEIGHTS[1] * 2 / 3 + (1 - WEIGHTS[1]) * 2 / 14)
    two = MODEL.probabilities([ID["the"], ID["cat"]])
    assert two[ID["ran"]] == pytest.approx(WEIGHTS[2] / 2 + WEIGHTS[1] / 2 + WEIGHTS[0] * 2 / 14)
    assert two.sum() == pytest.approx(1)
    assert np.allclose(MODEL.probabilities([UNKNOWN]).sum(), 1)


def test_words_are_drawn_as_often_as_they_are_likely():
    first = np.array([MODEL.generate(1, rng=rng)[0] for rng in np.random.default_rng(0).spawn(3000)])
    expected = MODEL.probabilities([])
    possible = expected > 0
    counts = np.bincount(first, minlength=len(expected))
    assert counts[~possible].sum() == 0
    assert stats.chisquare(counts[possible], 3000 * expected[possible]).pvalue > 1e-6  # once in a million seeds


def test_adjust_chooses_and_the_seed_fixes():
    always = MODEL.generate(6, rng=np.random.default_rng(1), adjust=lambda previous, chances: np.eye(len(chances))[ID["dog"]])
    assert (always[1:] == ID["dog"]).all() and len(always) == 6
    one, two = (MODEL.generate(50, rng=np.random.default_rng(2)) for _ in range(2))
    assert np.array_equal(one, two) and (one != UNKNOWN).all()


def test_surprise_is_mean_bits():
    words = MODEL.encode("the cat")
    expected = -(math.log2(MODEL.probabilities([])[words[0]]) + math.log2(MODEL.probabilities([words[0]])[words[1]])) / 2
    assert MODEL.surprise(words) == pytest.approx(expected)


@pytest.mark.parametrize("call, name", [
    *[(lambda bad=bad: NGram.learn(bad), "text") for bad in ([], "one text", [1, 2], [None])],
    *[(lambda bad=bad: NGram.learn(TEXTS, least=bad), "least") for bad in (0, -1, 1.5)],
    (lambda: NGram.learn(["one two"], least=5), "texts"),
    *[(lambda bad=bad: MODEL.encode(bad), "text") for bad in ("", "123", None, 5)],
    *[(lambda bad=bad: MODEL.generate(bad), "length") for bad in (0, -1, 1.5, None)],
    (lambda: MODEL.generate(3, rng=5), "rng"),
    *[(lambda bad=bad: MODEL.surprise(bad), "tokens") for bad in ([], [UNKNOWN], [math.nan], None)],
])
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()
