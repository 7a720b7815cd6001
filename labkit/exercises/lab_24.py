"""Exercises of lab 24, what comes next."""

import hashlib
import os

import numpy as np

from labkit import lattice
from labkit.exercises.choices import one_letter
from labkit.lab import Checks

small_problem, _answer = lattice.problem(12, 3329, eta=2, rng=np.random.default_rng(24))

check = Checks()


def _judge_factors(answer):
    if not callable(answer):
        return f"expected a function of N, a and period, you gave {answer!r}"
    for N, a, period, right in ((15, 7, 4, {3, 5}), (21, 2, 6, {3, 7}), (899, 3, 420, {29, 31})):
        given = answer(N, a, period)
        try:
            found = {int(each) for each in given}
        except (TypeError, ValueError):
            return f"expected two factors of {N}, you gave {given!r}"
        if found != right:
            return f"expected the factors {sorted(right)} of {N}, you gave {given!r}"
    return None


check.add("factors", judge=_judge_factors, wrong=[(3, 5), lambda N, a, period: (a, period), lambda N, a, period: None,
                                                  lambda N, a, period: (a**(period // 2) - 1, a**(period // 2) + 1)],
          hint="a to the power of half the period, less 1 and plus 1: what do these share with N?")

check.add("key bits", expected=256, wrong=[128, 64, 512, 129, "twice"],
          hint="Grover asks as often as the square root of the number of keys: halve the exponent.")


def _judge_key(answer):
    if not callable(answer):
        return f"expected a function of two secrets, you gave {answer!r}"
    curve, kem = bytes(range(32)), bytes(range(100, 132))
    flipped = [bytes([pair[0] ^ 1]) + pair[1:] for pair in (curve, kem)]
    keys = [answer(*pair) for pair in ((curve, kem), (flipped[0], kem), (curve, flipped[1]), (curve, kem))]
    if any(not isinstance(each, bytes) or len(each) != 32 for each in keys):
        return "the key must be 32 bytes, whatever the secrets"
    if keys[3] != keys[0]:
        return "both sides must get the same key from the same secrets"
    moved = [sum((a ^ b).bit_count() for a, b in zip(keys[0], each)) for each in keys[1:3]]
    if min(moved) < 64:  # of 256; half of them on average, and below 64 never for a hash
        return "one bit of a secret moved too little of the key: somebody who knows the other secret knows most of it"
    return None


check.add("one key", judge=_judge_key,
          wrong=[b"key", lambda curve, kem: curve, lambda curve, kem: hashlib.sha256(kem).digest(), lambda curve, kem: curve + kem,
                 lambda curve, kem: curve[:16] + kem[:16], lambda curve, kem: bytes(a ^ b for a, b in zip(curve, kem)),
                 lambda curve, kem: os.urandom(32)],
          hint="What takes any number of bytes, gives 32, and changes altogether when one bit of them does?")


def _judge_secret(answer):
    values = np.asarray(answer)
    if values.shape != (12,) or values.dtype.kind not in "if":
        return f"expected 12 numbers, you gave {answer!r}"
    return None if np.array_equal(values, _answer) else "these 12 numbers leave large errors in the equations"


check.add("a small secret", judge=_judge_secret, wrong=[[0] * 12, [1, 2], "secret", -_answer],
          hint="lattice.solve(...) gives an object; its `secret` is the answer.")

check.add("move first", judge=one_letter("B", {
    "A": "a signature is checked now; forging it in fifteen years makes no old update wrong",
    "C": "it is worthless to a listener in an hour",
    "D": "it rests on a hash: Grover halves its exponent, and there is enough left"}),
    wrong=["A", "C", "D", "all", 2], hint="Which of them is worth recording today for somebody who can read it in fifteen years?")

check.add("enough witnesses", expected=5, wrong=[4, 3, 7, 6, "most"],
          hint="Two histories together have at most seven signatures and two more from the liars, who sign both.")

check.add("log or chain", judge=one_letter("A", {
    "B": "nobody here needs a stranger's permission or computing; proof of work is the price of having no list of members",
    "C": "somebody who writes to the database can change it and its backups",
    "D": "a hash hides nothing that can be guessed, wherever it is stored"}),
    wrong=["B", "C", "D", "both", 1], hint="Who are the parties, do they know each other, and what do they distrust?")

check.add("left to a lawyer", judge=one_letter("C", {
    "A": "an attack with a control measures that",
    "B": "an accountant adds that up",
    "D": "a handshake shows that, byte by byte"}),
    wrong=["A", "B", "D", "none", 3], hint="Which answer could two experts with the same numbers still dispute?")
