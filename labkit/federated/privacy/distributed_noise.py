"""Noise that the clients add themselves, inside the secure sum: no server to trust with the changes, nor with the noise.

Secure sums add whole numbers modulo 2^bits, so everything becomes whole numbers. Each client clips its change, rotates it at random (so
that no coordinate sticks out), scales it, rounds it at random to whole numbers, adds a little discrete Gaussian noise, and sends it modulo
2^bits. The noises add up: n clients with standard deviation sigma each give the sum sigma * sqrt(n), as if one trusted party had added it.

Two prices of being honest are in the account. Rounding makes changes a little longer (`rounded_norm`), and a sum of discrete Gaussians is
not a discrete Gaussian (`shortfall`): it is so close that the difference is hardly measurable once sigma exceeds 1.

Sampling does not help here: it amplifies privacy only against those who do not know who took part, and the server does.

Source: Kairouz, Liu, Steinke, "The distributed discrete Gaussian mechanism for federated learning with secure aggregation", ICML 2021
(arXiv:2102.06387).
"""

import math
import warnings
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from dp_accounting import dp_event

from labkit import validate
from labkit.dp.accounting.epsilon import epsilon_of
from labkit.dp.mechanisms.calibration import discrete_gaussian_sigma
from labkit.dp.mechanisms.exact import sample_discrete_gaussian
from labkit.federated.pipeline.step import Step, add_up, after
from labkit.federated.privacy.user_level import shortened

__all__ = ["DistributedDiscreteGaussian", "rotate", "rotate_back", "round_at_random", "rounded_norm", "shortfall"]

BETA = math.exp(-0.5)  # how unlikely it may be that a rounding is drawn again
SPREAD = 4  # standard deviations of the sum that must fit below half the modulus


def rounded_norm(length, dimension):
    """The longest that a vector of this Euclidean norm can be after `round_at_random`, all in units of the grid."""
    root = math.sqrt(dimension)
    likely = length**2 + dimension / 4 + math.sqrt(2 * math.log(1 / BETA)) * (length + root / 2)
    return min(length + root, math.sqrt(likely))


def round_at_random(values, length, rng):
    """Each number to one of its two whole neighbours, right on average; drawn again while longer than `rounded_norm`.

    values: float array (D,) of Euclidean length at most `length`. Returns int64 (D,).
    """
    longest = rounded_norm(length, len(values)) * (1 + 1e-12)
    floor = np.floor(values)
    while True:
        rounded = floor + (rng.random(len(values)) < values - floor)
        if np.linalg.norm(rounded) <= longest:
            return rounded.astype(np.int64)


def shortfall(sigma, clients):
    """tau: how far the sum of this many discrete Gaussians is from one, which the account adds per coordinate."""
    k = np.arange(1, clients)
    return float(10 * np.exp(-2 * math.pi**2 * sigma**2 * k / (k + 1)).sum())


def rotate(values, signs):
    """A random rotation that keeps lengths: random signs, then the Walsh-Hadamard transform. (P,) -> (D,), D = len(signs)."""
    padded = np.zeros(len(signs))
    padded[:len(values)] = values
    return _hadamard(padded * signs)


def rotate_back(values, signs, length):
    """The inverse of `rotate`: (D,) -> (length,)."""
    return (_hadamard(values) * signs)[:length]


def _hadamard(values):
    values, half = values.copy(), 1
    while half < len(values):
        pairs = values.reshape(-1, 2, half)
        values = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).reshape(-1)
        half *= 2
    return values / math.sqrt(len(values))


@dataclass(frozen=True)
class DistributedDiscreteGaussian(Step):
    """Clip, rotate, round and add discrete noise at each client; add up modulo 2^bits; undo it at the server.

    max_grad_norm: longest change that a client may send, > 0.
    grid:        the size of 1 on the whole-number grid, in the units of the change, > 0.
    sigma:       width of one client's discrete Gaussian noise, on the grid, at least 0.5.
    parameters:  length P of a change.
    clients:     how many clients' noise is counted on, each round: all that answer, if all are honest; fewer, if some may reveal their
                 noise to the server.
    rounds:      most rounds that may be run.
    senders:     most clients that may send in a round, for whom the modulus has room; `clients` if None.
    bits:        the sum is taken modulo 2^bits, 2 to 62.
    delta:       None, or where to write the epsilon spent so far into each round's metrics.
    exact:       True draws noise without any rounding, by `labkit.dp.mechanisms.exact`. False draws it from a table of probabilities in double
                 precision, a hundred times faster: for simulations.
    `labkit.federated.secure_aggregation.secure_sum` adds what `encode` gives modulo 2^bits. In a pipeline, `SecureSum(largest=2**bits)`
    after this step does the same, with room for the whole sum.
    Neighbouring: one user's change replaced by nothing (zeros), their noise still there.
    """

    max_grad_norm: float
    grid: float
    sigma: float
    parameters: int
    clients: int
    rounds: int
    bits: int = 16
    delta: float | None = None
    exact: bool = True

    senders: int | None = None

    sums = private = sets_weight = bounds_weight = True

    def __post_init__(self):
        validate.positive(max_grad_norm=self.max_grad_norm)
        validate.one_of(exact=self.exact, options=[True, False])
        validate.positive(grid=self.grid)
        if validate.positive(sigma=self.sigma) < 0.5:
            raise ValueError(f"sigma must be at least 0.5, where the account begins to hold, got {self.sigma!r}")
        validate.integer(parameters=self.parameters, at_least=1)
        validate.integer(clients=self.clients, at_least=1)
        validate.integer(rounds=self.rounds, at_least=1)
        validate.integer(bits=self.bits, at_least=2, at_most=62)
        if self.senders is not None:
            validate.integer(senders=self.senders, at_least=self.clients)
        if self.delta is not None:
            validate.probability(delta=self.delta)

    @classmethod
    def for_budget(cls, *, epsilon: float, delta: float, clients, parameters, rounds: int, max_grad_norm: float, bits=16, senders=None, **more):
        """The plan that stays within (epsilon, delta), with the finest grid for which sums fit into `bits`.

        senders:  how many clients send, if more than the `clients` whose noise is counted on.
        Raises ValueError for arguments out of range, and when the bits are too few for so much noise.
        """
        clients, rounds = validate.integer(clients=clients, at_least=1), validate.integer(rounds=rounds, at_least=1)
        senders = clients if senders is None else validate.integer(senders=senders, at_least=clients)
        parameters, bits = validate.integer(parameters=parameters, at_least=1), validate.integer(bits=bits, at_least=2, at_most=62)
        max_grad_norm, dimension = validate.positive(max_grad_norm=max_grad_norm), padded(parameters)
        rho = _rho_for(validate.positive(epsilon=epsilon), validate.probability(delta=delta)) / rounds

        def fits(length):  # of a clipped change, on the grid
            sigma = _sigma_for(rho, length, dimension, clients)
            deviation = math.sqrt(senders**2 * length**2 / dimension + senders * (0.25 + sigma**2))
            return SPREAD * deviation <= 2 ** (bits - 1)

        low, high = 1e-3, 2.0**40
        if not fits(low):
            raise ValueError(f"bits must be enough for the noise of {senders} clients, got {bits}")
        for _ in range(60):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if fits(middle) else (low, middle)
        fields = {"max_grad_norm": max_grad_norm, "grid": max_grad_norm / low, "sigma": _sigma_for(rho, low, dimension, clients),
                  "parameters": parameters, "clients": clients, "rounds": rounds, "bits": bits, "senders": senders}
        return cls(**{**fields, **more})

    @property
    def rho(self):
        """What one round spends, as zero-concentrated privacy."""
        return _rho(self.sigma, self.max_grad_norm / self.grid, padded(self.parameters), self.clients)

    def epsilon(self, delta: float, rounds: int | None = None):
        """The epsilon at `delta` of this many rounds (all if None), through dp_accounting's Renyi accountant."""
        rounds = self.rounds if rounds is None else validate.integer(rounds=rounds, at_least=1, at_most=self.rounds)
        return epsilon_of(dp_event.ZCDpEvent(self.rho * rounds), delta=delta, accountant="rdp")

    @property
    def published_sigma(self):
        """Standard deviation of the noise on each parameter of the sum, when `clients` of them send."""
        return self.grid * self.sigma * math.sqrt(self.clients)

    def check(self, setting):
        if setting.rounds > self.rounds:
            raise ValueError(f"rounds must be at most {self.rounds}, which is what the plan accounts for, got {setting.rounds}")
        if setting.sampling != "fixed" or setting.cohort < self.clients:
            raise ValueError(f"cohort must be fixed and at least {self.clients}, the clients whose noise is counted on, got "
                             f"{setting.cohort} with {setting.sampling!r} sampling")
        most = self.clients if self.senders is None else self.senders
        if setting.cohort > most:
            raise ValueError(f"cohort must be at most {most}, the senders for whom {self.bits} bits have room, got {setting.cohort}: the sum "
                             "would wrap around. Make the plan with senders=...")
        for each in after(setting, self):
            if not each.hides:
                raise ValueError(f"pipeline must have nothing but a sum after {type(self).__name__}, got {type(each).__name__}: what is "
                                 "sent are codes with noise, which only their sum gives back")
            largest, code = getattr(each, "largest", 2.0**self.bits), getattr(each, "code", None)
            if largest < 2**self.bits - 1 or (code is not None and code(setting.cohort).fraction_bits < 0):
                raise ValueError(f"{type(each).__name__} must have room for whole numbers up to 2^{self.bits} of {setting.cohort} clients: "
                                 f"take largest=2.0**{self.bits} and more modulus_bits")
        if setting.parameters != self.parameters:
            raise ValueError(f"parameters must be those of the model, {setting.parameters}, got {self.parameters}")
        if tuple(setting.strategy.sends) != ("change",):
            raise ValueError(f"strategy must send a change and nothing else, got {type(setting.strategy).__name__}")

    def encode(self, change, signs, rng):
        """What a client sends: whole numbers modulo 2^bits, int64 (D,). change: float array (P,), finite."""
        rotated = rotate(change / self.grid, signs)
        sample = sample_discrete_gaussian if self.exact else sample_by_table
        noise = sample(sigma=self.sigma, count=len(signs), rng=rng)
        return (round_at_random(rotated, self.max_grad_norm / self.grid, rng) + noise) % 2**self.bits

    def decode(self, total, signs):
        """The noisy sum of changes, float (P,), from the sum of what clients sent, int (D,)."""
        half = 2 ** (self.bits - 1)
        centred = (total % 2**self.bits + half) % 2**self.bits - half
        return rotate_back(centred * self.grid, signs, self.parameters)

    def signs(self, round_number):
        """The public random signs of a round's rotation, float (D,)."""
        return np.random.default_rng([round_number, padded(self.parameters)]).choice([-1.0, 1.0], padded(self.parameters))

    def on_client(self, update, received, memory, turn):
        change, _ = shortened(update.message["change"].double(), self.max_grad_norm)
        sent = self.encode(change.numpy(), self.signs(turn.number), turn.rng)
        return replace(update, message={"change": torch.from_numpy(sent)}, weight=1.0, bytes=-(-len(sent) * self.bits // 8)), memory

    def on_server(self, updates, memory, turn):
        if not updates:
            return [], memory
        total = updates[0] if updates[0].client is None else add_up(updates, weighted=False)
        if total.weight < self.clients:
            warnings.warn(f"round {turn.number}: {total.weight:g} clients answered and the plan counts on the noise of {self.clients}; "
                          "the sum is dropped. With a secure sum, set its threshold so that it never opens", RuntimeWarning, stacklevel=2)
            return [], memory
        whole = np.rint(total.message["change"].double().numpy()).astype(np.int64)  # a secure sum of reals gives them as reals
        change = self.decode(whole, self.signs(turn.number))
        if self.delta is not None:
            turn.metrics["epsilon"] = self.epsilon(self.delta, rounds=turn.number)
        return [replace(total, message={"change": torch.from_numpy(change).to(turn.parameters)})], memory


def sample_by_table(*, sigma, count, rng):
    """Like `sample_discrete_gaussian`, from a table of cumulative probabilities: no exactness beyond about 15 digits."""
    values, cumulative = _table(sigma)
    return values[np.searchsorted(cumulative, rng.random(count), side="right")]


@lru_cache(maxsize=8)
def _table(sigma):
    values = np.arange(-math.ceil(12 * sigma) - 1, math.ceil(12 * sigma) + 2)
    mass = np.exp(-0.5 * (values / sigma) ** 2)
    return values, np.cumsum(mass)[:-1] / mass.sum()


def padded(parameters):
    """The length of what is sent: the next power of two."""
    return 1 << (parameters - 1).bit_length()


def _rho(sigma, length, dimension, clients):
    """zCDP of one round. Of the published forms of the correction we take the larger (theorem 1 of the paper halves tau * dimension
    in one of them, the authors' code does not)."""
    tau, ratio = shortfall(sigma, clients), rounded_norm(length, dimension) / (sigma * math.sqrt(clients))
    return min(ratio**2 / 2 + tau * dimension, (ratio + tau * math.sqrt(dimension)) ** 2 / 2)


def _sigma_for(rho, length, dimension, clients):
    low, high = 0.5, 1.0
    while _rho(high, length, dimension, clients) > rho:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _rho(middle, length, dimension, clients) > rho else (low, middle)
    return high


def _rho_for(epsilon, delta):
    rho = 0.5 / discrete_gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=1) ** 2
    while epsilon_of(dp_event.ZCDpEvent(rho), delta=delta, accountant="rdp") > epsilon:
        rho *= 0.999  # the accountant tries fewer orders than the calibration
    return rho
