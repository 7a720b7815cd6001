"""Run a submission and hand its answers to the judge, who is another process (see labkit.lab.grade).

The calls of `check(name, answer)` are replaced before anything runs, so that it does not matter what the submission does
to the checker.
"""

import ast
import builtins
import contextlib
import json
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

from labkit.lab.grade_wire import Remote, Wire

LAB = re.compile(r"labkit\.exercises\.lab_(\w+)")
COLLECT = "_answer_given_"


class TimeUp(BaseException):
    """A cell or a call took too long. No Exception: `except Exception` must not swallow it."""


def code_cells(path):
    """The code of each code cell of a notebook, read as data."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]


def lab_of(cells):
    """Which lab's exercises the cells import, such as "18"; None where they import none."""
    found = LAB.search("\n".join(cells))
    return found[1] if found else None


class _Answers(ast.NodeTransformer):
    """check("name", answer) becomes a call that only collects."""

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "check":
            node.func = ast.copy_location(ast.Name(COLLECT, ast.Load()), node.func)
        return node


@contextlib.contextmanager
def _limit(seconds):
    def stop(_signal, _frame):
        raise TimeUp(f"ran longer than {seconds:g} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _plain(value):
    """A line magic or a shell command is not Python: such lines are left out."""
    return "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in value.split("\n"))


def run(cells, seconds):
    """Run the cells in one namespace; returns ({exercise: answer}, [what went wrong])."""
    answers, troubles = {}, []

    def collect(name, answer=..., *_others):
        if isinstance(name, str) and (answer is not ... or name not in answers):
            answers[name] = answer

    space = {"__name__": "__main__", COLLECT: collect, "display": lambda *things: None}
    for number, cell in enumerate(cells, 1):
        try:
            with _limit(seconds):
                exec(compile(ast.fix_missing_locations(_Answers().visit(ast.parse(_plain(cell)))), f"cell {number}", "exec"), space)
        except (Exception, TimeUp, SystemExit, KeyboardInterrupt) as error:
            troubles.append(f"code cell {number}: {type(error).__name__}: {error}"[:200])
        space[COLLECT] = collect
    return answers, troubles


def _calls(answer):
    return lambda *arguments, **named: answer(*arguments, **named)


def _send_answers(wire, answers, troubles):
    sendable = {}
    for name, answer in answers.items():
        if callable(answer):  # a class or a library's function is sent as one that lives here
            answer = _calls(answer)
        try:
            wire.pack(answer)
            sendable[name] = ("answer", answer) if answer is not ... else ("stub", None)
        except Exception:
            sendable[name] = ("unreadable", type(answer).__name__)
    wire.send((sendable, troubles))


def _here(wire, value):
    """An argument as it is; a function of the judge's as one that asks the judge."""
    if not isinstance(value, Remote):
        return value

    def ask(*arguments):
        wire.send(("ask", value.number, arguments))
        return wire.receive()

    return ask


def serve(wire, seconds):
    """Call the submission's functions for the judge until the judge hangs up."""
    while True:
        number, arguments, named = wire.receive()
        try:
            with _limit(seconds):
                result = wire.functions[number](*[_here(wire, each) for each in arguments], **named)
            wire.send(("returned", result))
        except (Exception, TimeUp, SystemExit, KeyboardInterrupt) as error:
            kind = type(error).__name__
            wire.send(("raised", kind if hasattr(builtins, kind) or kind == "TimeUp" else "RuntimeError", str(error)[:300]))


def _end_with_the_judge(judge):
    while os.getppid() == judge:
        time.sleep(0.5)
    os._exit(1)


def main(path, cell_seconds, call_seconds):
    """Entry of the process: standard input and output belong to the judge, so they are taken away from the submission."""
    reading, writing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.environ["MPLBACKEND"] = "agg"
    threading.Thread(target=_end_with_the_judge, args=(os.getppid(),), daemon=True).start()
    wire = Wire(reading, writing, careful=False)
    _send_answers(wire, *run(code_cells(path), float(cell_seconds)))
    with contextlib.suppress(EOFError):
        serve(wire, float(call_seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
