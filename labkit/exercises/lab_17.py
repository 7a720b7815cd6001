"""Exercises of lab 17, finance."""

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()

check.add("sixty columns", expected=61, wrong=[60, 3600, 120, "many"],
          hint="A question of all zeros gives the bias. What does a question with a single one give?")


check.add("the control", wrong=["A", "C", "noise", 2],
          judge=one_letter("B", {"A": "a larger epsilon changes the noise and leaves the clipping in, so the two stay mixed",
                                  "C": "fewer loans change the data, which privacy does not do"}),
          hint="DP-SGD does two things to a gradient. Which run does only one of them?")

check.add("letters", wrong=["A", "C", "none", 1],
          judge=one_letter("B", {"A": "whoever knows the salt can try every number",
                                  "C": "two weeks' results tell who joined in between"}),
          hint="Which of them tells each side nothing but the answer, and only once?")
