"""Exercises of lab 23, the articles tested."""

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()


def _judge_two(answer):
    letters = "".join(sorted({each for each in str(answer).upper() if each in "ABCD"}))
    if letters == "AC":
        return None
    return f"expected two letters, you gave {answer!r}" if len(letters) != 2 else "one of these two changes nothing about the promise"


check.add("two questions", judge=_judge_two, wrong=["AB", "BD", "A", "ABCD", 2],
          hint="What would make an epsilon of 0.5 a different promise?")


_judge_fail = one_letter("B", {"A": "no measurement could show that it is false", "C": "it says what should be, not what is"})

check.add("can fail", judge=_judge_fail, wrong=["A", "C", "none", 1], hint="What would you have to see to call the sentence false?")


def _judge_severest(answer):
    if not callable(answer):
        return f"expected a function of a list of verdicts, you gave {answer!r}"
    for verdicts, right in ((["holds"], "holds"), (["holds", "does not hold", "holds once repaired"], "does not hold"),
                            (["holds once repaired", "holds"], "holds once repaired")):
        given = answer(list(verdicts))
        if given != right:
            return f"expected {right!r} for {verdicts}, you gave {given!r}"
    return None


check.add("severest", judge=_judge_severest, wrong=["holds", max, min, lambda verdicts: verdicts[0]],
          hint="Put the three verdicts in order from the mildest; a claim as written is as bad as its worst experiment.")
