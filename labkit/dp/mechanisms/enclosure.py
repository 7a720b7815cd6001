"""exp(-g) for many candidates at once, in whole numbers: enclosed first, settled exactly where the enclosure is not enough.

A choice among a thousand candidates needs a coin of exp(-g) for each. Computing all of them to hundreds of bits is slow, and
tossing them digit by digit takes time that depends on the scores. Here each weight 2^31 exp(-g) is enclosed between two whole
numbers at most 17 apart, by three products of table entries for all candidates together, whatever the scores are. A random
whole number falls between the two bounds with a chance below 17 in 2^31 for each candidate. Only then is exp(-g) computed, to
as many bits as the decision needs (`settled`). So the choice has exactly the mechanism's distribution, if the random bits are ideal.

Floating point is used for g alone, by operations that IEEE 754 rounds correctly. An error of 2^-44 in g would move a weight by
less than one unit; the margins BELOW and ABOVE allow for it, for the cut of g to 30 bits (2 units) and for rounding in the tables
and products (7 units).
"""

import math
from fractions import Fraction

import numpy as np

BITS = 31  # weights are whole numbers of 2^-31
BELOW, ABOVE = 5, 12  # how far a weight may lie below or above the product of the tables
FARTHEST = 31.99  # beyond this g the weight is below 1
GUARD = 80  # bits computed beyond those asked for, of which fewer than 40 are wrong
WORD = 64  # random bits that `settled` takes at a time


def exp_between(g, bits):
    """Whole numbers (low, high) with low <= 2^bits exp(-g) <= high, at most 2 apart, for a Fraction g >= 0.

    The exponential's series at g / 2^k, below 1/256, squared k times.
    """
    precision, halvings = bits + GUARD, max(0, math.ceil(g).bit_length() + 8)
    small = (g.numerator << precision) // (g.denominator << halvings)
    total, term, n = 1 << precision, 1 << precision, 0
    while term:
        n += 1
        term = (term * small >> precision) // n
        total += -term if n % 2 else term
    for _ in range(halvings):
        total = total * total >> precision
    return max(0, (total >> GUARD) - 1), (total >> GUARD) + 1


def _table(unit, entries):
    """2^31 exp(-i unit) for i = 0, 1, ..., rounded down."""
    return np.array([1 << BITS, *(exp_between(i * unit, BITS + 40)[0] >> 40 for i in range(1, entries))], np.int64)


# g is whole units below 32, then three times ten binary digits: (table, how far its digits are from the right, their mask).
TABLES = [(_table(Fraction(1), 32), 30, 31)]
TABLES += [(_table(Fraction(1, 1 << digits), 1 << 10), 30 - digits, (1 << 10) - 1) for digits in (10, 20, 30)]


def enclosed(scores, unit):
    """Bounds on 2^31 exp(-unit (best - score)): two int64 arrays, both 2^31 for the best score.

    scores: float64, int64 or uint64 array (k,), finite, taken as exact; unit: a positive Fraction.
    """
    gap = _gaps(scores)
    g = _exponents(gap, scores, unit)
    far = g >= FARTHEST
    fixed = (np.minimum(g, FARTHEST) * 2.0**30).astype(np.int64)
    product = TABLES[0][0].take(fixed >> 30, mode="clip")  # nothing is clipped: that mode skips a check
    for table, shift, mask in TABLES[1:]:
        product *= table.take((fixed >> shift) & mask, mode="clip")
        product >>= BITS
    low, high = np.maximum(product - BELOW, 0), product + ABOVE
    np.copyto(low, 0, where=far), np.copyto(high, 1, where=far)
    best = gap == 0
    np.copyto(low, 1 << BITS, where=best), np.copyto(high, 1 << BITS, where=best)
    return low, high


def _gaps(scores):
    """best - score: float64, or uint64 for whole numbers, whose difference may not fit int64."""
    if scores.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return scores.max() - scores
    return scores.max().astype(np.uint64) - scores.astype(np.uint64)  # modulo 2^64, as it should be


def _exponents(gap, scores, unit):
    """unit * gap in floating point, to 2^-44 where it is below 32."""
    try:
        factor = unit.numerator / unit.denominator  # rounded correctly
    except OverflowError:
        factor = math.inf
    if math.isfinite(factor) and math.isfinite(gap.max()):
        with np.errstate(over="ignore", under="ignore"):
            return gap * factor
    best = Fraction(scores.max().item())  # a range or a unit beyond floating point: slowly, one by one
    return np.array([float(min((best - Fraction(each)) * unit, 32)) for each in scores.tolist()])


def settled(drawn, gap, unit, random_bits):
    """True with probability 2^31 exp(-unit gap) - drawn, cut to [0, 1]. Rare: what the enclosure leaves open.

    drawn: a whole number; gap, unit: Fractions; random_bits(n): a whole number of n random bits.
    A uniform number between 0 and 1 is drawn digit by digit until it is surely below that difference, or surely above.
    """
    value, bits = 0, 0
    while True:
        value, bits = value << WORD | random_bits(WORD), bits + WORD
        low, high = exp_between(gap * unit, BITS + bits)
        if value + 1 <= low - (drawn << bits):
            return True
        if value >= high - (drawn << bits):
            return False
