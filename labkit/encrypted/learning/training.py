"""Regression on patients of several hospitals, by a cloud that sees neither patients nor model.

    Contributor   a hospital: encrypts its table with the public key, and cannot decrypt
    Cloud         computes on the tables; holds public keys only
    KeyHolder     owns the secret key; sees sums over all patients and the model, no patient

Every hospital fills slots of its own and leaves zeros elsewhere, so that adding ciphertexts merges the tables. What the
cloud returns is one product for each patient, and only their sum may be read: so it masks all of the plaintext but the
sum (`labkit.encrypted.ckks.masking`). The guarantee is against each party alone, if it follows the protocol: cloud and
key holder together read everything.
"""

import os
from dataclasses import dataclass

import numpy as np

from labkit import validate
from labkit.encrypted.ckks.masking import masked_sum, opened_sum
from labkit.encrypted.ckks.planning import MOST_BITS, CKKSPlan
from labkit.encrypted.ckks.roles import CKKSClient, CKKSServer
from labkit.encrypted.ckks.rotations import added_up, doublings, rotation_keys, take_rotation_keys
from labkit.encrypted.ckks.sums import inner_product
from labkit.encrypted.learning.sigmoid import OddPolynomial, identity
from labkit.encrypted.parties import join, split

HIDING_BITS = 20  # what a sum's own error tells of patients: an advantage of 2^-20 at most, for each sum
LARGEST_SCALED_WEIGHT = 8.0


@dataclass(frozen=True)
class Recipe:
    """What all parties agree on, in public, before training.

    rows:  patients in all. features: columns, the constant included. rate: step of gradient descent.
    curve: `identity(...)` for linear regression or `fitted_sigmoid(...)` for logistic.
    """

    rows: int
    features: int
    rate: float
    curve: OddPolynomial

    def __post_init__(self):
        for name in ("rows", "features"):
            validate.integer(**{name: getattr(self, name)}, at_least=1)
        validate.positive(rate=self.rate)
        if not isinstance(self.curve, OddPolynomial):
            raise ValueError(f"curve must be an OddPolynomial (see labkit.encrypted.learning.sigmoid), got {type(self.curve).__name__}")

    @classmethod
    def least_squares(cls, rows, features):
        """For `Cloud.normal_equations`, which takes no steps: columns travel as they are."""
        return cls(rows, features, rate=float(rows), curve=identity(1.0))

    @property
    def scaling(self):
        """Columns are multiplied by this on upload. The step is then a sum of products: no level goes into constants."""
        return (self.rate / (self.rows * self.curve.interval)) ** 0.5

    @property
    def unit(self):
        """Weight of the model for a 1 in the scaled weights that travel encrypted."""
        return self.rate / (self.rows * self.scaling)

    def plan(self, *, alone=False, poly_modulus_degree=16384):
        """CKKS parameters: for one step between two refreshes, exact under the masks, or for many levels at N = 8192.

        alone: False for a key holder who refreshes; True for training with rotation keys and no refresh.
        poly_modulus_degree: 16384, or 8192 for half the memory, where masks have room for about 6 hiding bits only.
        """
        if validate.one_of(alone=alone, options=[True, False]):
            return CKKSPlan(8192, (37, *[27] * 5, 42), largest=2.0**8)
        depth = self.curve.levels + 2  # scores, curve, gradient
        most = MOST_BITS["2024"][validate.one_of(poly_modulus_degree=poly_modulus_degree, options=[8192, 16384])]
        middle = min(56, (most - 8) // (depth + 2))
        return CKKSPlan(poly_modulus_degree, (middle + 4, *[middle] * depth, middle + 4), largest=LARGEST_SCALED_WEIGHT)

    def twin(self, X, y, steps):
        """The same training on plain numbers: the weights after 0, 1, ... steps, a list of arrays."""
        X, y = _table(X, y, self.features)
        weights = [np.zeros(self.features)]
        for _ in range(validate.integer(steps=steps, at_least=1)):
            residual = y - 0.5 - self.curve(X @ weights[-1] / self.curve.interval)
            weights.append(weights[-1] + self.rate / self.rows * X.T @ residual)
        return weights


def normal_equations_plan():
    """CKKS parameters for `Cloud.normal_equations`: one level, as exact as N = 8192 allows."""
    return CKKSPlan(8192, (60, 58, 60), largest=1.0)


class Contributor:
    """A hospital. Encrypts its patients with the key holder's public key."""

    def __init__(self, recipe, public_bytes):
        self.recipe, self.party = _recipe(recipe), CKKSServer(public_bytes)

    def table(self, X, y, *, first_slot, slots):
        """One message: a ciphertext for each column and one for the labels, in slots first_slot, first_slot + 1, ...

        X: n x features, numbers from -1 to 1, the column of ones included. y: n labels, 0 or 1.
        slots: length of the common table, the same for all hospitals; a power of two.
        """
        X, y = _table(X, y, self.recipe.features)
        slots = _table_slots(slots, self.party.slots)
        first_slot = validate.integer(first_slot=first_slot, at_least=0, at_most=slots - len(X))
        behind = slots - len(X) - first_slot
        bound = self.recipe.scaling
        columns = [(column * bound, bound) for column in X.T] + [(y - 0.5, 0.5)]
        return join([self.party.encrypt(np.pad(each, (first_slot, behind)), bound=limit).to_bytes() for each, limit in columns])


class Cloud:
    """Merges tables and computes on them.

    masked:      True; to show what masks are for, False leaves them out, and "slots" masks the real parts only.
    hiding_bits: of the masks, see `labkit.encrypted.ckks.masking`.
    """

    def __init__(self, recipe, public_bytes, *, masked=True, hiding_bits=HIDING_BITS):
        self.recipe, self.party = _recipe(recipe), CKKSServer(public_bytes)
        self.masked = validate.one_of(masked=masked, options=[True, False, "slots"])
        self.hiding_bits = validate.integer(hiding_bits=hiding_bits, at_least=1, at_most=60)
        self.columns = self.labels = self.scaled = None

    def take_rotation_keys(self, message):
        """The key holder's `rotation_keys`, before the first `step_alone`."""
        take_rotation_keys(self.party, message)

    def add(self, message):
        """Take a hospital's table in."""
        *columns, labels = [self.party.load(each) for each in split(message)] or [None]
        if len(columns) != self.recipe.features:
            raise ValueError(f"message must hold {self.recipe.features} columns and the labels, got {len(columns)} columns")
        if self.columns is not None:
            columns = [old + new for old, new in zip(self.columns, columns)]
            labels = self.labels + labels
        # Slots do not overlap, so the sum is no larger than its parts.
        self.columns = [each.within(self.recipe.scaling) for each in columns]
        self.labels = labels.within(0.5)

    def normal_equations(self):
        """All products of two columns and of a column with the labels: the reply for `KeyHolder.least_squares`."""
        self._need_tables()
        products = (x * other for i, x in enumerate(self.columns) for other in [*self.columns[: i + 1], self.labels])
        return join([self._masked(each) for each in products])  # one at a time: all would fill the memory

    def gradient(self, weights_message):
        """One product for each patient and weight, for `KeyHolder.step`."""
        self._need_tables()
        scaled = [self.party.load(each) for each in split(weights_message)]
        residual = self._residual(scaled)
        return join([self._masked(x * residual) for x in self.columns])

    def step_alone(self):
        """One step without the key holder, on weights that stay here, encrypted. Returns the levels left.

        ValueError when no level is left for it. Needs `Recipe.plan(alone=True)` and the key holder's rotation keys.
        """
        self._need_tables()
        residual = self.labels if self.scaled is None else self._residual(self.scaled)
        steps = [added_up(x * residual, doublings(1, len(residual)), LARGEST_SCALED_WEIGHT) for x in self.columns]
        moved = steps if self.scaled is None else [old + step for old, step in zip(self.scaled, steps)]
        self.scaled = [each.within(LARGEST_SCALED_WEIGHT) for each in moved]
        return self.scaled[0].levels_left

    def weights(self):
        """The encrypted weights after `step_alone`, for `KeyHolder.open`."""
        if self.scaled is None:
            raise ValueError("step_alone must come first, got no weights yet")
        return join([each.to_bytes() for each in self.scaled])

    def _residual(self, scaled):
        if len(scaled) != self.recipe.features:
            raise ValueError(f"weights_message must hold {self.recipe.features} weights, got {len(scaled)}")
        u = inner_product(self.columns, scaled).within(1.0)  # the key holder's word, see KeyHolder.weights_message
        return self.labels - self.recipe.curve(u)

    def _masked(self, vector):
        """A message of which the sum can be read and the terms cannot."""
        if self.masked is True:
            return masked_sum(vector, hiding_bits=self.hiding_bits)
        if self.masked == "slots":  # sums to zero over the slots; the imaginary halves stay as they are
            words = np.frombuffer(os.urandom(8 * len(vector)), np.uint64)
            mask = (words / 2.0**64 - 0.5) * self.party.largest / 2
            vector = vector + (mask - np.roll(mask, 1))
        return vector.to_bytes()

    def _need_tables(self):
        if self.columns is None:
            raise ValueError("add must come first, got no table yet")


class KeyHolder:
    """Owns the secret key, opens sums, and refreshes the weights between steps."""

    def __init__(self, recipe, plan):
        self.recipe, self.client = _recipe(recipe), CKKSClient(plan)

    def public_bytes(self, *, computing=True):
        """For the cloud, or with computing=False for hospitals, who only encrypt. Without the secret key."""
        return self.client.public_bytes(computing=computing)

    def rotation_keys(self, slots):
        """For a cloud that trains alone on tables of so many slots, a power of two."""
        return rotation_keys(self.client, doublings(1, validate.integer(slots=slots, at_least=2, at_most=self.client.slots)))

    def weights_message(self, weights, *, slots):
        """Encrypt the model for the next step, each weight in all slots.

        Raises ValueError when some patient could leave the interval on which the curve holds: |z| is at most the sum
        of the sizes of the weights, because no number in the tables exceeds 1.
        """
        weights = self._weights(weights)
        reach = np.abs(weights).sum()
        if reach > self.recipe.curve.interval:
            raise ValueError(f"weights must keep every score within {self.recipe.curve.interval:g}, where the curve was fitted, "
                             f"got weights that reach {reach:.3g}: fit the curve on a wider interval")
        scaled = weights / self.recipe.unit
        if np.abs(scaled).max() > LARGEST_SCALED_WEIGHT:
            raise ValueError(f"weights must be at most {LARGEST_SCALED_WEIGHT * self.recipe.unit:.3g} in size, "
                             f"got {np.abs(weights).max():.3g}")
        slots = _table_slots(slots, self.client.slots)
        # A weight of zero is encrypted like any other.
        return join([self.client.encrypt(np.full(slots, each), bound=LARGEST_SCALED_WEIGHT).to_bytes() for each in scaled])

    def step(self, weights, reply):
        """The weights after one step of gradient descent, from the cloud's reply."""
        weights, sums = self._weights(weights), self.sums(reply)
        if len(sums) != len(weights):
            raise ValueError(f"reply must hold {len(weights)} gradients, got {len(sums)}")
        return weights + self.recipe.unit * sums

    def least_squares(self, reply):
        """Linear regression of (label - 1/2) on the columns, from the cloud's normal equations."""
        sums, d = self.sums(reply), self.recipe.features
        if len(sums) != d * (d + 3) // 2:
            raise ValueError(f"reply must hold {d * (d + 3) // 2} sums, got {len(sums)}")
        gram, right = np.zeros((d, d)), np.zeros(d)
        for i in range(d):
            start = i * (i + 3) // 2
            gram[i, : i + 1] = gram[: i + 1, i] = sums[start : start + i + 1]
            right[i] = sums[start + i + 1]
        return np.linalg.solve(gram, right) * self.recipe.scaling

    def open(self, message):
        """The weights that a cloud trained alone."""
        return self._weights([self.client.decrypt(each).mean() for each in split(message)]) * self.recipe.unit

    def sums(self, reply):
        """Sum over the slots of each ciphertext in a reply."""
        return np.array([opened_sum(self.client, each) for each in split(reply)])

    def _weights(self, weights):
        weights = validate.array(weights=weights, ndim=1).astype(float)
        if len(weights) != self.recipe.features:
            raise ValueError(f"weights must be {self.recipe.features} numbers, one for each feature, got {len(weights)}")
        return weights


def _table_slots(slots, most):
    slots = validate.integer(slots=slots, at_least=1, at_most=most)
    if slots & (slots - 1):
        raise ValueError(f"slots must be a power of two, got {slots}")
    return slots


def _recipe(recipe):
    if not isinstance(recipe, Recipe):
        raise ValueError(f"recipe must be a Recipe, got {type(recipe).__name__}")
    return recipe


def _table(X, y, features):
    X, y = validate.array(X=X, ndim=2).astype(float), validate.array(y=y, ndim=1)
    validate.same_length(X=X, y=y)
    if X.shape[1] != features:
        raise ValueError(f"X must have {features} columns, got {X.shape[1]}")
    if np.abs(X).max() > 1:
        raise ValueError("X must lie between -1 and 1, got a number outside")
    if not np.isin(y, (0, 1)).all():
        raise ValueError("y must be labels 0 or 1, got something else")
    return X, y.astype(float)
