"""Begin a lab: a source that passes every test, its exercises, and its row in the two tables of labs.

    python -m labkit.lab.new_lab 16 "Synthetic data"        # or: make new-lab LAB=16 TITLE="Synthetic data"
"""

import argparse
import re
import sys
from pathlib import Path
from string import Template

from labkit.lab.build import ROOT, SOURCE, build, sources

SKELETON = Path(__file__).parent / "skeleton"
ROW = re.compile(r"^(?:# )?\| (\d\db?) \| \[")  # of a table of labs


def slug(title):
    """The title as the middle of a file's name: small letters and hyphens."""
    return "-".join(re.findall(r"[a-z]+", title.lower())) or "lab"


def checked(number, title):
    """Number and title, stripped. ValueError for a number that is none or taken, or a title that no table can hold."""
    number, title = number.strip(), " ".join(title.split())
    if not re.fullmatch(r"\d\db?", number):
        raise ValueError(f"LAB must be two digits, and perhaps a b after them, such as 16, got {number!r}")
    taken = [each.stem for each in sources() if each.stem.startswith(f"{number}-")]
    if taken:
        raise ValueError(f"LAB must be a number that is free, got {number!r}, which is {taken[0]}")
    if not re.fullmatch(r"[^|\[\]`$\\\"]{2,60}", title):
        raise ValueError(f'TITLE must be 2 to 60 characters, none of them | [ ] ` $ \\ or ", got {title!r}')
    return number, title


def with_row(text, number, row):
    """A document with one more row in its table of labs, where the numbers say. ValueError when it has no table."""
    lines = text.splitlines(keepends=True)
    rows = [(place, found.group(1)) for place, line in enumerate(lines) if (found := ROW.match(line))]
    if not rows:
        raise ValueError("the document must have a table of labs, got none")
    after = max((place for place, each in rows if each < number), default=rows[0][0])
    prefix = "# " if lines[after].startswith("#") else ""
    return "".join([*lines[:after + 1], f"{prefix}{row}\n", *lines[after + 1:]])


def begin(number, title):
    """Write the files of a new lab and add it to the tables; returns the paths that were written or changed."""
    number, title = checked(number, title)
    stem = f"{number}-{slug(title)}"
    words = {"number": number, "title": title, "seed": int(number.rstrip("b"))}
    source, exercises = SOURCE / f"{stem}.py", ROOT / f"labkit/exercises/lab_{number}.py"
    if exercises.exists():
        raise ValueError(f"LAB must be a number that is free, got {number!r}, which has exercises already")
    start, readme = SOURCE / "00-start-here.py", ROOT / "README.md"
    tables = {}
    for path, folder in [(start, ""), (readme, "notebooks/")]:
        row = f"| {number} | [{title}]({folder}{stem}.ipynb) | say what is in it |"
        tables[path] = with_row(path.read_text(encoding="utf-8"), number, row)
    for path, name in [(source, "lab.txt"), (exercises, "exercises.txt")]:
        skeleton = Template((SKELETON / name).read_text(encoding="utf-8"))
        path.write_text(skeleton.substitute(words), encoding="utf-8")
    for path, text in tables.items():
        path.write_text(text, encoding="utf-8")
    return [source, exercises, start, readme]


def main(arguments=None):
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m labkit.lab.new_lab", description="Begin a lab.")
    parser.add_argument("number", help="two digits, such as 16")
    parser.add_argument("title", help="a few words")
    options = parser.parse_args(arguments)
    try:
        written = begin(options.number, options.title)
    except ValueError as problem:
        print(problem)
        return 2
    for path in [*written, build(written[0]), build(written[2])]:
        print(path.relative_to(ROOT))
    print(f"Write over {written[0].name}, then: make notebooks LAB={options.number.strip()} (see CONTRIBUTING.md)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
