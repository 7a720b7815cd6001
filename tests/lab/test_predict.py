"""A guess before the number: it stands beside the truth, nobody has to make one, and the stored page needs no kernel."""

import importlib

import nbformat
import numpy as np
import pytest

from labkit import lab
from labkit.lab.build import VIEW, execute, normalise

module = importlib.import_module("labkit.lab.predict")


@pytest.fixture(autouse=True)
def a_session_of_its_own(monkeypatch):
    monkeypatch.setattr(module, "_asked", [])


@pytest.mark.parametrize("room, guess, value, shown", [
    (dict(low=0, high=100), 40, 97, "you guessed 40 %  |  it is 97 %"),
    (dict(low=0, high=100), 0, np.int64(97), "you guessed 0 %  |  it is 97 %"),
    (dict(low=0.0, high=1.0), 0.25, np.float64(0.123456), "you guessed 0.25 %  |  it is 0.1235 %"),
    (dict(choices=[1, 10, 1000]), 1000, 10, "you guessed 1,000 %  |  it is 10 %")])
def test_guess_and_truth_stand_side_by_side(room, guess, value, shown, capsys):
    asked = lab.predict("How many?", **room)
    asked.control.value = guess
    asked.button.click()
    assert asked.guess == guess and asked.control.disabled
    lab.truth(value, "%")
    assert capsys.readouterr().out == shown + "\n"


def test_choices_are_named_and_the_button_waits_for_one(capsys):
    asked = lab.predict("Which?", choices=["noise", "rounding"])
    asked.button.click()
    assert asked.guess is None and "Choose" in asked.children[-1].value
    asked.control.value = "noise"
    asked.button.click()
    lab.truth("rounding")
    assert capsys.readouterr().out == "you guessed noise  |  it is rounding\n"


def test_without_a_guess_it_goes_on_and_says_so_even_where_the_slider_was_moved(capsys):
    asked = lab.predict("How many?", low=0, high=100)
    asked.control.value = 50
    lab.truth(97)
    assert capsys.readouterr().out == "no guess  |  it is 97\n"


def test_no_guess_is_taken_once_the_truth_is_out_and_a_guess_stays_what_it_was(capsys):
    late, early = lab.predict("Late?", low=0, high=9), lab.predict("Early?", low=0, high=9)
    early.control.value = 3
    early.commit()
    early.control.value = 8
    early.commit()
    assert early.beside(5) == early.beside(5) == "you guessed 3  |  it is 5"
    late.beside(7)
    late.commit()
    assert late.guess is None


def test_truth_answers_the_latest_question(capsys):
    first, second = lab.predict("One?", low=0, high=9), lab.predict("Two?", low=0, high=9)
    first.commit()
    lab.truth(1)
    assert "no guess" in capsys.readouterr().out and second.closed and not first.closed


@pytest.mark.parametrize("bad, named", [
    (dict(question=" ", low=0, high=1), "question"), (dict(question="Q?"), "low and high or choices"),
    (dict(question="Q?", low=0), "high"), (dict(question="Q?", low=0, high=1, choices=[1, 2]), "choices"),
    (dict(question="Q?", low=1, high=1), "high must be above low"), (dict(question="Q?", low=0, high=float("inf")), "high"),
    (dict(question="Q?", low=True, high=2), "low"), (dict(question="Q?", choices=["a"]), "choices"),
    (dict(question="Q?", choices=["a", "a"]), "choices"), (dict(question="Q?", choices="ab"), "choices")])
def test_a_question_that_cannot_be_asked(bad, named):
    with pytest.raises(ValueError, match=named):
        lab.predict(**bad)
    assert not module._asked


@pytest.mark.parametrize("room, value", [(dict(low=0, high=100), 101), (dict(low=0, high=100), "many"),
                                         (dict(low=0, high=1), float("nan")), (dict(choices=["a", "b"]), "c")])
def test_a_truth_that_nobody_could_have_guessed_is_the_authors_mistake(room, value):
    lab.predict("How many?", **room)
    with pytest.raises(ValueError, match="value must be"):
        lab.truth(value)


def test_a_truth_needs_a_question():
    with pytest.raises(ValueError, match="after lab.predict"):
        lab.truth(1)


def test_the_stored_page_shows_the_question_and_is_the_same_each_time(tmp_path):
    def built():
        cells = ["from labkit import lab\nlab.predict('How many < a hundred?', low=0, high=100)", "lab.truth(97)"]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each, id=f"c{i}") for i, each in enumerate(cells)])
        return normalise(execute(notebook, tmp_path))

    first, second = built(), built()
    data = first.cells[0].outputs[0].data
    assert first.cells == second.cells and VIEW not in data
    assert "How many &lt; a hundred?" in data["text/html"] and "97" not in str(data)
    assert first.cells[1].outputs[0].text == "no guess  |  it is 97\n"
