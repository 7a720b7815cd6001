"""Secure aggregation as a step of a pipeline: simulate(..., pipeline=[Clip(max_grad_norm=1.0), SecureSum(largest=1.0)])."""

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np
import torch

from labkit import validate
from labkit.federated.pipeline.step import Step, counts_at_most_one
from labkit.federated.secure_aggregation.agreement import Aborted, Agreement
from labkit.federated.secure_aggregation.fixed_point import FixedPoint
from labkit.federated.secure_aggregation.protocol import secure_sum
from labkit.federated.strategies.strategy import Update


@dataclass(frozen=True)
class SecureSum(Step):
    """The server gets the weighted sum of the changes and never a single one; the real protocol runs in every round.

    largest:         bound on the size of every number in a change; a number beyond it is cut off (`Clip` before it, with
                     a norm of at most this, sees to it that none is).
    threshold_share: share of those who hold a client's secrets that must stay to the end, above 1/2. With two thirds, up to
                     a third of them may work for a lying server.
    modulus_bits:    of the sum. More bits, finer steps.
    degree:          neighbours per client, even; None for everybody. Needs a cohort larger than that.
    drop_out:        probability that a client that has shared its secrets does not send its vector.
    Must come last. Clients must count at most 1 each: FedAvg(weight="equal"), or a `Weight` step before. A round with
    too few clients changes nothing and is warned of. Keys and shares are counted in the round's bytes. With a
    `seed` the simulator's randomness is repeatable, so what it simulates hides nothing: real clients have none.
    """

    sums = hides = private = never_lengthens = True

    largest: float
    threshold_share: float = 2 / 3
    modulus_bits: int = 32
    degree: int | None = None
    drop_out: float = 0.0

    def __post_init__(self):
        validate.positive(largest=self.largest)
        if not 0.5 < validate.fraction(threshold_share=self.threshold_share):
            raise ValueError(f"threshold_share must be above 1/2 and at most 1, got {self.threshold_share}: with half or less a "
                             "lying server can collect both secrets of a client")
        if validate.non_negative(drop_out=self.drop_out) >= 1:
            raise ValueError(f"drop_out must be a probability from 0 to below 1, got {self.drop_out}")
        validate.integer(modulus_bits=self.modulus_bits, at_least=8, at_most=64)
        if self.degree is not None:
            validate.integer(degree=self.degree, at_least=2)

    def check(self, setting):
        if not counts_at_most_one(setting, self):
            raise ValueError("SecureSum needs clients that count at most 1 each, or the sum could overflow: use "
                             'FedAvg(weight="equal"), Weight(by="equal") or Weight(at_most=...) before it')
        if setting.cohort < 2:
            raise ValueError(f"cohort must be at least 2 for a secure sum, got {setting.cohort}: a sum of one is that one")
        self.code(setting.cohort)

    def code(self, clients):
        """How the real numbers of this many clients travel."""
        return FixedPoint(self.largest, clients, self.modulus_bits)

    def on_client(self, update, received, memory, turn):
        cut = {name: each.clamp(-self.largest, self.largest) for name, each in update.message.items()}
        numbers = 1 + sum(each.numel() for each in cut.values())
        return replace(update, message=cut, bytes=numbers * -(-self.modulus_bits // 8)), memory

    def on_server(self, updates, memory, turn):
        if len(updates) < 2:
            return self._aborted(turn, f"{len(updates)} clients answered, at least 2 are needed")
        shapes = {name: each.shape for name, each in updates[0].message.items()}
        # a client's weight, at most 1, travels as one more number, stretched to use the whole range
        rows = [np.concatenate([[self.largest], *(update.message[name].double().flatten().numpy() for name in shapes)])
                * update.weight for update in updates]
        code = self.code(len(updates))
        degree = None if self.degree is None or self.degree >= len(updates) - 1 else self.degree
        holders = len(updates) if degree is None else degree + 1
        least = (holders + (degree is not None)) // 2 + 1
        threshold = min(holders, max(least, math.floor(self.threshold_share * holders) + 1))
        agreement = Agreement(len(updates), threshold, len(rows[0]), self.modulus_bits, degree, turn.rng.bytes(16))
        late = np.flatnonzero(turn.rng.random(len(updates)) < self.drop_out)
        try:
            outcome = secure_sum(np.array([code.encode(row, shorten=True) for row in rows]), agreement,
                                 drop_outs=dict.fromkeys(map(int, late), 3), rng=turn.rng, once_per_pair=True)
        except Aborted as error:
            return self._aborted(turn, str(error))
        turn.bytes_up += sum(map(len, (message for each in outcome.sent.values() for message in each)))
        turn.bytes_up -= sum(update.bytes for update in updates)  # counted already, as the updates
        turn.bytes_down += sum(outcome.received.values())
        turn.metrics["in_the_sum"] = len(outcome.included)
        weight, *numbers = code.decode(outcome.total)
        whole, message = torch.tensor(numbers), {}
        for (name, shape), piece in zip(shapes.items(), whole.split([shape.numel() for shape in shapes.values()])):
            message[name] = piece.view(shape).to(updates[0].message[name])
        included = [updates[each] for each in outcome.included]
        return [Update(None, sum(each.examples for each in included), max(each.steps for each in included), message,
                       weight / self.largest)], memory

    def _aborted(self, turn, why):
        warnings.warn(f"round {turn.number}: no secure sum, so the round changes nothing: {why}", RuntimeWarning, stacklevel=2)
        return [], {}
