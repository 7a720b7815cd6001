"""CKKS: parameters that fit a task, a client with the key, a server without, sums and rotations.

Names load their module when first used, so that importing this package costs nothing.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
