"""Record and replay: freeze the noise, change one person, and what is left of the change is the sensitivity.

A mechanism that adds noise is run on two neighbouring data sets with the same random numbers. The noise cancels, and the
difference is what the person alone changed: exactly, from one run, where an audit of the outputs needs thousands. If that is
more than the sensitivity that the noise was made for, the mechanism is broken. It says nothing of the noise itself: for that,
audit the outputs (`labkit.dp.auditing.bounds`).
"""

import copy

import numpy as np

from labkit import validate

NORMS = ("L1", "L2")


def sensitivity_at_least(mechanism, with_person, without_person, *, norm="L2", replays=3, rng: np.random.Generator | None = None):
    """The largest change of a mechanism's answer between two neighbouring data sets, its noise held still.

    mechanism:                    mechanism(data, rng) -> number or array. It must take all its randomness from `rng`, a numpy
                                  Generator, and as many draws for both data sets; then additive noise cancels.
    with_person, without_person:  two neighbouring data sets under the relation of the claim.
    norm:                         "L1" (for Laplace noise) or "L2" (for Gaussian noise).
    replays:                      how many different noises to freeze, a whole number >= 1.
    rng:                          numpy Generator that seeds them, or None.
    Returns a float: the declared sensitivity must be at least this, for this pair; another pair may need more.
    Raises ValueError for a mechanism that is no function, a bad norm, replays or rng, or answers whose shapes differ.
    Source: after Cebere, Erb, Desfontaines, Bellet, Fitzsimons, "Privacy in Theory, Bugs in Practice: Grey-Box Auditing of
    Differential Privacy Libraries", PoPETs 2026 (arXiv:2602.17454), who also compare what happens on the way to the answer.
    """
    if not callable(mechanism):
        raise ValueError(f"mechanism must be a function, got {mechanism!r}")
    validate.one_of(norm=norm, options=NORMS)
    replays = validate.integer(replays=replays, at_least=1)
    rng = np.random.default_rng() if validate.generator(rng=rng) is None else rng
    largest = 0.0
    for frozen in rng.spawn(replays):
        answers = [np.asarray(mechanism(data, copy.deepcopy(frozen)), float) for data in (with_person, without_person)]
        if answers[0].shape != answers[1].shape:
            raise ValueError(f"mechanism must answer in one shape, got {answers[0].shape} and {answers[1].shape}")
        change = np.abs(answers[0] - answers[1])
        largest = max(largest, float(change.sum() if norm == "L1" else np.sqrt((change**2).sum())))
    return largest
