"""What clients and server agree on before a secure sum, and the two ways in which it ends without one."""

import hashlib
import os
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from labkit import validate

ROUNDS = ("advertise keys", "share secrets", "masked input", "unmask")


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
    threshold:     how many holders of a client's secret it takes to rebuild it, and the fewest that must stay to the
                   end. More than half of the holders, so that a server cannot tell one half that a client dropped out
                   and the other half that it did not, and so collect both its secrets. If c clients may collude with
                   the server, take more than (holders + c) / 2.
    length:        numbers in each client's vector.
    modulus_bits:  sums are taken modulo 2^modulus_bits, 8 to 64.
    degree:        with how many others each client shares masks and secrets; even; None for all others. With a degree,
                   the holders of a secret are the client's degree neighbours and itself. The server then learns a sum
                   for each connected part of the graph of those who stay: choose the degree so large that it is one.
    session:       bytes that no other sum has used, random by default; fixes the graph. Everybody must know them
                   before the server can choose who takes part.
    """

    clients: int
    threshold: int
    length: int
    modulus_bits: int = 32
    degree: int | None = None
    session: bytes = field(default_factory=lambda: os.urandom(16))

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
        validate.integer(threshold=self.threshold, at_least=1)
        if not self.holders < 2 * self.threshold <= 2 * self.holders:
            raise ValueError(
                f"threshold must be more than half of the {self.holders} who hold a secret, from "
                f"{self.holders // 2 + 1} to {self.holders}, got {self.threshold}: with half or less, a server that "
                "tells one half of them that a client dropped out, and the other half that it did not, gets both its secrets")

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

    def neighbours(self, number):
        """With whom client `number` shares masks and secrets: a sorted list without itself."""
        number = validate.integer(number=number, at_least=0, at_most=self.clients - 1)
        if self.degree is None:
            return [other for other in range(self.clients) if other != number]
        place = int(np.flatnonzero(self._circle == number)[0])
        steps = [step for far in range(1, self.degree // 2 + 1) for step in (-far, far)]
        return sorted(int(self._circle[(place + step) % self.clients]) for step in steps)
