"""Differential privacy: mechanisms, accounting, training, auditing.

    from labkit.dp import laplace, epsilon_spent

    mechanisms  noise for counts, sums, choices, histograms, quantiles, votes, streams
    accounting  epsilon of what was released, and a budget
    training    DP-SGD, and curves of privacy against accuracy
    auditing    epsilon measured from outside
    zoo         mechanisms with a flaw, to be found

Names load their module when first used, so that importing this package costs nothing.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
