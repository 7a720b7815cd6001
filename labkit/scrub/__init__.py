"""Find and mask personal data in free text.

    from labkit.scrub import scrub
    scrub("Call 555-010-0199 or write to ann@site.example").text    # "Call ‹phone› or write to ‹e-mail›"

    patterns  nine kinds, with check digits where a kind has them       names    people's names, by an optional model
    masking   find and scrub                                            inserts  labelled inserts, to measure recall and precision
"""

from labkit.scrub.masking import Found, Scrubbed, find, scrub
from labkit.scrub.patterns import KINDS

__all__ = ["scrub", "find", "Found", "Scrubbed", "KINDS"]
