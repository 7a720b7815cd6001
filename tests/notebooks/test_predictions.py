"""A prediction is worth making: what is asked for has a control, and nothing above the number tells it.

Three rules, for every lab.

* Where the text asks for a guess, the next cell is `lab.predict`.
* Down to the cell with `lab.truth`, the words of a claim hold no number that was not in the question: a result is computed
  into them, so that who reads the code does not read it.
* The answer that the executed lab prints stands neither in the question nor in the code down to `lab.truth`. The numbers 0
  to 2, which code is full of, do not count, nor do the ends of the slider. An answer that is one of several choices does
  not stand in the words of a claim.
"""

import ast
import io
import re
import tokenize
from typing import NamedTuple

import nbformat
import pytest

from labkit.lab.build import notebook_of, read_source, sources

ASKS = re.compile(r"\*\*(?:Predict|Guess|Before you run)\b|\?\*\*$", re.I)
DIGITS = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?!\w)")
WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
         "twelve": 12, "twenty": 20, "fifty": 50, "ninety": 90, "hundred": 100, "thousand": 1000, "million": 1e6, "half": 0.5,
         "third": 1 / 3, "quarter": 0.25, "fifth": 0.2, "sixth": 1 / 6, "seventh": 1 / 7, "tenth": 0.1, "twice": 2,
         "doubled": 2, "halved": 0.5}
SETTING = re.compile(r"(?:epsilon|delta|lab|mistake|claim|article)s?(?: of| up to| is above)?$")  # a number behind it is no result
PRINTED = re.compile(r"\|  it is (.*)")
NO_TELL = (0, 1, 2)
every_lab = pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)


class Prediction(NamedTuple):
    """question: what was asked; choices: the answers offered, or (); ends: those of the slider, or None; text: the paragraph
    above; code: the cells down to the truth; claims: the words of the claims there; answer: what the lab printed, or None if
    it was not run."""

    question: str
    choices: tuple
    ends: tuple
    text: str
    code: list
    claims: list
    answer: str | None


def numbers_in(text):
    """The numbers of a sentence, those in words too, but for settings such as "epsilon 2"."""
    found = {float(each[0].replace(",", "")) for each in DIGITS.finditer(text)
             if not SETTING.search(text[:each.start()].rstrip(" =,").lower())}
    return found | {float(value) for word, value in WORDS.items() if re.search(rf"\b{word}s?\b(?!-)", text, re.I)}


def words_of(node):
    """The text that stands in the source of an expression: of a computed sentence what is not computed."""
    if isinstance(node, ast.JoinedStr):
        return "".join(each.value if isinstance(each, ast.Constant) else " … " for each in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def code_of(cells):
    """What was run: each cell's code, or None for a text."""
    return [each.source.strip() if each.cell_type == "code" else None for each in cells]


def constant(node, otherwise=None):
    """The value of an argument that is written down; `otherwise` of one that is computed, or missing."""
    try:
        return otherwise if node is None else ast.literal_eval(node)
    except ValueError:
        return otherwise


def calls(code, name):
    return [each for each in ast.walk(ast.parse(code)) if isinstance(each, ast.Call) and ast.unparse(each.func) == name]


def numbers_in_code(code):
    return {abs(float(ast.literal_eval(each.string))) for each in tokenize.generate_tokens(io.StringIO(code).readline)
            if each.type == tokenize.NUMBER}


def unanswered(cells):
    """The last lines of every text that asks for a guess and is not followed by a control for it."""
    return [cell.source.strip().splitlines()[-1] for cell, after in zip(cells, cells[1:])
            if cell.cell_type == "markdown" and after.cell_type == "code" and ASKS.search(cell.source.strip().split("\n\n")[-1])
            and not after.source.startswith("lab.predict(") and "hide-input" not in after.metadata.get("tags", [])]


def predictions_in(cells, executed=None):
    """Every Prediction of a lab; `executed` are the same cells with outputs."""
    found, ran = [], executed or cells
    for place, cell in enumerate(cells):
        if cell.cell_type != "code" or not cell.source.startswith("lab.predict("):
            continue
        asked, = calls(cell.source, "lab.predict")
        given = {each.arg: each.value for each in asked.keywords}
        choices = tuple(map(str, constant(given.get("choices"), ())))
        text = cells[place - 1].source.strip().split("\n\n")[-1] if cells[place - 1].cell_type == "markdown" else ""
        told = next(number for number in range(place + 1, len(cells)) if re.search(r"^lab\.truth\(", cells[number].source, re.M))
        printed = "".join(each.get("text", "") for each in ran[told].get("outputs", []) if each.get("name") == "stdout")
        answer = PRINTED.search(printed)
        code = [each.source for each in cells[place + 1:told + 1] if each.cell_type == "code"]
        claims = [words_of(each.args[0]) for cell in code for each in calls(cell, "lab.claim")]
        ends = tuple(constant(given.get(each)) for each in ("low", "high"))
        found.append(Prediction(words_of(asked.args[0]), choices, ends, text, code, claims, answer and answer[1]))
    return found


def spoilt(prediction):
    """Why a prediction is none: a list of sentences, empty where nothing tells the answer."""
    asked = f"{prediction.question} {prediction.text}"
    problems = [f"a claim's words hold {sorted(told)}: {words!r}" for words in prediction.claims
                if (told := numbers_in(words) - numbers_in(asked) - {0.0, 1.0})]
    answer = prediction.answer
    if answer and answer in prediction.choices:
        problems += [f"a claim's words hold the answer {answer!r}: {words!r}" for words in prediction.claims
                     if re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", words)]
    elif answer and (number := float(DIGITS.search(answer)[0].replace(",", ""))) not in (*NO_TELL, *prediction.ends):
        forms = {number, number / 100} if "%" in answer else {number}
        if forms & numbers_in(asked):
            problems.append(f"the question or the text above it holds the answer {answer}")
        problems += [f"the code holds the answer {answer}: {code.splitlines()[0]} ..." for code in prediction.code
                     if forms & numbers_in_code(code)]
    return problems


@every_lab
def test_a_text_that_asks_for_a_guess_gives_the_control_for_it(source):
    assert not unanswered(read_source(source).cells)


@every_lab
def test_nothing_above_the_number_tells_it(source):
    cells, executed = read_source(source).cells, nbformat.read(notebook_of(source), 4).cells
    same = code_of(cells) == code_of(executed)
    for prediction in predictions_in(cells, executed if same else None):
        assert not spoilt(prediction), prediction.question
        assert prediction.answer or not same, f"the executed lab prints no truth for {prediction.question!r}"


def lab_of(*code, text="How private?", printed="48 %", ask='lab.predict("How many percent?", low=0, high=100)'):
    new = nbformat.v4
    cells = [new.new_markdown_cell(text), new.new_code_cell(ask), *map(new.new_code_cell, code), new.new_markdown_cell("So.")]
    cells[-2].outputs = [new.new_output("stream", name="stdout", text=f"no guess  |  it is {printed}\n")]
    return cells


GOOD = ['share = unique.mean()', 'lab.truth(round(100 * share), "%")\nlab.claim(f"{share:.0%} are alone", share > 0.3, share=share)']


@pytest.mark.parametrize("cells", [
    lab_of(*GOOD), lab_of(*GOOD, text="Of 1,000 people at epsilon 0.48."),
    lab_of('lab.truth(x)\nlab.claim("of the ten, some are alone at epsilon 8", True)', text="Ten people.", printed="3"),
    lab_of('lab.truth(x)\nlab.claim(f"{x} wins", True)', printed="noise", ask='lab.predict("Which?", choices=["noise", "rounding"])')])
def test_what_is_no_tell_passes(cells):
    prediction, = predictions_in(cells)
    assert not spoilt(prediction)


@pytest.mark.parametrize("cells", [
    lab_of(*GOOD, text="Nearly 48 of them are."),
    lab_of(*GOOD, ask='lab.predict("Is it 48 percent?", low=0, high=100)'),
    lab_of('share = unique.mean()\nassert abs(share - 0.48) < 0.01', GOOD[1]),
    lab_of(GOOD[0], GOOD[1].replace("{share:.0%} are", "48 % are")),
    lab_of(GOOD[0], GOOD[1].replace("{share:.0%} are", "nearly half are")),
    lab_of(GOOD[0], GOOD[1].replace("share > 0.3", "share == 0.48")),
    lab_of('lab.claim("nine of ten are alone", True)', "lab.truth(x)", printed="3"),
    lab_of('lab.truth(x)\nlab.claim("noise wins", True)', printed="noise", ask='lab.predict("Which?", choices=["noise", "rounding"])')])
def test_a_tell_is_found(cells):
    prediction, = predictions_in(cells)
    assert spoilt(prediction)


@pytest.mark.parametrize("text", ["So.\n\n**Predict** the share.", "**Guess:** how many?", "How so?\n**Who is it?**",
                                  "**Before you run the cell:** whom?"])
def test_a_guess_without_a_control_is_found(text):
    assert unanswered(lab_of(*GOOD, text=text)) == []
    assert unanswered(lab_of(*GOOD, text=text, ask="share = 1")) == [text.splitlines()[-1]]
