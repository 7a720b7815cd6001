"""Protecting the model itself: watermarks in weights, behaviour and text; compression; adversarial training; adapters.

A watermark here is a test of a hypothesis. Its key is drawn at random, independently of every model that was not marked with it, so
what such a model shows by accident has an exact distribution, and a reading comes with an exact p-value (`Evidence`).
The adapters are in `labkit.protection.adapters`.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
