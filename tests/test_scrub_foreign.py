"""Recall and precision by kind and country on values that others made up (Faker, CLDR). Seeded: the same values each time."""

import random

import pandas as pd
import pytest

pytest.importorskip("faker", reason="Faker is not installed: pip install faker")

from labkit.scrub import COUNTRIES, find
from labkit.scrub.foreign import CARDS, LOCALES, foreign_score, foreign_table, foreign_texts

PER_KIND = 80


@pytest.fixture(scope="module")
def scores():
    return {(country, known): foreign_score(country, PER_KIND, seed=1, known=known) for country in COUNTRIES for known in (False, True)}


def test_recall_by_kind_and_country(scores, capsys):
    recall = pd.DataFrame({country: scores[country, False]["recall"] for country in COUNTRIES})
    told = pd.DataFrame({country: scores[country, True]["recall"] for country in COUNTRIES})
    with capsys.disabled():
        print("\n" + (100 * recall).round(1).to_string(), "\ncountry told:\n" + (100 * told).loc[["phone", "post code"]].round(1).to_string())
    assert (recall.loc["phone"] >= 0.9).all() and recall.loc["phone"].mean() >= 0.95
    assert (recall.loc["date"] >= 0.99).all()
    assert (recall.drop(index=["phone", "date", "post code"]) >= 0.99).all(axis=None)
    assert (told.loc["phone"] >= 0.95).all() and (told.loc["post code"] >= 0.98).all()


def test_precision_by_kind_and_country(scores, capsys):
    precision = pd.DataFrame({country: scores[country, False]["precision"] for country in COUNTRIES})
    with capsys.disabled():
        print("\n" + (100 * precision).round(1).to_string())
    assert (precision.loc[["e-mail", "IBAN", "card", "MAC address", "URL"]] >= 0.98).all(axis=None)
    assert (precision.loc[["phone", "date", "IP address"]] >= 0.9).all(axis=None)


def test_cards_of_each_network_and_no_other_number_of_fifteen_digits():
    from faker import Faker

    faker, chance = Faker("en_US"), random.Random(3)
    faker.seed_instance(3)
    for network in CARDS:
        for _ in range(100):
            number = faker.credit_card_number(network)
            assert [each.kind for each in find(f"it is {number}.")] == ["card"], (network, number)
    for first in ("35", "01", "86", "99", "49", "5", "6", "4"):  # IMEI begin so; and what begins like other cards
        for _ in range(2000):
            number = first + "".join(chance.choices("0123456789", k=15 - len(first)))
            assert not any(each.kind == "card" for each in find(f"IMEI {number}", kinds=["card"])), number


def test_texts_are_seeded_and_labelled():
    assert foreign_texts("DE", 3, seed=1) == foreign_texts("DE", 3, seed=1) != foreign_texts("DE", 3, seed=2)
    for _kind, text, start, end in foreign_texts("PL", 3, seed=1):
        assert text[start:end].strip() == text[start:end] != ""
    assert tuple(LOCALES) and set(LOCALES) == set(COUNTRIES)


def test_a_blind_scrubber_scores_nothing(monkeypatch):
    monkeypatch.setattr("labkit.scrub.foreign.find", lambda text, country=None: [])
    table = foreign_table(2, seed=0)
    assert (table == 0).all(axis=None)


@pytest.mark.parametrize("change, named", [(dict(country="de"), "country"), (dict(per_kind=0), "per_kind"), (dict(seed=None), "seed")])
def test_bad_arguments(change, named):
    with pytest.raises(ValueError, match=f"^{named} must be"):
        foreign_score(**(dict(country="DE", per_kind=1, seed=0) | change))


def test_bad_tables():
    with pytest.raises(ValueError, match="^what must be"):
        foreign_table(1, seed=0, what="accuracy")
