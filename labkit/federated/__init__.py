"""Federated learning on one machine: split data over clients, choose a strategy, simulate.

    from labkit.federated import FedAvg, partition, simulate

    partition           data over clients
    engines             the rounds, run fast on one machine
    strategies          FedAvg and others
    pipeline            clip, weight, compress, noise between client and server
    privacy             user-level differential privacy
    secure_aggregation  a server that learns the sum only
    flower              the same on real machines

Names load their module when first used, so that importing this package costs nothing.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
