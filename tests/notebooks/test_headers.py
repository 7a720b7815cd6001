"""What a lab promises on its first lines agrees with the map in lab 00: time, what it builds on, and its words."""

import ast
import re

import pytest

from labkit.lab.build import SOURCE, read_source, sources

MAP = read_source(SOURCE / "00-start-here.py")
GLOSSARY = "00-start-here.ipynb#Glossary"
every_lab = pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)


def number_of(source):
    return source.stem.split("-")[0]


def header_of(source):
    return read_source(source).cells[0].source.split("**Afterwards")[0]


def on_the_map(name):
    """The value of a dictionary of lab 00."""
    code = "\n".join(cell.source for cell in MAP.cells if cell.cell_type == "code")
    return next(ast.literal_eval(each.value) for each in ast.parse(code).body
                if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == name)


def needed(header):
    """The labs that a header says one needs: those before the first point, colon or semicolon."""
    needs = re.search(r"You need ([^.:;]*)", header)
    return re.findall(r"\b\d\db?\b", needs[1])


def glossary():
    """{English: (Chinese, sentence)}"""
    text = next(cell.source for cell in MAP.cells if "### Glossary" in cell.source).split("### Glossary")[1]
    rows = [[part.strip() for part in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]
    return {english: (chinese, sentence) for english, chinese, sentence in rows[1:]}


@every_lab
def test_a_header_says_how_long_and_what_one_needs(source):
    header = header_of(source)
    minutes = re.search(r"(\d+) minutes", header)
    assert minutes and needed(header) is not None
    told = on_the_map("MINUTES").get(number_of(source))
    assert told in (None, int(minutes[1])), f"lab 00 says {told} minutes"


def test_a_route_leads_to_no_lab_before_what_it_needs():
    needs = {number_of(source): needed(header_of(source)) for source in sources()}
    for reader, route in on_the_map("READERS").items():
        labs = route.split()
        assert set(labs) <= on_the_map("LABS").keys(), reader
        for place, each in enumerate(labs):
            missing = set(needs[each]) - {"00", *labs[:place]}
            assert not missing, f"{reader} comes to {each} without {sorted(missing)}"


def test_the_glossary_has_chinese_and_a_sentence_for_each_word_once():
    words = glossary()
    assert len(words) > 40
    for english, (chinese, sentence) in words.items():
        assert re.search(r"[\u4e00-\u9fff]|^δ$", chinese) and sentence.endswith("."), english
    lower = [english.lower() for english in words]
    assert len(set(lower)) == len(lower)


@every_lab
def test_links_to_the_glossary_name_a_word_that_is_in_it(source):
    words = " | ".join(glossary()).lower()
    for cell in read_source(source).cells:
        for text in re.findall(rf"\[([^\]]*)\]\({re.escape(GLOSSARY)}\)", cell.source):
            word = text.strip("*").lower().removeprefix("zero-").removesuffix(" keys")
            assert word == "glossary" or word in words, text


def test_what_disagrees_is_found():
    assert needed("You need labs 05 and 07.\nLab 03 helps.") == ["05", "07"]
    assert needed("You need lab 05b; lab 10 helps.") == ["05b"] and needed("You need nothing but Python; labs 02 help.") == []
