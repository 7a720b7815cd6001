"""Prompts: nothing recognised leaves, and everything comes back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.scrub import find
from labkit.scrub.prompts import redact

PROMPT = "Tell ann@mail.example and bob@mail.example: not 2030-05-03 but 3 May 2031. Ring 212-555-0142, says ann@mail.example."


def test_placeholders_are_numbered_and_a_value_keeps_its_own():
    prompt = redact(PROMPT)
    assert prompt.text == ("Tell ‹e-mail 1› and ‹e-mail 2›: not ‹date 1› but ‹date 2›. Ring ‹phone 1›, says ‹e-mail 1›.")
    assert prompt.values["‹e-mail 2›"] == "bob@mail.example" and len(prompt.values) == 5


def test_an_answer_gets_its_values_back():
    prompt = redact(PROMPT)
    assert prompt.restore("Dear ‹e-mail 2›, we meet on ‹date 2›.") == "Dear bob@mail.example, we meet on 3 May 2031."
    assert prompt.restore("Dear ‹E-Mail  2 ›, ‹ DATE 1›") == "Dear bob@mail.example, 2030-05-03"
    assert prompt.restore("‹e-mail 3› and ‹phone›") == "‹e-mail 3› and ‹phone›"  # made up by the model
    assert prompt.missing("‹e-mail 2› ‹DATE 1›") == ["‹e-mail 1›", "‹date 2›", "‹phone 1›"]
    assert prompt.missing(prompt.text) == []


def test_a_value_is_not_put_into_another_value():
    """Restoring is one pass: what a value looks like does not matter."""
    prompt = redact("see http://a.example/‹date› and 2030-05-03")
    assert prompt.restore(prompt.text) == "see http://a.example/‹date› and 2030-05-03"


def test_names_by_the_callers_own_finder():
    prompt = redact("Jane Eyre wrote to Emma.", names=lambda text: [(0, 9), (19, 23)])
    assert prompt.text == "‹name 1› wrote to ‹name 2›." and prompt.restore(prompt.text) == "Jane Eyre wrote to Emma."


def test_the_table_is_not_printed():
    assert "ann@" not in repr(redact(PROMPT)) and "‹e-mail 1›" in repr(redact(PROMPT))


def test_what_no_pattern_knows_is_sent():
    """The control: this is what the technique does not do."""
    assert redact("my pin is 4921, I live above the bakery in Grantham").values == {}


PIECES = st.sampled_from(["ann@mail.example", "2030-05-03", "212-555-0142", "http://a.example/x", "192.0.2.1", "4111 1111 1111 1111",
                          "the ", " and ", ", ", "\n", "‹", "›", "date ", "é", "12", "0"])


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=10).map("".join))
def test_round_trip_and_no_value_in_what_is_sent(text):
    try:
        prompt = redact(text)
    except ValueError:
        return  # it held a placeholder of its own
    assert prompt.restore(prompt.text) == text
    for each in find(text):
        value = text[each.start : each.end]
        assert value in prompt.values.values()
        assert value not in prompt.text or any(value in placeholder for placeholder in prompt.values)


@pytest.mark.parametrize("call", [lambda bad: redact(bad), lambda bad: redact(bad, kinds=["date"])])
@pytest.mark.parametrize("bad", [None, 3, b"bytes", ["text"], float("nan")])
def test_bad_prompts(call, bad):
    with pytest.raises(ValueError, match="^text must be a str"):
        call(bad)


@pytest.mark.parametrize("bad", [None, 3, b"bytes", ["text"], float("nan")])
def test_bad_answers(bad):
    for method in (redact(PROMPT).restore, redact(PROMPT).missing):
        with pytest.raises(ValueError, match="^answer must be a str"):
            method(bad)


def test_bad_options_and_a_prompt_with_placeholders():
    with pytest.raises(ValueError, match="^kinds must be"):
        redact("text", kinds=["dates"])
    with pytest.raises(ValueError, match="^names must be"):
        redact("text", names="Ann")
    with pytest.raises(ValueError, match="^prompt must not hold placeholders") as caught:
        redact("‹date 1› secret")
    assert "secret" not in str(caught.value)
