"""The pretrained language model: says what is missing, never asks the network, and, where it is installed, is what it should be."""

import os
import subprocess
import sys

import numpy as np
import pytest

from labkit.models import language_model
from labkit.models.language_model import (
    ModelMissing,
    cache_directory,
    convert,
    is_installed,
    is_ready,
    load_language_model,
    main,
)


@pytest.fixture
def not_installed(monkeypatch):
    monkeypatch.setattr(language_model, "PACKAGE", "a-package-that-is-not-there")


def test_without_the_package_the_message_says_what_to_type(not_installed, capsys):
    load_language_model.cache_clear()
    assert not is_installed() and not is_ready()
    for call in (convert, load_language_model):
        with pytest.raises(ModelMissing, match="make models"):
            call()
    assert main() == 1 and "make models" in capsys.readouterr().out


def test_without_the_libraries_it_counts_as_missing(monkeypatch):
    monkeypatch.setattr(language_model, "NEEDED", ("a_library_that_is_not_there",))
    assert not is_installed()


def test_the_cache_is_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    assert cache_directory() == tmp_path
    if is_installed():
        assert not is_ready() and language_model._converted().parent == tmp_path
        language_model._converted().mkdir()  # a converted model is not converted again
        assert convert() == language_model._converted() and is_ready()
    monkeypatch.setenv("LABKIT_CACHE", "")
    assert "labkit" in str(cache_directory())


def test_an_interrupted_conversion_leaves_nothing_that_counts(monkeypatch, tmp_path):
    if not is_installed():
        pytest.skip("needs the weights: make models")
    import transformers

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert()
    assert not is_ready() and not list(tmp_path.iterdir())
    assert os.environ.get("HF_HUB_OFFLINE") is None or os.environ["HF_HUB_OFFLINE"] != ""


def test_paths_are_told_without_the_home_directory():
    from pathlib import Path

    assert language_model._tilde(Path.home() / ".cache" / "x") == os.path.join("~", ".cache", "x")


# --- where it is installed and converted

needs_model = pytest.mark.skipif(not is_ready(), reason="needs the pretrained model: make models")


@needs_model
def test_it_loads_and_works_without_a_network():
    code = ("import socket\n"
            "def refuse(*_): raise OSError('the network was used')\n"
            "socket.socket.connect = refuse\n"
            "from labkit.models.language_model import load_language_model\n"
            "print(load_language_model().complete('We the People of the United', 1))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip() == "States", done.stderr[-2000:]


@pytest.fixture(scope="module")
def smol():
    yield load_language_model()
    load_language_model.cache_clear()  # half a gigabyte


@needs_model
def test_log_probabilities_are_normalised_and_look_back_only(smol):
    tokens = np.stack([smol.encode("We the People of the United"), smol.encode("We the People of the Northern")])
    told = smol.log_probabilities(tokens)
    assert told.shape[:2] == tokens.shape and np.allclose(np.exp(told).sum(-1), 1, atol=1e-3)
    assert np.allclose(told[0, :-1], told[1, :-1], atol=1e-3) and not np.allclose(told[0, -1], told[1, -1], atol=0.1)
    assert smol.decode(tokens[0]) == "We the People of the United"
    assert smol.complete("We the People of the United", 1) == smol.decode(told[0, -1:].argmax(-1)) == " States"


@needs_model
@pytest.mark.parametrize("name, call", [
    *[("text", lambda smol, bad=bad: smol.encode(bad)) for bad in ("", None, 3, b"a")],
    *[("tokens", lambda smol, bad=bad: smol.log_probabilities(bad)) for bad in ([], [1], None, np.ones((1, 513), int))],
    *[("length", lambda smol, bad=bad: smol.complete("a", bad)) for bad in (0, -1, 1.5, None, float("nan"))],
])
def test_bad_arguments_are_refused_by_name(smol, name, call):
    with pytest.raises(ValueError, match=f"^{name} must"):
        call(smol)


@needs_model
def test_it_answers_each_question_by_itself(smol):
    """In one pass with longer ones, or alone: the same answer. Padding must not be read."""
    questions = ["What is the capital of France?", "Say a colour.", f"How many legs has a dog? {'Think well. ' * 8}", "Who wrote Hamlet?",
                 "What is two plus two?"]
    together = smol.answer(questions, 8, system="You answer in a few words.")
    assert len(together) == 5 and "Paris" in together[0]
    assert sum(smol.answer([each], 8, system="You answer in a few words.") == [said] for each, said in zip(questions, together)) >= 4


@needs_model
@pytest.mark.parametrize("name, call", [
    ("questions", lambda smol: smol.answer("one", 3)), ("questions", lambda smol: smol.answer([], 3)),
    ("questions", lambda smol: smol.answer([""], 3)), ("questions", lambda smol: smol.answer(["a " * 600], 3)),
    ("length", lambda smol: smol.answer(["one"], 0))])
def test_bad_questions_are_refused(smol, name, call):
    with pytest.raises(ValueError, match=f"^{name} must"):
        call(smol)
