"""Exercises of lab 22, capstone."""

import math

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()

ON = {"collect": True, "store": True, "train": True, "deploy": True, "use": True}
LOOKS_SAFE = {  # three settings of the five switches, each with the sentence that it was defended with
    "A": ON | {"train": False, "use": False, "epsilon": 1.0},  # "everything is encrypted, and the offices keep their data"
    "B": ON | {"use": False, "epsilon": 0.1},  # "the model has epsilon 0.05, far below 1"
    "C": ON | {"store": False, "epsilon": 0.1},  # "the statement says epsilon 0.1, and an auditor has checked it"
}


def _judge_steps(answer):
    if isinstance(answer, str) or not hasattr(answer, "__iter__") or not all(isinstance(each, str) for each in answer):
        return f"expected a list of steps, such as ['store'], you gave {answer!r}"
    given = {each.strip().lower() for each in answer}
    if unknown := given - set(ON):
        return f"expected names of steps ({', '.join(ON)}), you gave {sorted(unknown)}"
    if given == {"train", "use"}:
        return None
    return f"not these: look at every row of the attack table that stands far above its control; you gave {sorted(given)}"


check.add("setting A", judge=_judge_steps, wrong=[["train"], ["use"], ["store", "train"], "train", ["training"], []],
          hint="outcome(**LOOKS_SAFE['A']) has the success of each attack; CONTROLS what each gets where there is nothing to get.")


def _judge_epsilon(answer):
    if answer is None or (isinstance(answer, (int, float)) and answer == math.inf):
        return None
    return f"not this one: with the model alone it would be so, but what else came out of the same records? You gave {answer!r}"


check.add("setting B", judge=_judge_epsilon, wrong=[0.05, 0.1, 1.0, 0, "small"],
          hint="Two exact counts give one client's income with certainty. Which epsilon promises nothing at all?")

check.add("setting C", wrong=["A", "B", "none", 3],
          judge=one_letter("C", {"A": "no epsilon, however small, would have stopped this attack: it never saw anything that was released",
                                  "B": "the account is right: noise was added where it says, and it adds up to what it says"}),
          hint="Which of the five attacks succeeds, and did it need any of what was published?")


def _judge_setting(answer):
    wanted = {"found", "auc", "count_error", "ceiling"}
    if not isinstance(answer, dict) or not wanted <= set(answer):
        return f"expected what outcome(...) returns, you gave {answer!r:.80}"
    open_steps = [step for step, success in answer["found"].items() if success > answer["allowed"][step]]
    if open_steps:
        return f"not yet: the attack on {', '.join(open_steps)} still succeeds"
    if answer["ceiling"] is None or answer["ceiling"] > 0.75:
        return "not yet: the promise lets an attacker from 50:50 be right more than 75 % of the time"
    if answer["auc"] < 0.8:
        return f"not yet: the model's AUC is {answer['auc']:.2f}, below 0.80"
    if answer["count_error"] > 25:
        return f"not yet: a count is off by {answer['count_error']:.0f} clients on average, more than 25"
    return None


_fine = {"found": dict.fromkeys(ON, 0.1), "allowed": dict.fromkeys(ON, 0.2), "auc": 0.84, "count_error": 20.0, "ceiling": 0.73}
check.add("a setting to sign", judge=_judge_setting,
          wrong=[_fine | {"count_error": 200.0}, _fine | {"auc": 0.6}, _fine | {"ceiling": 0.99}, _fine | {"ceiling": None},
                 _fine | {"found": dict.fromkeys(ON, 1.0)}, {"epsilon": 1}, 1.0],
          hint="All five switches are needed. Then epsilon: e^epsilon / (1 + e^epsilon) bounds the attacker, 20 / epsilon is about a count's error.")
