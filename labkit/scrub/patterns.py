"""What personal data in free text looks like: one pattern per kind, and a check where the kind has one.

Each finder takes a text and yields (start, end) for each place, in time linear in the length of the text.
"""

import ipaddress
import re

from labkit.scrub.context import says_something_else, says_version
from labkit.scrub.dates import dates
from labkit.scrub.numbers import cards, iban_fits, ibans, luhn
from labkit.scrub.phones import phones
from labkit.scrub.post_codes import COUNTRIES, post_codes

__all__ = ["FINDERS", "KINDS", "COUNTRIES", "WHERE_IT_MATTERS", "luhn", "iban_fits"]

EMAIL = re.compile(r"(?:(?<![\w.+%'!#$&*~-])[\w.+%'!#$&*~-]{1,250}|\"[^\"\n@]{1,64}\")@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
EMAIL_IN_WORDS = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}(?:\s?[(\[{]\s?(?:at|@)\s?[)\]}]\s?|\sat\s(?=[\w-]{1,63}(?:\s?[(\[]?\s?dot\s?[)\]]?\s?|\sdot\s)))"
    r"[\w-]{1,63}(?:(?:\.|\s?[(\[{]\s?dot\s?[)\]}]\s?|\sdot\s)[\w-]{1,63}){1,4}",
    re.IGNORECASE,
)
URL = re.compile(r"(?<!\w)(?:(?:https?|ftp)://|www\.)[^\s<>\"'‹›\[\]{}|\\^`]+", re.IGNORECASE)
BARE_URL = re.compile(
    r"(?<![\w@.%+/-])(?:[\w-]{1,63}\.){1,4}(?:com|org|net|edu|gov|info|biz|io|co|uk|de|fr|es|it|nl|pl|au|ca|us|eu|example)(?::\d{1,5})?/"
    r"[^\s<>\"'‹›\[\]{}|\\^`]+",
    re.IGNORECASE,
)
IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}|\[\.\]\d{1,3}){3}(?!\w|\.\d)")
IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4})(?:%\w{1,15})?(?![\w:])")
MAC = re.compile(
    r"(?<![\w:.-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![\w:-])"
    r"|(?<![\w.])(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}(?!\w|\.\w)"
)
SOCIAL_SECURITY = re.compile(r"(?<![\w-])(?!000|666)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])")


def emails(text):
    """Spans of e-mail addresses, also those spelt with “at” and “dot”."""
    yield from (
        each.span() for each in EMAIL.finditer(text) if any(letter.isalpha() for letter in each[0].rpartition(".")[2])
    )
    yield from (each.span() for each in EMAIL_IN_WORDS.finditer(text))


def urls(text):
    """Spans of web addresses."""
    for pattern in (URL, BARE_URL):
        for each in pattern.finditer(text):
            link = each[0].rstrip(".,;:!?)*_-")
            if re.search(r"\w", link.partition("://")[2] or link[4:]):
                yield each.start(), each.start() + len(link)


def ip_addresses(text):
    """Spans of IPv4 and IPv6 addresses."""
    for each in IPV4.finditer(text):
        if all(int(part) < 256 for part in re.findall(r"\d+", each[0])) and not says_version(text, each.start()):
            yield each.span()
    for each in IPV6.finditer(text):
        try:
            ipaddress.IPv6Address(each[0])
        except ValueError:
            continue
        if any(letter.isdigit() for letter in each[0]):  # a:: and dead::beef are seldom addresses
            yield each.span()


def mac_addresses(text):
    """Spans of network cards' addresses, in pairs or in fours."""
    yield from (each.span() for each in MAC.finditer(text))


def social_security(text):
    """Spans of numbers written like a United States social security number."""
    yield from (each.span() for each in SOCIAL_SECURITY.finditer(text) if not says_something_else(text, each.start()))


# In the order of trust: where two kinds claim the same stretch, the earlier one names it.
FINDERS = {
    "IBAN": ibans, "card": cards, "e-mail": emails, "URL": urls, "IP address": ip_addresses, "MAC address": mac_addresses,
    "social security": social_security, "date": dates, "phone": phones, "post code": post_codes,
}  # fmt: skip
KINDS = tuple(FINDERS)
WHERE_IT_MATTERS = ("phone", "post code")  # the finders that take a country
