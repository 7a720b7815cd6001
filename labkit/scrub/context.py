"""What the words right in front of a number say it is."""

import re

LOOK_BACK = 24  # characters
_OTHER_THING = re.compile(
    r"(?:\b(?:orders?|invoice|bill|ticket|case|bug|issue|items?|article|part|model|serial|version|ver|build|rev|release|sections?|chapters?|"
    r"pages?|pp?|rows?|lines?|rooms?|form|isbn|issn|ean|upc|gtin|imei|sku|asin|id|ids|no|nr|num|numbers?|ref|reference|tracking|account|"
    r"acct|sha\d*|hash|lat|lon|scores?|ratio|figure|fig|table|total|sum|amount|population|usd|eur|gbp|rfc|port|pid|size|bytes|time|"
    r"timestamp|epoch|doi|pmid|patent|class|code|key|batch|lot)\b[ .:#-]{0,3}|[#$€£=%])$",
    re.IGNORECASE,
)
_TELEPHONE = re.compile(
    r"phone|tel\b|tel[.:]|mobile|cell|call|ring|fax|handy|móvil|cellulare|portable|whatsapp|sms|contact|reach", re.IGNORECASE
)


def says_version(text, start):
    """Is it the version of something: "version 1.2.3.4", "rv:1.9.2.20"?"""
    return bool(re.search(r"\b(?:versions?|ver|v|rv|release|build|rev|sections?|chapters?)[ .:/]{0,2}$", text[max(start - 12, 0) : start], re.I))


def says_something_else(text, start):
    """Does a word right in front say that the number is an order, a version, an ISBN ...?"""
    before = text[max(start - LOOK_BACK, 0) : start]
    return bool(_OTHER_THING.search(before)) and not _TELEPHONE.search(before)


def says_telephone(text, start):
    """Is there a word for telephoning shortly before?"""
    return bool(_TELEPHONE.search(text[max(start - LOOK_BACK, 0) : start]))
