"""What the two articles that these labs test say, and what came out: 31 claims, each with the experiments that decide it.

    claims   the claims, a sentence each
    record   the experiments and verdicts, as the executed labs show them
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
