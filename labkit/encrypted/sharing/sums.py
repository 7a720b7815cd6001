"""Secret sharing: a number in pieces, of which too few say nothing at all.

    a, b, c = share(42, 3)              additive: all three pieces are needed
    pieces = shamir_share(42, 5, 3)     any three of five will do

Shares of one secret that are added to shares of another are shares of the sum: people can add what nobody shows.
The secrecy needs no assumption on what an attacker can compute. Sources: Shamir, "How to share a secret", CACM 1979;
Ben-Or, Goldwasser, Wigderson, STOC 1988 (computing on shares).
"""

from labkit import shamir, validate
from labkit.encrypted.parties import MessageLedger
from labkit.encrypted.sharing import field
from labkit.encrypted.sharing.field import FRACTION_BITS, PRIME


def share(values, parties, *, prime=PRIME, rng=None):
    """Additive shares: random field elements that sum to the secret.

    values:  a whole number or an array of them, taken modulo `prime`.
    parties: how many shares, 2 or more.
    rng:     None for the operating system's randomness; a numpy Generator for teaching.
    Returns a list of arrays, one a party, each of the shape of `values`. All but one of them are independent of it.
    """
    prime, rng = field.check_prime(prime), validate.generator(rng=rng)
    parties = validate.integer(parties=parties, at_least=2)
    values = field.elements(values, prime=prime)
    random = [field.uniform(values.shape, prime, rng) for _ in range(parties - 1)]
    return [*random, (values - sum(random)) % prime]


def reconstruct(shares, *, prime=PRIME):
    """The values in additive shares, a list of arrays of one shape: their sum. ValueError when the shapes differ."""
    prime = field.check_prime(prime)
    if not isinstance(shares, (list, tuple)) or len(shares) < 2:
        raise ValueError(f"shares must be a list of two or more arrays, got {shares!r:.60}")
    arrays = [field.elements(each, "shares", prime) for each in shares]
    if len({each.shape for each in arrays}) > 1:
        raise ValueError(f"shares must have one shape, got {', '.join(str(each.shape) for each in arrays)}")
    return sum(arrays[1:], arrays[0]) % prime


def shamir_share(values, parties, threshold, *, prime=PRIME, rng=None):
    """Shamir's shares: points 1, 2, ... of a random polynomial of degree threshold - 1 that is the secret at 0.

    values:    as for `share`.
    parties:   how many shares, below `prime`.
    threshold: how many of them give the secret; threshold - 1 of them are independent of it.
    Returns {point: array of the shape of `values`}.
    """
    prime, rng = field.check_prime(prime), validate.generator(rng=rng)
    parties = validate.integer(parties=parties, at_least=1, at_most=prime - 1)
    threshold = validate.integer(threshold=threshold, at_least=1, at_most=parties)
    values = field.elements(values, prime=prime)
    randomness = [field.uniform(values.shape, prime, rng) for _ in range(threshold - 1)]
    return shamir.shares_of(values, randomness, parties, prime=prime)


def shamir_reconstruct(shares, threshold, *, prime=PRIME):
    """The values in Shamir shares, {point: array}, of which `threshold` or more are given.

    Shares beyond the threshold are a check: ValueError when they do not lie on the polynomial of the others, that is
    when somebody changed a share. With exactly `threshold` of them, a changed share goes unnoticed.
    """
    prime = field.check_prime(prime)
    threshold = validate.integer(threshold=threshold, at_least=1)
    if not isinstance(shares, dict) or len(shares) < threshold:
        told = f"{len(shares)}" if isinstance(shares, dict) else type(shares).__name__
        raise ValueError(f"shares must be a dict of at least {threshold} shares, got {told}: fewer say nothing")
    points = [validate.integer(point=point, at_least=1, at_most=prime - 1) for point in shares]
    arrays = [field.elements(each, "shares", prime) for each in shares.values()]
    if len({each.shape for each in arrays}) > 1:
        raise ValueError(f"shares must have one shape, got {', '.join(str(each.shape) for each in arrays)}")
    return shamir.secret_of(dict(zip(points, arrays)), threshold, prime=prime)


class RoundLedger(MessageLedger):
    """A ledger that also counts rounds: messages that need not wait for each other travel in one round."""

    rounds = 0

    def exchange(self, what, messages):
        """Send {(sender, receiver): bytes} at once, as one round; returns the messages as they arrive."""
        if not messages:
            raise ValueError(f"messages must hold at least one, got {messages!r}")
        self.rounds += 1
        return {pair: self.send(*pair, what, message) for pair, message in messages.items()}

    @property
    def bytes_sent(self):
        """All bytes that crossed between parties."""
        return sum(len(message) for *_, message in self.entries)


class ShareAdder:
    """One of n people who learn the sum of their numbers, and of the numbers nothing else. Speaks bytes only.

    place:     which share is hers, 1 ... parties.
    parties:   how many people.
    threshold: how many of them must join to read a person's number: Shamir's threshold.
    largest:   public bound on the size of every number.
    length:    how many numbers each person brings (all are summed at once).
    Raises ValueError when n numbers of that size could overflow the field.
    """

    def __init__(self, place, parties, threshold, *, largest, length=1, fraction_bits=FRACTION_BITS, rng=None):
        self.parties = validate.integer(parties=parties, at_least=2)
        self.place = validate.integer(place=place, at_least=1, at_most=self.parties)
        self.threshold = validate.integer(threshold=threshold, at_least=1, at_most=self.parties)
        self.length = validate.integer(length=length, at_least=1)
        self.largest = validate.positive(largest=largest)
        self.fraction_bits = validate.integer(fraction_bits=fraction_bits, at_least=0, at_most=40)
        self.rng = validate.generator(rng=rng)
        if self.parties * field.steps(self.largest, self.fraction_bits) > PRIME // 2:  # exact: floats round onto limits
            most = PRIME / 2 / 2**self.fraction_bits / self.parties
            raise ValueError(f"largest must be at most {most:g} for {self.parties} parties and {self.fraction_bits} "
                             f"fraction bits, got {self.largest:g}: the sum would overflow")
        self.received = {}  # place of the dealer -> her share for us

    def deal(self, numbers):
        """Share out one's own numbers: {place: message} for the others. ValueError when one exceeds `largest`."""
        numbers = validate.array(numbers=numbers, ndim=1)
        if len(numbers) != self.length:
            raise ValueError(f"numbers must have length {self.length}, got {len(numbers)}")
        secret = field.encode(numbers, fraction_bits=self.fraction_bits, largest=self.largest)
        pieces = shamir_share(secret, self.parties, self.threshold, rng=self.rng)
        self.received[self.place] = pieces.pop(self.place)
        return {place: field.to_bytes(piece) for place, piece in pieces.items()}

    def receive(self, dealer, message):
        """Keep the share that `dealer` sent."""
        dealer = validate.integer(dealer=dealer, at_least=1, at_most=self.parties)
        if dealer in self.received:
            raise ValueError(f"dealer must be somebody who has not dealt yet, got {dealer} again")
        self.received[dealer] = field.from_bytes(message, (self.length,))

    def subtotal(self):
        """The sum of all shares received: a share of the sum, safe to show. ValueError while a share is missing."""
        if len(self.received) != self.parties:
            raise ValueError(f"subtotal needs a share from each of {self.parties} parties, got {len(self.received)}")
        return field.to_bytes(sum(self.received.values()) % PRIME)

    def total(self, subtotals):
        """The sum of everybody's numbers, float64, from {place: message} with `threshold` subtotals or more."""
        if not isinstance(subtotals, dict):
            raise ValueError(f"subtotals must be a dict of messages by place, got {type(subtotals).__name__}")
        pieces = {place: field.from_bytes(message, (self.length,)) for place, message in subtotals.items()}
        return field.decode(shamir_reconstruct(pieces, self.threshold), fraction_bits=self.fraction_bits)


def shamir_sum(numbers, threshold, *, largest, ledger, rng=None):
    """Run the people of `ShareAdder` against each other: row i of `numbers` (n x d) belongs to person i + 1.

    Everybody deals, then everybody shows her subtotal: two rounds in `ledger`, a RoundLedger.
    Returns the d sums, float64, as person 1 sees them.
    """
    numbers = validate.array(numbers=numbers, ndim=2)
    if not isinstance(ledger, RoundLedger):
        raise ValueError(f"ledger must be a RoundLedger, got {type(ledger).__name__}")
    people = {place: ShareAdder(place, len(numbers), threshold, largest=largest, length=numbers.shape[1], rng=rng)
              for place in range(1, len(numbers) + 1)}
    dealt = {(place, to): message for place, person in people.items()
             for to, message in person.deal(numbers[place - 1]).items()}
    for (dealer, to), message in ledger.exchange("share", dealt).items():
        people[to].receive(dealer, message)
    # a message goes to every other person
    shown = {(place, to): person.subtotal() for place, person in people.items() for to in people if to != place}
    arrived = ledger.exchange("subtotal", shown)
    first = {dealer: message for (dealer, to), message in arrived.items() if to == 1}
    return people[1].total({1: people[1].subtotal(), **first})
