"""Exercises of lab 02: forge a ciphertext, break a two-time pad, size a passphrase, write a rule."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from labkit.lab import Checks

check = Checks()

_KEY, _NONCE = bytes(range(32)), bytes(range(16))  # a key in a program is no secret: this one guards an exercise


def _ctr(data):
    return Cipher(AES(_KEY), CTR(_NONCE)).encryptor().update(data)


ORDER = b"pay to: desk 3, amount: 0100 dollars"
stored_order = _ctr(ORDER)
GOAL = ORDER.replace(b"0100", b"9100")


def _judge_forgery(answer):
    if not isinstance(answer, (bytes, bytearray)) or len(answer) != len(stored_order):
        return f"expected {len(stored_order)} bytes, you gave {type(answer).__name__}"
    read = _ctr(bytes(answer))
    return None if read == GOAL else f"expected the bank to read {GOAL!r}, it reads {read!r}"


check.add("forge", judge=_judge_forgery,
          hint="XOR one byte of stored_order with what turns '0' into '9': ord('0') ^ ord('9'). Which byte? Count in ORDER.",
          wrong=[stored_order, ORDER, b"9100", 9100])

_MESSAGES = [b"Own row, known to me: 38,Private,HS-grad,<=50K", b"The director's row:   57,Private,Masters,>50K "]
_PAD = bytes((7 * position * position + 91) % 251 for position in range(len(_MESSAGES[0])))
my_row = _MESSAGES[0]
my_ciphertext, directors_ciphertext = (bytes(a ^ b for a, b in zip(each, _PAD)) for each in _MESSAGES)

check.add("two-time pad", expected=_MESSAGES[1],
          hint="XOR of the two ciphertexts is the XOR of the two rows; XOR that with the row that you know.",
          wrong=[_MESSAGES[0], bytes(a ^ b for a, b in zip(my_ciphertext, directors_ciphertext)), b""])

check.add("passphrase words", expected=5,
          hint="Half of 7776**words guesses, divided by the guesses of all cores in a second, must reach 1,000 years of 3.16e7 seconds.",
          wrong=[4, 6, 64.6, 3])


def _judge_rule(answer):
    from labkit.security.policy import AccessControl, Rule

    if not isinstance(answer, Rule):
        return f"expected a Rule(...), you gave {answer!r}"
    control = AccessControl([answer], {"a-1": ["analyst"], "c-1": ["clerk"]}, attributes=["site"], log=lambda line: None)
    requests = [("a-1", "train", "payroll", "statistics", "office", True), ("a-1", "train", "payroll", "statistics", "home", False),
                ("a-1", "read", "payroll", "statistics", "office", False), ("a-1", "train", "payroll", "advertising", "office", False),
                ("a-1", "train", "patients", "statistics", "office", False), ("c-1", "train", "payroll", "statistics", "office", False)]
    for person, action, dataset, purpose, site, allowed in requests:
        if bool(control.decide(person, action, dataset, purpose=purpose, site=site)) != allowed:
            role = {"a-1": "an analyst", "c-1": "a clerk"}[person]
            return (f"expected {'yes' if allowed else 'no'} for {role} who wants to {action} {dataset} for {purpose} at the {site}, "
                    f"your rule says {'no' if allowed else 'yes'}")
    return None


def _wrong_rules():
    from labkit.security.policy import Rule

    return [Rule("analyst", "train", "payroll", "statistics"), Rule("analyst", "*", "payroll", "statistics", "r.at.site == 'office'"),
            Rule("analyst", "train", "payroll", "*", "r.at.site == 'office'"), "analyst", None]


check.add("purpose rule", judge=_judge_rule, wrong=_wrong_rules(),
          hint="Rule(role, action, dataset, purpose, condition): name all four, and compare r.at.site with 'office'.")

_MADE_FOR = {"a": "transport", "b": "storage", "c": "access", "d": "log"}


def _judge_pieces(answer):
    if not isinstance(answer, dict) or set(answer) != set(_MADE_FOR):
        return f"expected a dictionary with the keys {sorted(_MADE_FOR)}, you gave {answer!r}"
    for attacker, piece in _MADE_FOR.items():
        if str(answer[attacker]).strip().lower() != piece:
            return f"expected another piece against {attacker}, you gave {answer[attacker]!r}"
    return None


check.add("who is stopped by what", judge=_judge_pieces,
          hint="Ask of each attacker where the data are at that moment, and what the attacker already has.",
          wrong=["storage", {"a": "storage", "b": "transport", "c": "access", "d": "log"}, {"a": "transport"},
                 {"a": "transport", "b": "storage", "c": "storage", "d": "access"}])
