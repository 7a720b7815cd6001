"""The recorded table of lab 14: complete, readable, and what training gives again."""

import json
import math

import numpy as np
import pytest
import torch

from labkit import datasets
from labkit.dp.accounting.epsilon import RELATION
from labkit.dp.training.dp_sgd import Plan
from labkit.models import encoder
from labkit.protection import finetuning_table as tables
from labkit.protection.finetuning import WAYS, classifier, fine_tune, records_for

needs_model = pytest.mark.skipif(not encoder.is_installed(), reason="the pretrained encoder is not installed: make models")


def test_the_record_is_complete_and_says_what_it_is():
    table = tables.recorded()
    found = sorted((row["way"], row["asked"] or math.inf, row["seed"]) for row in table["rows"])
    assert found == sorted((way, epsilon, seed) for way in WAYS for epsilon in tables.EPSILONS for seed in tables.SEEDS)
    assert (table["trained_on"], table["tested_on"], table["delta"]) == (1000, 700, tables.DELTA)
    assert table["delta"] < 1 / table["trained_on"] and table["accountant"] == "pld" and table["relation"] == RELATION
    assert table["machine"] and table["torch"] and len(table["date"]) == 10


def test_every_learning_rate_is_the_one_chosen_on_the_reviews_kept_for_that():
    table = tables.recorded()
    for way in WAYS:
        for private in (False, True):
            tried = [row for row in table["tried"] if row["way"] == way and (row["asked"] is not None) == private]
            assert [row["learning_rate"] for row in tried] == list(tables.SETTINGS[way]["tried"][private])
            best = max(row["right_on_choice"] for row in tried)
            rates = {row["learning_rate"] for row in table["rows"] if row["way"] == way and (row["asked"] is not None) == private}
            assert len(rates) == 1 and rates <= {row["learning_rate"] for row in tried if row["right_on_choice"] == best}


def test_every_private_row_spent_at_most_what_was_asked():
    """Accounted anew from the plan that the settings give."""
    for row in tables.recorded()["rows"]:
        if row["asked"] is None:
            assert row["epsilon"] is None
        else:
            assert row["asked"] * 0.98 < row["epsilon"] <= row["asked"]
            plan = tables.plan_for(row["way"], row["asked"], row["learning_rate"])
            assert math.isclose(plan.epsilon(tables.DELTA), row["epsilon"], rel_tol=5e-3)  # the account is tighter than when recorded


def test_training_choosing_and_testing_share_no_review():
    texts, liked = tables.reviews()
    table, rows = tables.recorded(), range(len(texts))
    parts = [rows[each] for each in (tables.TRAINED_ON, tables.TESTED_ON, tables.CHOSEN_ON)]
    assert [len(each) for each in parts] == [table["trained_on"], table["tested_on"], table["chosen_on"]]
    assert sum(map(len, parts)) == len(set().union(*parts)) == len(texts) == len(set(texts)) == len(liked)
    known = dict(zip(datasets.film_reviews().X, datasets.film_reviews().y))
    assert all((known[text] > 0) == mark and abs(known[text]) >= tables.CLEAR for text, mark in zip(texts, liked))
    test = liked[tables.TESTED_ON]
    assert math.isclose(max(test.mean(), 1 - test.mean()), table["majority"], abs_tol=0.03)


def test_the_choice_is_by_the_right_column():
    tried = [{"way": "head", "asked": None, "learning_rate": rate, "right_on_choice": right, "right": 1 - right}
             for rate, right in [(0.1, 0.5), (0.2, 0.8), (0.3, 0.8), (0.4, 0.6)]]
    assert tables.chosen([{**each, "asked": 3.0, "right_on_choice": 1.0} for each in tried[:1]] + tried, "head", private=False) == 0.2


def test_summary_is_mean_and_range():
    table = {"rows": [{"way": "head", "asked": 8.0, "right": each} for each in (0.5, 0.7, 0.9)]}
    assert np.allclose(tables.summary(table, "head", 8.0), (0.7, 0.5, 0.9))
    with pytest.raises(ValueError, match="^epsilon must be one in the table, got 3.0"):
        tables.summary(table, "head", 3.0)
    with pytest.raises(ValueError, match="^way must be one of"):
        tables.summary(table, "heads", 8.0)
    with pytest.raises(ValueError, match="^way must be one of"):
        tables.plan_for("all", 8.0, 0.1)


def test_a_computed_table_is_kept(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(tables, "compute", lambda progress, rows, keep: calls.append((progress, rows)) or {"rows": [1.5]})
    place = tmp_path / "new" / "folder" / "table.json"
    bar = object()
    assert tables.computed(bar, place) == tables.computed(bar, place) == {"rows": [1.5]}
    assert calls == [(bar, ())] and json.loads(place.read_text()) == {"rows": [1.5]}
    assert [each.name for each in place.parent.iterdir()] == ["table.json"]


def row_of(way, epsilon, learning_rate, seed, *_):
    return {"way": way, "asked": None if epsilon == math.inf else epsilon, "learning_rate": learning_rate, "seed": seed,
            "right_on_choice": learning_rate}


@pytest.fixture
def without_training(monkeypatch):
    """Everything but the trainings: returns the list of those that were asked for."""
    asked = []

    class Encoder:
        parts = lambda self: []
        token_ids = lambda self, texts, longest: None

    monkeypatch.setattr(tables, "load_encoder", Encoder)
    monkeypatch.setattr(tables, "records_for", lambda *_: None)
    monkeypatch.setattr(tables, "memory", lambda *_: {})
    monkeypatch.setattr(tables, "run", lambda *each: asked.append(each[:4]) or row_of(*each))
    return asked


def test_what_was_interrupted_goes_on_where_it_stopped(tmp_path, monkeypatch, without_training):
    place, asked = tmp_path / "table.json", without_training
    monkeypatch.setattr(tables, "run", lambda *each: asked.append(each[:4]) or (row_of(*each) if len(asked) < 30 else 1 / 0))
    with pytest.raises(ZeroDivisionError):
        tables.computed(None, place)
    assert not place.exists() and len(json.loads(place.with_suffix(".begun").read_text())) == 29
    monkeypatch.setattr(tables, "run", lambda *each: asked.append(each[:4]) or row_of(*each))
    table = tables.computed(None, place)
    assert asked[29] == asked[30] and len(set(asked)) == len(asked) - 1 == len(WAYS) * (6 + 12 - 2)  # none but the broken one twice
    assert len(table["rows"]) == len(WAYS) * 12 and len(table["tried"]) == len(WAYS) * 6
    assert {row["learning_rate"] for row in table["rows"] if row["way"] == "head" and row["asked"]} == {max(
        tables.SETTINGS["head"]["tried"][True])}  # the best of those tried, by the made-up accuracy
    assert [each.name for each in tmp_path.iterdir()] == ["table.json"]


def test_the_cache_is_the_users():
    assert tables.cache().name == tables.RECORD and "privacy-labs" in tables.cache().parts


@needs_model
def test_training_gives_the_recorded_row_again(monkeypatch):
    """One private head and one private LoRA, from the texts on: 4 points are twice what seeds and processors move."""
    monkeypatch.setattr(tables, "CHOSEN_ON", tables.TESTED_ON)  # the table's rows do not say how these were judged: save their time
    loaded = encoder.load_encoder()
    texts, liked = (each[: tables.TESTED_ON.stop] for each in tables.reviews())
    parts, ids = loaded.parts(), loaded.token_ids(texts, longest=tables.LONGEST)
    for way in ("head", "LoRA"):
        (old,) = (row for row in tables.recorded()["rows"] if (row["way"], row["asked"], row["seed"]) == (way, 8.0, 0))
        fresh = tables.run(way, 8.0, old["learning_rate"], 0, records_for(way, ids, parts), liked, parts)
        assert fresh["weights"] == old["weights"] and math.isclose(fresh["epsilon"], old["epsilon"], rel_tol=5e-3)
        assert abs(fresh["right"] - old["right"]) < 0.04 and abs(fresh["right_on_training"] - old["right_on_training"]) < 0.04
        assert fresh["right"] > tables.recorded()["majority"] + 0.2  # far above the trivial answer


@needs_model
def test_one_step_of_the_whole_model_moves_every_part():
    """A private step on 60 reviews: all 22.6 million weights, by ghost clipping, in seconds."""
    loaded = encoder.load_encoder()
    texts, liked = tables.reviews()
    parts, ids = loaded.parts(), loaded.token_ids(texts[:60], longest=tables.LONGEST)
    model = classifier("whole model", parts, seed=0)
    plan = Plan.for_budget(epsilon=8.0, delta=1e-4, records=60, batch_size=60, steps=1, max_grad_norm=1.0, learning_rate=0.01)
    tuned = fine_tune(model, ids, liked[:60], plan=plan, delta=1e-4, seed=0)
    moved = torch.cat([(new - old).detach().flatten() for new, old in zip(tuned.model.parameters(), model.parameters())])
    (row,) = (row for row in tables.recorded()["rows"] if (row["way"], row["asked"], row["seed"]) == ("whole model", 8.0, 0))
    assert len(moved) == row["weights"] + 6 * 384  # the biases of six blocks' keys stay as they are
    moved = moved[moved != 0]
    assert len(moved) > 0.99 * row["weights"]
    noise = plan.learning_rate * plan.noise_multiplier * plan.max_grad_norm / plan.batch_size
    assert abs(moved.double().std().item() / noise - 1) < 0.01  # next to the noise, the signal of length 1 is nothing
