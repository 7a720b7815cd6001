"""Sentences that are checked when the notebook runs, so that prose cannot drift from the numbers."""

import textwrap

COLUMNS = 106  # what fits a cell's output on a laptop: JupyterLab breaks longer lines in the middle of a word
VERDICTS = ("holds", "holds once repaired", "does not hold")

_made = []


class ClaimFailed(AssertionError):
    """A sentence in a lab turned out not to be true."""


def _shown(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def claim(statement, holds, *, article=None, verdict=None, **values):
    """Print `statement` with a tick if it holds; stop the notebook if it does not.

    Where it decides what an article says, the verdict stands in front instead, without a tick: "✓ does not hold" would
    read as a contradiction.

    statement: the sentence, as a reader should remember it.
    holds:     a bool (or numpy bool): the experiment's own answer.
    article:   id of the article claim that this decides, such as "B15"; then `verdict` is required:
               "holds", "holds once repaired" or "does not hold".
    values:    numbers to print beside it, rounded to three digits.
    Raises ClaimFailed, with the values, when `holds` is false, and ValueError when it is no bool:
    a non-empty list is not a result.
    """
    if not isinstance(holds, bool) and type(holds).__name__ not in ("bool", "bool_"):
        raise ValueError(f"holds must be True or False, got {holds!r} ({type(holds).__name__})")
    if (article is None) != (verdict is None):
        raise ValueError(f"article and verdict go together, got article={article!r}, verdict={verdict!r}")
    if verdict is not None and verdict not in VERDICTS:
        raise ValueError(f"verdict must be one of {', '.join(map(repr, VERDICTS))}, got {verdict!r}")
    told = ", ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in values.items())
    told = f"  ({told})" if told else ""
    if not holds:
        raise ClaimFailed(f"{statement}{told}")
    _made.append({"statement": statement, "article": article, "verdict": verdict, "values": values})
    label = f"article {article} · {verdict}: " if article else "✓ "
    print(textwrap.fill(f"{label}{statement}{told}", COLUMNS, subsequent_indent="  ", break_long_words=False))


def claims_made():
    """The claims that held so far in this session, oldest first: a list of dicts."""
    return list(_made)


def measured(what):
    """Print a figure that differs from run to run (seconds, bytes a second); tests do not compare it."""
    print(f"measured here: {what}")
