"""Made-up personal data, and harmless look-alikes, to be put into real e-mails by `labkit.scrub.measure`.

Everything comes from ranges set aside for examples where there are any: *.example and example.com, 555-01xx and Ofcom's
drama numbers, 192.0.2.0/24 and its sisters, 2001:db8::/32, social security numbers from 900 up (never issued). The people
are characters from novels. Whoever makes up the values and the patterns both measures nothing but his own memory: recall on these
inserts tells that a change broke something. What the patterns find in text that others wrote is measured in `labkit.scrub.foreign`.
"""

from labkit.scrub.numbers import iban_fits, luhn

PEOPLE = (
    "Elizabeth Bennet", "Jean Valjean", "Anna Karenina", "Sherlock Holmes", "Emma Woodhouse", "Oliver Twist", "Dorian Gray",
    "Jane Eyre", "Victor Frankenstein", "Edmond Dantes", "Phileas Fogg", "Tom Sawyer", "Hester Prynne", "Rodion Raskolnikov",
    "Dorothea Brooke", "Nicholas Nickleby", "Becky Sharp", "Jonathan Harker", "Isabel Archer", "Philip Pirrip",
)  # fmt: skip
WORDS = ("harbour", "meadow", "lantern", "copper", "willow", "granite", "saffron", "ember")
MONTHS = "January February March April May June July August September October November December".split()


def _digits(rng, count):
    return "".join(str(each) for each in rng.integers(0, 10, count))


def pick(rng, options):
    """One of the options, by a seeded generator."""
    return options[int(rng.integers(len(options)))]


def _with_luhn(body, fits=True):
    right = next(str(last) for last in range(10) if luhn(body + str(last)))
    return body + (right if fits else str((int(right) + 5) % 10))


def _with_iban_check(country, body, fits=True):
    right = next(f"{check:02d}" for check in range(2, 99) if iban_fits(f"{country}{check:02d}{body}"))
    return f"{country}{right if fits else f'{(int(right) + 7) % 90 + 2:02d}'}{body}"


def _grouped(text, by=4, mark=" "):
    return mark.join(text[at : at + by] for at in range(0, len(text), by))


# Each maker returns the made-up value; where something harmless hangs on to it, the value stands between « and ».


def _email(rng):
    user, host = f"{pick(rng, WORDS)}{rng.integers(100)}", pick(rng, ("mail.example", "example.com", "post.example.org"))
    usual = (
        f"{user}@{host}",
        f"{user}.{pick(rng, WORDS)}@{host}",
        f"<«{user}+list@{host}»>",
        f"mailto:«{user}@{host}»",
        f"{user} (at) {host}",
    )
    return pick(rng, usual + usual[:2] + (f"{user} at {host.replace('.', ' dot ')}",))


def _phone(rng):
    last, area, rest = f"{rng.integers(100, 200):04d}", rng.integers(200, 999), rng.integers(100, 1000)
    usual = (
        f"({area}) 555-{last}",
        f"{area}-555-{last}",
        f"+1 {area} 555 {last}",
        f"{area}.555.{last}",
        f"020 7946 0{rest}",
        f"+44 20 7946 0{rest}",
        f"01632 960{rest}",
    )
    return pick(rng, usual + (f"555-{last}",))


def _url(rng):
    page = f"{pick(rng, WORDS)}/~{pick(rng, WORDS)}{rng.integers(1000)}"
    usual = (
        f"http://{pick(rng, WORDS)}.example/{page}",
        f"https://www.example.com/u?id={rng.integers(10**6)}&s=1",
        f"www.{pick(rng, WORDS)}.example/{page}",
        f"ftp://files.example.org/{page}.txt",
    )
    return pick(rng, usual + usual[:3] + (f"example.com/{page}",))


def _ip(rng):
    v4 = f"{pick(rng, ('192.0.2', '198.51.100', '203.0.113'))}.{rng.integers(1, 255)}"
    v6 = f"2001:db8:{rng.integers(1, 65536):x}::{rng.integers(1, 65536):x}"
    full = "2001:0db8:" + ":".join(f"{each:04x}" for each in rng.integers(0, 65536, 6))
    return pick(rng, (v4, v4, v4, f"[«{v4}»]", f"«{v4}»:8080", v6, full, v4.replace(".", "[.]")))


def _mac(rng):
    pairs = [f"{each:02x}" for each in (0, 0, 94, 0, 83, *rng.integers(0, 256, 1))]  # 00-00-5E-00-53: set aside for documents
    return pick(rng, (":".join(pairs), "-".join(pairs).upper(), ":".join(pairs).upper(), ".".join(a + b for a, b in zip(pairs[::2], pairs[1::2]))))


def _card(rng):
    long, short = _with_luhn("4000" + _digits(rng, 11)), _with_luhn("3700" + _digits(rng, 10))
    usual = (
        long,
        _grouped(long),
        _grouped(long, mark="-"),
        f"{short[:4]} {short[4:10]} {short[10:]}",
        f"«{_grouped(long)}» exp 12/29",
        _grouped(long, mark="."),
        short,
    )
    return pick(rng, usual + (_grouped(long, 8, "\n"),))


def _iban(rng):
    german = _with_iban_check("DE", "00000000" + _digits(rng, 10))
    british = _with_iban_check("GB", "TEST" + _digits(rng, 14))
    usual = (german, _grouped(german), british, _grouped(british), _grouped(german).lower(), f"«{_grouped(german)}» BIC")
    return pick(rng, usual + (_grouped(german, 11, "\n"),))


def _date(rng):
    year, month, day = int(rng.integers(1930, 2005)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    name = MONTHS[month - 1]
    usual = (
        f"{year}-{month:02d}-{day:02d}",
        f"{day:02d}/{month:02d}/{year}",
        f"{month}/{day}/{year % 100:02d}",
        f"{day}.{month}.{year}",
        f"{day} {name} {year}",
        f"{name} {day}, {year}",
        f"{day}-{name[:3]}-{year}",
    )
    return pick(rng, usual + (f"{day} {name}",))


def _post_code(rng):
    zipped, state = f"{rng.integers(10000, 99999)}", pick(rng, ("CA", "NY", "TX", "MA", "WA"))
    british = f"{pick(rng, ('ZZ', 'QX', 'VQ'))}{rng.integers(1, 100)} {rng.integers(10)}{pick(rng, ('ZZ', 'AB', 'XY'))}"
    usual = (
        british,
        british,
        british.replace(" ", ""),
        f"{state} {zipped}",
        f"{state}  {zipped}-{_digits(rng, 3)}1",
        f"{zipped}-{_digits(rng, 3)}1",
    )
    return pick(rng, usual + (british.lower(), zipped))


def _social_security(rng):
    number = f"{rng.integers(900, 1000)}-{rng.integers(10, 100)}-{rng.integers(1000, 10000)}"
    return pick(rng, (number,) * 5 + (number.replace("-", " "), number.replace("-", "")))


MAKERS = {
    "e-mail": _email,
    "phone": _phone,
    "URL": _url,
    "IP address": _ip,
    "MAC address": _mac,
    "card": _card,
    "IBAN": _iban,
    "date": _date,
    "post code": _post_code,
    "social security": _social_security,
}


def look_alike(rng, kind):
    """Something harmless that resembles this kind."""
    number, small = int(rng.integers(1000, 9999)), int(rng.integers(2, 9))
    card = _with_luhn("4000" + _digits(rng, 11), fits=False)
    iban = _with_iban_check("DE", "00000000" + _digits(rng, 10), fits=False)
    options = {
        "e-mail": [f"{number} @ $5 each", f"{pick(rng, WORDS)}@home", "user@", f"@{pick(rng, WORDS)}", f"rev@{number}"],
        "phone": [f"part 555-{number}-B", f"rows {number}-{number + 40}", f"${number},555.00", f"bug 0123-456-{number}"],
        "URL": ["either/or", "http is a protocol", "/usr/local/bin", "and/or www", "http://"],
        "IP address": [
            f"version {small}.2.1",
            f"section 4.{number}.1.2",
            "std::vector",
            "10:45:30",
            f"version {small}.2.1.0",
        ],
        "MAC address": ["10:45:30", f"{small}0:45:30:15", "std::vector", f"{number}.{number}", "a1:b2:c3:d4:e5:f6:a7:b8"],
        "card": [_grouped(card), "0000 0000 0000 0000", f"order {number}{number}", f"{number} {number} {number}"],
        "IBAN": [_grouped(iban), "RFC2822 AND RFC1036 FOLLOW", "MD5 AB12 CD34"],
        "date": [f"45/77/{number}", f"{small} may be enough", "24/7/365", f"{number}-40-50", f"chapter {small}.10.12"],
        "post code": [f"room {number}5", f"invoice {number}0-{number}", f"Form W-{small} {number}", f"IN {number}5 CASES"],
        "social security": [f"{number}-{small}-{number}", f"000-{small}{small}-{number}", f"item 123-45-{number}"],
    }
    return pick(rng, options[kind])
