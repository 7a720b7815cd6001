import numpy as np
import pytest

from labkit.lab import ClaimFailed, claim, claims_made, measured


def test_a_true_claim_prints_a_tick_and_its_values(capsys):
    claim("two beats one", 2 > 1, winner=2, by_a_margin=0.123456)
    assert capsys.readouterr().out == "✓ two beats one  (winner 2, by a margin 0.123)\n"


def test_a_long_claim_is_broken_between_words(capsys):
    statement = "so long a sentence that it does not fit into one line of a cell's output, " * 3 + "and_a_word_of_150_letters" * 6
    claim(statement, True, winner=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3 and all(len(each) <= 106 for each in lines[:3]) and all(each.startswith("  ") for each in lines[1:])
    assert " ".join(each.strip() for each in lines).split() == f"✓ {statement} (winner 2)".split()


def test_a_false_claim_stops_with_its_values(capsys):
    with pytest.raises(ClaimFailed, match=r"one beats two  \(winner 2\)"):
        claim("one beats two", np.bool_(False), winner=2)
    assert capsys.readouterr().out == ""


def test_article_claims_carry_a_verdict_and_are_kept(capsys):
    claim("the weights are equal", np.bool_(True), article="B15", verdict="does not hold")
    assert capsys.readouterr().out == "article B15 · does not hold: the weights are equal\n"
    assert claims_made()[-1]["article"] == "B15"


@pytest.mark.parametrize("holds", [1, "yes", [True], None, np.array([True])])
def test_only_a_truth_value_decides(holds):
    with pytest.raises(ValueError, match="holds"):
        claim("something", holds)


@pytest.mark.parametrize("given", [dict(article="B1"), dict(verdict="holds"), dict(article="B1", verdict="maybe")])
def test_article_and_verdict_go_together(given):
    with pytest.raises(ValueError, match="verdict"):
        claim("something", True, **given)


def test_a_false_claim_is_not_kept():
    before = len(claims_made())
    with pytest.raises(ClaimFailed):
        claim("no", False)
    assert len(claims_made()) == before


def test_measurements_are_marked_as_such(capsys):
    measured("3.1 s")
    assert capsys.readouterr().out == "measured here: 3.1 s\n"
