"""Candidate reviews: sentences by a public language model, for private people to vote on (lab 14b)."""

from functools import lru_cache

import numpy as np

from labkit.datasets.cases import Records
from labkit.datasets.files import read_array, read_table
from labkit.datasets.texts import EMBEDDING_STEPS

FILES = ("candidate_reviews.csv.xz", "candidate_points.npy.xz")


@lru_cache(maxsize=1)
def candidate_reviews():
    """Candidate reviews: 192 sentences that SmolLM2 wrote about films, six for each of 32 beginnings; columns beginning, text.

    No private record had a part in them. `candidate_points` says where the encoder puts them.
    """
    return Records(name="Candidate reviews", _table=read_table(FILES[0]), source="SmolLM2-135M-Instruct (Allal and others 2025)",
                   licence="Apache-2.0", description="192 sentences about films, written by a language model.")


@lru_cache(maxsize=1)
def candidate_points():
    """Where all-MiniLM-L6-v2 puts the candidate reviews: float32 (192, 384), rows of length 1, read-only; as `review_embeddings`."""
    points = read_array(FILES[1]).astype(np.float32) / np.float32(EMBEDDING_STEPS)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points.flags.writeable = False
    return points
