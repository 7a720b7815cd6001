"""Exercises of lab 10, homomorphic encryption."""

from labkit.exercises.choices import one_letter
from labkit.lab import Checks

check = Checks()


class _Counted:
    """Stands for an encrypted number: knows its value and the multiplications it has been through."""

    def __init__(self, value, level=0):
        self.value, self.level = value, level

    def __mul__(self, other):
        if not isinstance(other, _Counted):
            return _Counted(self.value * other, self.level + 1)
        return _Counted(self.value * other.value, max(self.level, other.level) + 1)

    __rmul__ = __mul__


def _judge_eighth(answer):
    if not callable(answer):
        return f"expected a function of an encrypted x, you gave {answer!r}"
    result = answer(_Counted(3.0))
    if not isinstance(result, _Counted):
        return f"expected your function to multiply what it is given and return it, it returned {result!r}"
    if result.value != 3.0**8:
        return f"expected 3 to the power of 8, {3**8}, your function made {result.value:g}"
    if result.level > 3:
        return f"expected at most 3 levels, your function spends {result.level}"
    return None


check.add("eighth power", judge=_judge_eighth,
          hint="A level is spent by multiplications one after the other, not by how many there are. What is the product of two "
               "numbers that have both been through one multiplication?",
          wrong=[8, lambda x: x * x * x * x * x * x * x * x, lambda x: x * x * x, lambda x: 3.0**8, lambda x: x**8])


def _judge_balance(answer):
    if not callable(answer):
        return f"expected a function of three ciphertexts, you gave {answer!r}"
    from labkit.encrypted.paillier import Encrypted, PublicKey, decrypt, random_prime

    p, q = random_prime(64), random_prime(64)
    key = PublicKey(p * q)
    for start, income, rent in [(100, 50, 20), (0, 7, 11), (-5, 0, 3)]:
        result = answer(*(key.encrypt(each) for each in (start, income, rent)))
        if not isinstance(result, Encrypted):
            return f"expected a ciphertext, your function returned {result!r}"
        given, expected = decrypt(result, p, q), start + 12 * income - 12 * rent
        if given != expected:
            return f"expected {expected} for start {start}, income {income}, rent {rent}; decrypted, yours is {given}"
    return None


check.add("balance", judge=_judge_balance,
          hint="Ciphertexts can be added, and multiplied by a number in the clear. A number may be negative.",
          wrong=[0, lambda start, income, rent: start + income * 12 + rent * 12, lambda start, income, rent: start,
                 lambda start, income, rent: 700,
                 lambda start, income, rent: start + (income + rent) * 12])


def _deepest():
    from labkit.encrypted.ckks.planning import plan

    depth = 0
    while plan(depth=depth + 1, precision_bits=20).poly_modulus_degree <= 8192:
        depth += 1
    return depth


def _judge_depth(answer):
    expected = _deepest()
    return None if answer == expected and not isinstance(answer, bool) else f"expected {expected}, you gave {answer!r}"


check.add("deepest", judge=_judge_depth,
          hint="Try plan(depth=d, precision_bits=20).poly_modulus_degree for d = 1, 2, 3, ... and stop before it grows past 8192.",
          wrong=[0, 1, 5, 14, 8192, "many", None])

check.add("a silent mistake", judge=one_letter("C", {
    "A": "its middle primes have as many bits as the scale",
    "B": "one product takes one middle prime, and that has as many bits as the scale",
    "D": "a middle prime more than it needs does no harm"}),
          hint="After a product the scheme divides by a middle prime. How large should that be?", wrong=["A", "B", "D", 30])

check.add("how many ciphertexts", expected=60, hint="One ciphertext holds one feature of as many patients as there are slots.",
          wrong=[30, 5000, 150_000, 37])
