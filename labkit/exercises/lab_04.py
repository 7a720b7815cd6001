"""Exercises of lab 04, a budget for questions."""

import math

import numpy as np

from labkit.dp.accounting import composition
from labkit.lab import Checks

check = Checks()

PEOPLE, PERSON, LEAST, MOST = 300, 7, 100, 200


def _judge_groups(answer):
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return f"expected two groups, you gave {type(answer).__name__}"
    groups = [np.asarray(each) for each in answer]
    for name, group in zip(("first", "second"), groups):
        if group.shape != (PEOPLE,) or group.dtype != bool:
            return f"expected the {name} group as {PEOPLE} values True or False, you gave {group.dtype} of shape {group.shape}"
        if not LEAST <= group.sum() <= MOST:
            return f"expected {LEAST} to {MOST} people in the {name} group, you gave {group.sum()}: the office refuses"
    different = np.flatnonzero(groups[0] != groups[1])
    if different.tolist() != [PERSON]:
        them = f", at the indices {different[:5].tolist()}{' and more' if len(different) > 5 else ''}" if len(different) else ""
        return (f"expected groups that differ by person {PERSON} alone (index {PERSON}: people are counted from 0), "
                f"yours differ by {len(different)} people{them}")
    return None


_half = np.arange(PEOPLE) < 150
_everybody = np.ones(PEOPLE, dtype=bool)
check.add("two groups", judge=_judge_groups, hint="Take any legal group that holds person 7 (index 7), and the same group without.",
          wrong=[(_half, _half), (_everybody, _everybody & (np.arange(PEOPLE) != PERSON)), (_half, np.arange(PEOPLE) < 149), 7])


def _formula(k):
    return composition.advanced(0.1, times=k, slack=1e-6)[0]


check.add("advanced pays off", expected=next(k for k in range(1, 10_000) if _formula(k) < 0.1 * k),
          hint="Call composition.advanced(0.1, times=k, slack=1e-6)[0] for growing k and compare it with 0.1 k.",
          wrong=[1, 100, 1000, None])

_TRIALS = [  # losses, mass, epsilon: a fair coin of loss 1; the same with a certain leak; everything covered
    (np.array([-1.0, 1.0]), np.array([1 / (1 + math.e), math.e / (1 + math.e)]), 0.4),
    (np.array([-1.0, 1.0, math.inf]), np.array([0.3, 0.6, 0.1]), 0.4),
    (np.array([-1.0, 0.5]), np.array([0.4, 0.6]), 2.0),
]


def _judge_delta(answer):
    if not callable(answer):
        return f"expected a function, you gave {type(answer).__name__}"
    for losses, mass, epsilon in _TRIALS:
        expected = float(np.sum(mass[losses > epsilon] * (1 - np.exp(epsilon - losses[losses > epsilon]))))
        got = float(answer(losses, mass, epsilon))
        if not abs(got - expected) < 1e-9:
            told = f"for losses {losses} with mass {mass} and epsilon {epsilon}"
            return f"{told}: expected {expected:.4g}, your function gives {got:.4g}"
    return None


check.add("delta from losses", judge=_judge_delta,
          hint="Sum mass times (1 - e^(epsilon - loss)) over the losses above epsilon only; the others are covered.",
          wrong=[lambda losses, mass, epsilon: np.sum(mass[losses > epsilon]),
                 lambda losses, mass, epsilon: np.sum(mass * (1 - np.exp(epsilon - losses))), 0.3])

check.add("counts allowed",
          expected=max(k for k in range(1, 1000) if composition.pure_loss(0.01).composed(k).epsilon(1e-6) <= 1),
          hint="composition.pure_loss(0.01).composed(k).epsilon(1e-6) is what k counts cost; find the last k within 1.",
          wrong=[100, 1, 10_000, None])


_ACCOUNTANTS = {"i": "basic", "ii": "advanced", "iii": "PLD"}


def _judge_accountants(answer):
    if not isinstance(answer, dict) or set(answer) != set(_ACCOUNTANTS):
        return f"expected a dictionary with the keys {sorted(_ACCOUNTANTS)}, you gave {answer!r}"
    for case, right in _ACCOUNTANTS.items():
        if str(answer[case]).strip().lower() != right.lower():
            return f"expected another accountant for {case}, you gave {answer[case]!r}"
    return None


check.add("what each accountant assumes", judge=_judge_accountants,
          hint="The table above says what each needs to know of an answer. Who can do with an epsilon and a delta? Who gains with many answers?",
          wrong=["PLD", {"i": "PLD", "ii": "PLD", "iii": "PLD"}, {"i": "basic", "ii": "zCDP", "iii": "PLD"},
                 {"i": "basic", "ii": "advanced", "iii": "RDP"}, {"i": "basic"}])
