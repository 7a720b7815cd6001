"""Find and mask personal data in free text.

    from labkit.scrub import scrub
    scrub("Call 555-010-0199 or write to ann@site.example").text    # "Call ‹phone› or write to ‹e-mail›"

patterns  ten kinds, with their checks                inserts   made-up personal data and harmless look-alikes
masking   find and scrub                           measure   recall and precision on them, in real e-mails
names     people's names, by an optional model
"""

from labkit.scrub.masking import Found, Scrubbed, find, scrub
from labkit.scrub.patterns import COUNTRIES, KINDS

__all__ = ["scrub", "find", "Found", "Scrubbed", "KINDS", "COUNTRIES"]
