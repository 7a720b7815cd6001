"""Auditing a language model before it is released: canaries with controls, one call, a table and a statement.

    canaries = Canaries.draw(prefixes, candidates)            # secrets by lot, and a coin for each: planted, or a control
    ... train with canaries.texts among the data ...
    found = audit_release(canaries, score=token_scorer(log_probabilities, encode))
    print(found.table())
    print(found.statement())

The model may be anything that says how likely a continuation is, or that writes one. `labkit.dp.auditing` audits mechanisms and their
epsilon; this package asks what can be got out of one finished model.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
