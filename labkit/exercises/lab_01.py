"""Exercises of lab 01: measure k, generalise by hand, use background knowledge, size a dictionary."""

import pandas as pd

from labkit.anonymity import certainty_penalty, generalise, k_anonymity, suppress_rare
from labkit.anonymity.people import HIERARCHIES, simulated_people
from labkit.lab import Checks

check = Checks()

# --- the size of the smallest class ---

ward = pd.DataFrame({
    "age": ["20 to 29"] * 5 + ["30 to 39"] * 4 + ["40 to 59"] * 6,
    "sex": ["F", "F", "M", "M", "M", "F", "F", "M", "M", "*", "*", "*", "*", "*", "*"],
    "diagnosis": ["flu", "flu", "asthma", "flu", "injury", "flu", "flu", "cancer", "asthma",
                  "flu", "flu", "cancer", "injury", "flu", "flu"],
})  # fmt: skip


def _judge_smallest(answer):
    if not callable(answer):
        return f"expected a function of a table and its columns, you gave {answer!r}"
    others = ward.assign(age=ward["age"].str[:1])
    for table, columns in [(ward, ["age", "sex"]), (ward, ["age"]), (ward, ["age", "sex", "diagnosis"]), (others, ["sex"])]:
        expected, got = k_anonymity(table, columns), answer(table, columns)
        if got != expected:
            return f"expected {expected} for the columns {columns} of a table, your function gives {got!r}"
    return None


check.add(
    "smallest class",
    judge=_judge_smallest,
    hint="table.groupby(columns).size() counts each class; you want the smallest of the counts.",
    wrong=[
        2,
        len,
        lambda table, columns: len(table.groupby(columns)),
        lambda table, columns: table.groupby(columns).size().max(),
    ],
)

# --- background knowledge ---

check.add(
    "background",
    expected=1 / 2,
    tolerance=0.005,
    hint="Keep the rows of the class '40 to 59', strike those with flu, and see how many of the rest have cancer.",
    wrong=[1 / 6, 1 / 4, 1 / 3, 0.0],
)

# --- generalising by hand ---

patients = simulated_people(0).iloc[:2000][["age", "sex", "post_code", "marital_status"]]
BY_HAND = {name: HIERARCHIES[name] for name in patients.columns}
MOST_SUPPRESSED, MOST_LOSS = 0.05, 0.22


def _judge_levels(answer):
    if not isinstance(answer, dict) or set(answer) != set(BY_HAND):
        return f"expected a dict with a level for each of {', '.join(BY_HAND)}, you gave {answer!r}"
    kept = suppress_rare(generalise(patients, BY_HAND, answer), list(BY_HAND), 5)
    dropped = len(patients) - len(kept)
    if dropped > MOST_SUPPRESSED * len(patients):
        share = dropped / len(patients)
        return f"expected at most {MOST_SUPPRESSED:.0%} of the rows suppressed, with these levels it is {share:.1%}"
    loss = certainty_penalty(kept, BY_HAND, suppressed=dropped)
    return None if loss <= MOST_LOSS else f"expected a loss of at most {MOST_LOSS}, with these levels it is {loss:.2f}"


check.add(
    "by hand",
    judge=_judge_levels,
    hint="Post codes split people most finely: coarsen them first, by two levels. Leave sex as it is. Then try wider ages.",
    wrong=[
        {"age": 0, "sex": 0, "post_code": 0, "marital_status": 0},  # nearly all are suppressed
        {"age": 4, "sex": 1, "post_code": 3, "marital_status": 2},  # nothing is left
        {"age": 2},
        {"age": 9, "sex": 0, "post_code": 2, "marital_status": 1},  # no such level
    ],
)

# --- how long a dictionary attack takes ---

check.add(
    "dictionary",
    expected=1000,
    tolerance=1,
    hint="There are 10**9 possible numbers. Divide by the number of hashes in a second.",
    wrong=[1, 10**9, 500, 10**6],
)


def _judge_scores(answer):
    if not callable(answer):
        return f"expected a function of (hidden, masked), you gave {answer!r}"
    for hidden, masked in [([(0, 4), (10, 14)], [(0, 4)]), ([(0, 4)], [(0, 4), (6, 9), (20, 31)]),
                           ([(0, 4), (5, 9), (12, 15)], [(5, 9), (12, 14), (12, 15), (40, 44)])]:
        both = len(set(hidden) & set(masked))
        expected = both / len(hidden), both / len(masked)
        given = tuple(float(each) for each in answer(list(hidden), list(masked)))
        if len(given) != 2 or max(abs(a - b) for a, b in zip(given, expected)) > 1e-6:
            return f"expected {tuple(round(each, 3) for each in expected)} for hidden {hidden} and masked {masked}, you gave {given}"
    return None


check.add("score a scrubber", judge=_judge_scores,
          hint="set(hidden) & set(masked) are the places that were masked rightly: divide their number by the length of either list.",
          wrong=[0.5, lambda hidden, masked: (len(masked) / len(hidden), 1.0),
                 lambda hidden, masked: (len(set(hidden) & set(masked)) / len(masked), len(set(hidden) & set(masked)) / len(hidden))])
