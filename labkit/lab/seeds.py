"""Do the claims of a lab hold for other seeds than the lab's own?

    python -m labkit.lab.seeds                 # all labs, three seeds each
    python -m labkit.lab.seeds 06 --seeds 10   # lab 06, ten seeds
    python -m labkit.lab.seeds 06 --all        # with the claims that never failed

Runs each lab in a kernel of its own whose sources of chance are shifted (numpy, PyTorch, the standard library, and so
the splits and models that draw from them), and counts the claims that fail instead of stopping at the first. The labs
need no change for it. Exits with 1 when a claim failed more than once in twenty, or a cell stopped with an error.
"""

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient

from labkit.lab.build import BUILT, TIMEOUT, read_source, sources

STEP = 1_000_003  # from one shift to the next: a lab's own seeds are small, so shifted ones meet nobody
MOST = 1 / 20  # of the seeds may let a claim fail
SETUP = "from labkit.lab import seeds as _seeds; _seeds.shift({shift}); _seeds.record({path!r}); del _seeds"


def _moved(seed, by):
    """What a source of chance gets in place of `seed`; only whole numbers move, not generators or None."""
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return int(seed) + by
    if isinstance(seed, (list, tuple, np.ndarray)):
        return [*(int(each) for each in seed), by]
    return seed


def shift(number):
    """Shift every seed that this process will name from here on; 0 changes nothing.

    number: which of the shifts, an int of at least 0. Call it before the lab imports anything, since
            `from numpy.random import default_rng` keeps the function that it found.
    """
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ValueError(f"number must be a whole number of at least 0, got {number!r}")
    if number:
        _shift_numpy(number * STEP)
        _shift_standard_library(number * STEP)
        with contextlib.suppress(ImportError):
            _shift_torch(number * STEP)


def _shift_numpy(by):
    plain, Old = np.random.default_rng, np.random.RandomState

    class Kind(type):
        def __instancecheck__(cls, instance):  # those made before the shift count as well
            return isinstance(instance, Old)

    class RandomState(Old, metaclass=Kind):
        """numpy's older source, from which scikit-learn, scipy and pandas draw."""

        def __init__(self, seed=None):
            # labkit itself uses it as a function of a key, which is not luck.
            own = sys._getframe(1).f_globals.get("__name__", "").startswith("labkit.")
            moved = seed if own else _moved(seed, by)
            super().__init__(moved % 2**32 if isinstance(moved, int) else moved)

    def default_rng(seed=None):
        return plain(_moved(seed, by))

    np.random.default_rng, np.random.RandomState = default_rng, RandomState
    old_seed = np.random.seed
    np.random.seed = lambda seed=None: old_seed(seed if seed is None else _moved(seed, by))


def _shift_standard_library(by):
    class Random(random.Random):
        """The standard library's source."""

        def seed(self, a=None, version=2):
            super().seed(_moved(a, by), version)

    hidden = random.seed
    random.Random, random.seed = Random, lambda a=None, version=2: hidden(_moved(a, by), version)


def _shift_torch(by):
    import torch

    class Generator(torch.Generator):
        """PyTorch's source, named or not."""

        def manual_seed(self, seed):
            return super().manual_seed(_moved(seed, by))

    plain = torch.manual_seed
    torch.Generator = Generator
    torch.manual_seed = torch.random.manual_seed = lambda seed: plain(_moved(seed, by))


def record(path):
    """Let the claims of this process go on when they fail, and write each to `path`, one line of JSON.

    A line: cell (the number that Jupyter gave it), order (among its claims), statement (a string), holds, values.
    """
    from IPython import get_ipython

    import labkit.lab
    from labkit.lab import claims

    strict, seen = claims.claim, Counter()

    def claim(statement, holds, *, article=None, verdict=None, **values):
        kept = True
        try:
            strict(statement, holds, article=article, verdict=verdict, **values)
        except claims.ClaimFailed as failed:
            kept = False
            print(f"✗ {failed}")
        cell = get_ipython().execution_count
        told = {name: str(each)[:80] for name, each in values.items()}
        with open(path, "a", encoding="utf-8") as lines:
            lines.write(json.dumps({"cell": cell, "order": seen[cell], "statement": statement, "holds": kept,
                                    "values": told}) + "\n")
        seen[cell] += 1

    claims.claim = labkit.lab.claim = claim


def run(notebook, shift, folder=BUILT):
    """Run an unexecuted notebook with its seeds shifted.

    notebook: as `labkit.lab.build.read_source` gives it; it is changed (executed).
    shift:    which shift, an int; 0 is the notebook's own seeds.
    folder:   the working directory.
    Returns (claims, stops): the dicts that `record` wrote, and for each cell that ended in an error a dict of its
    cell and its message.
    """
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "claims.jsonl"
        path.touch()
        notebook.cells.insert(0, nbformat.v4.new_code_cell(SETUP.format(shift=shift, path=str(path)), id="seeds"))
        NotebookClient(notebook, timeout=TIMEOUT, allow_errors=True, record_timing=False,
                       resources={"metadata": {"path": str(folder)}}).execute()
        claims = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    stops = [{"cell": cell.execution_count, "message": f"{each.ename}: {each.evalue}".splitlines()[0][:200]}
             for cell in notebook.cells if cell.cell_type == "code" for each in cell.outputs
             if each.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", [])]
    return claims, stops


def tally(runs):
    """How often each claim failed: a list of dicts (cell, statement, failed, of, values), in the lab's order.

    runs: a list of (claims, stops), one for each seed. A claim is known by its place, since its words may hold
    numbers; the words told are those of the first run where it failed. Errors come last, as claims never to stop.
    """
    found = {}
    for claims, _ in runs:
        for each in claims:
            row = found.setdefault((each["cell"], each["order"]), {"cell": each["cell"], "failed": 0, "of": 0,
                                                                   "statement": each["statement"], "values": []})
            row["of"] += 1
            if not each["holds"]:
                row["statement"] = each["statement"] if not row["failed"] else row["statement"]
                row["failed"] += 1
                row["values"].append(each["values"])
    rows = [found[place] for place in sorted(found)]
    stopped = Counter((each["cell"], each["message"]) for _, stops in runs for each in stops)
    return rows + [{"cell": cell, "statement": f"STOPPED: {message}", "failed": times, "of": len(runs), "values": [],
                    "stopped": True}
                   for (cell, message), times in sorted(stopped.items())]


def main(arguments=None):
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m labkit.lab.seeds", description="Count the claims that fail.")
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 06; all labs if there are none")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds each (3)")
    parser.add_argument("--first", type=int, default=1, help="the first shift (1); 0 is the lab's own seeds")
    parser.add_argument("--all", action="store_true", help="show the claims that never failed as well")
    options = parser.parse_args(arguments)
    if options.seeds < 1 or options.first < 0:
        parser.error(f"--seeds must be at least 1 and --first at least 0, got {options.seeds} and {options.first}")
    chosen = [each for each in sources() if not options.names or any(each.name.startswith(f"{name}-")
              or each.stem == name for name in options.names)]
    if not chosen:
        print(f"no lab is named {', '.join(options.names)}; there are {', '.join(each.stem for each in sources())}")
        return 2
    bad = 0
    print(f"{'lab':4} {'cell':>4} {'failed':>7}  claim")
    for source in chosen:
        began = time.perf_counter()
        shifts = range(options.first, options.first + options.seeds)
        rows = tally([run(read_source(source), each) for each in shifts])
        lab = source.stem.split("-")[0]
        for row in rows:
            over = row["failed"] > MOST * row["of"] or "stopped" in row
            bad += over
            if over or row["failed"] or options.all:
                print(f"{lab:4} {row['cell'] - 1:4} {row['failed']:3}/{row['of']:<3}  {row['statement']}"
                      + (f"  {row['values'][:3]}" if row["values"] else ""))
        print(f"{lab:4}  all {sum(row['failed'] > 0 for row in rows):3}/{len(rows):<3}  of the claims failed at least "
              f"once in {options.seeds} seeds ({time.perf_counter() - began:.0f} s)", flush=True)
    print(f"{bad} failed more than once in twenty" if bad else "no claim failed more than once in twenty")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
