#!/usr/bin/env bash
# Library: Faker 40.63.0, whose invented people are the usual test text for programs that find personal numbers; judged by
#   python-stdnum 2.2, which follows the issuing offices' rules.
# Expected: nearly every invented number obeys its country's rule, as the Spanish, Polish, Finnish, Italian and Swedish ones do.
# Seen (November 2026): one Indian Aadhaar in ten is valid: the last digit is Luhn's check digit, where the office uses Verhoeff's.
#   Of the Korean ones, born in months 00 to 09 only, one in ten has month 00 and one in eleven a right check digit. Of the Portuguese VAT
#   numbers one in eleven is valid (digits without a rule), of the Irish ones one in thirty. Czech people are born on 31 September.
#   A finder that checks the digits as it should looks as if it missed nine Indians in ten; one that checks nothing looks perfect.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" --quiet --disable-pip-version-check install 'Faker==40.63.0' 'python-stdnum==2.2' 2>/dev/null
"$place/env/bin/python" -W ignore - <<'PY'
from importlib import import_module

from faker import Faker


def made(locale, method, number=3000):
    fake = Faker(locale)
    fake.seed_instance(7)
    return [str(getattr(fake, method)()) for _ in range(number)]


def share(locale, method, rule):
    is_valid = import_module(f"stdnum.{rule}").is_valid
    numbers = made(locale, method)
    return sum(map(is_valid, numbers)) / len(numbers)


for locale, method, rule, least, most in (
        ("es_ES", "nif", "es.dni", 1, 1), ("pl_PL", "pesel", "pl.pesel", 1, 1), ("fi_FI", "ssn", "fi.hetu", 1, 1),
        ("it_IT", "ssn", "it.codicefiscale", 1, 1), ("sv_SE", "ssn", "se.personnummer", 1, 1),
        ("en_IN", "aadhaar_id", "in_.aadhaar", 0.07, 0.13), ("ko_KR", "ssn", "kr.rrn", 0.06, 0.13),
        ("pt_PT", "vat_id", "pt.nif", 0.06, 0.13), ("en_IE", "vat_id", "ie.vat", 0.01, 0.06),
        ("cs_CZ", "birth_number", "cz.rc", 0.97, 0.995)):
    valid = share(locale, method, rule)
    print(f"{locale} {method}: {valid:.1%} valid")
    assert least <= valid <= most, (locale, method, valid)

from stdnum import luhn, verhoeff

aadhaar = made("en_IN", "aadhaar_id")
print(f"Aadhaar: Luhn's digit in {sum(map(luhn.is_valid, aadhaar)) / len(aadhaar):.0%}, Verhoeff's in "
      f"{sum(map(verhoeff.is_valid, aadhaar)) / len(aadhaar):.1%}")
assert all(map(luhn.is_valid, aadhaar))
months = {number[2:4] for number in made("ko_KR", "ssn")}
print("months in which Koreans are born:", *sorted(months))
assert months == {f"{month:02}" for month in range(10)}
PY
