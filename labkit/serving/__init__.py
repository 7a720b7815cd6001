"""A model as it is served: a store that many owners share, an agent that reads strangers' texts, a cache of prefixes.

Each module is a small model of one such part, with the attack on it and the defences beside it. Nothing here talks to a network.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
