#!/usr/bin/env bash
# Library: fhir.resources 8.3.0 (HL7 FHIR R5, the format in which hospitals exchange records), valueQuantity of an Observation.
# Expected: digits survive being read and written. The standard demands it: the precision of a decimal is part of its meaning
#   (FHIR R5, Datatypes, decimal: 1.00 is another statement than 1.0, and implementations have to keep it). The fields are declared Decimal.
# Seen (November 2026): 1.00 comes back as 1.0, 0.10 as 0.1, and a number of 20 digits with other digits: JSON is read through
#   binary floating point, before a Decimal is made of it. A dose measured to hundredths looks as if it had been measured to tenths, and a signature or Merkle leaf over the
#   text no longer fits. Dates of which only the year or the month was kept do survive.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" --quiet --disable-pip-version-check install 'fhir.resources==8.3.0' 2>/dev/null
"$place/env/bin/python" -W ignore - <<'PY'
from fhir.resources.observation import Observation
from fhir.resources.patient import Patient

MEASURED = '{{"resourceType":"Observation","status":"final","code":{{"text":"dose"}},"valueQuantity":{{"value":{}}}}}'
BORN = '{{"resourceType":"Patient","birthDate":"{}"}}'
for given, returned in (("1.00", "1.0"), ("0.10", "0.1"), ("12345678901234567.891", "12345678901234568"), ("100", "100")):
    observation = Observation.model_validate_json(MEASURED.format(given))
    written = observation.model_dump_json()
    print(f"{given}: in memory {observation.valueQuantity.value!r}, written", written.split('"value":')[1].rstrip("}"))
    assert written == MEASURED.format(returned)
for date in ("1970", "1970-03"):
    written = Patient.model_validate_json(BORN.format(date)).model_dump_json()
    print(f"{date}: written {written}")
    assert written == BORN.format(date)
PY
