"""Find personal data in a text and mask it, so that none of it is left in the result or in a log.

Three rules make that true. The text is read as a reader sees it, through Unicode's many spaces and hyphens (folding.py).
Overlapping finds are masked as one stretch, from the first start to the last end. And a value that was recognised in one place
is masked wherever else it stands, also where its surroundings hid it from the pattern.
"""

import logging
from collections import Counter
from dataclasses import dataclass

from labkit import validate
from labkit.scrub.everywhere import occurrences
from labkit.scrub.folding import fold, unfold
from labkit.scrub.patterns import COUNTRIES, FINDERS, KINDS, WHERE_IT_MATTERS

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


def find(text, *, kinds=KINDS, names=None, country=None):
    """Where personal data stands in a text: a list of Found, in order, not overlapping.

    text:    str. kinds: which of `KINDS` to look for.
    names:   None, or a function that takes the text and returns (start, end) of each person's name, such as
             `labkit.scrub.names.person_names()`.
    country: None, or one of `labkit.scrub.COUNTRIES` ("DE"): its post codes and local telephone numbers, which look like any number,
             are then masked too.
    Takes time in step with the length of the text.
    Raises ValueError for a text that is no str, an unknown kind or country; the message never quotes the text.
    """
    kinds = _checked(text, kinds, names, country)
    found = []
    folded, places = fold(text)
    for view, back in [(text, None)] + [(folded, places)] * (places is not None):
        raw = _raw(view, kinds, names if back is None else None, country)
        raw += _elsewhere(view, raw)
        found += [Found(each.kind, *unfold([(each.start, each.end)], back)[0]) for each in raw]
    if places is not None:  # what was seen only through the folding, as it stands elsewhere
        found += _elsewhere(text, found)
    return _merge(found)


def scrub(text, *, kinds=KINDS, names=None, country=None):
    """Replace personal data by its kind in brackets, as in "write to ‹e-mail›". Arguments as for `find`.

    Returns Scrubbed(text, counts). Nothing that was recognised is left in its text; what no pattern recognises is.
    The log "labkit.scrub" gets the counts, never the text.
    """
    found = find(text, kinds=kinds, names=names, country=country)
    pieces, at = [], 0
    for each in found:
        pieces += [text[at : each.start], f"‹{each.kind}›"]
        at = each.end
    counts = dict(Counter(each.kind for each in found))
    told = ", ".join(f"{number} {kind}" for kind, number in counts.items()) or "nothing"
    log.info("masked %s in %d characters", told, len(text))
    return Scrubbed("".join(pieces) + text[at:], counts)


def _checked(text, kinds, names, country):
    if not isinstance(text, str):
        raise ValueError(f"text must be a str, got {type(text).__name__}")
    if isinstance(kinds, str):
        raise ValueError(f"kinds must be a list of kinds, got {kinds!r}")
    if names is not None and not callable(names):
        raise ValueError(f"names must be None or a function of the text, got {type(names).__name__}")
    validate.one_of(country=country, options=[None, *COUNTRIES])
    return [validate.one_of(kinds=each, options=KINDS) for each in kinds]


def _raw(text, kinds, names, country):
    raw = []
    for kind in kinds:
        spans = FINDERS[kind](text, country) if kind in WHERE_IT_MATTERS else FINDERS[kind](text)
        raw += [Found(kind, start, end) for start, end in spans]
    if names is not None:
        # A "name" that is part of a mask's own words (mail, IP) could never be said to be gone.
        words = " ".join((*KINDS, NAME))
        raw += [Found(NAME, start, end) for start, end in names(text) if text[start:end].strip() not in words]
    return raw


def _elsewhere(text, raw):
    """The other places where a recognised value stands; a name only as whole words, or Al would be masked in Also."""
    kind_of = {text[each.start : each.end]: each.kind for each in reversed(raw)}
    names = [value for value, kind in kind_of.items() if kind == NAME]
    others = [value for value, kind in kind_of.items() if kind != NAME]
    found = [Found(kind_of[value], start, end) for start, end, value in occurrences(text, others)] if others else []
    if names:
        whole = occurrences(text, names, lambda start, end: not (_word(text[start - 1 : start]) or _word(text[end : end + 1])))
        found += [Found(NAME, start, end) for start, end, _ in whole]
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
