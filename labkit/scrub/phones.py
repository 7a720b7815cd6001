"""Telephone numbers: international ones, and those of ten countries as people there write them.

Some forms speak for themselves: +44 20 7946 0958, (212) 555-0100, 020 7946 0958. Others are plain numbers: 2125550100, 501 234 567,
3944 1177. Those count when the `phonenumbers` library (the one behind Android's dialler) finds them valid in one of the ten
countries, or when they have the shape of one and no word in front says that they are something else (order, ISBN, version ...).
"""

import re
from functools import lru_cache

import phonenumbers

from labkit.scrub.context import says_something_else, says_telephone
from labkit.scrub.numbers import ean_fits

COUNTRIES = ("AU", "CA", "DE", "ES", "FR", "GB", "IT", "NL", "PL", "US")
_EXTENSION = r"(?:,?[ -]?(?:x|ext\.?|extension|durchwahl|poste|#) ?\d{1,6})?"
_END = r"(?![\w]|[.,/-]\d)"
_OPEN = r"(?<![\w+.,/#-])"
INTERNATIONAL = re.compile(
    # digit by digit: groups of one to four, with or without a gap, could be cut in thousands of ways, and all would be tried
    r"(?<![\w+])(?:\((?:\+ ?|00)[1-9]\d{0,2}\)|(?:\+ ?|00)[1-9]\d{0,2})(?:[ ./-]{0,2}\(\d{1,5}\)|[ ./-]?\d){2,32}"
    + _EXTENSION + r"(?!\d)",
    re.I,
)  # fmt: skip
AMERICAN = re.compile(
    r"(?:(?<![\w+.,/#-])|(?<=[A-Za-z])(?=\())(?:1[ .-]?)?(?:\(\d{3}\)[ .-]{0,2}|\d{3}[ .-])\d{3}[ .-]\d{4}" + _EXTENSION + r"(?![\w-])",
    re.I,
)
IN_BRACKETS = re.compile(_OPEN + r"\(0\d{1,5}\)(?:[ ./-]{0,2}\d){2,32}" + _EXTENSION + _END, re.I)
WITH_ZERO = re.compile(_OPEN + r"(?<!\d )0[1-9]\d{0,4}(?:[ ./-]\d{2,8}){1,5}" + _EXTENSION + r"(?![\w]|[.,/-]\d| \d{3})", re.I)
BARE = re.compile(_OPEN + r"(?<!\d )\d{9,11}" + _EXTENSION + _END, re.I)
BY_THREE = re.compile(_OPEN + r"(?<!\d )\d{3}([ -])\d{3}\1\d{3}" + r"(?![\w]|[.,/-]\d| \d)")
POLISH = re.compile(_OPEN + r"(?<!\d )\d{2}([ -])\d{3}\1\d{2}\1\d{2}" + r"(?![\w]|[.,/-]\d| \d)")
_NO_AMOUNT = r"(?! ?(?:[€$£%]|(?:EUR|USD|GBP|km|kg|cm|mm|[kKMG]B|bytes|euros?|dollars?|pounds?)(?!\w)))"
LOCAL = re.compile(_OPEN + r"(?<!\d )\d{4}[ .-]?\d{4}" + r"(?![\w]|[.,/-]\w| \d)" + _NO_AMOUNT)
GROUPS_BEFORE = re.compile(r"(?<![\w.,/+-])(?:\d{1,4}[ -]){1,2}$")
_FIGURED_DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1(?:19|20)\d\d(?!\d)")


def phones(text, country=None):
    """Spans of telephone numbers of 8 to 16 digits, with their extensions. country: None, or one of `COUNTRIES` to know its local forms."""
    for each in INTERNATIONAL.finditer(text):
        plain = each[0].startswith("00") and each[0].isdigit()  # or a part's number with zeros in front
        if plain and (says_something_else(text, each.start()) or (len(each[0]) > 11 and not _international(each[0]))):
            continue
        if _enough(each[0]):
            yield _with_groups_before(text, each.start()), each.end()
    for pattern in (AMERICAN, IN_BRACKETS):
        yield from (each.span() for each in pattern.finditer(text) if _enough(each[0]))
    for each in WITH_ZERO.finditer(text):
        digits = _digits(each[0])
        if 9 <= len(digits) <= 12 and not _FIGURED_DATE.match(each[0]) and not says_something_else(text, each.start()):
            yield each.span()
    for each in BARE.finditer(text):
        if _bare(_digits(each[0])) and not says_something_else(text, each.start()):
            yield each.span()
    for pattern, countries in [(BY_THREE, ("PL", "ES", "FR", "AU", "NL")), (POLISH, ("PL",))]:
        for each in pattern.finditer(text):
            if _valid(_digits(each[0]), countries) and not says_something_else(text, each.start()):
                yield each.span()
    for each in LOCAL.finditer(text):
        if _local(text, each, country):
            yield each.span()


def _with_groups_before(text, start):
    """Where a number really begins when 00 stands inside it, as in 138 0013 8000: the rest would stay behind."""
    before = GROUPS_BEFORE.search(text[max(start - 12, 0) : start]) if text.startswith("00", start) else None
    return start - len(before[0]) if before else start


def _enough(written):
    return 8 <= len(_digits(written)) <= 16


def _digits(written):
    """The digits without the extension."""
    return re.sub(r"\D", "", re.split(r"[xX#]|ext|dur|pos", written, maxsplit=1)[0])


def _bare(digits):
    """Nine to eleven digits in one piece: an area code with its zero, the American shape, or valid somewhere."""
    if digits[0] == "0":
        return digits[1] != "0" and (len(digits) > 9 or _valid(digits, COUNTRIES))
    american = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    if len(american) == 10 and american[0] in "23456789" and american[3] in "23456789":
        return True
    return _valid(digits, ("IT", "PL", "ES", "FR", "NL"))


def _local(text, each, country):
    """Eight digits without an area code, as in Australia. Two years are none, nor is a bar code, unless it is said to be a telephone."""
    halves = [int(half) for half in re.findall(r"\d{4}", each[0])]
    if says_telephone(text, each.start()):
        return True
    if all(1900 <= half <= 2099 for half in halves) or says_something_else(text, each.start()):
        return False
    return country == "AU" or ("." in each[0] and each[0][0] != "1") or ("." not in each[0] and not ean_fits(_digits(each[0])))


def _international(digits):
    """00, a country's code, and as many digits as its numbers have; and no bar code that begins so."""
    try:
        possible = phonenumbers.is_possible_number(phonenumbers.parse(f"+{digits[2:]}"))
        return possible and not (len(digits) == 13 and ean_fits(digits))
    except phonenumbers.NumberParseException:
        return False


@lru_cache(maxsize=100_000)
def _valid(digits, countries):
    for country in countries:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(digits, country)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
