"""The shipped candidate reviews: whole sentences of a public model, and the script's rules for them."""

import numpy as np
import pytest

from labkit import datasets
from labkit.datasets.extract_candidates import EACH, LEAST_WORDS, beginnings, whole_sentence
from labkit.datasets.extract_embeddings import codes_from
from labkit.models import encoder, language_model


def test_six_whole_sentences_for_each_beginning():
    records = datasets.load("candidate_reviews")
    table = records.table
    assert len(records) == 192 and table["text"].is_unique and records.real
    assert table["beginning"].tolist() == [each for each in beginnings() for _ in range(EACH)]
    assert all(whole_sentence(text) == text and text.startswith(begun) for begun, text in table.to_numpy())


def test_points_have_length_1_and_belong_to_their_sentences():
    points = datasets.candidate_points()
    assert points.shape == (192, 384) and np.allclose(np.linalg.norm(points, axis=1), 1, atol=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        points[0, 0] = 1
    same = datasets.candidate_reviews().table["beginning"].str.split().str[1].to_numpy()
    near = points @ points.T
    alike = near[(same[:, None] == same) & ~np.eye(192, dtype=bool)].mean()
    assert alike > near[same[:, None] != same].mean() + 0.1  # false if rows were out of step: two about the plot are nearer than plot and acting


@pytest.mark.parametrize("text, kept", [
    ("The plot is dull, and the end is worse. More", "The plot is dull, and the end is worse."), ("The plot is\nnew line. And so on it goes", None),
    ("The plot is told by Robert in a car.", None), ("The plot is as I said it would be!", "The plot is as I said it would be!"),
    ("The plot is 9 out of ten for me.", None), ("The plot is dull.", None), ("The plot is without an end and", None),
    ("The plot is caf\u00e9 talk for an hour or two.", None), ("", None),
])
def test_only_whole_sentences_without_names_and_figures_are_kept(text, kept):
    assert whole_sentence(text) == kept and LEAST_WORDS == 6


@pytest.mark.skipif(not encoder.is_installed(), reason="the pretrained encoder is not installed: make models")
def test_the_shipped_points_are_the_encoders_own():
    """Half a step of rounding, and one more where a processor rounds otherwise; the neighbour's point is another."""
    texts = datasets.candidate_reviews().table["text"].tolist()[::16]
    shipped, fresh = datasets.candidate_points()[::16], encoder.load_encoder().embed(texts)
    assert np.abs(codes_from(fresh) - codes_from(shipped).astype(int)).max() <= 1
    assert (fresh * shipped).sum(axis=1).min() > 0.999 > (fresh * np.roll(shipped, 1, axis=0)).sum(axis=1).max()


@pytest.mark.skipif(not language_model.is_ready(), reason="the pretrained language model is not ready: make models")
def test_the_model_writes_the_shipped_sentences_again():
    """The first beginning. Another processor may draw a token otherwise, so half of the six are asked for; another seed writes none."""
    from labkit.datasets.extract_candidates import written_for

    smol = language_model.load_language_model.__wrapped__()  # one of its own: its weights are turned into 32 bits
    shipped = datasets.candidate_reviews().table["text"].tolist()[:EACH]
    again = written_for(smol, 1, beginnings()[0])
    assert len(set(again) & set(shipped)) >= EACH / 2
