"""The tables of the case labs: published facts, nothing that names anybody, and stand-ins where a file may not ship."""

import lzma

import numpy as np
import pytest

from labkit import datasets
from labkit.datasets import cases, fetch, files, standins
from labkit.datasets.extract_cases import differences

SHIPPED = ("survival", "loans", "stops", "flights", "ships_coast", "ships_harbour")


@pytest.fixture
def nothing_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    for loader in (cases.homes, cases.ratings):
        loader.cache_clear()
    yield tmp_path
    for loader in (cases.homes, cases.ratings):
        loader.cache_clear()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_table_is_the_callers_own(name):
    records = datasets.load(name)
    assert records.real and len(records) > 7_000 and f"{len(records):,}" in repr(records)
    spoilt = records.table
    spoilt[spoilt.columns[0]] = -1
    assert not (records.table.iloc[:, 0] == -1).all()


def test_published_facts():
    people = datasets.survival().table
    assert (people["death"].sum(), people["days"].max(), people["mgus"].sum()) == (2_166, 5_215, 115)
    loans = datasets.loans().table
    assert loans["grade"].value_counts()[["A", "G"]].tolist() == [2_459, 12]
    flights = datasets.flights().table
    assert flights["plane"].nunique() == 4_037 and set(flights["origin"]) == {"EWR", "JFK", "LGA"}
    assert flights.groupby("plane").size().max() == 546
    stops = datasets.stops().table
    assert stops["date"].str.startswith("2017-").all() and stops["neighborhood"].nunique() == 87


@pytest.mark.parametrize("name, ships, west, east", [("ships_coast", 1_185, -180, -60), ("ships_harbour", 140, -75, -73)])
def test_ships_are_where_ships_can_be(name, ships, west, east):
    table = datasets.load(name).table
    assert sorted(table["ship"].unique()) == list(range(ships))
    assert table["longitude"].between(west, east).all() and table["latitude"].between(-30, 75).all()
    assert table["minute"].min() == 0 and not table.duplicated(["ship", "minute"]).any()


def test_nothing_that_names_anybody_is_shipped():
    assert not {"idNum", "tailnum", "MMSI", "chapter"} & {column for name in SHIPPED for column in datasets.load(name).table}
    assert datasets.ships_coast().table["ship"].max() < 10_000  # a radio identity has nine digits


def test_differences_can_be_taken_back():
    array = np.array([[0, 5, -7], [0, 9, -7], [3, 0, 2]], np.int32)
    assert np.array_equal(np.cumsum(differences(array), axis=1).T, array)


@pytest.mark.parametrize("name", ["homes", "ratings"])
def test_without_the_fetched_file_made_up_records_stand_in_and_say_so(nothing_fetched, name):
    records = datasets.load(name)
    assert not records.real and "MADE-UP" in repr(records) and records.licence == "MIT"


def test_stand_ins_have_the_shape_of_the_real_ones():
    homes = standins.made_up_homes()
    assert homes.shape == (8_736, 15) and homes.min() >= 0 and 0.7 < homes.mean() / 1000 < 1.7
    table = standins.made_up_ratings()
    assert table["user"].nunique() == 671 and not table.duplicated(["user", "film"]).any()
    assert table["stars"].isin(np.arange(0.5, 5.5, 0.5)).all()
    assert table.equals(standins.made_up_ratings()) and not table.equals(standins.made_up_ratings(seed=1))
    share = (table.groupby("film").size() == 1).mean()
    assert 0.1 < share < 0.5  # a third of the real films have one rater


def test_a_damaged_fetched_file_is_not_used(nothing_fetched):
    place = nothing_fetched / "data"
    place.mkdir()
    (place / "homes.xz").write_bytes(lzma.compress(b"0" * 8_736 * 15 * 4))
    (place / "ratings.xz").write_bytes(b"no archive")
    assert fetch.read("homes") is None and fetch.read("ratings") is None


def test_the_fetched_file_is_used_where_its_checksum_is_right(nothing_fetched, monkeypatch):
    content = np.arange(8_736 * 15, dtype=np.int32).tobytes()
    monkeypatch.setitem(fetch.DIGESTS, "homes", files.checksum(content))
    (nothing_fetched / "data").mkdir()
    (nothing_fetched / "data" / "homes.xz").write_bytes(lzma.compress(content))
    homes = datasets.homes()
    assert homes.real and homes.table.shape == (8_736, 15) and homes.table.iloc[1, 0] == 0.015


def test_fetching_writes_nothing_of_another_checksum(nothing_fetched, monkeypatch):
    monkeypatch.setattr(fetch.subprocess, "run", lambda *_, **__: None)
    monkeypatch.setattr(fetch, "homes_from", lambda _: np.zeros((8_736, 15), np.int32))
    with pytest.raises(SystemExit, match="not what it was"):
        fetch.main()
    assert not (nothing_fetched / "data").exists()
