"""Replace an identifier by a pseudonym: the same person keeps the same one, and nobody can turn it back.

A plain hash does not do that. Whoever can list the possible identifiers (names, telephone numbers, insurance numbers)
hashes them all and looks the pseudonyms up: `labkit.attacks.linkage.dictionary_attack`. A key that stays with the data
holder ends that.
A name typed in two ways (a letter with an accent, or a letter and an accent) is one name: both are brought to Unicode's composed
form (NFC) first. Capitals, blanks and spellings stay as they are.
Pseudonymised rows are still personal data: every other column can identify the person.
"""

import hashlib
import hmac
import secrets
import unicodedata

LENGTH = 16  # hexadecimal digits of a pseudonym: 64 bits, so two of a million people collide with chance 3e-8
SHORTEST_KEY = 16  # bytes


def plain_hash(identifier):
    """The first 16 hexadecimal digits of SHA-256: what is often called anonymous, and is not."""
    return hashlib.sha256(_as_bytes(identifier=identifier)).hexdigest()[:LENGTH]


def new_key():
    """32 random bytes. Store it apart from the data; destroy it and the pseudonyms lose their way back for good."""
    return secrets.token_bytes(32)


def keyed_pseudonym(identifier, key, purpose=""):
    """HMAC-SHA-256 of the identifier under a secret key, first 16 hexadecimal digits.

    identifier: str.
    key:        at least 16 secret random bytes, such as `new_key()`.
    purpose:    name of the release; another purpose gives another pseudonym, so that two releases cannot be joined.
    Raises ValueError for an identifier or purpose that is no str, an empty identifier, or a short key.
    Source: Bellare, Canetti, Krawczyk, CRYPTO 1996 (HMAC); FIPS 198-1.
    """
    if not isinstance(key, bytes) or len(key) < SHORTEST_KEY:
        what = f"{len(key)} bytes" if isinstance(key, bytes) else type(key).__name__  # never show the key
        raise ValueError(f"key must be at least {SHORTEST_KEY} random bytes, got {what}")
    if not isinstance(purpose, str):
        raise ValueError(f"purpose must be a str, got {purpose!r}")
    said = _as_bytes(purpose=purpose) if purpose else b""
    # The length in front keeps purpose "ab" of "c" apart from purpose "a" of "bc".
    message = len(said).to_bytes(4, "big") + said + _as_bytes(identifier=identifier)
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:LENGTH]


def _as_bytes(**argument):
    ((name, value),) = argument.items()
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a non-empty str, got {value!r}")
    if any("\ud800" <= each <= "\udfff" for each in value):
        raise ValueError(f"{name} must be a non-empty str in valid Unicode, got half a surrogate pair in it")
    return unicodedata.normalize("NFC", value).encode()
