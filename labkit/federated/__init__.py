"""Federated learning on one machine: split data over clients, choose a strategy, simulate.

    from labkit.federated import FedAvg, partition, simulate

Names load their module when first used, so that importing this package costs nothing.
"""

from importlib import import_module

_HOME = {
    "strategies": ["Strategy", "Update", "FedAvg", "FedProx", "Scaffold", "weighted_mean"],
    "simulation": ["simulate"],
    "history": ["Run", "Round"],
    "lean": ["local_training"],
    "parameters": ["vector_of", "load_vector"],
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}
_MODULES = ["partition"]
__all__ = sorted([*_WHERE, *_MODULES])


def __getattr__(name):
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__():
    return __all__
