"""Learning from private teachers: many models vote, and only the noisy winner is told (PATE).

Cut the private records into shards, so that each person is in one shard, and train one teacher per shard, as you like. Asked about a
*public* photo, all teachers vote. A person can change one teacher, so one vote: one candidate loses a vote, another wins it. Noise
that hides one vote hides the person, and where the teachers agree it changes nothing. A *student* trained on the noisy winners has
seen no private record, and may be published and asked for ever: only the votes were paid for.

    budget = Budget(epsilon=3, delta=1e-5)
    labels = budget.ask(noisy_vote, votes, candidates=10, sigma=40, price=vote_event(sigma=40, questions=len(votes)))

This is what "adding noise to a model's predictions" should have been: the noise is measured against what one person can change,
and each answer is paid for.

Sources: Papernot, Abadi, Erlingsson, Goodfellow, Talwar, ICLR 2017; Papernot, Song, Mironov, Raghunathan, Talwar, Erlingsson,
ICLR 2018 (Gaussian noise, "GNMax"). The price here does not look at the votes; theirs can be lower where teachers agree, but is then
itself private.
"""

import math

import numpy as np
from dp_accounting import dp_event

from labkit import validate
from labkit.dp.mechanisms.calibration import gaussian_sigma

SENSITIVITY = math.sqrt(2)  # L2 change of the counts: one vote fewer here, one more there


def noisy_vote(votes, *, candidates, sigma: float, rng: np.random.Generator | None = None):
    """The candidate with the most votes, after noise, for each question.

    votes:       whole numbers from 0 to candidates - 1, array (questions, teachers). Each row is one question.
    candidates:  how many there are, 2 or more, known in advance.
    sigma:       standard deviation of the Gaussian noise on each candidate's votes, in votes, > 0.
    rng:         numpy Generator, or None for one seeded by the operating system.
    Returns the winners, int64 array (questions,). The votes themselves must stay secret.
    Price: `vote_event`. Neighbouring: one person's records are added to, removed from or replaced in one teacher's shard; the
    number of teachers is public. For pure epsilon take `report_noisy_max(counts, sensitivity=1, epsilon=epsilon)` instead.
    Raises ValueError for arguments out of range.
    """
    counts = vote_counts(votes, candidates=candidates)
    sigma = validate.positive(sigma=sigma)
    return (counts + _noise(sigma, counts.shape, validate.generator(rng=rng))).argmax(axis=1)


def vote_counts(votes, *, candidates):
    """How many teachers chose each candidate: int64 array (questions, candidates). Arguments as for `noisy_vote`.

    A vote for nobody among them is not counted: refusing it would tell what one teacher has learnt.
    """
    votes = validate.array(votes=votes, ndim=2)
    candidates = validate.integer(candidates=candidates, at_least=2)
    if votes.dtype.kind not in "iu":
        raise ValueError(f"votes must be whole numbers from 0 to {candidates - 1}, got {votes!r:.80}")
    known = (votes >= 0) & (votes < candidates)
    places = np.where(known, votes, candidates).astype(np.int64) + (candidates + 1) * np.arange(len(votes))[:, None]
    counts = np.bincount(places.ravel(), minlength=(candidates + 1) * len(votes)).reshape(len(votes), candidates + 1)
    return counts[:, :-1]


def vote_event(*, sigma: float, questions):
    """What so many answers cost, as a dp_accounting event (a price for `Budget`); the votes do not enter.

    sigma: standard deviation of the noise, in votes, > 0; questions: how many are answered, a whole number >= 1.
    """
    sigma, questions = validate.positive(sigma=sigma), validate.integer(questions=questions, at_least=1)
    return dp_event.SelfComposedDpEvent(dp_event.GaussianDpEvent(sigma / SENSITIVITY), questions)


def vote_sigma(*, epsilon: float, delta: float, questions):
    """The least noise, in votes, with which so many questions together stay within (epsilon, delta).

    Gaussian mechanisms compose to one whose sensitivity is the root of the sum of squares: exact, no accountant needed.
    Raises ValueError for arguments out of range.
    """
    questions = validate.integer(questions=questions, at_least=1)
    return gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=SENSITIVITY * math.sqrt(questions))


def _noise(sigma, shape, rng):
    return (np.random.default_rng() if rng is None else rng).normal(scale=sigma, size=shape)
