"""Post codes: those that look like nothing else, and, where the country is known, those that look like any number."""

import re

_STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
    "RI SC SD TN TX UT VT VA WA WV WI WY"
).replace(" ", "|")
_EVERYWHERE = [
    re.compile(r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}(?!\w)"),  # British
    re.compile(r"(?<!\w)[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z][ -]?\d[ABCEGHJ-NPRSTV-Z]\d(?!\w)"),  # Canadian
    re.compile(rf"(?<!\w)(?:(?:{_STATES}) {{1,2}})?\d{{5}}-\d{{4}}(?![\w-])"),
    re.compile(rf"(?<!\w)(?:{_STATES}) {{1,2}}\d{{5}}(?![\w-])"),
    re.compile(r"(?<!\w)(?:D|DE|F|FR|I|IT|E|ES)-\d{5}(?![\w-])|(?<!\w)NL-\d{4} ?[A-Z]{2}(?!\w)|(?<!\w)PL-\d\d-\d{3}(?![\w-])"),
]
_FIVE = re.compile(r"(?<![\w.,/$€£-])\d{5}(?![\w/-]|[.,]\d)")
_IN = {
    "AU": re.compile(r"(?<![\w.,/$€£-])\d{4}(?![\w/-]|[.,]\d)"),
    "CA": re.compile(r"(?<!\w)[A-Z]\d[A-Z][ -]?\d[A-Z]\d(?!\w)", re.IGNORECASE | re.ASCII),
    "DE": _FIVE, "ES": _FIVE, "FR": _FIVE, "IT": _FIVE,
    "GB": re.compile(r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}(?!\w)", re.IGNORECASE | re.ASCII),
    "NL": re.compile(r"(?<![\w.,/$€£-])[1-9]\d{3} ?[A-Z]{2}(?!\w)"),
    "PL": re.compile(r"(?<![\w.,/$€£-])\d\d-\d{3}(?![\w-])"),
    "US": re.compile(r"(?<![\w.,/$€£-])\d{5}(?:-\d{4})?(?![\w/-]|[.,]\d)"),
}  # fmt: skip
COUNTRIES = tuple(_IN)


def post_codes(text, country=None):
    """Spans of post codes. country: None, or one of `COUNTRIES`, whose plain numbers then count too."""
    for pattern in [*_EVERYWHERE, *([_IN[country]] if country else [])]:
        yield from (each.span() for each in pattern.finditer(text))
