"""Who is it? Travellers found in pseudonymous tracks by a few places and times, and again under a new name.

Sources: de Montjoye, Hidalgo, Verleysen, Blondel, "Unique in the crowd", Scientific Reports 3, 2013 (a few
sightings); Narayanan, Shmatikov, "De-anonymizing social networks", IEEE S&P 2009, for the idea that structure
re-identifies.
"""

from typing import NamedTuple

import numpy as np

from labkit import validate

__all__ = ["Visits", "visits", "singled_out", "relinked"]


class Visits(NamedTuple):
    """Which traveller was at which spot: two int arrays of one length, each pair once, sorted by traveller.

    traveller:  0 to travellers - 1.
    spot:       number of a cell of the map and a stretch of time; two share a spot if they were there then.
    """

    traveller: np.ndarray
    spot: np.ndarray


def visits(traveller, longitude, latitude, minute=None, *, degrees, minutes=None):
    """Positions rounded to cells of `degrees`, times to stretches of `minutes` (None: no time), as Visits."""
    degrees = validate.positive(degrees=degrees)
    rows = {"traveller": traveller, "longitude": longitude, "latitude": latitude}
    if minutes is not None:
        rows["minute"] = minute
        minutes = validate.positive(minutes=minutes)
    validate.same_length(**rows)
    where = [np.floor(np.asarray(longitude) / degrees), np.floor(np.asarray(latitude) / degrees)]
    if minutes is not None:
        where.append(np.asarray(minute) // minutes)
    key = np.zeros(len(where[0]), np.int64)
    for part in where:
        part = part.astype(np.int64) - int(part.min())
        key = key * (int(part.max()) + 1) + part
    spots, spot = np.unique(key, return_inverse=True)
    who = np.unique(np.asarray(traveller), return_inverse=True)[1]
    pairs = np.unique(who * np.int64(len(spots)) + spot)
    return Visits(pairs // len(spots), pairs % len(spots))


def _matrix(visits):
    """Travellers x spots, 1 where somebody was there."""
    from scipy.sparse import csr_matrix

    return csr_matrix((np.ones(len(visits.spot), np.float32), (visits.traveller, visits.spot)))


def singled_out(visits, *, known, rng):
    """The share of travellers who are the only one at `known` of their own spots, drawn at random.

    Those with fewer spots are left out.
    known:  how many sightings the attacker has, at least 1. rng: numpy Generator.
    Returns (share, number of travellers looked at). Raises ValueError where nobody has that many spots.
    """
    known = validate.integer(known=known, at_least=1)
    were_there = _matrix(visits)
    spots_of = np.split(visits.spot, np.flatnonzero(np.diff(visits.traveller)) + 1)
    looked_at = [who for who, spots in enumerate(spots_of) if len(spots) >= known]
    if not looked_at:
        most = max(map(len, spots_of))
        raise ValueError(f"known must be at most the most spots that a traveller has ({most}), got {known}")
    drawn = [rng.choice(spots_of[who], known, replace=False) for who in looked_at]
    from scipy.sparse import csr_matrix

    ones, starts = np.ones(len(drawn) * known, np.float32), np.arange(len(drawn) + 1) * known
    seen = csr_matrix((ones, np.concatenate(drawn), starts), shape=(len(drawn), were_there.shape[1]))
    common = seen @ were_there.T  # how many of the sightings fit each traveller
    fitting = np.diff((common == known).tocsr().indptr)
    return float(np.mean(fitting == 1)), len(looked_at)


def relinked(before, after):
    """The share of travellers of `after` whose most similar traveller of `before` is the same one.

    before, after:  arrays travellers x cells, how often each was where; row i is the same traveller in both.
                    The attacker knows neither, only the two sets of rows. Similarity: cosine, cells that many
                    visit counting little.
    Guessing scores 1 / travellers.
    """
    before, after = validate.array(before=before, ndim=2), validate.array(after=after, ndim=2)
    if before.shape != after.shape:
        raise ValueError(f"after must have the shape of before {before.shape}, got {after.shape}")
    rarity = np.log(len(before) / (1 + (before > 0).sum(axis=0))).clip(min=0)
    rows = []
    for part in (before, after):
        part = np.sqrt(part) * rarity
        rows.append(part / np.linalg.norm(part, axis=1, keepdims=True).clip(min=1e-9))
    guess = (rows[1] @ rows[0].T).argmax(axis=1)
    return float(np.mean(guess == np.arange(len(before))))
