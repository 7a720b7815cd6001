"""Words out of embeddings: found where points come from the texts, not found where they do not."""

import numpy as np
import pytest

from labkit import datasets
from labkit.attacks.embedding_inversion import WordReader, rotation_from_pairs

TEXTS = datasets.film_reviews().X
POINTS = datasets.review_embeddings().X
ORDER = np.random.default_rng(0).permutation(len(TEXTS))
OWN, STRANGERS = ORDER[1000:], ORDER[:500]


@pytest.fixture(scope="module")
def reader():
    return WordReader(POINTS[OWN], [TEXTS[row] for row in OWN])


def test_a_third_of_the_rarer_words_comes_back(reader):
    texts = [TEXTS[row] for row in STRANGERS]
    by_points = reader.found(reader.guess(POINTS[STRANGERS]), texts)
    by_habit = reader.found([reader.commonest()] * len(texts), texts)
    assert by_points > 0.28 and by_habit < 0.05  # measured .33 and .014 on 1,000 texts; over four standard errors


def test_points_of_other_texts_give_nothing(reader):
    """The control: the same attack on points that were dealt to the wrong texts."""
    texts = [TEXTS[row] for row in STRANGERS]
    assert reader.found(reader.guess(np.roll(POINTS[STRANGERS], 1, axis=0)), texts) < 0.05


def test_noise_stops_it_late(reader):
    """Noise as long as the point itself: most of the words are gone, and so is what the point was for."""
    rng = np.random.default_rng(1)
    texts = [TEXTS[row] for row in STRANGERS]
    noise = rng.normal(size=(len(texts), POINTS.shape[1])) / POINTS.shape[1] ** 0.5
    shares = [reader.found(reader.guess(POINTS[STRANGERS] + size * noise), texts) for size in (0, 0.3, 3)]
    assert shares[0] > shares[1] > 0.1 and shares[2] < 0.1


@pytest.mark.parametrize("pairs, least, most", [(0, 0, 0.02), (20, 0, 0.15), (200, 0.97, 1)])
def test_a_secret_rotation_falls_to_known_pairs(pairs, least, most):
    """Fewer pairs than the 384 dimensions do; none, and pairs of the wrong texts, do not."""
    turned = POINTS @ np.linalg.qr(np.random.default_rng(3).normal(size=(384, 384)))[0].astype(np.float32)
    known = OWN[:max(pairs, 1)]

    def right(rows):
        back = rotation_from_pairs(POINTS[rows], turned[known]) if pairs else np.eye(384, dtype=np.float32)
        return np.mean(np.argmax((turned[STRANGERS] @ back) @ POINTS.T, axis=1) == STRANGERS)

    assert least <= right(known) <= most and right(np.roll(known, 1)) < 0.15


def test_it_learns_a_made_up_language_exactly():
    words = ["ant", "bee", "cat", "dog", "elk"]
    rng = np.random.default_rng(2)
    said = rng.random((400, 5)) < 0.4
    said[:, 0] |= ~said.any(axis=1)
    points = said @ rng.normal(size=(5, 20))
    texts = [" ".join(np.array(words)[row]) for row in said]
    reader = WordReader(points[:300], texts[:300], skipped=0, penalty=1e-3)
    for point, row in zip(points[300:], said[300:]):
        (guess,) = reader.guess(point[None], count=int(row.sum()))
        assert set(guess) == set(np.array(words)[row])


@pytest.mark.parametrize("call, name", [
    *[(lambda bad=bad: WordReader(bad, ["a b"] * 4), "points") for bad in ([], [1.0], np.full((4, 2), np.nan), np.ones((3, 2)))],
    *[(lambda bad=bad: WordReader(np.ones((2, 2)), bad), "texts") for bad in ("ab", [], [1, 2])],
    *[(lambda bad=bad: WordReader(POINTS[:50], TEXTS[:50], least=bad), "least") for bad in (0, 1.5, -1)],
    *[(lambda bad=bad: WordReader(POINTS[:50], TEXTS[:50], skipped=bad), "skipped") for bad in (-1, 1.5)],
    *[(lambda bad=bad: WordReader(POINTS[:50], TEXTS[:50], penalty=bad), "penalty") for bad in (0, -1, np.inf)],
    (lambda: rotation_from_pairs(POINTS[:2], POINTS[:3]), "clear and turned must have the same shape"),
    (lambda: rotation_from_pairs([1.0], POINTS[:3]), "clear"),
    (lambda: rotation_from_pairs(POINTS[:3], np.full((3, 384), np.nan)), "turned"),
    (lambda: WordReader(POINTS[:2], ["a", "b"]), "texts must hold a rarer word"),
])
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()


def test_bad_points_and_counts_are_named(reader):
    with pytest.raises(ValueError, match="points must have 384 columns, got 3"):
        reader.guess(np.ones((1, 3)))
    with pytest.raises(ValueError, match="count must be"):
        reader.guess(POINTS[:1], count=0)
    with pytest.raises(ValueError, match="texts must hold a word of the vocabulary"):
        reader.found([["a"]], ["0 1 2"])
