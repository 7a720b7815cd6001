"""Grade a folder of submissions:  make grade DIR=submissions

Each notebook is run in a process of its own with a time limit. Its answers go to another process, which has the teacher's
labkit and runs no line of the submission: what a submission does to the checker in its own process changes no score.
The result is a table and DIR/grades.json.

This is no sandbox: a submission can read and write what you can. Grade strangers' work in a container or as another user.
"""

import argparse
import builtins
import contextlib
import hashlib
import importlib
import json
import os
import pickle
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from labkit.lab.grade_answers import code_cells, lab_of
from labkit.lab.grade_wire import Remote, Wire

PACKAGE = Path(__file__).resolve().parents[1]
TOUCHES = re.compile(r"\bChecks\b|lab\.checks|labkit\.lab\.grade|def check\b|\bcheck\s*=[^=]|\bcheck\.\w+\s*[=(]|setattr\(check")
WORDS = {True: "right", False: "wrong", None: "not attempted"}


class Gone(Exception):
    """The submission's process ended or did not answer."""


class Submission:
    """A submission in a process of its own, as the judge sees it."""

    def __init__(self, path, *, seconds, cell_seconds, call_seconds):
        self.call_seconds = call_seconds
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "labkit.lab.grade_answers", str(Path(path).resolve()),
             str(cell_seconds), str(call_seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self.folder.name, start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])}, bufsize=0)
        self.wire = Wire(_Timed(self.process.stdout, time.monotonic() + seconds), self.process.stdin, careful=True)
        try:
            self.answers, self.troubles = self._receive()
        except Gone:
            self.close()
            raise

    def _receive(self):
        try:
            return self.wire.receive()
        except (EOFError, OSError, ValueError, pickle.UnpicklingError, AttributeError, TypeError) as error:
            raise Gone(str(error)[:200]) from None

    def call(self, number, arguments, named):
        """Call a function of the submission. Raises what it raised, or Gone."""
        self.wire.reading.until = time.monotonic() + self.call_seconds + 5  # the process stops itself before, if it can
        arguments = [_fresh(each) for each in arguments]
        try:
            self.wire.send((number, arguments, named))
        except OSError:
            raise Gone("its process has ended") from None
        while True:
            kind, *content = self._receive()
            if kind != "ask":
                break
            self.wire.send(self.wire.functions[content[0]](*content[1]))
        if kind == "returned":
            return content[0]
        name, message = content
        error = getattr(builtins, str(name), RuntimeError)
        raise (error if isinstance(error, type) and issubclass(error, Exception) else RuntimeError)(str(message))

    def close(self):
        """End the process and what it started, and remove its folder."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.folder.cleanup()


class _Timed:
    """Reads from a pipe until a moment; EOFError afterwards."""

    def __init__(self, pipe, until):
        self.pipe, self.until = pipe, until

    def read(self, length):
        content = b""
        while len(content) < length:
            if not select.select([self.pipe], [], [], max(0, self.until - time.monotonic()))[0]:
                raise EOFError("it ran longer than the time limit and was stopped")
            more = os.read(self.pipe.fileno(), length - len(content))
            if not more:
                break
            content += more
        return content


def _fresh(argument):
    """A random generator is copied on the way, so each call gets one of its own; the judge's moves on."""
    return np.random.default_rng(argument.integers(2**63)) if isinstance(argument, np.random.Generator) else argument


def judge(path, *, seconds=300, cell_seconds=100, call_seconds=10):
    """The grades of one notebook, as a dict: submission, lab, right, of, exercises, message.

    path: an .ipynb file.  seconds: for all its cells; cell_seconds: for each of them; call_seconds: for each
    call of a function that it hands in.
    """
    path = Path(path)
    grade = {"submission": path.name, "lab": None, "right": 0, "of": 0, "exercises": {}, "message": ""}
    try:
        cells = code_cells(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return grade | {"message": f"no notebook: {type(error).__name__}"}
    lab = lab_of(cells)
    if lab is None or not (PACKAGE / f"exercises/lab_{lab}.py").exists():
        return grade | {"message": f"no lab's exercises are imported, got {lab!r}"}
    check = importlib.import_module(f"labkit.exercises.lab_{lab}").check
    grade |= {"lab": lab, "of": len(check.exercises)}
    notes, submission, answers = [], None, {}
    if TOUCHES.search("\n".join(cells)):
        notes.append("it touches the checker; it was judged by another")
    try:
        submission = Submission(path, seconds=seconds, cell_seconds=cell_seconds, call_seconds=call_seconds)
        answers = submission.answers
        notes += submission.troubles[:3]
    except Gone as gone:
        notes.append(f"not judged: {gone}")
    for name in check.exercises:
        kind, answer = answers.get(name, ("stub", None))
        grade["exercises"][name] = _one(check, name, kind, answer, submission)
    if submission is not None:
        submission.close()
    grade["right"] = sum(each["outcome"] == "right" for each in grade["exercises"].values())
    return grade | {"message": "; ".join(notes)}


def _one(check, name, kind, answer, submission):
    if kind == "stub":
        return {"outcome": WORDS[None], "message": ""}
    if kind == "unreadable":
        return {"outcome": WORDS[False], "message": f"an answer of type {str(answer)[:40]} cannot be read"}
    if isinstance(answer, Remote):
        number = answer.number

        def answer(*arguments, **named):
            return submission.call(number, arguments, named)

    outcome = check.outcome(name, answer)
    return {"outcome": WORDS[outcome.right], "message": outcome.problem[:200]}


def graded(path, *, seconds, cell_seconds, call_seconds):
    """As `judge`, in a process of its own that may take as long as the submission and a minute."""
    command = [sys.executable, "-P", "-m", "labkit.lab.grade", "--one", str(path), "--seconds", str(seconds),
               "--cell-seconds", str(cell_seconds), "--call-seconds", str(call_seconds)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])}
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
                              timeout=seconds + 60 + 10 * call_seconds)
        return json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        return {"submission": Path(path).name, "lab": None, "right": 0, "of": 0, "exercises": {},
                "message": f"not judged: {type(error).__name__}"}


def _state_of_package():
    """A checksum of the teacher's labkit: no submission may have written to it."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def table(grades):
    """The grades as lines of text."""
    width = max(len(each["submission"]) for each in grades)
    lines = []
    for each in grades:
        lines.append(f"{each['submission']:{width}}  lab {each['lab'] or '?':3}  {each['right']} of {each['of']}  {each['message']}")
        lines += [f"{'':{width}}    {name}: {one['outcome']}" for name, one in each["exercises"].items()]
    return "\n".join(lines)


def main(arguments=None):
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m labkit.lab.grade", description="Grade a folder of notebooks.")
    parser.add_argument("folder", nargs="?", help="a folder with .ipynb files, looked for at any depth")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=300, help="for the cells of one notebook (300)")
    parser.add_argument("--cell-seconds", type=float, default=100, help="for one cell (100)")
    parser.add_argument("--call-seconds", type=float, default=10, help="for one call of a function that is handed in (10)")
    options = parser.parse_args(arguments)
    limits = {"seconds": options.seconds, "cell_seconds": options.cell_seconds, "call_seconds": options.call_seconds}
    if options.one:
        print(json.dumps(judge(options.one, **limits)))
        return 0
    folder = Path(options.folder or "")
    paths = sorted(each for each in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in each.parts) if options.folder else []
    if not paths:
        print(f"DIR must be a folder with .ipynb files, got {options.folder!r}")
        return 2
    grades, state = [], _state_of_package()
    for path in paths:
        grades.append(graded(path, **limits) | {"submission": str(path.relative_to(folder))})
        print(table(grades[-1:]), flush=True)
        if _state_of_package() != state:
            print(f"STOPPED: {path} changed the teacher's labkit. Restore it; the grades so far were not written.")
            return 3
    unfinished = folder / "grades.tmp"
    unfinished.write_text(json.dumps(grades, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, folder / "grades.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
