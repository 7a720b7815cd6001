"""How well `find` does on personal data that others made up: the Faker library's values for ten countries, dates as Unicode's CLDR
writes them there, between sentences of Faker's; and on numbers of Faker's that are nobody's (bar codes, ISBN, prices, versions ...).

Nothing here was written with our patterns in mind, and nothing in the patterns was taken from it by value. It is still made up: real
people write worse. Identity numbers are left out: most of Faker's are invalid, and several countries get the American form.

Sources: https://faker.readthedocs.io (MIT licence), https://cldr.unicode.org through Babel (BSD licence).
"""

import random

import pandas as pd

from labkit import validate
from labkit.scrub.masking import find
from labkit.scrub.patterns import COUNTRIES

LOCALES = {"AU": "en_AU", "CA": "en_CA", "DE": "de_DE", "ES": "es_ES", "FR": "fr_FR", "GB": "en_GB", "IT": "it_IT", "NL": "nl_NL",
           "PL": "pl_PL", "US": "en_US"}  # fmt: skip
CARDS = ("visa16", "mastercard", "amex", "discover", "jcb16", "diners", "maestro")
DATES = ("short", "medium", "long", "full", "ISO", "time stamp")


def _makers(faker, locale, chance):
    """{kind: a function that makes one value up}."""
    from babel.dates import format_date

    def date():
        day, form = faker.date_object(), chance.choice(DATES)
        if form == "ISO":
            return day.isoformat()
        return faker.iso8601() if form == "time stamp" else format_date(day, form, locale=locale)

    return {
        "e-mail": faker.email, "phone": faker.phone_number, "date": date, "post code": faker.postcode,
        "IBAN": faker.iban, "card": lambda: faker.credit_card_number(chance.choice(CARDS)),
        "IP address": lambda: chance.choice((faker.ipv4, faker.ipv6))(), "MAC address": faker.mac_address, "URL": faker.url,
    }  # fmt: skip


def _harmless(faker, chance):
    """Something with digits in it that is nobody's."""
    return chance.choice((
        faker.ean13, faker.ean8, faker.isbn10, faker.isbn13, faker.uuid4, faker.sha1, faker.user_agent, faker.hex_color, faker.time,
        lambda: f"{faker.latitude()}, {faker.longitude()}", lambda: faker.numerify("###############"), lambda: faker.numerify("##.#.####"),
        lambda: f"{faker.random_number(digits=5, fix_len=True):,}", lambda: f"{faker.pyfloat(min_value=0, max_value=99999)} EUR",
        lambda: faker.bothify("??-####-##"), lambda: faker.file_path(depth=2), lambda: str(faker.year()),
    ))()  # fmt: skip


def foreign_texts(country, per_kind, *, seed):
    """Made-up texts: a list of (kind, text, start, end), `per_kind` of each kind and three times as many harmless ones (kind "").

    country: one of `COUNTRIES`. per_kind: 1 or more. seed: whole number.
    """
    from faker import Faker

    validate.one_of(country=country, options=COUNTRIES)
    per_kind, seed = validate.integer(per_kind=per_kind, at_least=1), validate.integer(seed=seed, at_least=0)
    locale, chance = LOCALES[country], random.Random(f"{seed} {country}")
    faker = Faker(locale)
    faker.seed_instance(f"{seed} {country}")
    makers, made = _makers(faker, locale, chance), []
    for kind, make in [*makers.items(), *[("", lambda: _harmless(faker, chance))] * 3]:
        for _ in range(per_kind):
            value = make()
            before, after = chance.choice(((f"{faker.sentence()} ", ". "), ("", ", "), (f"{faker.word()}: ", "\n"), (f"{faker.word()} (", ") ")))
            made.append((kind, f"{before}{value}{after}{faker.sentence()}", len(before), len(before) + len(value)))
    return made


def foreign_score(country, per_kind, *, seed, known=False):
    """How well `find` does on texts of a country: a DataFrame, one line per kind.

    known:     tell `find` the country.
    recall:    share of the values of which every character was found (as whatever kind).
    precision: of the values and harmless things in which something was taken for this kind, the share that are of this kind.
    """
    texts = foreign_texts(country, per_kind, seed=seed)
    rows = {kind: dict(values=0, masked=0, taken=0, right=0) for kind, *_ in texts if kind}
    for kind, text, start, end in texts:
        touching = [each for each in find(text, country=country if known else None) if each.start < end and each.end > start]
        if kind:
            rows[kind]["values"] += 1
            rows[kind]["masked"] += sum(min(end, each.end) - max(start, each.start) for each in touching) == end - start
        for taken_for in {each.kind for each in touching} & rows.keys():
            rows[taken_for]["taken"] += 1
            rows[taken_for]["right"] += taken_for == kind
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.assign(recall=table["masked"] / table["values"], precision=table["right"] / table["taken"])


def foreign_table(per_kind, *, seed, known=False, what="recall"):
    """`foreign_score` for all ten countries: a DataFrame, kinds by countries, of what="recall" or "precision"."""
    validate.one_of(what=what, options=["recall", "precision"])
    return pd.DataFrame({each: foreign_score(each, per_kind, seed=seed, known=known)[what] for each in COUNTRIES})


if __name__ == "__main__":
    pd.set_option("display.width", 160)
    for known in (False, True):
        for what in ("recall", "precision"):
            print(f"\n{what}, {'country told' if known else 'country not told'}, 200 values of each kind and country")
            print((100 * foreign_table(200, seed=1, known=known, what=what)).round(1).to_string())
