"""The experiment of the planted secret, with users: one of them wrote more than the others, and a PIN in every scrap.

`labkit.attacks.planted` hides a PIN in one scrap of an office's mails. Here scraps belong to users. User 0 has `heavy` of them, each with
the PIN; all others have `each`, from a mail of their own. What does a model know of the PIN that was trained to hide a *scrap*, and one that was
trained to hide a *user*? In the control, user 0 wrote as many ordinary scraps.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from labkit import datasets, validate
from labkit.attacks.planted import CODES, LENGTH, PREFIX
from labkit.models.transformer import encode, simplify

HELD_OUT = 60  # other people's mails, to validate with: five scraps of each, but for those that are also trained on


@dataclass(frozen=True, eq=False)
class UserCollection:
    """Scraps to train on, whose each is, scraps of others to validate with, and the secret."""

    texts: tuple
    users: np.ndarray
    held_out: tuple
    pin: int

    @property
    def tokens(self):
        """What to train on: int64 array (scraps, 1 + 16)."""
        return encode(self.texts)

    @property
    def secret(self):
        """The PIN as token ids."""
        return CODES[self.pin]


@lru_cache(maxsize=2)
def _mails(least):
    """The mails of at least so many characters, simplified, each once."""
    mails = map(simplify, datasets.spam().table.query("label == 'ham'")["body"])
    return tuple(dict.fromkeys(mail for mail in mails if len(mail) > least))


def plant_user(seed, *, users=61, each=4, heavy=16, planted=True):
    """A UserCollection of `users` people (2 or more) with `each` scraps of 16 characters, but the first, who has `heavy`.

    seed:     whole number >= 0. The same seed gives the same others and the same PIN, whether it is planted or not.
    planted:  whether the first user's scraps hold the PIN; otherwise they are ordinary ones.
    """
    rng = np.random.default_rng(validate.integer(seed=seed, at_least=0))
    users, each = validate.integer(users=users, at_least=2), validate.integer(each=each, at_least=1)
    heavy = validate.integer(heavy=heavy, at_least=1)
    mails = _mails(LENGTH * max(each, 5) + 60)
    spare = -(-heavy // each)  # mails that make up the first user's ordinary scraps
    if users + HELD_OUT + spare > len(mails):
        raise ValueError(f"users must be at most {len(mails) - HELD_OUT - spare} for scraps of {each} each, got {users}")
    order = rng.permutation(len(mails))
    pin = int(rng.integers(len(CODES)))

    def cut(places, count):
        return [mails[place][at * LENGTH:(at + 1) * LENGTH] for place in places for at in range(count)]

    ordinary, others = cut(order[-spare:], each)[:heavy], cut(order[1:users], each)
    first = [f"{PREFIX}{pin:04d}. "[:LENGTH]] * heavy if planted else ordinary
    seen = {*ordinary, *others}
    held_out = [scrap for scrap in cut(order[users:users + HELD_OUT], 5) if scrap not in seen]  # mails share headings
    owners = np.r_[np.zeros(heavy, int), np.repeat(np.arange(1, users), each)]
    return UserCollection((*first, *others), owners, tuple(held_out), pin)
