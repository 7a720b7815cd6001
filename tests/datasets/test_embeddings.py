"""The shipped embeddings are what the encoder makes of the sentences, row by row, and carry their meaning."""

import numpy as np
import pytest

from labkit import datasets
from labkit.datasets.extract_embeddings import codes_from
from labkit.datasets.texts import EMBEDDING_STEPS
from labkit.models import encoder

needs_model = pytest.mark.skipif(not encoder.is_installed(), reason="the pretrained encoder is not installed: make models")


def test_every_row_has_length_1_and_belongs_to_its_sentence():
    reviews, embedded = datasets.film_reviews(), datasets.review_embeddings()
    assert np.allclose(np.linalg.norm(embedded.X, axis=1), 1, atol=1e-6)
    assert np.array_equal(embedded.y, reviews.y)


def test_sentences_of_like_meaning_lie_close_together():
    """Sentences about the same thing are closer than any pair at random; it would fail if rows were out of step."""
    reviews, X = datasets.film_reviews(), datasets.review_embeddings().X
    words = ("animation", "comedy", "soundtrack", "documentary")
    about = [[row for row, text in enumerate(reviews.X) if word in text.lower()][:40] for word in words]
    rng = np.random.default_rng(0)
    chance = (X[rng.integers(len(X), size=2000)] * X[rng.integers(len(X), size=2000)]).sum(axis=1).mean()
    for rows in about:
        near = X[rows] @ X[rows].T
        assert near[~np.eye(len(rows), dtype=bool)].mean() > chance + 0.1


def test_rounding_to_bytes_and_back():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(50, 384))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    codes = codes_from(rows)
    assert codes.dtype == np.int8
    assert np.abs(codes / EMBEDDING_STEPS - rows).max() <= 0.5 / EMBEDDING_STEPS + 1e-9
    assert codes_from(np.array([[1.0, -1.0]])).tolist() == [[127, -127]]  # too large for a byte: cut off, not wrapped around


@needs_model
def test_the_shipped_rows_are_the_models_own():
    """60 sentences, long and short. One byte a number: half a step of rounding, and one more where a processor rounds otherwise."""
    reviews, shipped = datasets.film_reviews(), datasets.review_embeddings().X
    rows = np.random.default_rng(2).choice(len(reviews), size=60, replace=False)
    fresh = encoder.load_encoder().embed([reviews.X[row] for row in rows])
    apart = np.abs(codes_from(fresh) - codes_from(shipped[rows]).astype(int))
    assert apart.max() <= 1 and (apart == 0).mean() > 0.9
    assert (fresh * shipped[rows]).sum(axis=1).min() > 0.999
    other = np.roll(rows, 1)  # the test can fail: the neighbour's embedding is another
    assert (fresh * shipped[other]).sum(axis=1).max() < 0.9
