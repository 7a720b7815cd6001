"""See through the ways in which Unicode writes one thing: a text as the patterns read it, with the way back to its positions.

A no-break space, a thin space or a typographic hyphen looks like its plain fellow to a reader and hides a number from a pattern. So
each character that stands for one plain character is replaced by it (all spaces, all hyphens, full-width letters, other scripts'
digits), and characters that show nothing (zero-width, soft hyphen, direction marks) are passed over.
"""

import unicodedata

# Characters that no reader sees: soft hyphen, zero-width space and joiners, word joiner, byte order mark, variation selectors.
_UNSEEN = {0x00AD, 0x034F, 0x061C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, *range(0xFE00, 0xFE10)}
_FOLDED = {}


def fold(text):
    """(folded, places): the text as the patterns read it, and for each of its characters where it stands in `text`.

    places is None when nothing had to be folded.
    """
    if text.isascii():
        return text, None
    pieces, places, changed = [], [], False
    for at, character in enumerate(text):
        plain = character if character < "\x80" else _plain(character)
        if plain:
            pieces.append(plain)
            places.append(at)
        changed |= plain != character
    return ("".join(pieces), places) if changed else (text, None)


def unfold(spans, places):
    """Spans of a folded text as spans of the text itself."""
    return spans if places is None else [(places[start], places[end - 1] + 1) for start, end in spans]


def _plain(character):
    """What a character is read as: one character, or nothing."""
    if character not in _FOLDED:
        kind = unicodedata.category(character)
        plain = unicodedata.normalize("NFKC", character)
        if ord(character) in _UNSEEN:
            plain = ""
        elif kind == "Zs":
            plain = " "
        elif kind == "Pd" or character == "\u2212":  # every dash, and the minus sign
            plain = "-"
        elif kind == "Nd":
            plain = str(unicodedata.digit(character))
        elif character in "\u2018\u2019\u02bc":
            plain = "'"
        elif character in "\u2024\ufe52":
            plain = "."
        _FOLDED[character] = plain if len(plain) == 1 or not plain else character
    return _FOLDED[character]
