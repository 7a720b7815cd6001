"""Seven ways to guard an agent: from a list of bad phrases to labels that say where a text came from.

A *label* is the set of sources that a text may depend on. Labels of arguments follow explicit flows ("the PIN is in this
address"); the label of the whole context also covers implicit ones ("this page was chosen because of the PIN"), because whatever
the model writes may depend on all that it has read. Sources: Costa et al., "Securing AI Agents with Information-Flow Control" (FIDES),
arXiv 2505.23643; Debenedetti et al., "Defeating Prompt Injections by Design" (CaMeL), arXiv 2503.18813.
"""

import re
from dataclasses import dataclass

USER, PRIVATE, OUTSIDER, WEB = "user", "private mail", "an outsider's mail", "web page"
PHRASES = re.compile(r"ignore (all |the )?previous|disregard|system prompt|jailbreak|you are now", re.I)
ALLOWED = ("https://news.example/", "https://shop.example/", "https://wiki.example/", "ann@work.example", "bob@work.example")


class Blocked(Exception):
    """A defence refused to let something out."""


@dataclass(frozen=True)
class Labelled:
    """A text and where it came from: `sources`, a frozenset of the names above. Sums carry the sources of both."""

    text: str
    sources: frozenset = frozenset({USER})

    def __add__(self, other):
        return Labelled(self.text + other.text, self.sources | other.sources)


class Nothing:
    """No defence: everything is read, everything may leave."""

    def reads(self, text):
        """May the model that plans and acts see this outsider's text?"""
        return True

    def check(self, destination, content, *, context, planned):
        """Raise Blocked unless `content` may go to `destination`.

        destination, content: Labelled. context: sources of all that the model has read so far.
        planned: destinations that follow from the user's own words; one that ends in "*" stands for all that begin so.
        """


class PhraseFilter(Nothing):
    """Texts with well-known phrases of attackers are not read."""

    def reads(self, text):
        """See Nothing."""
        return not PHRASES.search(text)


class AllowList(Nothing):
    """Only to known hosts and people, whatever it is."""

    def check(self, destination, content, *, context, planned):
        """See Nothing."""
        if not destination.text.startswith(ALLOWED):
            raise Blocked("the destination is not on the list")


class AllowListAndSearch(AllowList):
    """Known hosts, and nothing that holds the secret as it is written. `secret`: str."""

    def __init__(self, secret):
        self.secret = secret

    def check(self, destination, content, *, context, planned):
        """See Nothing."""
        super().check(destination, content, context=context, planned=planned)
        if self.secret in destination.text + content.text:
            raise Blocked("the secret is in it")


class ArgumentLabels(Nothing):
    """What was made from private mail leaves only for where the user said. Covers explicit flows alone."""

    def check(self, destination, content, *, context, planned):
        """See Nothing."""
        if PRIVATE in destination.sources | content.sources and not _is_planned(destination.text, planned):
            raise Blocked("made from private mail")


class ContextLabels(Nothing):
    """What the model does may depend on all that it has read: the label of the whole context decides."""

    def check(self, destination, content, *, context, planned):
        """See Nothing."""
        if PRIVATE in context and context & {OUTSIDER, WEB}:
            raise Blocked("the context holds private mail and a stranger's text")
        if context & {PRIVATE, OUTSIDER} and not _is_planned(destination.text, planned):
            raise Blocked("the user did not name this destination")


class QuarantinedReader(Nothing):
    """The model that acts never sees an outsider's text. Another one, without tools, reads it for the user."""

    def reads(self, text):
        """See Nothing."""
        return False

    def check(self, destination, content, *, context, planned):
        """See Nothing."""
        if not _is_planned(destination.text, planned):
            raise Blocked("not in the plan, which was made before anything was read")


def _is_planned(destination, planned):
    return any(destination.startswith(each[:-1]) if each.endswith("*") else destination == each for each in planned)


DEFENCES = {  # name: what makes the defence, given the secret that it is to guard
    "nothing": lambda secret: Nothing(),
    "phrase filter": lambda secret: PhraseFilter(),
    "allow-list": lambda secret: AllowList(),
    "allow-list, search for the secret": AllowListAndSearch,
    "labels on arguments": lambda secret: ArgumentLabels(),
    "labels on the whole context": lambda secret: ContextLabels(),
    "quarantined reader": lambda secret: QuarantinedReader(),
}
