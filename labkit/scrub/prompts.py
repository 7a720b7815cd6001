"""Ask a model that somebody else runs without telling it the personal data in the question.

    prompt = redact("Write to ann@mail.example that we moved to 3 May 2030.")
    prompt.text                  # "Write to ‹e-mail 1› that we moved to ‹date 1›."
    answer = ask(prompt.text)    # whoever runs the model sees no more than that
    prompt.restore(answer)       # the answer with the values back in their places

The placeholders are numbered, so that an answer can tell two addresses apart, and a value has the same one wherever it stands. The table
that turns them back never leaves the machine. What no pattern recognises (see `labkit.scrub.patterns`) is sent as it is, and so is what
the rest of the sentence gives away.
"""

import re
from dataclasses import dataclass, field

from labkit.scrub.masking import NAME, find
from labkit.scrub.patterns import KINDS

_PLACEHOLDER = re.compile(r"‹\s*([^‹›0-9]*?)\s*([0-9]+)\s*›")


@dataclass(frozen=True)
class Redacted:
    """A redacted prompt. `text` may be sent; `values` ({placeholder: value}) must not, and is not shown when this is printed."""

    text: str
    values: dict = field(repr=False)

    def restore(self, answer):
        """The answer (str) with each placeholder that belongs to this prompt replaced by its value.

        Capitals and extra spaces inside a placeholder, which models add, do not matter. Placeholders that the prompt never had stay: the
        model made them up.
        """
        if not isinstance(answer, str):
            raise ValueError(f"answer must be a str, got {type(answer).__name__}")
        known = {_plain(placeholder): value for placeholder, value in self.values.items()}
        return _PLACEHOLDER.sub(lambda each: known.get(_plain(each[0]), each[0]), answer)

    def missing(self, answer):
        """The placeholders of the prompt that the answer does not hold, a list of str: it may have paraphrased or dropped them."""
        if not isinstance(answer, str):
            raise ValueError(f"answer must be a str, got {type(answer).__name__}")
        there = {_plain(each[0]) for each in _PLACEHOLDER.finditer(answer)}
        return [placeholder for placeholder in self.values if _plain(placeholder) not in there]


def redact(prompt, *, kinds=KINDS, names=None, country=None):
    """Replace the personal data in a prompt by numbered placeholders; returns Redacted.

    prompt:  str without placeholders of its own (a text in ‹ › that ends in a number): restoring could not tell them apart.
    kinds, names, country: as for `labkit.scrub.find`.
    Raises ValueError for anything else; the message never quotes the prompt.
    """
    found = find(prompt, kinds=kinds, names=names, country=country)
    if _PLACEHOLDER.search(prompt):
        raise ValueError("prompt must not hold placeholders such as ‹date 1› itself, got one or more")
    placeholder_of, counts, pieces, at = {}, dict.fromkeys((*KINDS, NAME), 0), [], 0
    for each in found:
        value = prompt[each.start : each.end]
        if value not in placeholder_of:
            counts[each.kind] += 1
            placeholder_of[value] = f"‹{each.kind} {counts[each.kind]}›"
        pieces += [prompt[at : each.start], placeholder_of[value]]
        at = each.end
    return Redacted("".join(pieces) + prompt[at:], {placeholder: value for value, placeholder in placeholder_of.items()})


def _plain(placeholder):
    kind, number = _PLACEHOLDER.fullmatch(placeholder).groups()
    return re.sub(r"\s+", " ", kind).lower(), int(number)
