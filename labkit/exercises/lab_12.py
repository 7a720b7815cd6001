"""Exercises of lab 12, private computing."""

from labkit.lab import Checks

check = Checks()

# Two points of s + r x modulo 97: 9 + 31 = 40, and 9 + 3 * 31 = 102 = 5
check.add("shamir by hand", expected=9,
          hint="Two points give the slope: the change of value over the change of x, where dividing by 2 modulo 97 means "
               "multiplying by pow(2, -1, 97). Then walk back from x = 1 to x = 0.",
          wrong=[57.5, 40, 45, 0, "9 or so", None])

PRIME = 2**61 - 1


def _judge_raise(answer):
    if not callable(answer):
        return f"expected a function of a list of shares, you gave {answer!r}"
    for shares in ([5, 7, 30], [PRIME - 1, 2, 9, 4], [11, 0]):
        given = list(shares)
        result = answer(given)
        if not isinstance(result, list) or len(result) != len(shares):
            return f"expected a list of {len(shares)} new shares, your function returned {result!r:.60}"
        expected, found = (2 * sum(shares) + 100) % PRIME, sum(result) % PRIME
        if found != expected:
            return f"expected shares that sum to {expected} for a secret {sum(shares) % PRIME}, yours sum to {found}"
        # each party works alone: changing one share may change only the same party's result
        for place in range(len(shares)):
            other = answer([each + (k == place) for k, each in enumerate(shares)])
            if any(mine != new for k, (mine, new) in enumerate(zip(result, other)) if k != place):
                return "expected each party to use her own share only, yours mixes the shares of several"
    return None


check.add("raise", judge=_judge_raise,
          hint="Doubling every share doubles the sum. But if each of three parties adds 100, the sum grows by 300.",
          wrong=[100, lambda shares: [2 * each + 100 for each in shares], lambda shares: [2 * each for each in shares],
                 lambda shares: 2 * sum(shares) + 100,
                 lambda shares: [2 * sum(shares) + 100, *[0] * (len(shares) - 1)]])


def _judge_leaver(answer):
    if not callable(answer):
        return f"expected a function of two averages and a number of people, you gave {answer!r}"
    for incomes in ([120.0, 90.0, 200.0, 75.5], [10.0, 500.0], [3.0] * 8 + [40.0]):
        before, after = sum(incomes) / len(incomes), sum(incomes[:-1]) / (len(incomes) - 1)
        given = answer(before, len(incomes), after)
        if not isinstance(given, (int, float)) or abs(given - incomes[-1]) > 1e-6:
            return f"expected {incomes[-1]:g} for averages {before:g} of {len(incomes)} and {after:g} of one fewer, you gave {given!r}"
    return None


check.add("leaver", judge=_judge_leaver,
          hint="An average times the number of people is a sum. How many people stand behind the second one?",
          wrong=[7, lambda before, n, after: before - after, lambda before, n, after: n * (before - after),
                 lambda before, n, after: n * before - (n + 1) * after])

_CHOICE = {"a": "secret sharing", "b": "intersection", "c": "homomorphic"}


def _judge_choice(answer):
    if not isinstance(answer, dict) or set(answer) != set(_CHOICE):
        return f"expected a dictionary with the keys {sorted(_CHOICE)}, you gave {answer!r}"
    for task, technology in _CHOICE.items():
        if str(answer[task]).strip().lower() != technology:
            return f"expected another technology for {task}, you gave {answer[task]!r}"
    return None


check.add("which technology", judge=_judge_choice,
          hint="Who must be online at the same time, how many messages may there be, and is the answer a list or a number?",
          wrong=["homomorphic", {"a": "homomorphic", "b": "intersection", "c": "secret sharing"}, {"a": "secret sharing"},
                 {"a": "secret sharing", "b": "homomorphic", "c": "homomorphic"}])

check.add("hashed birth dates", expected=36_525,
          hint="Hash every date that there is once, then compare: does the number of members matter?", wrong=[2**256, 365, 100, 1])
