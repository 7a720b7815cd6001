"""Forgetting: take a record out of a trained model, exactly or nearly, and audit whether it is gone.

Exact is what retraining gives; `shards` makes that cheaper. `ascent` and `relabelling` are the shortcuts in common use, here to be
audited (`audit`). `certified` is a shortcut with a proof and a budget.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
