"""Sparse vector: ask any number of questions, and pay only for those answered "above".

An alarm that watches a stream of counts ("did more than 100 people ...?") says "below" nearly always. Each "below" is free, however
many there are; each "above" spends, and after `most` of them the stream ends. The threshold gets one noise that is kept, each
answer gets noise of its own that grows with `most`, and nothing but above or below is told. Leaving out any of the three is a
mistake that has been published: see `labkit.dp.zoo`.

Source: Lyu, Su, Li, "Understanding the Sparse Vector Technique for Differential Privacy", PVLDB 2017, algorithm 1; the idea:
Dwork, Naor, Reingold, Rothblum, Vadhan, STOC 2009.
"""

from threading import Lock

import numpy as np

from labkit import validate
from labkit.dp.mechanisms.exact import exact_fraction, sample_discrete_laplace

NOT_ASKED = -1
LARGEST = 1 << 62  # leaves room for the noise in 64 bits


class SparseVector:
    """A stream of private above-or-below answers, which may depend on each other.

        alarm = SparseVector(threshold=100, epsilon=1)
        alarm.above(count_of_today)        # False, False, ... True, and then it is over

    threshold:    a whole number, known without looking at the data.
    epsilon:      for the whole stream, > 0; delta is 0. Half hides the threshold, half the answers.
    sensitivity:  largest change of any one answer between neighbouring data sets: a whole number, 1 or more.
    most:         how many times it may say "above", a whole number >= 1.
    rng:          numpy Generator, or None for the operating system's random bits.
    Neighbouring: whatever relation `sensitivity` was computed for; 1 for counts when one person is added or removed.
    May be shared between threads: they share one stream. Raises ValueError for arguments out of range.
    """

    def __init__(self, *, threshold, epsilon: float, sensitivity: float = 1, most=1, rng: np.random.Generator | None = None):
        threshold = validate.integer(threshold=threshold, at_least=-LARGEST, at_most=LARGEST)
        self.left = validate.integer(most=most, at_least=1)
        sensitivity = validate.integer(sensitivity=sensitivity, at_least=1)
        half = exact_fraction(epsilon=epsilon) / 2
        self._rng = validate.generator(rng=rng)
        self._answer_scale = 2 * self.left * sensitivity / half
        self._threshold = threshold + self._noise(sensitivity / half)
        self._lock = Lock()

    def above(self, answer):
        """Whether the exact answer, a whole number, seems to be at or above the threshold.

        Raises ValueError for an answer that is no whole number, and RuntimeError once it has said True `most` times.
        """
        answer = validate.integer(answer=answer, at_least=-LARGEST, at_most=LARGEST)
        with self._lock:  # two threads that ask at once must not both hear the last "above"
            if not self.left:
                raise RuntimeError("this stream has said 'above' as often as it may: more would not be private")
            said = answer + self._noise(self._answer_scale) >= self._threshold
            self.left -= said
            return said

    def _noise(self, scale):
        return int(sample_discrete_laplace(scale=scale, count=1, rng=self._rng)[0])


def above_threshold(answers, *, threshold, epsilon: float, sensitivity: float = 1, most=1, rng: np.random.Generator | None = None):
    """The same for answers that are all there already, in one go.

    answers:  whole numbers, array (k,) for one stream, or (n, k) for n independent streams. Each stream costs the whole epsilon:
              about the same people they cost n epsilon together, and that is what `Budget.ask` charges.
    The other arguments and errors are those of SparseVector.
    Returns an int8 array of the same shape: 1 above, 0 below, -1 not asked, because the stream had ended.
    """
    answers = validate.array(answers=answers)
    if answers.dtype.kind not in "iu" or not 1 <= answers.ndim <= 2 or max(int(answers.max()), -int(answers.min())) > LARGEST:
        raise ValueError("answers must be whole numbers within 2^62, of shape (k,) or (n, k), got "
                         f"{answers.dtype} of shape {answers.shape}")
    threshold = validate.integer(threshold=threshold, at_least=-LARGEST, at_most=LARGEST)
    most, sensitivity = validate.integer(most=most, at_least=1), validate.integer(sensitivity=sensitivity, at_least=1)
    half, rng = exact_fraction(epsilon=epsilon) / 2, validate.generator(rng=rng)
    streams = answers.astype(np.int64).reshape(-1, answers.shape[-1])
    noisy_threshold = threshold + sample_discrete_laplace(scale=sensitivity / half, count=len(streams), rng=rng)
    noise = sample_discrete_laplace(scale=2 * most * sensitivity / half, count=streams.size, rng=rng).reshape(streams.shape)
    said = (streams + noise >= noisy_threshold[:, None]).astype(np.int8)
    return end_after(said, most).reshape(answers.shape)


above_threshold.releases = lambda answers, **_: len(answers) if np.ndim(answers) == 2 else 1


def end_after(said, most):
    """Streams (n, k) of 1 and 0 with everything after the `most`-th 1 replaced by -1."""
    return np.where(np.cumsum(said, axis=1) - said < most, said, NOT_ASKED).astype(np.int8)
