"""Find personal data in a text and mask it, so that none of it is left in the result or in a log.

Two rules make that true. Overlapping finds are masked as one stretch, from the first start to the last end. And a value
that was recognised in one place is masked wherever else it stands, also where its surroundings hid it from the pattern.
"""

import logging
from collections import Counter
from dataclasses import dataclass

from labkit import validate
from labkit.scrub.patterns import FINDERS, KINDS

log = logging.getLogger("labkit.scrub")
NAME = "name"


@dataclass(frozen=True)
class Found:
    """A stretch of personal data: its kind, and where it starts and ends. It does not hold the text itself."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Scrubbed:
    """A masked text, and how many stretches of each kind were masked."""

    text: str
    counts: dict


def find(text, *, kinds=KINDS, names=None):
    """Where personal data stands in a text: a list of Found, in order, not overlapping.

    text:  str. kinds: which of `KINDS` to look for.
    names: None, or a function that takes the text and returns (start, end) of each person's name, such as
           `labkit.scrub.names.person_names()`.
    Raises ValueError for a text that is no str or an unknown kind; the message never quotes the text.
    """
    raw = _raw(text, kinds, names)
    return _merge(raw + _elsewhere(text, raw))


def scrub(text, *, kinds=KINDS, names=None):
    """Replace personal data by its kind in brackets, as in "write to ‹e-mail›". Arguments as for `find`.

    Returns Scrubbed(text, counts). Nothing that was recognised is left in its text; what no pattern recognises is.
    The log "labkit.scrub" gets the counts, never the text.
    """
    found = find(text, kinds=kinds, names=names)
    pieces, at = [], 0
    for each in found:
        pieces += [text[at : each.start], f"‹{each.kind}›"]
        at = each.end
    counts = dict(Counter(each.kind for each in found))
    told = ", ".join(f"{number} {kind}" for kind, number in counts.items()) or "nothing"
    log.info("masked %s in %d characters", told, len(text))
    return Scrubbed("".join(pieces) + text[at:], counts)


def _raw(text, kinds, names):
    if not isinstance(text, str):
        raise ValueError(f"text must be a str, got {type(text).__name__}")
    if isinstance(kinds, str):
        raise ValueError(f"kinds must be a list of kinds, got {kinds!r}")
    kinds = [validate.one_of(kinds=each, options=KINDS) for each in kinds]
    if names is not None and not callable(names):
        raise ValueError(f"names must be None or a function of the text, got {type(names).__name__}")
    raw = [Found(kind, start, end) for kind in kinds for start, end in FINDERS[kind](text)]
    if names is not None:
        # A "name" that is part of a mask's own words (mail, IP) could never be said to be gone.
        words = " ".join((*KINDS, NAME))
        raw += [Found(NAME, start, end) for start, end in names(text) if text[start:end].strip() not in words]
    return raw


def _elsewhere(text, raw):
    """The other places where a recognised value stands; a name only as whole words, or Al would be masked in Also."""
    kind_of = {text[each.start : each.end]: each.kind for each in reversed(raw)}
    found = []
    for value, kind in kind_of.items():
        start = text.find(value)
        while start >= 0:
            end = start + len(value)
            if kind != NAME or not (_word(text[start - 1 : start]) or _word(text[end : end + 1])):
                found.append(Found(kind, start, end))
            start = text.find(value, start + 1)  # from the next character: two places may overlap
    return found


def _word(character):
    return character.isalnum() or character == "_"


def _merge(found):
    """One stretch for all that overlap; the longest of them names it, and of equals the kind listed first."""
    rank = {kind: place for place, kind in enumerate((*KINDS, NAME))}
    merged = []
    for each in sorted(found, key=lambda one: (one.start, -one.end, rank[one.kind])):
        if merged and each.start < merged[-1][0].end:
            whole, best = merged[-1]
            best = min(best, each, key=lambda one: (one.start - one.end, rank[one.kind]))
            merged[-1] = (Found(best.kind, whole.start, max(whole.end, each.end)), best)
        else:
            merged.append((each, each))
    return [whole for whole, _ in merged]
