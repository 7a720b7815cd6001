"""The verdicts, taken from the executed labs: which experiment decided which claim, with what number.

`python -m labkit.articles.record notebooks` writes them to `verdicts.json`, after the labs were built; a test fails where the
record and the labs disagree. Lab 23 shows them as a table.
"""

import json
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from labkit.articles.claims import CLAIMS

PLACE = "verdicts.json"
ORDER = ("holds", "holds once repaired", "does not hold")  # from the mildest
SAID = re.compile(r"article ([AB]\d+) · ([a-z ]+): (.*)")
ITSELF = "23"  # its claims are made while it shows the table


class Experiment(NamedTuple):
    """One experiment on a claim.

    claim:    its id, such as "A7". verdict: one of ORDER.
    said:     the sentence that the lab printed. numbers: what stood in brackets behind it, or "".
    lab:      the notebook's name without its ending. section: the heading above the cell.
    """

    claim: str
    verdict: str
    said: str
    numbers: str
    lab: str
    section: str


def _lines(text):
    """The printed lines, with broken ones put together again."""
    return re.sub(r"\n {2,}", " ", text).splitlines()


def experiments_in(folder):
    """What the executed labs in `folder` say about the articles, in the order of the labs; a list of Experiment."""
    import nbformat

    found = []
    for path in sorted(Path(folder).glob("*.ipynb")):
        if path.stem.startswith(ITSELF):
            continue
        section = ""
        for cell in nbformat.read(str(path), 4).cells:
            if cell.cell_type == "markdown":
                section = ([section] + re.findall(r"^#{2,3} (.+)$", cell.source, re.M))[-1]
            printed = "".join(each.get("text", "") for each in cell.get("outputs", []) if each.get("name") == "stdout")
            for line in _lines(printed):
                if match := SAID.match(line):
                    said, _, numbers = match[3].partition("  (")
                    found.append(Experiment(match[1], match[2], said.strip(), numbers.rstrip(") "), path.stem, section))
    return found


def recorded():
    """The record that ships with the package, a list of Experiment."""
    return [Experiment(**each) for each in json.loads(files("labkit.articles").joinpath(PLACE).read_text(encoding="utf-8"))]


def overall(verdicts):
    """One verdict for a claim as it is written: the severest of its experiments'.

    Raises ValueError for a verdict that there is not, and for none.
    """
    if not verdicts or not set(verdicts) <= set(ORDER):
        raise ValueError(f"verdicts must be among {ORDER}, at least one, got {list(verdicts)!r}")
    return max(verdicts, key=ORDER.index)


def main(arguments=None):
    """Command line: read the executed labs of a folder and write the record."""
    (folder,) = sys.argv[1:] if arguments is None else arguments
    found = experiments_in(folder)
    unknown = {each.claim for each in found} - set(CLAIMS)
    if unknown:
        raise SystemExit(f"no such claim: {', '.join(sorted(unknown))}; nothing written")
    text = json.dumps([each._asdict() for each in found], indent=1, ensure_ascii=False) + "\n"
    Path(__file__).with_name(PLACE).write_text(text, encoding="utf-8")
    print(f"{len(found)} experiments on {len({each.claim for each in found})} claims")


if __name__ == "__main__":
    main()
