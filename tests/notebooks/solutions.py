"""The solutions that are printed in the labs, and whether they pass."""

import importlib
import pkgutil
import re

import labkit.exercises

MODULES = [each.name for each in pkgutil.iter_modules(labkit.exercises.__path__) if each.name.startswith("lab_")]
CODE = re.compile(r"```python\n(.*?)```", re.S)


def expected(source):
    """The names of a lab's exercises."""
    lab = f"lab_{source.stem.split('-')[0]}"
    return set(importlib.import_module(f"labkit.exercises.{lab}").check.exercises) if lab in MODULES else set()


def solution_of(cell):
    """The code in a cell that is a solution; None for other cells."""
    if "solution" not in cell.metadata.get("tags", []):
        return None
    blocks = CODE.findall(cell.source)
    assert blocks, f"a solution has no python block:\n{cell.source[:200]}"
    return "\n".join(blocks)


def assert_right(source, said):
    """Fail unless what the solutions printed, a text for each, says that every exercise of the lab was passed, and no more."""
    for each in said:
        assert "✗" not in each and "○" not in each, each
    passed = set(re.findall(r"^✓ (.*): right$", "\n".join(said), re.M))
    assert passed == expected(source), f"no solution passes: {sorted(expected(source) - passed)}; instead:\n" + "\n".join(said)
