"""From the film-review sentences to the shipped embeddings: 384 numbers for each, one byte a number.

Run by `python -m labkit.datasets.extract`. The encoder is the installed one, checked against its SHA-256
(`labkit.models.encoder`). Processors round differently: on another one, a number in a thousand may come out one step away.
"""

import sys

import numpy as np

from labkit.datasets.texts import EMBEDDING_STEPS


def codes_of(texts):
    """What the pretrained encoder makes of the texts, as whole numbers: int8 (n, 384), EMBEDDING_STEPS to a unit."""
    from labkit.models.encoder import load_encoder  # loads torch; nothing else in this package does

    def told(done, texts):
        if done % 1024 == 0 or done == texts:
            print(f"embedding texts: {done:,} of {texts:,}", file=sys.stderr, flush=True)

    return codes_from(load_encoder().embed(texts, progress=told))


def codes_from(embeddings):
    """Embeddings (n, d) of length 1 as int8: the nearest of the steps that a byte can hold."""
    return np.clip(np.round(embeddings * EMBEDDING_STEPS), -127, 127).astype(np.int8)
