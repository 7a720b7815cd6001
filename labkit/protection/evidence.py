"""How much a watermark proves: an exact test of "this model was made without the key"."""

import math
from dataclasses import dataclass
from fractions import Fraction

from labkit import validate


@dataclass(frozen=True)
class Evidence:
    """What a reading found: `matches` of `total` parts of a mark agree, where each would agree by chance with probability `chance`.

    The parts of a mark (bits, labels of triggers, green words) are drawn independently and uniformly when the key is made. Whatever
    a model holds that was made without the key, the number of its matches is then exactly binomial, over the choice of the key. A key
    that somebody *chose* has no such law, whatever its hash and date (`labkit.protection.commitment`).
    """

    matches: int
    total: int
    chance: float

    def __post_init__(self):
        validate.integer(total=self.total, at_least=1)
        validate.integer(matches=self.matches, at_least=0, at_most=self.total)
        validate.probability(chance=self.chance)

    @property
    def p_value(self):
        """The probability of so many matches or more without the key: the upper tail of the binomial, exact to rounding."""
        chance = Fraction(self.chance)
        tail = sum(math.comb(self.total, k) * chance**k * (1 - chance) ** (self.total - k)
                   for k in range(self.matches, self.total + 1))
        return float(tail)

    @property
    def z(self):
        """Standard deviations above what chance would give. Below about 4, and for few parts, prefer `p_value`."""
        return (self.matches - self.chance * self.total) / math.sqrt(self.total * self.chance * (1 - self.chance))
