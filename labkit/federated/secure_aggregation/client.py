"""One client of a secure sum, in five rounds. It speaks bytes only, and answers each question once.

    1  advertise    two public keys: one to agree on masks, one for sealed letters
    2  share        its mask key and its own seed in shares, sealed, one letter to each neighbour
    3  masked       its vector, plus a mask from its own seed, plus or minus a mask with each neighbour who is there
    4  vouch        for the server's list of who stayed, to each neighbour who stayed: "this is the list I was told"
    5  unmask       when a threshold vouched for the same list: for each neighbour one share, of the own seed of who
                    stayed, of the mask key of who dropped out

Why two masks? If the masks with neighbours were all, a server that called a *late* client "dropped out", and so got
its mask key, could read the vector when it arrived. The own seed keeps it shut.
Why round 4? A server that tells clients different lists collects the mask keys of everybody with whom one client
masked, and that client's seed: never two secrets of the same client, and yet all of its vector.
"""

import hmac
import os
import struct

import numpy as np
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from labkit import validate
from labkit.federated.secure_aggregation import masks, shares
from labkit.federated.secure_aggregation.agreement import Aborted, Agreement, MessageRefused, check_bytes

NUMBER = struct.Struct(">I")
KEYS, SIGNATURE = 2 * masks.KEY, 64
LETTER = 2 * shares.SIZE + 16  # both shares, and the seal
SEED_SHARE, KEY_SHARE = b"\x00", b"\x01"  # of who stayed, of who dropped out


def records(message, size, name, twice="each client once, got one twice"):
    """{number: bytes} of a message made of records: a client's number and `size` bytes each."""
    width = NUMBER.size + size
    check_bytes(message, name=name, multiple=width)
    starts = range(0, len(message), width)
    found = {NUMBER.unpack_from(message, at)[0]: message[at + NUMBER.size:at + width] for at in starts}
    if len(found) * width != len(message):
        raise MessageRefused(f"{name} must hold {twice}")
    return found


def join(entries):
    """The message of records {number: bytes}."""
    return b"".join(NUMBER.pack(number) + entry for number, entry in entries.items())


def bitmap(numbers, clients):
    """The message that says who of `clients` stayed: one bit for each, the first in the lowest bit of the first byte."""
    return sum(1 << number for number in set(numbers)).to_bytes(-(-clients // 8), "little")


def listed(message, clients, among):
    """The set of those `among` whom such a message has as staying. It cannot say two things of one client."""
    check_bytes(message, name="survivors", size=-(-clients // 8))
    bits = int.from_bytes(message, "little")
    if bits >> clients:
        raise MessageRefused(f"survivors must be among the {clients} clients, got {bits.bit_length() - 1}")
    return {number for number in among if bits >> number & 1}


class MaskingClient:
    """Takes part in one secure sum, and only one.

    number:    which client it is, 0 ... clients - 1.
    agreement: the `Agreement`.
    identity:  None, or 32 private bytes of an Ed25519 key with which it signs its public keys, and
    directory: {number: 32 public bytes} of everybody's, known from elsewhere than the server. Without them the server
               must be *honest but curious*: one that hands out keys of its own instead would read every vector.
    rng:       None for the operating system's randomness; a numpy Generator for teaching and tests.
    pairs:     only for a simulation: a function that computes what two clients agree on once for both (`protocol`).
    Raises MessageRefused for a message that would expose somebody or is damaged, Aborted when too few are left.
    """

    def __init__(self, number, agreement, *, identity=None, directory=None, rng: np.random.Generator | None = None, pairs=None):
        if not isinstance(agreement, Agreement):
            raise ValueError(f"agreement must be an Agreement, got {type(agreement).__name__}")
        self.number = validate.integer(number=number, at_least=0, at_most=agreement.clients - 1)
        if (identity is None) != (directory is None):
            raise ValueError("identity and directory go together, got one of them")
        self.agreement, self.directory, self._rng = agreement, directory, validate.generator(rng=rng)
        self._identity = None if identity is None else Ed25519PrivateKey.from_private_bytes(identity)
        random = os.urandom if rng is None else rng.bytes
        self._mask_bytes, letter_bytes, self._seed = (random(masks.KEY) for _ in range(3))
        self._mask_key, self._letter_key = masks.load(self._mask_bytes), masks.load(letter_bytes)
        self._own = masks.public_bytes(self._mask_key), masks.public_bytes(self._letter_key)
        self._agree = (lambda key, own, public: masks.agree(key, public)) if pairs is None else pairs
        self._neighbours = set(agreement.neighbours(self.number))
        self._done = set()

    def _once(self, step, after=None):
        if step in self._done or (after is not None and after not in self._done):
            asked = "again: it answers once" if step in self._done else f"before it did '{after}'"
            raise MessageRefused(f"client {self.number} was asked to '{step}' {asked}")
        self._done.add(step)

    def _enough(self, present, doing):
        """Stop unless the neighbours present, and this client, are a threshold of its holders."""
        if len(present) + 1 < self.agreement.threshold:
            raise Aborted(f"client {self.number} stops before it can {doing}: of those who hold its secrets "
                          f"{len(present) + 1} are left, at least {self.agreement.threshold} are needed")

    def _signed_part(self, number, keys):
        return b"keys" + self.agreement.session + NUMBER.pack(number) + keys

    def advertise(self):
        """Round 1, to the server: two public keys, signed where there are identities."""
        self._once("advertise")
        keys = b"".join(self._own)
        return keys + (self._identity.sign(self._signed_part(self.number, keys)) if self._identity else b"")

    def share(self, roster):
        """Round 2: from the keys of the neighbours who are there, a sealed letter to each, through the server."""
        self._once("share", after="advertise")
        entries = records(roster, KEYS + SIGNATURE * (self._identity is not None), "roster")
        self._check_members(entries, self._neighbours)
        self._enough(entries, "share its secrets")
        for number, entry in entries.items():
            self._check_signature(number, entry)
        self._public = {number: (entry[:masks.KEY], entry[masks.KEY:KEYS]) for number, entry in entries.items()}
        if len({key for pair in self._public.values() for key in pair}) < 2 * len(self._public):
            raise MessageRefused("roster must hold different keys, got one twice: somebody plays two clients")
        seeds, keys = (shares.split(secret, len(entries) + 1, self.agreement.threshold, self._rng)
                       for secret in (self._seed, self._mask_bytes))
        self._pairs = {number: masks.pair_keys(self._agree(self._letter_key, self._own[1], letter), self.number, number,
                                               self.agreement.session) for number, (_, letter) in self._public.items()}
        pieces = dict(zip(sorted([self.number, *entries]), zip(seeds, keys)))
        self._held = {self.number: pieces.pop(self.number)}
        return join({to: masks.letter_cipher(self._pairs[to][0]).encrypt(masks.NONCE, b"".join(pair), None)
                     for to, pair in pieces.items()})

    def _check_members(self, numbers, allowed):
        if strangers := sorted(set(numbers) - set(allowed)):
            raise MessageRefused(f"client {self.number} was told of {', '.join(map(str, strangers))}, no neighbour of this round")

    def _check_signature(self, number, entry):
        if self.directory is not None:
            try:
                Ed25519PublicKey.from_public_bytes(self.directory[number]).verify(
                    entry[KEYS:], self._signed_part(number, entry[:KEYS]))
            except (InvalidSignature, KeyError) as error:
                raise MessageRefused(f"the keys of client {number} are not signed by it: somebody put in others") from error

    def masked(self, letters, vector):
        """Round 3: from the letters of the neighbours who are still there, the masked vector.

        vector: `length` whole numbers; taken modulo 2^modulus_bits.
        """
        bits, length = self.agreement.modulus_bits, self.agreement.length
        vector = validate.array(vector=vector, ndim=1)
        if vector.dtype.kind not in "iu" or len(vector) != length:
            raise ValueError(f"vector must be {length} whole numbers, got {len(vector)} of type {vector.dtype}")
        self._once("masked", after="share")
        letters = records(letters, LETTER, "letters")
        self._check_members(letters, self._public)
        self._enough(letters, "send its vector")
        for sender, letter in letters.items():
            try:
                opened = masks.letter_cipher(self._pairs[sender][1]).decrypt(masks.NONCE, letter, None)
            except InvalidTag as error:
                raise MessageRefused(f"the letter of client {sender} to client {self.number} was changed on its way") from error
            self._held[sender] = opened[:shares.SIZE], opened[shares.SIZE:]
        kind, mask = masks.words(bits)
        total = (vector.astype(np.int64 if vector.dtype.kind == "i" else np.uint64).view(np.uint64)).astype(kind)
        total = total + masks.expand(self._seed, length, bits)
        for other in letters:
            secret = self._agree(self._mask_key, self._own[0], self._public[other][0])
            mine = masks.expand(masks.seed_from(secret, self.number, other, self.agreement.session), length, bits)
            if self.number < other:  # one adds what the other subtracts
                total += mine
            else:
                total -= mine
        return masks.pack(total, bits)

    def _read(self, survivors):
        """Take the server's list of who stayed, one bit for each client of the sum; of my holders a threshold must be on it."""
        stayed = listed(survivors, self.agreement.clients, {self.number, *self._neighbours})
        if self.number not in stayed:
            raise MessageRefused(f"client {self.number} is here, and was told that it dropped out")
        if strangers := sorted(stayed - set(self._held)):
            raise MessageRefused(f"client {self.number} was told that {strangers} stayed, whose letters it never got")
        self._enough(stayed - {self.number}, "help to unmask")
        self._survivors, self._stayed = survivors, stayed

    def vouch(self, survivors):
        """Round 4: to each neighbour who stayed, a voucher for the server's list of who stayed (see `bitmap`)."""
        self._once("vouch", after="masked")
        self._read(survivors)
        return join({other: masks.voucher(self._pairs[other][2], self.number, survivors)
                     for other in sorted(self._stayed - {self.number})})

    def unmask(self, message):
        """Round 5: from the neighbours' vouchers for the list that this client vouched for, one share for each neighbour.

        message: the vouchers; the list itself where the agreement leaves out the consistency check.
        """
        self._once("unmask", after="vouch" if self.agreement.consistency else "masked")
        if self.agreement.consistency:
            self._check_vouchers(records(message, masks.TAG, "vouchers"))
        else:
            self._read(message)
        kinds = {number: SEED_SHARE if number in self._stayed else KEY_SHARE for number in sorted(self._held)}
        return join({number: kind + self._held[number][kind == KEY_SHARE] for number, kind in kinds.items()})

    def _check_vouchers(self, vouchers):
        self._check_members(vouchers, self._stayed - {self.number})
        for sender, tag in vouchers.items():
            if not hmac.compare_digest(tag, masks.voucher(self._pairs[sender][2], sender, self._survivors)):
                raise MessageRefused(f"client {sender} vouches for another list than client {self.number} was told: the server lies to "
                              "one of them, or the message was changed")
        self._enough(vouchers, "help to unmask with one list for all")
