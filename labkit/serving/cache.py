"""A cache of prefixes that tenants share: what one asked first is cheaper for the next, and the next can count.

A language model's work on the beginning of a prompt can be kept and used again, in blocks of tokens. The name of a block is a
hash of all that came before it, so that equal beginnings meet. No model runs here: what tells is the number of tokens that
had to be computed, which services report (as "cached tokens"), and which the time of an answer follows.
Sources: Song et al., "The Early Bird Catches the Leak", arXiv 2409.20002; Gu et al., "Auditing Prompt Caching in Language Model APIs",
ICML 2025.
"""

import hashlib

import numpy as np

from labkit import validate


class PrefixCache:
    """A cache of blocks of `block` tokens (at least 1).

    salted: True puts the tenant into each block's name, so that only the tenant's own blocks are found.
    public: a beginning that all prompts may share although salted, such as the service's own instructions: whole numbers.
    `computed`, `asked`, `questions`: tokens computed, tokens in all prompts, and prompts, so far.
    """

    def __init__(self, *, block=16, salted=False, public=()):
        self.block = validate.integer(block=block, at_least=1)
        if not isinstance(salted, bool):
            raise ValueError(f"salted must be True or False, got {salted!r}")
        self.salted, self.public = salted, [*map(int, public)]
        self.computed, self.asked, self.questions = 0, 0, 0
        self._known = set()

    def ask(self, tenant, tokens):
        """How many tokens of this prompt had to be computed, an int; its blocks are then known. The last token always is.

        tenant: str. tokens: whole numbers, at least one. Raises ValueError for other prompts.
        """
        tokens = np.asarray(tokens)
        if tokens.ndim != 1 or not len(tokens) or tokens.dtype.kind not in "iu":
            raise ValueError(f"tokens must be a non-empty row of whole numbers, got {str(tokens)[:60]}")
        names = self._names(tenant, tokens)
        hits = next((at for at, name in enumerate(names) if name not in self._known), len(names))
        self._known.update(names)
        computed = len(tokens) - hits * self.block
        self.computed += computed
        self.asked += len(tokens)
        self.questions += 1
        return computed

    def _names(self, tenant, tokens):
        """Each full block's name: a hash of its tokens and of the name before it, which holds all that came earlier."""
        names, name, salt_is_in = [], b"", not self.salted
        for end in range(self.block, len(tokens), self.block):
            if not salt_is_in and tokens[:end].tolist() != self.public[:end]:
                name, salt_is_in = hashlib.sha256(name + b"tenant:" + tenant.encode()).digest(), True
            name = hashlib.sha256(name + tokens[end - self.block:end].astype("<i8").tobytes()).digest()
            names.append(name)
        return names


def read_digits(cache, beginning, *, count, tenant, digits=range(10)):
    """The attack, on a cache of single tokens: read `count` digits that somebody else's prompt had after `beginning`.

    At each place ask with each of the `digits` (ten tokens): the one that costs least was known. Returns the digits, a list,
    or None at the first place where no digit stands out. Takes `count` times ten questions.
    """
    count = validate.integer(count=count, at_least=1)
    known = [*beginning]
    for _ in range(count):
        never_said = -1  # ends the question, since the last token is always computed
        costs = [cache.ask(tenant, [*known, digit, never_said]) for digit in digits]
        cheap = [digit for digit, cost in zip(digits, costs) if cost == min(costs)]
        if len(cheap) != 1:
            return None
        known += cheap
    return known[len(beginning):]
