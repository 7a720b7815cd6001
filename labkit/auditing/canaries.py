"""Canaries: secrets made to be looked for, half of them planted in the training data and half kept out as controls.

A secret is drawn by lot among all values that it might have. A model that never saw it ranks it by chance alone, so that what chance
does is known exactly, whatever the model. The controls are drawn alike and never planted: they show that the audit itself is sound.

Source: Carlini, Liu, Erlingsson, Kos, Song, "The Secret Sharer", USENIX Security 2019; coins as in Steinke, Nasr, Jagielski, "Privacy
Auditing with One (1) Training Run", NeurIPS 2023.
"""

from dataclasses import dataclass

import numpy as np

from labkit import validate

LEAST = 8  # of either kind: with fewer, a median has no interval at 99 % confidence


@dataclass(frozen=True, eq=False)
class Canaries:
    """Prefixes, each with the secret that comes after it. Make them with `Canaries.draw` or `Canaries.given`.

    prefixes, secrets:  tuples of str, one of each for every canary.
    planted:            bool array (n,): whether it is in the training data. The others are the controls.
    candidates:         tuple of all values that each secret might have had, or None where nobody knows them.
    by_lot:             whether secrets and coins were drawn here, so that chance is known exactly.
    """

    prefixes: tuple
    secrets: tuple
    planted: np.ndarray
    candidates: tuple | None
    by_lot: bool

    @classmethod
    def draw(cls, prefixes, candidates, *, rng: np.random.Generator | None = None):
        """A secret for each prefix, uniform among the candidates, and a fair coin for each: in the data, or a control.

        prefixes:    str, each once; what stands before the secret. 40 or more give each kind at least 8, save once in 10,000.
        candidates:  two or more str, each once and none the beginning of another.
        rng:         numpy Generator, or None for the operating system's randomness.
        Raises ValueError for prefixes or candidates of another form, or coins that left fewer than 8 of one kind.
        """
        prefixes, candidates = _texts(prefixes=prefixes), _texts(candidates=candidates)
        if len(candidates) < 2:
            raise ValueError(f"candidates must be two or more, got {len(candidates)}")
        ordered = sorted(candidates)
        nested = next((pair for pair in zip(ordered, ordered[1:]) if pair[1].startswith(pair[0])), None)
        if nested:
            raise ValueError(f"candidates must not begin with one another, got {nested[0]!r} and {nested[1]!r}")
        rng = np.random.default_rng() if validate.generator(rng=rng) is None else rng
        drawn = rng.integers(len(candidates), size=len(prefixes))
        planted = rng.random(len(prefixes)) < 0.5
        return cls(prefixes, tuple(candidates[each] for each in drawn), _both(planted, "prefixes"), candidates, True)

    @classmethod
    def given(cls, prefixes, secrets, planted):
        """Texts that exist: some known to be in the training data, others, as like them as can be, known not to be.

        prefixes, secrets:  str, one of each for every text; each text once.
        planted:            bool, one for each.
        Nobody drew these, so nothing is known of chance but what the controls show: choose them with care.
        Raises ValueError for arguments of another form or length, or fewer than 8 of one kind.
        """
        prefixes, secrets = _texts(once=False, prefixes=prefixes), _texts(once=False, secrets=secrets)
        planted = validate.array(planted=planted, ndim=1)
        if planted.dtype != bool:
            raise ValueError(f"planted must be an array of True and False, got dtype {planted.dtype}")
        validate.same_length(prefixes=np.array(prefixes), secrets=np.array(secrets), planted=planted)
        if len(set(zip(prefixes, secrets))) < len(prefixes):
            raise ValueError("secrets must make each text once, got one twice")
        return cls(prefixes, secrets, _both(planted, "planted"), None, False)

    @property
    def texts(self):
        """What to put into the training data: prefix and secret of each canary that is planted, a tuple of str."""
        return tuple(prefix + secret for prefix, secret, inside in zip(self.prefixes, self.secrets, self.planted) if inside)

    def __len__(self):
        return len(self.prefixes)


def _texts(*, once=True, **argument):
    ((name, given),) = argument.items()
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise ValueError(f"{name} must be a sequence of str, got {type(given).__name__}")
    texts = tuple(given)
    if not texts or not all(isinstance(each, str) and each for each in texts):
        raise ValueError(f"{name} must hold str that are not empty, got {len(texts)} of another kind")
    if once and len(set(texts)) < len(texts):
        raise ValueError(f"{name} must hold each str once, got {len(texts) - len(set(texts))} twice")
    return texts


def _both(planted, name):
    inside = int(planted.sum())
    if min(inside, len(planted) - inside) < LEAST:
        raise ValueError(f"{name} must give at least {LEAST} canaries that are planted and {LEAST} that are not, got {inside} and "
                         f"{len(planted) - inside}")
    return planted
