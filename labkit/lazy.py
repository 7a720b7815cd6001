"""Names of a package that load their module when first used, so that importing the package costs nothing.

The names stand in the stub beside the package's `__init__.py`, which editors and type checkers read too.
"""

from importlib import import_module
from pathlib import Path


def public_names(package, init):
    """The `__getattr__`, `__dir__` and `__all__` of a package whose names live in its modules.

    package:  the package's `__name__`.
    init:     the package's `__file__`. The stub beside it, `__init__.pyi`, has one line for each public name,
              `from .module import name as name`, or `from . import module as module` for a module.
    """
    where = {}
    for line in Path(init).with_suffix(".pyi").read_text(encoding="utf-8").splitlines():
        if line.startswith("from "):
            _, module, _, name, *_ = line.split()
            where[name] = module

    def load(name):
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if where[name] == ".":
            return import_module(f".{name}", package)
        return getattr(import_module(where[name], package), name)

    everything = sorted(where)
    return load, lambda: everything, everything
