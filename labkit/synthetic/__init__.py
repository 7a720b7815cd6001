"""Synthetic texts with a privacy budget: private people vote, noisily, for candidates that no private text had a part in.

Nothing of a private text leaves but its vote, and the vote is what the noise hides. What comes out is a table that may be published,
read and trained on for ever, at no further cost.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
