"""Which lines of a lab's code draw, so that what a reader sees first is the technique.

A line draws when its statement uses a figure, an axis, pyplot or `labkit.lab.plots`, or wires a widget with
`lab.explore`; so does every line of a function that a widget calls, and every line below a `with` or `for` that draws
and nothing else.
"""

import ast
import re

PICTURE = re.compile(r"(?:^|_)(?:fig|figure|ax|axes|axis|axs|plt|hist|legend|colorbar)\d*$")  # names of figures and their parts
KINDS = {"explore", "plots", "log_range"}  # of labkit.lab: they draw, or wire what draws
RESULTS = {"claim", "measured", "decision"}  # of labkit.lab: they say what came out


def _calls(node):
    """Names of the attributes of `lab` that a statement uses."""
    return {each.attr for each in ast.walk(node)
            if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "lab"}


def drawn_by_widgets(trees):
    """Names of the functions that are given to `lab.explore` in any of these trees."""
    return {node.args[0].id for tree in trees for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "explore"
            and node.args and isinstance(node.args[0], ast.Name)}


def _axes(tree):
    """Names that hold a figure or axes in this tree: by their name, or by what is assigned to them."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and PICTURE.search(node.id)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and re.search(r"\bsubplots?\(|\bfigure\(|\btwinx\(|\.add_axes\(", ast.unparse(node.value)):
            found |= {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    return found


def drawing_lines(tree, widgets=()):
    """The numbers of the lines in a cell's tree that draw.

    widgets: names of functions that widgets call, from `drawn_by_widgets`.
    """
    axes, lines = _axes(tree), set()

    def draws(node):
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        return bool(names & axes or _calls(node) & KINDS) and not _calls(node) & RESULTS

    def visit(body):
        for node in body:
            span = set(range(min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]), node.end_lineno + 1))
            if isinstance(node, ast.FunctionDef):
                if node.name in widgets or {each.arg for each in node.args.args} & axes:
                    lines.update(span)
                else:
                    visit(node.body)
            elif isinstance(node, (ast.For, ast.With, ast.If, ast.While)):
                before = len(lines)
                visit(node.body)
                visit(getattr(node, "orelse", []))
                inside = {number for each in node.body for number in range(each.lineno, each.end_lineno + 1)}
                if inside <= lines and len(lines) > before:
                    lines.update(span)
            elif draws(node):
                lines.update(span)

    visit(tree.body)
    return lines


def code_lines(source):
    """The numbers of the lines that are code: not empty, no comment, no docstring."""
    docs = {number for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node)
            for number in range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    return {number for number, line in enumerate(source.splitlines(), 1)
            if line.strip() and not line.lstrip().startswith("#") and number not in docs}


def is_folded(cell):
    """Whether a cell's code is hidden until the reader asks for it."""
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def counts(notebook):
    """(visible lines that draw, visible lines of code, all lines that draw, all lines of code) of a lab."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    trees = [ast.parse(cell.source) for cell in cells]
    widgets, totals = drawn_by_widgets(trees), [0, 0, 0, 0]
    for cell, tree in zip(cells, trees):
        code = code_lines(cell.source)
        draw = drawing_lines(tree, widgets) & code
        for place, number in enumerate((len(draw), len(code))):
            totals[place + 2] += number
            totals[place] += 0 if is_folded(cell) else number
    return tuple(totals)
