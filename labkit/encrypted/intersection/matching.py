"""Private set intersection: two lists, and one side learns what they have in common.

    client, server = IntersectionClient(mine), IntersectionServer(theirs)
    request = client.request()
    client.common(server.setup(len(mine)), server.answer(request))

openmined-psi does the work (where it has no package: `labkit.encrypted.intersection.padlocks`, with a warning), by Diffie and
Hellman's trick on the curve P-256: each side raises the hash of an entry to a secret power, in either order (Meadows
1986; Huberman, Franklin, Hogg 1999). Both sizes show. Secure against parties that follow the protocol; a client who asks
for entries that are not his learns about those, so the server limits how many, and in how many requests. Text is
compared in Unicode's composed form (NFC), since one name can be written in several ways.

`hashed`, `hashed_join` and `dictionary_attack` are what people do instead, and why it fails.
"""

import hashlib
import unicodedata
import warnings
from collections.abc import Mapping

from labkit import validate
from labkit.encrypted.ckks import wire
from labkit.encrypted.intersection import padlocks

FALSE_POSITIVE_RATE = 1e-12  # of the library; with the raw message it plays no part, and the answer is exact


def _entries(name, items):
    """Distinct entries, in the given order: {what is compared: what was given}."""
    # iterating over a table gives the names of its columns, and over a dict its keys
    if isinstance(items, (str, bytes, Mapping)) or not hasattr(items, "__iter__") or getattr(items, "ndim", 1) != 1:
        raise ValueError(f"{name} must be a list of str (of a table, one column), got {type(items).__name__}")
    items = list(items)
    if not items or not all(isinstance(each, str) and each for each in items):
        raise ValueError(f"{name} must be a non-empty list of non-empty str, got {items!r:.60}")
    entries = {}
    for each in items:
        entries.setdefault(_composed(name, each), each)
    return entries


def _composed(name, item):
    try:
        return unicodedata.normalize("NFC", item).encode().decode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} must be text that UTF-8 can write, got {item!r:.60}") from None


def hashed(items, *, salt=b""):
    """SHA-256 of each distinct entry, a list of 32 bytes each: the broken way to hide a list from a partner.

    salt: bytes put before each entry. Partners who are to compare must both know it, so it does not help.
    """
    if not isinstance(salt, bytes):
        raise ValueError(f"salt must be bytes, got {type(salt).__name__}")
    return [hashlib.sha256(salt + each.encode()).digest() for each in _entries("items", items)]


def hashed_join(items, hashes, *, salt=b""):
    """The entries of `items` whose hash is among the partner's `hashes`: a sorted list."""
    theirs = set(_hashes(hashes))
    entries = _entries("items", items)
    return sorted(entries[item] for item, each in zip(entries, hashed(list(entries), salt=salt)) if each in theirs)


def dictionary_attack(messages, candidates, *, salt=b""):
    """Which candidates explain the messages: hash every candidate and look.

    messages:   the 32-byte hashes seen (or anything else of type bytes, which then matches nothing).
    candidates: an iterable of str: all telephone numbers, all addresses ever leaked. It may be long; it is not kept.
    Returns {message: candidate} for those found.
    """
    wanted, found = set(_hashes(messages)), {}
    if not isinstance(salt, bytes):
        raise ValueError(f"salt must be bytes, got {type(salt).__name__}")
    if isinstance(candidates, (str, bytes)) or not hasattr(candidates, "__iter__"):
        raise ValueError(f"candidates must be an iterable of str, got {candidates!r:.60}")
    for candidate in candidates:
        if not isinstance(candidate, str):
            raise ValueError(f"candidates must be str, got {candidate!r:.60}")
        each = hashlib.sha256(salt + _composed("candidates", candidate).encode()).digest()
        if each in wanted:
            found[each] = candidate
    return found


def _hashes(hashes):
    hashes = list(hashes) if hasattr(hashes, "__iter__") and not isinstance(hashes, (str, bytes)) else None
    if not hashes or not all(isinstance(each, bytes) for each in hashes):
        raise ValueError("hashes must be a non-empty list of bytes")
    return hashes


class _OpenMined:
    """One side of openmined-psi, speaking bytes and ValueError; `padlocks.Side` has the same methods."""

    def __init__(self, reveal):
        import private_set_intersection.python as psi

        self.psi = psi
        self.client, self.server = psi.client.CreateWithNewKey(reveal), psi.server.CreateWithNewKey(reveal)

    def request(self, items):
        return self.client.CreateRequest(items).SerializeToString()

    def setup(self, items, client_count):
        return self.server.CreateSetupMessage(FALSE_POSITIVE_RATE, client_count, items,
                                              self.psi.DataStructure.RAW).SerializeToString()

    def answer(self, request):
        try:
            return self.server.ProcessRequest(_parsed(self.psi.Request, "request", request)).SerializeToString()
        except RuntimeError as failure:
            raise ValueError(f"request must hold points of the curve, and want what the server gives: {failure}") from None

    def _opened(self, setup, answer, open_with):
        messages = _parsed(self.psi.ServerSetup, "setup", setup), _parsed(self.psi.Response, "answer", answer)
        try:
            return open_with(*messages)
        except RuntimeError as failure:
            raise ValueError(f"answer must be to this client's request, got one that does not open: {failure}") from None

    def places(self, setup, answer):
        return self._opened(setup, answer, self.client.GetIntersection)

    def count(self, setup, answer):
        return int(self._opened(setup, answer, self.client.GetIntersectionSize))

    @staticmethod
    def points(message, name):
        import private_set_intersection.python as psi

        found = _parsed(psi.Request, name, message).encrypted_elements
        return list(found or _parsed(psi.Response, name, message).encrypted_elements)


def _parsed(kind, name, message):
    """The library's object in a message; ValueError when it is damaged."""
    found = kind()
    try:
        found.ParseFromString(message)
    except Exception as failure:  # DecodeError lives in a package of the library's own choice
        raise ValueError(f"{name} must be an undamaged message, got one that does not parse: {failure}") from None
    return found


def _kind():
    """openmined-psi where it is installed; elsewhere our own padlocks, with a warning."""
    try:
        import private_set_intersection.python  # noqa: F401
    except ImportError:
        warnings.warn("openmined-psi is not installed (it has no package for this system): using the padlocks of "
                      "labkit.encrypted.intersection.padlocks, which are for teaching", stacklevel=3)
        return padlocks.Side
    return _OpenMined


class IntersectionClient:
    """The side that learns the common entries, or, with `sizes_only`, how many they are.

    items: a list of non-empty str; duplicates count once.
    """

    def __init__(self, items, *, sizes_only=False):
        self.entries = _entries("items", items)
        self.items = list(self.entries)
        self.sizes_only = validate.one_of(sizes_only=sizes_only, options=[True, False])
        self._side = _kind()(not self.sizes_only)

    def request(self):
        """The message that opens the exchange: every entry hashed onto the curve and raised to the client's secret."""
        return wire.checked(self._side.request(self.items))

    def common(self, setup, answer):
        """The common entries, sorted, from the server's two messages. ValueError for a client with `sizes_only`."""
        if self.sizes_only:
            raise ValueError("sizes_only must be False to learn the entries, got True")
        places = self._side.places(wire.unchecked(setup, "setup"), wire.unchecked(answer, "answer"))
        return sorted(self.entries[self.items[place]] for place in places)

    def common_count(self, setup, answer):
        """How many entries are common."""
        return self._side.count(wire.unchecked(setup, "setup"), wire.unchecked(answer, "answer"))


class IntersectionServer:
    """The side that learns only how many entries the client has.

    items:           a list of non-empty str; duplicates count once.
    largest_request: how many entries a client may ask about, all requests together. Without a limit, a client who
                     asks about every telephone number there is learns the whole list.
    sizes_only:      must be what the client says.
    requests:        how many requests are answered; None for one where only counts are told, and for any number where
                     entries are. Each count is an answer of its own: who may ask about one entry at
                     a time, or about lists that differ by one, learns the entries although he only gets counts. And the limit is
                     no proof that a client is honest: who locks each entry with a secret of its own, against the
                     protocol, tells the answers apart, and learns from one request which entries are common.
    """

    def __init__(self, items, *, largest_request, sizes_only=False, requests=None):
        self.items = list(_entries("items", items))
        self.left = validate.integer(largest_request=largest_request, at_least=1)
        self.sizes_only = validate.one_of(sizes_only=sizes_only, options=[True, False])
        requests = (1 if sizes_only else self.left) if requests is None else requests
        self.requests_left = validate.integer(requests=requests, at_least=1)
        self._side = _kind()(not self.sizes_only)

    def setup(self, client_count):
        """The server's own entries, raised to its secret and sorted. client_count: how many entries the client has."""
        client_count = validate.integer(client_count=client_count, at_least=1)
        return wire.checked(self._side.setup(self.items, client_count))

    def answer(self, request):
        """The client's request, raised to the server's secret as well. ValueError for one that asks too much."""
        request = wire.unchecked(request, "request")
        count = len(self._side.points(request, "request"))
        if count > self.left:
            raise ValueError(f"request must ask about at most {self.left} more entries, the limit agreed, got {count}")
        if self.requests_left == 0:
            raise ValueError("request must be among those agreed, got one more: several counts tell single entries")
        answer = wire.checked(self._side.answer(request))
        self.left -= count
        self.requests_left -= 1
        return answer


def points_in(message):
    """The curve points in a request (or an answer), a list of bytes: what an eavesdropper sees of each entry."""
    return _kind().points(wire.unchecked(message), "message")
