"""What a reader has solved so far, as a table and as a file."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

PREFIX = "labkit.exercises.lab_"
WORDS = {True: "right", False: "wrong", None: "not attempted"}


def loaded():
    """The exercises of the labs that were imported in this session: {lab: Checks}, such as {"03": ...}."""
    found = {name.removeprefix(PREFIX): sys.modules[name] for name in sorted(sys.modules) if name.startswith(PREFIX)}
    return {lab: module.check for lab, module in found.items() if hasattr(module, "check")}


@dataclass(frozen=True)
class Score:
    """What `score` returns. labs: {lab: {exercise: {"outcome": ..., "wrong tries": ...}}}; path: where it was written, or None."""

    labs: dict
    path: Path | None = None

    @property
    def right(self):
        """How many exercises were solved."""
        return sum(each["outcome"] == "right" for exercises in self.labs.values() for each in exercises.values())

    @property
    def total(self):
        """How many exercises there are in these labs."""
        return sum(map(len, self.labs.values()))

    def __repr__(self):
        width = max(len(name) for exercises in self.labs.values() for name in exercises)
        lines = [f"lab  {'exercise':{width}}  outcome        wrong tries"]
        for lab, exercises in self.labs.items():
            lines += [f"{lab:3}  {name:{width}}  {each['outcome']:13}  {each['wrong tries']:11}" for name, each in exercises.items()]
        written = f"; written to {self.path.name}" if self.path else ""
        return "\n".join([*lines, f"{self.right} of {self.total} right{written}"])


def score(path="score.json"):
    """The table of exercises tried in this session, for the labs imported in it; also written to `path` as JSON.

    path: a file that may be overwritten, ends in .json; None writes nothing.
    Returns a `Score`, which shows as a table. Raises ValueError where no lab's exercises were imported.
    """
    if path is not None and Path(path).suffix != ".json":
        raise ValueError(f"path must end in .json, got {str(path)!r}")
    labs = {}
    for lab, check in loaded().items():
        tried = {name: True if tries.right else False if tries.wrong else None for name, tries in check.tries.items()}
        labs[lab] = {name: {"outcome": WORDS[right], "wrong tries": len(check.tries[name].wrong)} for name, right in tried.items()}
    if not labs:
        raise ValueError("there must be a lab to score: run the first cell of one, which imports its exercises")
    made = Score(labs, None if path is None else Path(path))
    if path is not None:
        unfinished = made.path.with_suffix(".tmp")
        unfinished.write_text(json.dumps({"right": made.right, "of": made.total, "labs": labs}, indent=1) + "\n", encoding="utf-8")
        os.replace(unfinished, made.path)
    return made
