"""Build the notebooks from their source.

    python -m labkit.lab.build              # those whose source changed (by their code and text)
    python -m labkit.lab.build --all        # all of them
    python -m labkit.lab.build 03 05        # these
    python -m labkit.lab.build --student    # copies without solutions, in student/

The source is `notebooks/source/NAME.py` (jupytext's percent format); the notebook is its executed copy. A cell tagged
`solution` is dropped from a student's copy.
"""

import argparse
import re
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
SOURCE, BUILT, STUDENT = (ROOT / each for each in ("notebooks/source", "notebooks", "student"))
PROGRESS = re.compile(r"^(.*?): +\d+%\|.*$")  # the text that stands for a tqdm bar
VIEW = "application/vnd.jupyter.widget-view+json"
TIMEOUT = 600  # seconds a cell may take


def sources():
    """The source files, in order of the labs."""
    return sorted(SOURCE.glob("[0-9][0-9]*-*.py"))  # 05b follows 05


def notebook_of(source):
    """Where the executed copy of a source file lies."""
    return BUILT / f"{source.stem}.ipynb"


def read_source(source):
    """A source file as an unexecuted notebook, with stable cell ids."""
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:03d}"
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                         "language_info": {"name": "python"}}
    return notebook


def _written(notebook):
    """What a person wrote in a notebook: type, text and tags of each cell."""
    return [(cell.cell_type, cell.source.strip(), cell.metadata.get("tags", [])) for cell in notebook.cells]


def problems(source):
    """Why the built notebook cannot stand for its source: a list of sentences, empty when it can."""
    path = notebook_of(source)
    if not path.exists():
        return [f"{path.name} is missing"]
    built = nbformat.read(path, 4)
    found = []
    if _written(built) != _written(read_source(source)):
        found.append(f"{path.name} is stale: its cells differ from {source.name}")
    for number, cell in enumerate(built.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if cell.execution_count is None:
            found.append(f"{path.name}: cell {number} was not executed")
        if any(each.output_type == "error" for each in cell.outputs) and "raises-exception" not in cell.metadata.get("tags", []):
            found.append(f"{path.name}: cell {number} holds an error")
    return found


def normalise(notebook):
    """Take out what differs from one run to the next, and widget views that have a picture to stand for them.

    A stored view points at a live widget that a reader without a kernel does not have; JupyterLab would show a
    loading error in place of the picture.
    """
    notebook.metadata.pop("widgets", None)
    number = 0
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if VIEW in data:
                bar = PROGRESS.match(data.get("text/plain", ""))
                if bar:
                    data["text/plain"] = f"({bar.group(1)}: done)"
                if bar or "image/png" in data or "text/html" in data:
                    del data[VIEW]
                else:
                    number += 1
                    data[VIEW]["model_id"] = f"{number:032x}"
    return notebook


def execute(notebook, folder):
    """Run every cell, with `folder` as the working directory; raises on the first error."""
    NotebookClient(notebook, timeout=TIMEOUT, record_timing=False, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def build(source):
    """Execute one source file and write its notebook; the old one stays when a cell fails."""
    notebook = normalise(execute(read_source(source), BUILT))
    path = notebook_of(source)
    unfinished = path.with_suffix(".tmp")
    nbformat.write(notebook, unfinished)
    unfinished.replace(path)
    return path


def student_copy(source):
    """Write an unexecuted copy, without the cells tagged `solution`, into the student folder."""
    notebook = read_source(source)
    notebook.cells = [cell for cell in notebook.cells if "solution" not in cell.metadata.get("tags", [])]
    STUDENT.mkdir(exist_ok=True)
    path = STUDENT / f"{source.stem}.ipynb"
    nbformat.write(notebook, path)
    return path


def main(arguments=None):
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m labkit.lab.build", description="Build the notebooks from their source.")
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 03")
    parser.add_argument("--all", action="store_true", help="rebuild all, also what has not changed")
    parser.add_argument("--student", action="store_true", help="write copies without solutions to student/")
    options = parser.parse_args(arguments)
    chosen = [each for each in sources() if not options.names or any(each.name.startswith(name) for name in options.names)]
    if not chosen:
        print(f"no lab begins with {', '.join(options.names)}; there are {', '.join(each.stem for each in sources())}")
        return 2
    failed = 0
    for source in chosen:
        if options.student:
            print(student_copy(source).relative_to(ROOT))
        elif not (options.all or options.names or problems(source)):
            print(f"{source.stem}: up to date")
        else:
            began = time.perf_counter()
            try:
                build(source)
                print(f"{source.stem}: built in {time.perf_counter() - began:.0f} s", flush=True)
            except Exception as error:  # go on with the others, and fail at the end
                failed += 1
                print(f"{source.stem}: FAILED\n{error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
