"""What personal data in free text looks like: one pattern per kind, and a check where the kind has one.

A pattern alone takes every 16-digit number for a payment card. The checks are what makes the difference: Luhn's sum for
cards, the remainder modulo 97 for IBANs, a real day and month for dates, numbers up to 255 in an internet address.

Each finder takes a text and yields (start, end) for each place, in time linear in the length of the text.
"""

import ipaddress
import re

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,6}\.?"
_STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
    "RI SC SD TN TX UT VT VA WA WV WI WY"
).replace(" ", "|")
# How long each country's IBAN is (the SWIFT registry).
_IBAN_LENGTHS = {
    each[:2]: int(each[2:])
    for each in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 "
        "FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 "
        "LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 "
        "ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
    ).split()
}

_ANY_CASE = re.IGNORECASE | re.ASCII  # without ASCII, the Kelvin sign would pass for a K

EMAIL = re.compile(r"(?<![\w.+%'-])[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
EMAIL_IN_WORDS = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}\s?[(\[]\s?at\s?[)\]]\s?[\w-]{1,63}(?:\s?(?:\.|[(\[]\s?dot\s?[)\]])\s?[\w-]{1,63}){1,4}",
    re.IGNORECASE,
)
URL = re.compile(r"(?<!\w)(?:(?:https?|ftp)://|www\.)[^\s<>\"'‹›\[\]{}|\\^`]+", re.IGNORECASE)
IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")
IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]{4,34}(?![\w:])")
DATES = [
    re.compile(r"(?<![\w/.-])(?P<y>\d{4})([-/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?!\d|[/.-]\d)"),
    re.compile(r"(?<![\w/.-])(?P<d>\d{1,2})([-/.])(?P<m>\d{1,2})\2(?P<y>\d{4}|\d{2})(?!\w|[/.-]\d)"),
    re.compile(
        rf"(?<![\w/.-])(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[ -](?:of )?(?P<m>{_MONTH}),?[ -](?P<y>\d{{4}}|\d{{2}})(?!\w)",
        _ANY_CASE,
    ),
    re.compile(rf"(?<!\w)(?P<m>{_MONTH}) (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}})(?!\w)", _ANY_CASE),
]
PHONES = [
    re.compile(r"(?<![\w+])(?:\+|00)[1-9]\d{0,2}(?:[ .-]?\(\d{1,4}\)|[ .-]?\d{1,4}){2,6}(?!\d)"),
    re.compile(r"(?<![\w.-])(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])"),
    re.compile(r"(?<![\w.-])(?<!\d )(?:\(0[1-9]\d{1,3}\)|0[1-9]\d{1,3})[ -]\d{3,4}(?:[ -]?\d{3,4})(?![\w-]| \d{3})"),
]
SOCIAL_SECURITY = re.compile(r"(?<![\w-])(?!000|666)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])")
POST_CODES = [
    re.compile(r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}(?!\w)"),
    re.compile(rf"(?<!\w)(?:(?:{_STATES}) {{1,2}})?\d{{5}}-\d{{4}}(?![\w-])"),
    re.compile(rf"(?<!\w)(?:{_STATES}) {{1,2}}\d{{5}}(?![\w-])"),
]
# A run of groups, looked at from the start of each group: the number may begin after, or end before, other digits.
CARD = re.compile(r"(?<![\dA-Za-z])(?=([2-6]\d{2,18}(?:[ .-]\d{1,6}){0,5}))")
IBAN = re.compile(r"(?<![\dA-Za-z])(?=([A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,30}){1,9}))", _ANY_CASE)


def luhn(digits):
    """Does the last digit of a card number fit the others? (ISO/IEC 7812)"""
    doubled = [int(each) * (2 - place % 2) for place, each in enumerate(digits, start=len(digits) % 2)]
    return sum(each - 9 * (each > 9) for each in doubled) % 10 == 0


def iban_fits(code):
    """Do the two check digits of an IBAN fit the rest? (ISO 13616: remainder 1 modulo 97)"""
    return int("".join(str(int(each, 36)) for each in code[4:] + code[:4])) % 97 == 1


def emails(text):
    """Spans of e-mail addresses, also those spelt with “at” and “dot”."""
    yield from (
        each.span() for each in EMAIL.finditer(text) if any(letter.isalpha() for letter in each[0].rpartition(".")[2])
    )
    yield from (each.span() for each in EMAIL_IN_WORDS.finditer(text))


def urls(text):
    """Spans of web addresses."""
    for each in URL.finditer(text):
        link = each[0].rstrip(".,;:!?)*_-")
        if re.search(r"\w", link.partition("://")[2] or link[4:]):
            yield each.start(), each.start() + len(link)


def ip_addresses(text):
    """Spans of IPv4 and IPv6 addresses."""
    for each in IPV4.finditer(text):
        if all(int(part) < 256 for part in each[0].split(".")):
            yield each.span()
    for each in IPV6.finditer(text):
        try:
            ipaddress.IPv6Address(each[0])
        except ValueError:
            continue
        yield each.span()


def dates(text):
    """Spans of calendar dates, in figures or with the month's name."""
    for pattern in DATES:
        for each in pattern.finditer(text):
            day, month = int(each["d"]), each["m"]
            month = int(month) if month.isdigit() else MONTHS.index(month[:3].lower()) + 1
            # In figures, day and month may come in either order.
            if (1 <= day <= 31 and 1 <= month <= 12) or (each["m"].isdigit() and 1 <= month <= 31 and 1 <= day <= 12):
                yield each.span()


def phones(text):
    """Spans of telephone numbers of 8 to 16 digits."""
    for pattern in PHONES:
        for each in pattern.finditer(text):
            if 8 <= sum(letter.isdigit() for letter in each[0]) <= 16:
                yield each.span()


def social_security(text):
    """Spans of numbers written like a United States social security number."""
    yield from (each.span() for each in SOCIAL_SECURITY.finditer(text))


def post_codes(text):
    """Spans of post codes."""
    for pattern in POST_CODES:
        yield from (each.span() for each in pattern.finditer(text))


def cards(text):
    """Spans of payment card numbers whose check digit fits."""
    yield from _longest(text, CARD, lambda digits: 13 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn(digits))


def ibans(text):
    """Spans of bank account numbers (IBAN) whose check digits fit."""
    yield from _longest(text, IBAN, lambda code: _IBAN_LENGTHS.get(code[:2].upper()) == len(code) and iban_fits(code))


def _longest(text, pattern, accepted):
    """The longest run of whole groups that passes the check, from each place where the pattern may begin."""
    for each in pattern.finditer(text):
        start, run = each.start(), each[1]
        for length in range(len(run), 12, -1):
            end = start + length
            inside_a_group = run[length - 1] in " .-" or (end < len(text) and text[end].isalnum() and text[end].isascii())
            if not inside_a_group and accepted(re.sub("[ .-]", "", run[:length])):
                yield start, end
                break


# In the order of trust: where two kinds claim the same stretch, the earlier one names it.
FINDERS = {
    "IBAN": ibans, "card": cards, "e-mail": emails, "URL": urls, "IP address": ip_addresses,
    "social security": social_security, "date": dates, "phone": phones, "post code": post_codes,
}  # fmt: skip
KINDS = tuple(FINDERS)
