"""Names of a package that load their module when first used, so that importing the package costs nothing."""

from importlib import import_module


def lazy_names(package, home, modules=()):
    """The `__getattr__`, `__dir__` and `__all__` of a package whose names live in its modules.

    package:  the package's `__name__`.
    home:     {module: names that it holds}.
    modules:  modules that are names themselves.
    """
    where = {name: module for module, names in home.items() for name in names}
    everything = sorted([*where, *modules])

    def load(name):
        if name in modules:
            return import_module(f"{package}.{name}")
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{where[name]}"), name)

    return load, lambda: everything, everything
