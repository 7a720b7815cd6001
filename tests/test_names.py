"""One name for one thing, in every package: parameters, classes, checks. The table is in CONTRIBUTING.md."""

import ast
import importlib
from collections import defaultdict
from pathlib import Path

import pytest

LABKIT = Path(__file__).resolve().parents[1] / "labkit"
SOURCES = [path for path in sorted(LABKIT.rglob("*.py")) if "exercises" not in path.parts]
INSTEAD = {"max_norm": "max_grad_norm", "clip": "max_grad_norm", "clip_norm": "max_grad_norm", "neighbours": "relation",
           "neighbors": "relation", "deviation": "sigma", "standard_deviation": "sigma", "std": "sigma"}
OLD = {  # public names of version 0.1 that have another name now
    "labkit.encrypted.ckks": ["Plan", "Client", "Server"], "labkit.encrypted.learning": ["Adder"],
    "labkit.encrypted.parties": ["Ledger"], "labkit.encrypted.sharing": ["Adder", "secure_sum"],
    "labkit.federated.secure_aggregation": ["Client", "Server", "Refused"], "labkit.security": ["Tree"],
    "labkit.dp": ["vote_deviation"], "labkit.dp.mechanisms": ["vote_deviation"], "labkit.dp.zoo": ["Setting"],
    "labkit.models.blocks": ["Block"], "labkit.models.transformer": ["Block"], "labkit.models.encoder": ["ModelMissing"],
    "labkit.models.language_model": ["ModelMissing"], "labkit.scrub.names": ["ModelMissing"],
}


def parameters(tree):
    """(name, line) of every parameter of a function and every field of a class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield from ((each.arg, each.lineno) for each in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs])
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.lineno


def test_one_name_for_one_quantity():
    wrong = [f"{path}:{line} {name}: say {INSTEAD[name]}" for path in SOURCES
             for name, line in parameters(ast.parse(path.read_text())) if name in INSTEAD]
    assert not wrong


def test_class_names_are_unique():
    places = defaultdict(list)
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path))
    assert not {name: found for name, found in places.items() if len(found) > 1}


def test_checks_name_the_argument_first_and_are_imported_one_way():
    wrong = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "labkit.validate":
                wrong.append(f"{path}:{node.lineno}: from labkit import validate")
            if (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                    and getattr(node.func.value, "id", "") == "validate" and node.func.attr in ("integer", "one_of", "array")):
                bounds = {"at_least", "at_most", "options", "ndim"}
                if node.args or (node.keywords[0].arg in bounds and len(node.keywords) > 1):
                    wrong.append(f"{path}:{node.lineno}: the argument comes first, then its bounds, all by keyword")
    assert not wrong


@pytest.mark.parametrize("module", OLD)
def test_names_of_the_earlier_version_still_work(module):
    for name in OLD[module]:
        assert getattr(importlib.import_module(module), name).__doc__
