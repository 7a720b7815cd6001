"""Adult with the columns that a hospital's file would have, SIMULATED: real voter lists and patient files name real people.

Real (UCI Adult, 1994 census): age, sex, race, marital status, education, occupation, employer, hours, income.
Simulated from a seed: name ("Person 00412"), birth date (fits the age), post code, diagnosis. The post codes are numbers of
made-up areas; the diagnosis depends on age and sex by the invented table below. Neither says anything about the world.
"""

import numpy as np
import pandas as pd

from labkit import datasets, validate
from labkit.anonymity.hierarchies import Numbers, Tree, prefixes

AREAS = tuple(
    f"{region}{part}{place:03d}" for region in (1, 2, 3, 4) for part in (0, 1, 2) for place in (17, 240, 411, 530, 802)
)
COUNT_DAY = "1994-07-01"  # the day on which the simulated birth dates give the ages of the census
REAL = ["age", "sex", "race", "marital_status", "education_num", "occupation", "workclass", "hours_per_week", "income"]

# Relative frequency of each diagnosis up to 34, from 35 to 54, and from 55 years. Invented.
DIAGNOSES = {
    "asthma": (14, 7, 4), "injury": (18, 9, 5), "depression": (12, 11, 6), "anxiety": (11, 8, 4), "migraine": (9, 8, 3),
    "appendicitis": (7, 3, 1), "infection": (9, 6, 6), "allergy": (9, 6, 3), "back pain": (5, 12, 9), "diabetes": (2, 8, 13),
    "hypertension": (1, 8, 17), "heart disease": (0, 4, 13), "arthritis": (0, 4, 9), "cancer": (1, 4, 8), "HIV": (2, 2, 1),
    "complication of pregnancy": (9, 2, 0), "prostate disease": (0, 2, 7),
}  # fmt: skip
ONLY = {"complication of pregnancy": "Female", "prostate disease": "Male"}

HIERARCHIES = {
    "age": Numbers(17, 90, bands=(5, 10, 20)),
    "sex": Tree(["Female", "Male"]),
    "post_code": prefixes(AREAS, (2, 1)),
    "marital_status": Tree({
        "partnered": ["Married-civ-spouse", "Married-AF-spouse", "Married-spouse-absent"],
        "once partnered": ["Separated", "Divorced", "Widowed"],
        "never partnered": ["Never-married"],
    }),
    "education_num": Numbers(1, 16, bands=(2, 4)),
    "race": Tree(["White", "Black", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Other"]),
}  # fmt: skip
QUASI_IDENTIFIERS = tuple(HIERARCHIES)


def simulated_people(seed=0):
    """48,842 people: the REAL columns of Adult plus simulated name, birth_date, post_code and diagnosis; a DataFrame.

    seed: whole number, 0 or more; the same seed gives the same people.
    """
    rng = np.random.default_rng(validate.integer(seed=seed, at_least=0))
    people = datasets.adult().table[REAL]
    count = len(people)
    people.insert(0, "name", [f"Person {number:05d}" for number in rng.permutation(count)])
    days = (people["age"].to_numpy() * 365.25 + rng.integers(1, 365, count)).astype(int)
    birth = np.datetime64(COUNT_DAY) - days.astype("timedelta64[D]")
    people.insert(1, "birth_date", birth.astype(str))
    crowds = rng.lognormal(0, 0.7, len(AREAS))  # areas differ in size, as post code areas do
    people.insert(2, "post_code", rng.choice(AREAS, count, p=crowds / crowds.sum()))
    people["diagnosis"] = _diagnoses(people, rng)
    return people


def _diagnoses(people, rng):
    names = np.array(list(DIAGNOSES))
    weights = np.array(list(DIAGNOSES.values()), dtype=float).T
    band = np.digitize(people["age"], [35, 55])
    drawn = np.empty(len(people), dtype=object)
    for sex in ("Female", "Male"):
        possible = np.array([ONLY.get(each, sex) == sex for each in names])
        for age_band, row in enumerate(weights * possible):
            those = (people["sex"] == sex).to_numpy() & (band == age_band)
            drawn[those] = rng.choice(names, those.sum(), p=row / row.sum())
    return pd.Series(drawn, index=people.index)
