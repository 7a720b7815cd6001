"""Pseudonyms: the same person, the same one; no key, no way back."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.anonymity import keyed_pseudonym, new_key, plain_hash
from labkit.attacks.linkage import dictionary_attack

KEY = bytes(range(32))
NAMES = [f"Person {number:05d}" for number in range(2000)]


def test_is_hmac_and_the_plain_one_is_sha256():
    assert plain_hash("Person 00412") == hashlib.sha256(b"Person 00412").hexdigest()[:16]
    message = (0).to_bytes(4, "big") + b"Person 00412"
    assert keyed_pseudonym("Person 00412", KEY) == hmac.new(KEY, message, hashlib.sha256).hexdigest()[:16]


def test_same_person_same_pseudonym_others_differ():
    made = [keyed_pseudonym(name, KEY) for name in NAMES]
    assert made == [keyed_pseudonym(name, KEY) for name in NAMES] and len(set(made)) == len(NAMES)
    assert all(len(each) == 16 and int(each, 16) >= 0 for each in made)
    other_key = {keyed_pseudonym(name, new_key()) for name in NAMES}
    other_purpose = {keyed_pseudonym(name, KEY, "second release") for name in NAMES}
    assert not set(made) & other_key and not set(made) & other_purpose


@given(st.text(max_size=5), st.text(min_size=1, max_size=5), st.text(max_size=5), st.text(min_size=1, max_size=5))
def test_purpose_and_identifier_do_not_run_together(purpose, name, other_purpose, other_name):
    same = (purpose, name) == (other_purpose, other_name)
    assert (keyed_pseudonym(name, KEY, purpose) == keyed_pseudonym(other_name, KEY, other_purpose)) == same


def test_the_dictionary_attack_reads_plain_hashes_and_no_keyed_ones():
    plain = [plain_hash(name) for name in NAMES[:500]]
    keyed = [keyed_pseudonym(name, KEY) for name in NAMES[:500]]
    found = dictionary_attack(plain, NAMES, plain_hash)
    assert found == dict(zip(plain, NAMES[:500]))
    assert dictionary_attack(keyed, NAMES, plain_hash) == {}
    guessed = new_key()
    assert dictionary_attack(keyed, NAMES, lambda name: keyed_pseudonym(name, guessed)) == {}
    # With the key the attack works: the key is the whole protection.
    assert dictionary_attack(keyed, NAMES, lambda name: keyed_pseudonym(name, KEY)) == dict(zip(keyed, NAMES[:500]))


def test_new_keys_are_long_and_new():
    assert len(new_key()) == 32 and len({new_key() for _ in range(100)}) == 100


@pytest.mark.parametrize("bad", ["", None, 3, b"Person", float("nan"), ["Person"]])
def test_bad_identifiers(bad):
    with pytest.raises(ValueError, match="^identifier must be a non-empty str"):
        plain_hash(bad)
    with pytest.raises(ValueError, match="^identifier must be a non-empty str"):
        keyed_pseudonym(bad, KEY)


@pytest.mark.parametrize("bad", [b"", b"short", "a" * 32, None, 7, bytes(15)])
def test_bad_keys_are_refused_and_not_shown(bad):
    with pytest.raises(ValueError, match="^key must be at least 16 random bytes") as caught:
        keyed_pseudonym("Person", bad)
    assert "short" not in str(caught.value).removeprefix("key must be") or bad == "a" * 32


@pytest.mark.parametrize("bad", [None, 3, b"x"])
def test_bad_purposes(bad):
    with pytest.raises(ValueError, match="^purpose must be a str"):
        keyed_pseudonym("Person", KEY, bad)


@pytest.mark.parametrize(
    "pseudonyms, guesses, function, named",
    [
        (None, ["a"], plain_hash, "pseudonyms"),
        ("abc", ["a"], plain_hash, "pseudonyms"),
        (["a"], None, plain_hash, "guesses"),
        (["a"], "abc", plain_hash, "guesses"),
        (["a"], ["a"], None, "pseudonym_of"),
    ],
)
def test_bad_dictionary_attacks(pseudonyms, guesses, function, named):
    with pytest.raises(ValueError, match=f"^{named} must"):
        dictionary_attack(pseudonyms, guesses, function)


def test_a_name_typed_in_two_ways_has_one_pseudonym():
    composed, decomposed, key = "Zo\u00eb", "Zoe\u0308", bytes(32)
    assert composed != decomposed and keyed_pseudonym(composed, key) == keyed_pseudonym(decomposed, key)
    assert plain_hash(composed) == plain_hash(decomposed) != plain_hash("Zoe")
    assert keyed_pseudonym("x", key, purpose=composed) == keyed_pseudonym("x", key, purpose=decomposed)
    for call in (lambda: plain_hash("\ud800"), lambda: keyed_pseudonym("\ud800", key), lambda: keyed_pseudonym("x", key, purpose="\ud800")):
        with pytest.raises(ValueError, match="(identifier|purpose) must be a non-empty str in valid Unicode"):
            call()
