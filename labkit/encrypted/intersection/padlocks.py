"""Private set intersection with two padlocks whose order does not matter, for teaching.

An entry is hashed to a point of the curve P-256, and each side multiplies it by its secret number. Only the x coordinate
travels. `labkit.encrypted.intersection.matching` uses this where openmined-psi has no package, such as on Windows.
Sources: Meadows, IEEE S&P 1986; Huberman, Franklin, Hogg, "Enhancing privacy and trust in electronic communities", EC 1999.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec

from labkit.encrypted.parties import join, split

CURVE = ec.SECP256R1()
POINT = b"\x02"  # how a compressed point starts. Two points have one x; their multiples, again, have one x
REVEAL, COUNT_ONLY = b"entries", b"count"


def hash_to_point(item):
    """A point of the curve, 33 bytes, that depends on the text alone; nobody knows its logarithm."""
    for attempt in range(256):  # half of all x belong to a point: all fail with probability 2^-256
        point = POINT + hashlib.sha256(bytes([attempt]) + item.encode()).digest()
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point)
            return point
        except ValueError:
            pass
    raise ValueError(f"item must hash to the curve, got {item!r}, which does not")


class Side:
    """One side with a fresh secret. `reveal`: whether the client learns the entries or only their number."""

    def __init__(self, reveal):
        self.reveal = reveal
        self.key = ec.generate_private_key(CURVE)

    def lock(self, point):
        """The point times the secret, 33 bytes. ValueError when there is no such point on the curve."""
        return POINT + self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point))

    def request(self, items):
        """The client's entries, locked, in their order."""
        return join([REVEAL if self.reveal else COUNT_ONLY, *(self.lock(hash_to_point(each)) for each in items)])

    def setup(self, items, _client_count):
        """The server's entries, locked and sorted, so that the order says nothing."""
        return join(sorted(self.lock(hash_to_point(each)) for each in items))

    def answer(self, request):
        """The client's points, locked a second time; sorted when only their number is to be learned."""
        kind, points = (messages := _parsed("request", request))[:1], messages[1:]
        if kind != [REVEAL if self.reveal else COUNT_ONLY]:
            raise ValueError("request must want what the server gives (entries, or their number only), got the other")
        try:
            locked = [self.lock(each) for each in points]
        except ValueError as failure:
            raise ValueError(f"request must hold points of the curve, got one that does not: {failure}") from None
        return join(locked if self.reveal else sorted(locked))

    def places(self, setup, answer):
        """Which points of the answer are entries of both, by place."""
        theirs, mine = _parsed("setup", setup), _parsed("answer", answer)
        try:
            theirs = {self.lock(each) for each in theirs}
        except ValueError as failure:
            raise ValueError(f"setup must hold points of the curve, got one that does not: {failure}") from None
        return [place for place, each in enumerate(mine) if each in theirs]

    def count(self, setup, answer):
        """How many entries are common."""
        return len(self.places(setup, answer))

    @staticmethod
    def points(message, name):
        """The points in a request or an answer; `name` is for the refusal."""
        return [each for each in _parsed(name, message) if each not in (REVEAL, COUNT_ONLY)]


def _parsed(name, message):
    try:
        return split(message)
    except ValueError as failure:
        raise ValueError(f"{name} must be an undamaged message, got one that does not parse: {failure}") from None
