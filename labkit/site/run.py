"""Run labs so that their widgets leave frames, unless nothing they depend on has changed since the last time."""

import hashlib
import json
import shutil

import nbformat
from nbclient import NotebookClient

from labkit.lab.build import BUILT, ROOT, TIMEOUT, read_source
from labkit.site import frames


def fingerprint(source, most, seconds):
    """A digest of all that the frames of a lab come from: its source, labkit's code, the numbers of settings."""
    digest = hashlib.sha256(f"{most} {seconds}".encode())
    for path in [source, *sorted((ROOT / "labkit").rglob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def frames_of(source, folder, most=frames.MOST, seconds=frames.SECONDS):
    """The frames of a lab's widgets, in the order of the lab: a list of what `frames.draw_all` returned.

    folder: where the pictures are or will be. Raises RuntimeError with the traceback of a widget that failed.
    """
    stamp, now = folder / "fingerprint", fingerprint(source, most, seconds)
    if not stamp.exists() or stamp.read_text() != now:
        shutil.rmtree(folder, ignore_errors=True)
        _run(source, f"from labkit.site import frames; frames.install({str(folder)!r}, {most}, {seconds})")
        for path in folder.glob("*.error"):
            raise RuntimeError(f"{source.stem}, widget {path.stem}: {path.read_text()}")
        stamp.write_text(now)
    made = sorted(folder.glob("*.json"), key=lambda path: int(path.stem))
    return [json.loads(path.read_text()) for path in made]


def _run(source, first):
    """Run a lab's source with one cell more at its beginning; its outputs are dropped."""
    notebook = read_source(source)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    NotebookClient(notebook, timeout=3 * TIMEOUT, record_timing=False,
                   resources={"metadata": {"path": str(BUILT)}}).execute()
