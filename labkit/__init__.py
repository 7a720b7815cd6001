"""Helpers for the privacy labs.

Import what you need: ``from labkit import datasets, lab`` or ``from labkit.dp import laplace``.
This module itself loads nothing heavy: torch, opacus and tenseal are imported when first used.
"""

__version__ = "0.2.0"
