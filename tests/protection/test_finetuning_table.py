"""The recorded table of lab 14: complete, readable, and what training gives again."""

import json
import math

import numpy as np
import pytest

from labkit import datasets
from labkit.dp.accounting import RELATION
from labkit.models import encoder
from labkit.protection import finetuning_table as tables
from labkit.protection.finetuning import WAYS

needs_model = pytest.mark.skipif(not encoder.is_installed(), reason="the pretrained encoder is not installed: make models")


def test_the_record_is_complete_and_says_what_it_is():
    table = tables.recorded()
    found = sorted((row["way"], row["asked"] or math.inf, row["seed"]) for row in table["rows"])
    assert found == sorted((way, epsilon, seed) for way in WAYS for epsilon in tables.EPSILONS for seed in tables.SEEDS)
    assert (table["trained_on"], table["tested_on"], table["delta"]) == (tables.TRAINED_ON, tables.TESTED_ON, tables.DELTA)
    assert table["delta"] < 1 / table["trained_on"] and table["accountant"] == "pld" and table["relation"] == RELATION
    assert table["machine"] and table["torch"] and len(table["date"]) == 10


def test_every_private_row_spent_at_most_what_was_asked():
    """Accounted anew from the plan that the settings give."""
    for row in tables.recorded()["rows"]:
        if row["asked"] is None:
            assert row["epsilon"] is None
        else:
            assert row["asked"] * 0.98 < row["epsilon"] <= row["asked"]
            assert math.isclose(tables.plan_for(row["way"], row["asked"]).epsilon(tables.DELTA), row["epsilon"], rel_tol=1e-3)


def test_the_reviews_are_those_recorded():
    texts, liked = tables.reviews()
    assert len(texts) == len(set(texts)) == len(liked) == tables.TRAINED_ON + tables.TESTED_ON
    known = dict(zip(datasets.film_reviews().X, datasets.film_reviews().y))
    assert all((known[text] > 0) == mark and abs(known[text]) >= tables.CLEAR for text, mark in zip(texts, liked))
    test = liked[tables.TRAINED_ON :]
    assert math.isclose(max(test.mean(), 1 - test.mean()), tables.recorded()["majority"], abs_tol=0.03)


def test_summary_is_mean_and_range():
    table = {"rows": [{"way": "head", "asked": 8.0, "right": each} for each in (0.5, 0.7, 0.9)]}
    assert np.allclose(tables.summary(table, "head", 8.0), (0.7, 0.5, 0.9))
    with pytest.raises(ValueError, match="^epsilon must be one in the table, got 3.0"):
        tables.summary(table, "head", 3.0)
    with pytest.raises(ValueError, match="^way must be one of"):
        tables.summary(table, "heads", 8.0)
    with pytest.raises(ValueError, match="^way must be one of"):
        tables.plan_for("all", 8.0)


def test_a_computed_table_is_kept(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(tables, "compute", lambda progress: calls.append(progress) or {"rows": [1.5]})
    place = tmp_path / "new" / "folder" / "table.json"
    bar = object()
    assert tables.computed(bar, place) == tables.computed(bar, place) == {"rows": [1.5]}
    assert calls == [bar] and json.loads(place.read_text()) == {"rows": [1.5]}
    assert [each.name for each in place.parent.iterdir()] == ["table.json"]


def test_a_computation_that_stops_leaves_no_table(tmp_path, monkeypatch):
    def stop(progress):
        raise KeyboardInterrupt

    monkeypatch.setattr(tables, "compute", stop)
    with pytest.raises(KeyboardInterrupt):
        tables.computed(None, tmp_path / "table.json")
    assert not (tmp_path / "table.json").exists()


def test_the_cache_is_the_users():
    assert tables.cache().name == tables.RECORD and "privacy-labs" in tables.cache().parts


@needs_model
def test_training_gives_the_recorded_row_again():
    """One private head and one private LoRA, from the texts on: 4 points are twice what seeds and processors move."""
    loaded = encoder.load_encoder()
    texts, liked = tables.reviews()
    states, block = loaded.hidden_states(texts, blocks=encoder.LAYERS - 1, longest=tables.LONGEST), loaded.block(encoder.LAYERS - 1)
    for way in ("head", "LoRA"):
        fresh = tables.run(way, 8.0, 0, states, liked, block)
        (old,) = (row for row in tables.recorded()["rows"] if (row["way"], row["asked"], row["seed"]) == (way, 8.0, 0))
        assert fresh["weights"] == old["weights"] and math.isclose(fresh["epsilon"], old["epsilon"], rel_tol=1e-6)
        assert abs(fresh["right"] - old["right"]) < 0.04 and abs(fresh["right_on_training"] - old["right_on_training"]) < 0.04
        assert fresh["right"] > tables.recorded()["majority"] + 0.2  # far above the trivial answer
