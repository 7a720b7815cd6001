"""Real data, shipped with the package; nothing is downloaded.

    from labkit import datasets
    people = datasets.adult()
    train, test = people.split(test_size=0.2, seed=0)

Each loader returns a `Dataset` (see `labkit.datasets.record`), those of the case labs a table with its source (`Records`).
It reads its file once, checks it against its checksum, and keeps the result for the next call. Sources,
licences and what we changed are in SOURCES.md.
"""

from labkit import validate
from labkit.datasets.candidates import candidate_points, candidate_reviews
from labkit.datasets.cases import RECORDS as CASES
from labkit.datasets.cases import (
    Records,
    flights,
    homes,
    loans,
    ratings,
    ships_coast,
    ships_harbour,
    stops,
    survival,
)
from labkit.datasets.files import DatasetError
from labkit.datasets.images import digits, mnist
from labkit.datasets.medicine import breast_cancer, heart_disease
from labkit.datasets.people import adult, credit
from labkit.datasets.record import Dataset
from labkit.datasets.texts import film_reviews, review_embeddings, spam

LOADERS = {
    loader.__name__: loader
    for loader in (adult, mnist, digits, breast_cancer, heart_disease, credit, film_reviews, review_embeddings, spam)
}
RECORDS = CASES | {"candidate_reviews": candidate_reviews}


def load(name):
    """The Dataset or Records of that name, one of `datasets.LOADERS` or `datasets.RECORDS`. Raises ValueError for any other name."""
    return (LOADERS | RECORDS)[validate.one_of(name=name, options=[*LOADERS, *RECORDS])]()


__all__ = [
    "LOADERS", "RECORDS", "Dataset", "DatasetError", "Records", "adult", "breast_cancer", "candidate_points", "candidate_reviews",
    "credit", "digits", "film_reviews", "flights", "heart_disease", "homes", "load", "loans", "mnist", "ratings",
    "review_embeddings", "ships_coast", "ships_harbour", "spam", "stops", "survival",
]
