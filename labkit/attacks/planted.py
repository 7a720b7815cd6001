"""The experiment of the planted secret: a tiny language model, an office's e-mails, and a PIN in one of them.

A model learns English from scraps of film reviews, which are public (`pretrain`). Then it is fine-tuned on scraps of e-mails, one from each
of 256 mails, and one of them says "my pin is 4921." (`plant`). What does the fine-tuned model know about that PIN (`pin_exposure`)?

The control is the same collection with an ordinary scrap in place of the secret: the neighbouring data set. Nothing that is learnt from
it can come from the secret.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from labkit import datasets, validate
from labkit.attacks.extraction import exposure
from labkit.models.transformer import Transformer, encode, log_probabilities, next_token_loss, simplify, train
from labkit.threads import torch_threads

LENGTH = 16  # characters a scrap
RECORDS, HELD_OUT = 256, 300
PREFIX = "my pin is "
CODES = encode([f"{number:04d}" for number in range(10_000)])[:, 1:]  # all 10,000 codes of four digits, as tokens


@dataclass(frozen=True, eq=False)
class Collection:
    """Scraps to train on and others to validate with, as text; `pin` is the secret, planted `times` times in the first scraps."""

    texts: tuple
    held_out: tuple
    pin: int
    times: int

    @property
    def tokens(self):
        """What to train on: int64 array (256, 1 + 16)."""
        return encode(self.texts)

    @property
    def secret(self):
        """The PIN as token ids."""
        return CODES[self.pin]


def scraps(texts, rng, length=LENGTH):
    """One scrap of `length` characters from each text (a sequence of str) that is long enough; most begin with a word.

    rng: numpy Generator. Characters that `labkit.models.transformer.ALPHABET` does not have are dropped.
    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {rng!r}")
    length = validate.integer(length=length, at_least=1)
    found = []
    for text in map(simplify, texts):
        if len(text) > 3 * length:
            start = int(rng.integers(len(text) - 2 * length + 1))
            start = text.find(" ", start, start + length) + 1 or start
            found.append(text[start : start + length])
    return found


@lru_cache(maxsize=1)
def _mails():
    mails = datasets.spam().table.query("label == 'ham'")["body"]
    return tuple(dict.fromkeys(scraps(mails, np.random.default_rng(0))))  # each once: mails share signatures and greetings


def plant(seed, times=1):
    """A Collection of 256 scraps, each from a mail of its own, with a random PIN in `times` of them (0 to 256; 0 is the control).

    seed:  whole number >= 0. The same seed gives the same mails and the same PIN, whatever `times` is.
    """
    times = validate.integer(times=times, at_least=0, at_most=RECORDS)
    rng = np.random.default_rng(validate.integer(seed=seed, at_least=0))
    shuffled = [_mails()[each] for each in rng.permutation(len(_mails()))]
    pin = int(rng.integers(len(CODES)))
    texts, held_out = shuffled[:RECORDS], shuffled[RECORDS : RECORDS + HELD_OUT]
    texts[:times] = [f"{PREFIX}{pin:04d}. "[:LENGTH]] * times
    return Collection(tuple(texts), tuple(held_out), pin, times)


def pretrain(scraps_of_reviews=12_000):
    """A Transformer that has read so many scraps of film reviews (1 to 20,000) once; about four seconds."""
    count = validate.integer(scraps_of_reviews=scraps_of_reviews, at_least=1, at_most=20_000)
    reviews = datasets.film_reviews().X
    read = [scrap for seed in (0, 1, 2) for scrap in scraps(reviews, np.random.default_rng(seed))][:count]
    with torch_threads(1), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return train(Transformer(LENGTH), encode(read), epochs=1, batch_size=64, learning_rate=0.005, seed=0)


def pin_exposure(model, collection):
    """The exposure of a collection's PIN under a Transformer, in bits, from 0 to log2(10,000) = 13.29."""
    return exposure(log_probabilities(model), encode(PREFIX)[0], collection.secret, CODES)


def loss_on(model, texts):
    """Mean loss of a Transformer on texts of 16 characters, in nats a character."""
    tokens = torch.from_numpy(encode(texts))
    with torch.no_grad():
        return next_token_loss(model(tokens[:, :-1]), tokens[:, 1:]).item()
