"""Names of a package that load their module when first used, so that importing the package costs nothing.

The names stand in the stub beside the package's `__init__.py`, which editors and type checkers read too.
"""

from importlib import import_module
from pathlib import Path


def public_names(package, init):
    """The `__getattr__`, `__dir__` and `__all__` of a package whose names live in its modules.

    package:  the package's `__name__`.
    init:     the package's `__file__`. The stub beside it, `__init__.pyi`, has one line for each public name,
              `from .module import name as name`, or `from . import module as module` for a module. With a
              name of an earlier version after `as`, that one works, too; it is not in `__all__`.
    """
    where = {}
    for line in Path(init).with_suffix(".pyi").read_text(encoding="utf-8").splitlines():
        if line.startswith("from "):
            _, module, _, name, _, public = line.split()
            where[public] = module, name

    def load(name):
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, inside = where[name]
        if module == ".":
            return import_module(f".{inside}", package)
        return getattr(import_module(module, package), inside)

    everything = sorted(name for name, (_, inside) in where.items() if name == inside)
    return load, lambda: everything, everything
