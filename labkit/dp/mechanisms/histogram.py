"""Private histograms: how many people stand in each bin, told with whole-number noise.

A histogram is a list of counts that share their people: one person stands in one bin only. So adding or removing somebody changes
the whole list by 1, however many bins it has, and the noise need not grow with their number. Replacing a person by another takes
1 from one bin and gives it to another: a change of 2.

Which bins there are must be known without looking. A table that lists the diagnoses that *occur* tells, by listing a rare one,
that somebody has it, whatever the noise on the number beside it. `thresholded_histogram` is for names that nobody can list in
advance: it hides every bin whose noisy count is small, and pays with a delta.

Sources: Dwork, McSherry, Nissim, Smith, TCC 2006; Korolova, Kenthapadi, Mishra, Ntoulas, WWW 2009 (the threshold); Ghosh,
Roughgarden, Sundararajan, STOC 2009 (the noise).
"""

import math
from collections import Counter

import numpy as np

from labkit import validate
from labkit.dp.mechanisms.exact import exact_fraction, sample_discrete_laplace
from labkit.dp.mechanisms.records import categories_of
from labkit.dp.relations import ADD_OR_REMOVE, REPLACE

SENSITIVITY = {ADD_OR_REMOVE: 1, REPLACE: 2}  # L1 change of a list of counts


def private_histogram(values, *, bins, epsilon: float, relation="add or remove one record", rng: np.random.Generator | None = None):
    """Count how many values fall into each of the given bins, under epsilon-differential privacy.

    values:      one value per person, a list, array or table column of n >= 0 of them. A value that is in no bin (another name, a
                 missing value, another type) is not counted: refusing it with an error would tell that somebody has it.
    bins:        the values to count, each once, all texts or all whole numbers, fixed without looking at the data.
    epsilon:     for the whole histogram, > 0; delta is 0.
    relation:    "add or remove one record" (L1 sensitivity 1) or "replace one record" (2).
    rng:         numpy Generator, or None for the operating system's random bits.
    Returns an int64 array with one noisy count for each bin, in the order of `bins`. Counts may come out negative: setting
    those to 0 costs no privacy, and biases sums.
    Raises ValueError for arguments out of range.
    """
    values, bins = categories_of(values=values), _bins(bins)
    scale = SENSITIVITY[validate.one_of(relation=relation, options=SENSITIVITY)] / exact_fraction(epsilon=epsilon)
    rng = validate.generator(rng=rng)
    if isinstance(values, np.ndarray) and not isinstance(bins[0], str):
        counts = _counted(values, np.array(bins))
    else:
        place = {each: number for number, each in enumerate(bins)}
        hits = [place[each] for each in (values.tolist() if isinstance(values, np.ndarray) else values) if each in place]
        counts = np.bincount(np.array(hits, np.int64), minlength=len(bins))
    return counts + sample_discrete_laplace(scale=scale, count=len(bins), rng=rng)


def _counted(values, bins):
    """How many of the whole numbers `values` are equal to each bin."""
    order = np.argsort(bins)
    place = np.clip(np.searchsorted(bins, values, sorter=order), 0, len(bins) - 1)
    return np.bincount(order[place][bins[order[place]] == values], minlength=len(bins))


def thresholded_histogram(values, *, epsilon: float, delta: float, rng: np.random.Generator | None = None):
    """Count values whose names nobody knew in advance, under (epsilon, delta)-differential privacy.

    values:   one value per person, a list, array or table column of n >= 0 of them; what is neither a text nor a whole number
              is not counted.
    epsilon:  for the whole histogram, > 0.
    delta:    strictly between 0 and 1, far below 1 / n: the chance that a value of one single person is told.
    rng:      numpy Generator, or None for the operating system's random bits.
    Returns {value: noisy count}, sorted by value, without those whose noisy count is below `release_threshold`.
    Neighbouring: one record is added or removed. If its bin has others in it, the bin's noise hides it (epsilon). If it stands
    alone, the bin comes and goes with it, and is shown with probability at most delta.
    Raises ValueError for arguments out of range.
    """
    values = categories_of(values=values)
    least = release_threshold(epsilon=epsilon, delta=delta)
    counts = Counter(values.tolist() if isinstance(values, np.ndarray) else values)
    counts.pop(None, None)
    found = sorted(counts, key=lambda each: (isinstance(each, str), each))  # the order of the records must not show
    noise = sample_discrete_laplace(scale=1 / exact_fraction(epsilon=epsilon), count=len(found), rng=validate.generator(rng=rng))
    told = zip(found, noise.tolist())
    return {name: counts[name] + extra for name, extra in told if counts[name] + extra >= least}


def release_threshold(*, epsilon: float, delta: float):
    """The smallest noisy count that may be shown: a single person's reaches it with probability at most delta.

    The noise is at least k > 0 with probability exp(-epsilon k) / (1 + exp(-epsilon)).
    """
    epsilon, delta = validate.positive(epsilon=epsilon), validate.probability(delta=delta)
    needed = -(math.log(delta) + math.log1p(math.exp(-epsilon))) / epsilon  # of the noise, on top of the person's 1
    if not math.isfinite(needed):
        raise ValueError(f"epsilon must be so large that the threshold stays finite, got {epsilon!r}")
    return 1 + max(1, math.ceil(needed * (1 + 1e-12)))


def _bins(given):
    """The bins as a list of different texts, or of different whole numbers of 64 bits."""
    try:
        bins = categories_of(bins=given)
        bins = bins.tolist() if isinstance(bins, np.ndarray) else bins
    except ValueError:
        bins = []
    kinds = {type(each) for each in bins}
    if len(kinds) != 1 or not kinds <= {int, str} or (kinds == {int} and max(map(abs, bins)) >= 1 << 63):
        raise ValueError(f"bins must be a non-empty list of whole numbers (of 64 bits) or of texts, got {given!r:.80}")
    if len(set(bins)) < len(bins):
        raise ValueError(f"bins must differ from each other, got {bins!r:.80}")
    return bins
