"""Did a generated text copy one private text?

Six words in a row that stand in exactly one text of a collection are that person's words. A generator that says them has told whose text it
read, whether or not anybody calls its output "synthetic".
"""

from collections import Counter

import numpy as np

from labkit import validate
from labkit.models.ngram import tokenise

NOBODY = -1


def copied_from(texts, private, *, words=6, public=()):
    """For each text the number of the private text that it copied from, or -1: int64 array (texts,).

    texts:    what was generated, a sequence of str. private: the texts that might have been copied, a sequence of str.
    words:    in a row (words and punctuation marks, in small letters), >= 1, that stand in one private text only, as often as they like.
    public:   texts from which words may be copied freely; a sequence of them is no copy of a private one.
    Returns the first such private text's number. Raises ValueError for texts of another type.
    """
    words = validate.integer(words=words, at_least=1)
    free = {run for text in public for run in _runs(text, words)}
    holders, owner = Counter(), {}
    for number, text in enumerate(private):
        for run in set(_runs(text, words)) - free:
            holders[run] += 1
            owner[run] = number
    alone = {run: number for run, number in owner.items() if holders[run] == 1}
    return np.array([next((alone[run] for run in _runs(text, words) if run in alone), NOBODY) for text in texts], np.int64)


def _runs(text, words):
    tokens = tokenise(text)
    return [tuple(tokens[at:at + words]) for at in range(len(tokens) - words + 1)]
