#!/usr/bin/env bash
# Libraries: dicognito 0.19.0 and deid 0.4.13 with their own defaults, on the same medical picture (the small CT scan that comes with
#   pydicom 3.0.2, to which invented details are added).
# Expected: both leave nothing that DICOM's own list of what identifies somebody (PS3.15, Table E.1-1) tells them to remove or replace, and
#   so agree with each other: free comments, history, institution, station, serial number of the device, private elements.
# Seen (November 2026): each keeps what the other takes. dicognito keeps the free text on the patient (comments, history), deid the institution
#   and the station; both keep the study's description, the device's serial number and all 179 private elements (deid takes those when
#   asked). dicognito's documentation lists what it changes, deid's recipe is a file to be edited: "anonymised" means two different things.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" --quiet --disable-pip-version-check install 'dicognito==0.19.0' 'deid==0.4.13' 'pydicom==3.0.2' 'numpy==2.3.5' 2>/dev/null
HOME="$place" PLACE="$place" "$place/env/bin/python" -W ignore - <<'PY'
import logging
import os

logging.disable(logging.CRITICAL)
import pydicom
from deid.config import DeidRecipe
from deid.dicom import replace_identifiers
from dicognito.anonymizer import Anonymizer
from pydicom.data import get_testdata_file

DETAILS = {"PatientName": "Example^Person", "PatientID": "17", "PatientBirthDate": "19300101", "PatientAddress": "1 Example Road",
           "PatientComments": "sings in the choir", "AdditionalPatientHistory": "fell from a horse", "StudyDescription": "after the fall",
           "InstitutionName": "Example Hospital", "StationName": "Example Station", "DeviceSerialNumber": "S-17"}


def scan():
    picture = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    for name, value in DETAILS.items():
        setattr(picture, name, value)
    return picture


def kept(picture):
    return {name for name, value in DETAILS.items() if str(getattr(picture, name, "")) == value}, sum(e.tag.is_private for e in picture)


path = os.path.join(os.environ["PLACE"], "scan.dcm")
scan().save_as(path)
shifted = scan()
Anonymizer(seed="x").anonymize(shifted)
results = {"dicognito": kept(shifted)}
for private in (False, True):
    recipe = {"dicom_files": [path], "deid": DeidRecipe(), "save": False, "remove_private": private}
    results["deid, private elements too" if private else "deid"] = kept(replace_identifiers(**recipe)[0])
for name, (names, private) in results.items():
    print(f"{name} keeps {sorted(names)} and {private} private elements of {kept(scan())[1]}")
free_text, place = {"PatientComments", "AdditionalPatientHistory", "StudyDescription"}, {"InstitutionName", "StationName", "DeviceSerialNumber"}
private = kept(scan())[1]
assert results["dicognito"] == (free_text | {"DeviceSerialNumber"}, private), results["dicognito"]
assert results["deid"][1] == private and results["deid, private elements too"][1] == 0
assert results["deid"][0] == results["deid, private elements too"][0] == place | {"StudyDescription"}, results["deid"]
PY
