"""Secret sharing over a prime field: additive, Shamir, Beaver's triples.

Names load their module when first used, so that importing this package costs nothing.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
