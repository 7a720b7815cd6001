"""Learning on encrypted data: scoring, networks, regression, averages of models.

Names load their module when first used, so that importing this package costs nothing.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
