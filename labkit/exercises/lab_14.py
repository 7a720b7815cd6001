"""Exercises of lab 14, private fine-tuning."""

import math

import numpy as np

from labkit.lab import Checks

check = Checks()

check.add("adapters in all six blocks", expected=6 * 2 * 2 * 8 * 384,
          hint="Each adapter has 384 x rank weights on the way down and as many on the way up. There are two adapters in each block, and six blocks.",
          wrong=[6 * 2 * 8 * 384, 2 * 2 * 8 * 384, 6 * 2 * 8 * 384 * 384, 8 * 384, 36_865])


def _judge_group(answer):
    if not callable(answer):
        return f"expected a function of (epsilon, delta, count), you gave {answer!r}"
    for epsilon, delta, count in [(2.0, 1.1e-10, 1), (2.0, 1.1e-10, 5), (1.0, 1e-6, 3), (0.1, 1e-9, 20)]:
        expected = count * epsilon, delta * sum(math.exp(step * epsilon) for step in range(count))
        given = tuple(float(each) for each in answer(epsilon, delta, count))
        if len(given) != 2 or not np.allclose(given, expected, rtol=1e-6):
            return (f"expected epsilon {expected[0]:.4g} and delta {expected[1]:.4g} for {count} records at epsilon {epsilon:g} and "
                    f"delta {delta:g} each, your function gave {', '.join(f'{each:.4g}' for each in given)}")
    return None


check.add("a person with many records", judge=_judge_group,
          hint="Take the records out one after the other. Each step costs another epsilon; and the delta of a step is seen through "
               "the e^epsilon of each step before it: delta (1 + e^epsilon + e^(2 epsilon) + ...).",
          wrong=[1.0, lambda e, d, k: (e, d), lambda e, d, k: (k * e, k * d), lambda e, d, k: (e * k**0.5, d),
                 lambda e, d, k: (k * e, d * math.exp(k * e))])

check.add("what the card promises", expected={"b", "d"},
          hint="The promise is about one sequence of the training data, whatever else the attacker knows. Who is not told apart by "
               "one sequence? And what does the model tell that many sequences say?",
          wrong=[{"b"}, {"a", "b", "d"}, {"c"}, {"a", "c"}, "b and d", {"b", "c", "d"}])

check.add("memory of the plain way", expected=400, tolerance=20, wrong=[4, 100, 40_000, 0.4],
          hint="Numbers a gradient, times texts, times bytes a number; a megabyte has a million bytes.")
