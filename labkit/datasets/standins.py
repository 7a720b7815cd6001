"""Made-up data of the shape of `homes` and `ratings`, for whoever has not fetched the real ones. No real record went into them."""

import numpy as np
import pandas as pd


def made_up_homes(seed=0):
    """int array, 8,736 hours (364 days) x 15 homes, in watt-hours: invented habits, weather and noise."""
    rng = np.random.default_rng(seed)
    hours = np.arange(24)
    homes = []
    for _ in range(15):
        base = rng.uniform(0.2, 0.6)
        peaks = [(rng.uniform(6, 9), rng.uniform(0.2, 1.2)), (rng.uniform(11, 15), rng.uniform(0, 0.8)),
                 (rng.uniform(17, 21), rng.uniform(0.6, 2.0))]
        habit = base + sum(size * np.exp(-((hours - at) / 2.2) ** 2) for at, size in peaks)
        season = 1 + 0.3 * np.sin(2 * np.pi * (np.arange(364) - rng.integers(364)) / 364)
        days = habit * season[:, None] * rng.gamma(12, 1 / 12, (364, 1))
        bursts = rng.random((364, 24)) < rng.uniform(0.02, 0.1)
        homes.append(days * rng.gamma(5, 1 / 5, (364, 24)) + bursts * rng.exponential(1.2, (364, 24)))
    return np.rint(1000 * np.clip(np.stack(homes, axis=2), 0, 8.8)).astype(np.int32).reshape(-1, 15)


def made_up_ratings(seed=0):
    """DataFrame user, film, stars, title, year: 671 invented users, about 9,000 invented films, popularity as uneven as in life."""
    rng = np.random.default_rng(seed)
    films, users = 9_066, 671
    popularity = 1 / (np.arange(films) + 12.0)
    quality, leaning = rng.normal(0, 0.5, films), rng.normal(3.6, 0.45, users)
    taste, trait = rng.normal(0, 0.35, (users, 4)), rng.normal(0, 0.7, (films, 4))
    counts = np.clip(np.rint(np.exp(rng.normal(4.3, 1.0, users))), 20, 2_391).astype(int)
    rows = []
    for user, count in enumerate(counts):
        chosen = np.argsort(np.log(popularity) + rng.gumbel(size=films))[-count:]
        score = leaning[user] + quality[chosen] + trait[chosen] @ taste[user] + rng.normal(0, 0.8, count)
        rows.append(pd.DataFrame({"user": user, "film": chosen, "stars": np.clip(np.rint(2 * score) / 2, 0.5, 5)}))
    table = pd.concat(rows)
    table["film"] = table["film"].astype("category").cat.codes.astype(int)
    table["title"], table["year"] = "Made-up film " + table["film"].astype(str), pd.array([2000] * len(table), "Int64")
    return table.sort_values(["user", "film"], ignore_index=True)
