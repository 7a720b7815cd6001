"""Exercises of lab 08, gradient leakage and secure aggregation."""

import numpy as np

from labkit.lab.checks import Checks

check = Checks()

check.add(
    "threshold", expected=13, wrong=[10, 11, 12, 17, "13 of 20"],
    hint="Its four clients vouch for every list. It tells the sixteen others one of two lists. How many vouchers can both lists have? "
         "One more is safe.")

check.add(
    "headroom", expected=24, wrong=[31, 25, 32, 23.5],
    hint="Half of the range is for negatives, so the sum must stay below 2^31; a hundred clients take between 6 and 7 bits of it.")


def _judge_reveal(reveal):
    cases = [([0, 1, 2], [3], {0: "seed", 1: "seed", 2: "seed", 3: "key"}), ([4, 5], [], {4: "seed", 5: "seed"})]
    for alive, dropped_out, expected in cases:
        found = reveal(list(alive), list(dropped_out))
        if found != expected:
            return f"for {alive} alive and {dropped_out} dropped out expected {expected}, you returned {found}"
    try:
        found = reveal([0, 1, 2], [2])
    except ValueError:
        return None
    return f"client 2 was in both lists; expected a ValueError, you returned {found}"


def _reveals_both(alive, dropped_out):
    return dict.fromkeys(alive, "seed") | dict.fromkeys(dropped_out, "key")


def _other_way_round(alive, dropped_out):
    if set(alive) & set(dropped_out):
        raise ValueError("both")
    return dict.fromkeys(alive, "key") | dict.fromkeys(dropped_out, "seed")


check.add(
    "what to reveal", judge=_judge_reveal,
    wrong=[_reveals_both, _other_way_round, lambda alive, dropped_out: None, "seed"],
    hint="Of who stayed, the seed takes off its own mask; of who dropped out, the key gives the masks left in the others' vectors. "
         "Whoever gets both shares of one client reads that client.")


def _judge_trimmed(trimmed):
    changes = np.random.default_rng(8).normal(size=(7, 4))
    changes[0] = 1e6
    changes[1, ::2], changes[2] = -1e6, changes[2] * 3
    for trim in (0, 1, 3):
        expected = np.sort(changes, axis=0)[trim:7 - trim].mean(axis=0)
        found = np.asarray(trimmed(changes.copy(), trim), dtype=float)
        if found.shape != expected.shape or not np.allclose(found, expected):
            return f"with trim={trim} expected {expected.round(3)}, you returned {found.round(3)}"
    return None


def _rows_trimmed(changes, trim):
    order = np.argsort(changes.sum(axis=1))
    return changes[order[trim:len(changes) - trim]].mean(axis=0)


check.add(
    "trimmed mean", judge=_judge_trimmed,
    wrong=[lambda changes, trim: changes.mean(axis=0), _rows_trimmed,
           lambda changes, trim: np.sort(changes, axis=0)[trim:-trim].mean(axis=0), lambda changes, trim: None],
    hint="np.sort(changes, axis=0) sorts every column by itself; then drop `trim` rows at either end. Mind trim = 0: [0:-0] is empty.")


_PURPOSE = {"secure sum": "c", "clip and noise": "a", "robust average": "b"}


def _judge_purpose(answer):
    if not isinstance(answer, dict) or set(answer) != set(_PURPOSE):
        return f"expected a dictionary with the keys {sorted(_PURPOSE)}, you gave {answer!r}"
    for remedy, letter in _PURPOSE.items():
        if str(answer[remedy]).strip().lower() != letter:
            return f"expected another letter for {remedy}, you gave {answer[remedy]!r}"
    return None


check.add("what each of them stops", judge=_judge_purpose,
          hint="Which of the three looks at single updates, which of them hides single updates, and which comes with an epsilon?",
          wrong=["a", {"secure sum": "a", "clip and noise": "c", "robust average": "b"}, {"secure sum": "c"},
                 {"secure sum": "c", "clip and noise": "b", "robust average": "a"}])
