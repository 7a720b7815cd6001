"""The tables that our measures and pycanon's are compared on."""

import hashlib

import numpy as np
import pandas as pd

from labkit.anonymity import mondrian
from labkit.anonymity.people import HIERARCHIES, simulated_people


def random_table(seed):
    """200 to 600 rows: three quasi-identifiers, a categorical (illness) and a numeric (score) sensitive column."""
    rng = np.random.default_rng(seed)
    rows = 200 * seed
    return pd.DataFrame({
        "colour": rng.choice(["red", "green", "blue"], rows, p=[0.6, 0.3, 0.1]),
        "size": rng.integers(0, 4, rows),
        "place": rng.choice(["north", "south"], rows),
        "illness": rng.choice(["cold", "flu", "gout", "none"], rows, p=[0.3, 0.2, 0.1, 0.4]),
        "score": rng.integers(0, 9, rows),
    })  # fmt: skip


def adult_release():
    """Adult, all 48,842 rows and six quasi-identifiers, after Mondrian with k = 10."""
    people = simulated_people(0).drop(columns=["name", "birth_date"])
    return mondrian(people, HIERARCHIES, k=10).table


def tables():
    """{name: (table, quasi_identifiers, categorical sensitive column, numeric sensitive column)}"""
    made = {f"random {seed}": (random_table(seed), ["colour", "size", "place"], "illness", "score") for seed in (1, 2, 3)}
    return made | {"Adult": (adult_release(), list(HIERARCHIES), "occupation", "hours_per_week")}


def fingerprint(table):
    return hashlib.sha256(table.to_csv(index=False, lineterminator="\n").encode()).hexdigest()
