"""How much of the personal data in a text a scrubber finds, and how much else it takes along: measured, by kind."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labkit import validate
from labkit.scrub.inserts import MAKERS, PEOPLE, look_alike, pick
from labkit.scrub.masking import NAME, find
from labkit.scrub.patterns import KINDS

LEADS = ("", "", "", "call me: ", "as agreed, ", "for the file: ", "(", "my details - ", "ref. ", "> ")


@dataclass(frozen=True)
class Mail:
    """A text with labelled stretches: tuples (kind, start, end). A look-alike has the kind "not " + kind."""

    text: str
    labels: tuple


def labelled_mails(bodies, per_kind, *, rng, names=False):
    """Put `per_kind` inserts of each kind, and as many look-alikes, into e-mails: one of each kind of thing per mail.

    bodies:   the real e-mails, at least one str. per_kind: 1 or more. rng: numpy Generator.
    names:    also insert people's names (characters from novels).
    Returns a list of `per_kind` Mail, each holding one insert and one look-alike of every kind.
    Raises ValueError for bad arguments.
    """
    per_kind = validate.integer(per_kind=per_kind, at_least=1)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {rng!r}")
    bodies = list(bodies)
    if not bodies or not all(isinstance(each, str) for each in bodies):
        raise ValueError(f"bodies must be at least one str, got {len(bodies)} of them")
    return [_one_mail(pick(rng, bodies), rng, names) for _ in range(per_kind)]


def _one_mail(body, rng, names):
    things = [(kind, make(rng)) for kind, make in MAKERS.items()]
    things += [(f"not {kind}", look_alike(rng, kind)) for kind in MAKERS]
    things += [(NAME, pick(rng, PEOPLE))] if names else []
    lines = body.split("\n")
    text, labels = "", []
    slots = np.sort(rng.integers(0, len(lines) + 1, len(things)))
    order = rng.permutation(len(things))
    for number in range(len(lines) + 1):
        for place in order[slots == number]:
            kind, thing = things[place]
            lead = pick(rng, LEADS)
            before, _, after = thing.partition("«") if "«" in thing else ("", "", thing)
            value, _, after = after.partition("»")
            start = len(text) + len(lead) + len(before)
            text += lead + before + value + after + pick(rng, (".", ",", "", ")")) + "\n"
            labels.append((kind, start, start + len(value)))
        text += lines[number] + "\n" if number < len(lines) else ""
    return Mail(text, tuple(labels))


def score(mails, *, names=None):
    """How well `find` does on labelled mails: a DataFrame, one line per kind.

    inserts: how many there are. masked: those of which every character was found (as whatever kind). recall: their share.
    look_alikes, fooled: harmless stretches, and those of which something was taken for this kind.
    precision: of the inserts and look-alikes that were taken for this kind, the share that are this kind.
    What `find` marks elsewhere in the real e-mails counts nowhere: nobody has labelled it.
    """
    kinds = [*KINDS, NAME] if names is not None else list(KINDS)
    rows = {kind: dict(inserts=0, masked=0, look_alikes=0, fooled=0, taken=0, right=0) for kind in kinds}
    for mail in mails:
        found = find(mail.text, names=names)
        for label, start, end in mail.labels:
            touching = [each for each in found if each.start < end and each.end > start]
            kind = label.removeprefix("not ")
            if kind not in rows:
                continue
            if label == kind:
                rows[kind]["inserts"] += 1
                rows[kind]["masked"] += sum(min(end, each.end) - max(start, each.start) for each in touching) == end - start
            else:
                rows[kind]["look_alikes"] += 1
                rows[kind]["fooled"] += any(each.kind == kind for each in touching)
            for taken_for in {each.kind for each in touching}:
                rows[taken_for]["taken"] += 1
                rows[taken_for]["right"] += taken_for == label
    table = pd.DataFrame.from_dict(rows, orient="index")
    table["recall"] = table["masked"] / table["inserts"]
    # Real names stand all over real e-mails, unlabelled: there is no precision to be had for names.
    table["precision"] = (table["right"] / table["taken"]).where(table.index != NAME)
    return table[["inserts", "masked", "recall", "look_alikes", "fooled", "precision"]]
