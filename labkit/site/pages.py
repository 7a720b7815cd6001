"""Notebooks as pages: folded drawing cells, sliders over frames, buttons; and the same notebooks for Colab."""

import ast
import copy
import html
import json
import re

import nbformat

from labkit.lab.build import VIEW
from labkit.lab.drawing import drawing_lines, is_folded

TABLE_ROW = re.compile(r"^\| *(\S*) *\| *(.*?) *\|", re.M)
LINK = re.compile(r"\[(.*?)\]\(notebooks/(.*?)\.ipynb\)")


def contents(readme):
    """The table of labs in the README: [(caption, [name of a notebook, ...]), ...]."""
    table, parts = readme.split("## The labs")[1].split("\n## ")[0], [("", [])]
    for _, text in TABLE_ROW.findall(table):
        link = LINK.match(text)
        if link:
            parts[-1][1].append(link[2])
        elif text.startswith("**"):
            parts.append((text.strip("*"), []))
    return [part for part in parts if part[1]]


def repository(readme):
    """OWNER/REPOSITORY of the README's Binder badge."""
    return re.search(r"mybinder\.org/v2/gh/([^/]+/[^/]+)/", readme)[1]


def index(readme, names):
    """The first page, from the README: what this is, the table of labs and the list at the left of every page."""
    title, what = readme.split("\n\n")[:2]
    table = readme.split("## The labs\n\n")[1].split("\n\n")[0]
    table = LINK.sub(lambda link: f"[{link[1]}]({link[2]}.ipynb)" if link[2] in names else link[1], table)
    trees = []
    for caption, labs in contents(readme):
        rows = [name for name in labs if name in names]
        if rows:
            heading = [f":caption: {caption}"] if caption else []
            trees.append("\n".join(["```{toctree}", ":hidden:", *heading, "", *rows, "```"]))
    trees.append("```{toctree}\n:hidden:\n:caption: This site\n\nprivacy\n```")
    return "\n\n".join([title, what, "The sliders on these pages move without a program behind them. "
                        "Open a page in Binder or Colab, or download it, to change the code as well.",
                        table, *trees]) + "\n"


def page(notebook, name, where, frames):
    """A built notebook as Sphinx is to show it.

    where:  OWNER/REPOSITORY on GitHub.
    frames: what `labkit.site.run.frames_of` returned for this lab; None leaves the widgets' stored pictures.
    Raises ValueError when the frames are not those of the notebook's widgets.
    """
    shown = copy.deepcopy(notebook)
    shown.cells.insert(1, nbformat.v4.new_markdown_cell(buttons(name, where)))
    widgets = []
    for cell in shown.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace(".ipynb#Glossary)", ".ipynb#glossary)")  # JupyterLab keeps capitals, Sphinx does not
        if cell.cell_type == "code":
            if is_folded(cell) or _draws(cell.source):
                cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
            for output in cell.outputs:
                output.get("data", {}).pop(VIEW, None)
                if "lab.explore(" in cell.source and "image/png" in output.get("data", {}):
                    widgets.append(output)
    if frames is not None:
        stored = [output.data["text/plain"] for output in widgets]
        if len(frames) != len(stored) or not all(text.startswith(each["question"]) for text, each in zip(stored, frames)):
            raise ValueError(f"frames must be those of the widgets in {name} ({stored}), "
                             f"got {[each['question'] for each in frames]}")
        for number, (output, each) in enumerate(zip(widgets, frames), 1):
            output.data = nbformat.from_dict({"text/html": _moving(each, name, number)})
            output.metadata = nbformat.from_dict({})
    return shown


def buttons(name, where):
    """The line under a lab's title that leads to where it can be run."""
    links = [("Run in Binder", f"https://mybinder.org/v2/gh/{where}/HEAD?labpath=notebooks%2F{name}.ipynb"),
             ("Run in Colab", f"https://colab.research.google.com/github/{where}/blob/gh-pages/colab/{name}.ipynb"),
             ("Download the notebook", f"download/{name}.ipynb")]
    return '<p class="lk-buttons">' + " ".join(f'<a href="{html.escape(to)}">{text}</a>' for text, to in links) + "</p>"


def for_colab(notebook, where):
    """A copy that begins by installing the labs on Colab's machine."""
    shown = copy.deepcopy(notebook)
    set_up = (f"# Only on Colab: installs the labs, which takes a few minutes.\n"
              f"# If it then asks you to restart the session, do so and go on with the next cell.\n"
              f"!git clone --quiet --depth 1 https://github.com/{where} /content/labs\n"
              f"%cd /content/labs/notebooks\n"
              f'%pip install --quiet "/content/labs[labs]"')
    shown.cells.insert(0, nbformat.v4.new_code_cell(set_up, id="set-up"))
    return shown


def _draws(source):
    """Whether a cell does nothing but define functions that draw."""
    if "lab.explore(" in source or source.lstrip().startswith(("%", "!")):
        return False
    body = ast.parse(source).body
    lines = drawing_lines(ast.Module(body, []))
    return bool(body) and all(isinstance(node, ast.FunctionDef) and node.lineno in lines for node in body)


def _moving(each, name, number):
    """A widget's HTML: its first picture and reading, which frames.js turns into sliders; and what that needs to know."""
    key = f"{name}-{number}"
    first, reading = each["frames"][",".join(str(control["start"]) for control in each["controls"])]
    spec = json.dumps(each | {"path": f"_static/frames/{name}"}, ensure_ascii=False, separators=(",", ":"))
    alt = html.escape(reading or each["question"], quote=True)
    return (f'<div class="lk" data-frames="{key}"><p class="lk-question">{html.escape(each["question"])}</p>'
            f'<img src="_static/frames/{name}/{first}" width="{each["width"]}" height="{each["height"]}" alt="{alt}">'
            f'<p class="lk-reading">{html.escape(reading)}</p></div>'
            f'<script type="application/json" id="{key}">{spec.replace("</", "<" + chr(92) + "/")}</script>')
