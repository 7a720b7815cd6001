"""Read the data files that ship with the package, and refuse a damaged one.

`data/SHA256SUMS` lists the SHA-256 checksum of every file beside it, in the format of the `sha256sum` command.
A download that stopped half-way, a line-ending "fix" by git or a disk error would otherwise show up much later, as a
strange accuracy in a lab.
"""

import csv
import hashlib
import io
import lzma
from importlib.resources import files

import numpy as np

DATA = files("labkit.datasets").joinpath("data")
CHECKSUMS = "SHA256SUMS"

# Two data sets come inside scikit-learn, so there is no file of ours to check: the SHA-256 of their arrays instead
# (values as little-endian float64 in rows, then labels as little-endian int64).
LIBRARY_ARRAYS = {
    "digits": "f6d9e39f37dc45d327f6db33428ee58970ccceabb2535a5c179de35886b70443",
    "breast_cancer": "25e2eb7b7a8745b1bde5ba18bc4969983d2e2f403291ecd5bde4a29ef30c3859",
}


class DatasetError(RuntimeError):
    """A data file is missing or damaged. The message names the file and says what to do."""


def _refuse(name, directory, wrong):
    raise DatasetError(
        f"data file {name} {wrong} (in {directory}). Reinstall labkit, or in a clone restore the file with "
        "`git checkout -- labkit/datasets/data`; `python -m labkit.datasets.extract` rebuilds it from its source."
    )


def checksum(content):
    """The SHA-256 of `content` (bytes), as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _bytes(name, directory):
    try:
        return directory.joinpath(name).read_bytes()
    except FileNotFoundError:
        _refuse(name, directory, "is missing")
    except OSError as error:
        _refuse(name, directory, f"cannot be read ({error.strerror or error})")


def checksums(directory=None):
    """{file name: SHA-256} as listed in SHA256SUMS."""
    directory = DATA if directory is None else directory
    listed = {}
    for line in _bytes(CHECKSUMS, directory).decode("ascii", errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name:
            _refuse(CHECKSUMS, directory, f"is damaged: its line {line[:80]!r} is no checksum")
        listed[name] = digest
    return listed


def read(name, directory=None):
    """The bytes of data file `name`, once their checksum has been found right.

    directory: where to look; the package's own `data` when None.
    Raises DatasetError when the file is missing, unreadable or not the one that SHA256SUMS lists.
    """
    directory = DATA if directory is None else directory
    content = _bytes(name, directory)
    expected = checksums(directory).get(name)
    if expected is None:
        _refuse(name, directory, f"is not listed in {CHECKSUMS}")
    if checksum(content) != expected:
        _refuse(name, directory, f"is damaged: its SHA-256 is {checksum(content)[:12]}, not {expected[:12]}")
    return content


def read_table(name, directory=None):
    """A `.csv.xz` file as a pandas DataFrame. Only an empty field is a missing value: "NA" is text."""
    import pandas as pd

    text = io.BytesIO(lzma.decompress(read(name, directory)))
    return pd.read_csv(text, keep_default_na=False, na_values=[""])


def read_rows(name, directory=None):
    """A `.csv.xz` file as a list of rows, each a list of str; for texts, which may hold any character."""
    text = io.StringIO(lzma.decompress(read(name, directory)).decode("utf-8"), newline="")
    return list(csv.reader(text))


def read_array(name, directory=None):
    """A `.npy.xz` file as a numpy array."""
    return np.load(io.BytesIO(lzma.decompress(read(name, directory))), allow_pickle=False)


def verify_arrays(name, values, labels):
    """Raises DatasetError unless these are the arrays of LIBRARY_ARRAYS[name], bit for bit."""
    content = np.ascontiguousarray(values, "<f8").tobytes() + np.ascontiguousarray(labels, "<i8").tobytes()
    if checksum(content) != LIBRARY_ARRAYS[name]:
        raise DatasetError(
            f"the {name} data in scikit-learn are not those that the labs were tested with (SHA-256 "
            f"{checksum(content)[:12]}, not {LIBRARY_ARRAYS[name][:12]}). Reinstall scikit-learn; if a new version "
            "changed the data on purpose, install an older one."
        )
