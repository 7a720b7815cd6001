"""Payment cards and bank accounts: numbers that carry their own check.

A pattern alone takes every 16-digit number for a payment card. The checks make the difference: whose number range it is and how
long that issuer's numbers are (ISO/IEC 7812), Luhn's sum, and for an account the remainder modulo 97 (ISO 13616).
"""

import re

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
# First digits and lengths, by issuer: Visa; Mastercard; American Express; Discover; UnionPay; JCB; Diners Club; Maestro; Mir.
_CARDS = [
    (re.compile("4"), {13, 16, 19}),
    (re.compile("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),
    (re.compile("3[47]|2131|1800"), {15}),
    (re.compile("6011|64[4-9]|65|62|35"), {16, 17, 18, 19}),
    (re.compile("30[0-59]|3[689]"), {14, 16}),
    (re.compile("5018|5020|5038|5[6-8]|6304|6759|676[1-3]|6390|0604"), {12, 13, 16, 18, 19}),
    (re.compile("220[0-4]"), {16, 17, 18, 19}),
]
# A run of groups, looked at from the start of each group: the number may begin after, or end before, other digits.
CARD = re.compile(r"(?<![\dA-Za-z])(?=([0-6]\d{2,18}(?:[ .\n-]\d{1,6}){0,5}))")
IBAN = re.compile(r"(?<![\dA-Za-z])(?=([A-Z]{2}\d{2}(?:[ \n-]?[A-Z0-9]{1,30}){1,9}))", re.IGNORECASE | re.ASCII)


def luhn(digits):
    """Does the last digit of a card number fit the others? (ISO/IEC 7812)"""
    doubled = [int(each) * (2 - place % 2) for place, each in enumerate(digits, start=len(digits) % 2)]
    return sum(each - 9 * (each > 9) for each in doubled) % 10 == 0


def iban_fits(code):
    """Do the two check digits of an IBAN fit the rest? (ISO 13616: remainder 1 modulo 97)"""
    return int("".join(str(int(each, 36)) for each in code[4:] + code[:4])) % 97 == 1


def ean_fits(digits):
    """Does the last digit of a product's bar code (EAN, 8 or 13 digits) fit the others?"""
    return sum(int(each) * (1 + 2 * (at % 2)) for at, each in enumerate(reversed(digits))) % 10 == 0


def card_fits(digits):
    """Is this a card's number: an issuer's first digits, that issuer's length, and Luhn's sum?

    A product's bar code (EAN, 13 digits) whose own check digit fits is none, though some old cards are as long.
    """
    known = any(start.match(digits) and len(digits) in lengths for start, lengths in _CARDS)
    if not known or not luhn(digits):
        return False
    return len(digits) != 13 or not ean_fits(digits)


def cards(text):
    """Spans of payment card numbers."""
    yield from _longest(text, CARD, 12, card_fits)


def ibans(text):
    """Spans of bank account numbers (IBAN) whose check digits fit."""
    yield from _longest(text, IBAN, 15, lambda code: _IBAN_LENGTHS.get(code[:2].upper()) == len(code) and iban_fits(code))


def _longest(text, pattern, shortest, accepted):
    """The longest run of whole groups that passes the check, from each place where the pattern may begin."""
    for each in pattern.finditer(text):
        start, run = each.start(), each[1]
        for length in range(len(run), shortest - 1, -1):
            end = start + length
            inside_a_group = run[length - 1] in " .\n-" or (end < len(text) and text[end].isalnum() and text[end].isascii())
            one_line = run.count("\n", 0, length) < 2  # a number may be wrapped once; a column of numbers is none
            if not inside_a_group and one_line and accepted(re.sub("[ .\n-]", "", run[:length])):
                yield start, end
                break
