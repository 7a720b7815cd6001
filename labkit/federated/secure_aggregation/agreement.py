"""What clients and server agree on before a secure sum, and the two ways in which it ends without one."""

import hashlib
import os
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from labkit import validate

ROUNDS = ("advertise keys", "share secrets", "masked input", "consistency check", "unmask")


class Aborted(RuntimeError):
    """Too few clients are left for a sum. Nothing was revealed, and nothing can be computed."""


class MessageRefused(ValueError):
    """A client (or the server) will not go on: the message it got would expose somebody, or is not what it should be."""


def check_bytes(message, *, name, size=None, multiple=None):
    """`message` when it is bytes of the right length; MessageRefused, naming it, otherwise."""
    if not isinstance(message, bytes):
        raise MessageRefused(f"{name} must be bytes, got {type(message).__name__}: parties share no objects")
    if size is not None and len(message) != size:
        raise MessageRefused(f"{name} must be {size} bytes, got {len(message)}")
    if multiple is not None and len(message) % multiple:
        raise MessageRefused(f"{name} must be whole records of {multiple} bytes, got {len(message)} bytes")
    return message


@dataclass(frozen=True)
class Agreement:
    """The public parameters of one secure sum.

    clients:       how many, numbered from 0; 2 or more.
    threshold:     how many holders of a client's secret it takes to rebuild it, how many must vouch for one and the same
                   list of those who stayed, and the fewest that must stay to the end. With h holders of each secret, of
                   whom c may work for the server, 2 threshold > h + c; with a `degree`, 2 threshold > h + c + 1.
    length:        numbers in each client's vector.
    modulus_bits:  sums are taken modulo 2^modulus_bits, 8 to 64.
    degree:        with how many others each client shares masks and secrets; even; None for all others. With a degree,
                   the holders of a secret are the client's degree neighbours and itself.
    session:       bytes that no other sum has used, random by default; fixes the graph. Everybody must know them
                   before the server can choose who takes part.
    colluding:     c above: how many holders of a secret may work for the server.
    consistency:   False leaves out the round in which clients compare lists. Then a server that tells them different
                   lists reads a vector: for showing that, and for a server that is known not to lie.

    What a lying server learns, in a run with the round. Without a degree: one sum, of at least threshold - c honest
    clients. Proof: an honest client vouches once, for a list of at least `threshold` whose letters it holds. Two lists
    with `threshold` vouchers each would take 2 threshold <= n + c, so there is one. A part of the honest clients on it
    that has no mask in common with the rest holds none of the vouchers (each has all on the list among its letters),
    so the vouchers, at least threshold - c of them honest, are in the rest; and a client of the part was shown
    `threshold` clients outside that rest. Together 2 threshold <= n + c again: there is no such part.
    With a degree: sums of parts, each of at least 2 threshold - h - c honest clients. Proof: whoever reveals anything
    has `threshold` vouchers that it stayed, so its key is safe. Of the h - c honest holders of a client whose seed is
    revealed, at least threshold - c reveal, and at least threshold - c were shown to it: 2 threshold - h - c did both,
    and the masks with these stay. (Bell and others, too, let a lying server split the sum into large parts.)
    """

    clients: int
    threshold: int
    length: int
    modulus_bits: int = 32
    degree: int | None = None
    session: bytes = field(default_factory=lambda: os.urandom(16))
    colluding: int = 0
    consistency: bool = True

    def __post_init__(self):
        validate.integer(clients=self.clients, at_least=2, at_most=2**16)
        validate.integer(length=self.length, at_least=1)
        validate.integer(modulus_bits=self.modulus_bits, at_least=8, at_most=64)
        if not isinstance(self.session, bytes) or len(self.session) < 8:
            raise ValueError(f"session must be at least 8 bytes, got {self.session!r:.40}")
        if self.degree is not None:
            validate.integer(degree=self.degree, at_least=2, at_most=self.clients - 1)
            if self.degree % 2:
                raise ValueError(f"degree must be even (half of the neighbours on either side), got {self.degree}")
        validate.one_of(consistency=self.consistency, options=[True, False])
        validate.integer(colluding=self.colluding, at_least=0, at_most=self.clients - 1)
        validate.integer(threshold=self.threshold, at_least=1)
        if not self.least_threshold <= self.threshold <= self.holders:
            raise ValueError(
                f"threshold must be from {self.least_threshold} to {self.holders}: more than half of the {self.holders} who "
                f"hold a secret and the {self.colluding} who may work for the server, got {self.threshold}. With less, a "
                "server that tells some that a client dropped out, and others that it did not, reads a vector")

    @property
    def least_threshold(self):
        """The smallest threshold that a lying server cannot get around; above `holders` when there is none."""
        return (self.holders + self.colluding + (self.degree is not None)) // 2 + 1

    @property
    def holders(self):
        """How many hold a share of a client's secrets, itself included."""
        return self.clients if self.degree is None else self.degree + 1

    @property
    def modulus(self):
        return 2**self.modulus_bits

    @cached_property
    def _circle(self):
        """The clients in an order that the session fixes; neighbours are close in it."""
        seed = int.from_bytes(hashlib.sha256(b"neighbours" + self.session).digest(), "big")
        return np.random.default_rng(seed).permutation(self.clients)

    @cached_property
    def _places(self):
        """Where on the circle each client stands."""
        return np.argsort(self._circle)

    def neighbours(self, number):
        """With whom client `number` shares masks and secrets: a sorted list without itself."""
        number = validate.integer(number=number, at_least=0, at_most=self.clients - 1)
        if self.degree is None:
            return [other for other in range(self.clients) if other != number]
        place = int(self._places[number])
        steps = [step for far in range(1, self.degree // 2 + 1) for step in (-far, far)]
        return sorted(int(self._circle[(place + step) % self.clients]) for step in steps)
