"""Let the clipping norm find its level: privately, while the model trains.

A clip too small throws learning away, one too large asks for noise that nobody needed, and the right one depends on the very data
that is private. So each user also sends one bit: "was my change within the norm?" A noisy count of those bits tells the server which
share was, and it moves the norm towards the level under which a chosen share (the median, say) lies:

    norm <- norm * exp(-learning_rate * (share - quantile))

The bit costs privacy too. The plan fixes what both cost *together* (`noise_multiplier`), and the changes get the little more noise
that pays for the count: 1 / z^2 = 1 / z_change^2 + 1 / (2 count_noise)^2.

Source: Andrew, Thakkar, McMahan, Ramaswamy, "Differentially private learning with adaptive clipping", NeurIPS 2021 (arXiv:1905.03871).
"""

import math
from dataclasses import dataclass, replace

import torch

from labkit import validate
from labkit.federated.pipeline.step import before
from labkit.federated.privacy.user_level import UserLevelDP, noisy, shortened

__all__ = ["AdaptiveUserLevelDP", "next_norm", "noise_of_changes"]


def next_norm(max_grad_norm, share, *, quantile, learning_rate):
    """The clipping norm for the next round, after a (noisy) share of users was within `max_grad_norm`.

    max_grad_norm > 0; share: any finite number, for noise may carry it outside 0 to 1; quantile strictly between 0 and 1; learning_rate > 0.
    """
    exponent = -validate.positive(learning_rate=learning_rate) * (validate.finite(share=share) - validate.probability(quantile=quantile))
    return validate.positive(max_grad_norm=max_grad_norm) * math.exp(min(max(exponent, -30.0), 30.0))


def noise_of_changes(noise_multiplier, count_noise):
    """The noise multiplier for the changes, so that changes and count together cost what `noise_multiplier` alone would.

    A user moves the sum of (bit - 1/2) by 1/2, so the count is a Gaussian mechanism of noise multiplier 2 count_noise.
    Raises ValueError when the count alone costs more than all may: count_noise must be above noise_multiplier / 2.
    Source: theorem 1 of Andrew and others.
    """
    total, count = validate.positive(noise_multiplier=noise_multiplier), validate.positive(count_noise=count_noise)
    left = total**-2 - (2 * count) ** -2
    if left <= 0:
        raise ValueError(f"count_noise must be above {total / 2:g}, half the noise_multiplier, got {count_noise!r}")
    return left**-0.5


@dataclass(frozen=True)
class AdaptiveUserLevelDP(UserLevelDP):
    """`UserLevelDP` whose clipping norm follows a quantile of the users' changes.

    max_grad_norm:   the norm to start from; small is safe.
    quantile:       share of users who should be within the norm, strictly between 0 and 1.
    learning_rate:  of the logarithm of the norm.
    count_noise:    standard sigma of the noise on the count of users within the norm; the paper's choice, a twentieth of the
                    divisor, if None. Must be above noise_multiplier / 2.
    noise_multiplier is what changes and count cost together, so that the account is that of `UserLevelDP`.
    Each round's metrics hold the norm that was used, as "max_grad_norm".
    """

    quantile: float = 0.5
    learning_rate: float = 0.2
    count_noise: float | None = None

    def __post_init__(self):
        super().__post_init__()
        validate.probability(quantile=self.quantile)
        validate.positive(learning_rate=self.learning_rate)
        noise_of_changes(self.noise_multiplier, self.noise_of_count)

    @property
    def noise_of_count(self):
        """Standard sigma of the noise on the count."""
        return self.divisor / 20 if self.count_noise is None else validate.positive(count_noise=self.count_noise)

    @property
    def published_sigma(self):
        """At the starting norm: see `UserLevelDP.published_sigma`."""
        return noise_of_changes(self.noise_multiplier, self.noise_of_count) * self.max_grad_norm / self.divisor

    def check(self, setting):
        super().check(setting)
        weighed = [each for each in before(setting, self) if each.sets_weight]
        if (weighed and getattr(weighed[-1], "by", None) != "equal") or (not weighed and getattr(setting.strategy, "weight", "equal") != "equal"):
            raise ValueError(f"weight must be 'equal' for {type(self).__name__}, which counts users within the norm, each by 1: got users "
                             "that count by their records. Use FedAvg(weight='equal') or Weight(by='equal') before this step")

    def start(self, setting):
        return {"max_grad_norm": self.max_grad_norm}

    def configure(self, memory, turn):
        return {"max_grad_norm": torch.tensor(memory["max_grad_norm"], dtype=torch.float64)}

    def on_client(self, update, received, memory, turn):
        change, within = shortened(update.message["change"], float(received["max_grad_norm"]))
        bit = torch.tensor(0.5 if within else -0.5, dtype=torch.float64)  # centred: adding a user moves the sum by 1/2
        return replace(update, message={"change": change, "within": bit}, weight=min(float(update.weight), 1.0)), memory

    def on_server(self, updates, memory, turn):
        norm = memory["max_grad_norm"]
        total = self._sum(updates, turn, within=torch.tensor(0.0, dtype=torch.float64))
        sigma = noise_of_changes(self.noise_multiplier, self.noise_of_count) * norm
        change = noisy(total.message["change"], sigma, turn.rng)
        share = 0.5 + float(noisy(total.message["within"], self.noise_of_count, turn.rng)) / self.divisor
        self._tell(turn)
        turn.metrics["max_grad_norm"] = norm
        norm = next_norm(norm, share, quantile=self.quantile, learning_rate=self.learning_rate)
        return [replace(total, message={"change": change}, weight=self.divisor)], {"max_grad_norm": norm}
