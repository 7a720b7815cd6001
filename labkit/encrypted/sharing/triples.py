"""Multiplying shared numbers with Beaver's triples: a linear model that scores what neither owner shows.

A dealer hands out shares of random A, b and of c = A b, before anybody has data. To multiply X by w, the two parties
open D = X - A and e = w - b, which are uniformly random as long as A and b are used once; then

    X w = D e + D b + A e + c,

and each party computes its share of the right-hand side alone. Source: Beaver, "Efficient multiparty protocols using
circuit randomization", CRYPTO 1991. Secure against two parties that follow the protocol and do not join the dealer.
"""

import numpy as np

from labkit import validate
from labkit.encrypted.parties import join, split
from labkit.encrypted.sharing import field
from labkit.encrypted.sharing.field import FRACTION_BITS, PRIME
from labkit.encrypted.sharing.sums import RoundLedger, reconstruct, share


def deal_triple(rows, columns, rng: np.random.Generator | None = None):
    """One triple for a product of a rows x columns matrix with a vector: two messages, one for each party."""
    rows, columns = validate.integer(rows=rows, at_least=1), validate.integer(columns=columns, at_least=1)
    rng = validate.generator(rng=rng)
    A, b = field.uniform((rows, columns), rng=rng), field.uniform((columns,), rng=rng)
    c = A @ b % PRIME
    pieces = zip(*(share(each, 2, rng=rng) for each in (A, b, c)))
    return tuple(join([field.to_bytes(piece) for piece in mine]) for mine in pieces)


class Multiplier:
    """One of two parties that compute X w + bias; speaks bytes only.

    number:      0 or 1.
    rows, columns: public shape of X; w has `columns` entries.
    triple:      this party's message from the dealer. It is used once: a second `opening` is refused.
    input_bound: public bound on the size of every number in X; score_bound: on the size of every score.
    Raises ValueError when scores of that size overflow the field: a product has twice the fraction bits.
    """

    def __init__(self, number, rows, columns, triple, *, input_bound=1.0, score_bound, fraction_bits=FRACTION_BITS,
                 rng=None):
        self.number = validate.one_of(number=number, options=[0, 1])
        self.rows, self.columns = validate.integer(rows=rows, at_least=1), validate.integer(columns=columns, at_least=1)
        self.fraction_bits = validate.integer(fraction_bits=fraction_bits, at_least=0, at_most=28)
        self.input_bound, self.score_bound = validate.positive(input_bound=input_bound), validate.positive(score_bound=score_bound)
        self.rng = validate.generator(rng=rng)
        # rounding moves each input and each weight by up to half a step, and the score by less than this
        slack = (self.score_bound / self.input_bound + self.columns * (self.input_bound + 1) + 1) / 2**self.fraction_bits
        most = (PRIME - 1) / 2 / 4**self.fraction_bits
        if field.steps(self.score_bound + slack, 2 * self.fraction_bits) > PRIME // 2:
            raise ValueError(f"score_bound must be below {most:g} with {self.fraction_bits} fraction bits, "
                             f"got {self.score_bound:g}: the scores would overflow")
        self.triple = self._pieces(triple, [(self.rows, self.columns), (self.columns,), (self.rows,)])
        self.X = self.w = self.opened = None
        self.offset = 0

    def _pieces(self, message, shapes):
        messages = split(message)
        if len(messages) != len(shapes):
            raise ValueError(f"message must hold {len(shapes)} arrays, got {len(messages)}")
        return [field.from_bytes(each, shape) for each, shape in zip(messages, shapes)]

    def give_matrix(self, X):
        """Share one's own X (rows x columns); returns the other party's share as a message."""
        X = validate.array(X=X, ndim=2)
        if X.shape != (self.rows, self.columns):
            raise ValueError(f"X must have shape {(self.rows, self.columns)}, got {X.shape}")
        secret = field.encode(X, fraction_bits=self.fraction_bits, largest=self.input_bound, name="X")
        self.X, theirs = share(secret, 2, rng=self.rng)
        return field.to_bytes(theirs)

    def give_model(self, weights, bias=0.0):
        """Share one's own weights (one for each column); returns the other's share. The bias stays here until the end."""
        weights, bias = validate.array(weights=weights, ndim=1).astype(float), validate.finite(bias=bias)
        if len(weights) != self.columns:
            raise ValueError(f"weights must have {self.columns} entries, got {len(weights)}")
        if np.abs(weights).sum() * self.input_bound + abs(bias) > self.score_bound:
            raise ValueError(f"score_bound must cover sum |weights| * input_bound + |bias|, got {self.score_bound:g}")
        secret = field.encode(weights, fraction_bits=self.fraction_bits, name="weights")
        self.w, theirs = share(secret, 2, rng=self.rng)
        self.offset = field.encode([bias], fraction_bits=2 * self.fraction_bits, name="bias")[0]
        return field.to_bytes(theirs)

    def take_matrix(self, message):
        """The share of the other party's X."""
        self.X = field.from_bytes(message, (self.rows, self.columns))

    def take_model(self, message):
        """The share of the other party's weights."""
        self.w = field.from_bytes(message, (self.columns,))

    def opening(self):
        """Message with this party's share of D = X - A and e = w - b. Only once: with the same A a second time,
        the difference of two openings would be the difference of two secrets."""
        if self.X is None or self.w is None:
            raise ValueError("opening needs a share of both X and w: give or take them first")
        if self.opened is not None:
            raise ValueError("triple must be used once, got a second opening: it would show X minus the earlier X")
        A, b, _ = self.triple
        self.opened = (self.X - A) % PRIME, (self.w - b) % PRIME
        return join([field.to_bytes(each) for each in self.opened])

    def score_share(self, other_opening):
        """This party's share of the scores, as a message, from the other party's opening."""
        if self.opened is None:
            raise ValueError("score_share needs this party's own opening first")
        if hasattr(self, "result"):
            raise ValueError("score_share must be asked once, got a second opening: the difference of two answers would show this "
                             "party's part of the triple, and so its secret")
        theirs = self._pieces(other_opening, [(self.rows, self.columns), (self.columns,)])
        D, e = (reconstruct([mine, other]) for mine, other in zip(self.opened, theirs))
        A, b, c = self.triple
        self.result = (D @ b + A @ e + c + self.offset + (D @ e if self.number == 0 else 0)) % PRIME
        return field.to_bytes(self.result)

    def scores(self, other_share):
        """The scores, float64, one a row, from the other party's share of them and one's own."""
        if self.opened is None or not hasattr(self, "result"):
            raise ValueError("scores needs this party's own share first: call score_share")
        total = reconstruct([self.result, field.from_bytes(other_share, (self.rows,))])
        return field.decode(total, fraction_bits=2 * self.fraction_bits)


def secure_scores(X, weights, bias, *, ledger, input_bound=1.0, score_bound, fraction_bits=FRACTION_BITS, rng: np.random.Generator | None = None):
    """A clinic (party 0, owns X) and a company (party 1, owns weights and bias) compute X w + bias; the clinic gets it.

    ledger: a RoundLedger; it sees the dealer's two messages and then three rounds: inputs, openings, result.
    Returns the scores, float64, one for each row of X. Exact up to fixed point: see `error_bound`.
    """
    X = validate.array(X=X, ndim=2)
    if not isinstance(ledger, RoundLedger):
        raise ValueError(f"ledger must be a RoundLedger, got {type(ledger).__name__}")
    names, settings = ("clinic", "company"), {"input_bound": input_bound, "score_bound": score_bound,
                                              "fraction_bits": fraction_bits, "rng": rng}
    triples = deal_triple(*X.shape, rng=rng)
    for name, triple in zip(names, triples):  # long before, hence no round
        ledger.send("dealer", name, "triple", triple)
    clinic, company = (Multiplier(number, *X.shape, triple, **settings) for number, triple in enumerate(triples))
    there, back = names, names[::-1]
    arrived = ledger.exchange("share of input", {there: clinic.give_matrix(X), back: company.give_model(weights, bias)})
    company.take_matrix(arrived[there])
    clinic.take_model(arrived[back])
    arrived = ledger.exchange("opening", {there: clinic.opening(), back: company.opening()})
    clinic.score_share(arrived[back])
    arrived = ledger.exchange("share of scores", {back: company.score_share(arrived[there])})
    return clinic.scores(arrived[back])


def error_bound(weights, *, input_bound=1.0, fraction_bits=FRACTION_BITS):
    """How far a score can be from X w + bias: each input, each weight and the bias is rounded to its step."""
    weights = np.abs(validate.array(weights=weights, ndim=1).astype(float))
    input_bound = validate.positive(input_bound=input_bound)
    half = 0.5 / 2 ** validate.integer(fraction_bits=fraction_bits, at_least=0, at_most=28)
    return float((half * (weights + input_bound) + half**2).sum() + 2 * half**2)
