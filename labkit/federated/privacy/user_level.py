"""User-level differential privacy for federated averaging: what one *person* adds is hidden, however many records they hold.

    plan = UserLevelDP.for_budget(epsilon=2, delta=1e-4, users=3000, cohort=300, rounds=40, max_grad_norm=0.5)
    simulate(model, clients, FedAvg(weight="equal"), rounds=40, cohort=300, sampling="poisson", pipeline=[plan], ...)

Each round every user joins by a coin of their own. A user's whole change is shortened to length `max_grad_norm`; the server adds the changes up,
adds Gaussian noise of `noise_multiplier * max_grad_norm` to the sum, and divides by a fixed, public number. Then no user, whatever they hold,
moves the sum by more than `max_grad_norm`, and the noise covers that.

The plan is *run* and *accounted* from the same fields, so that the guarantee and the code cannot drift apart. Neighbouring: one user,
with all their records, added or removed. The server is trusted: it sees the changes. `labkit.federated.privacy.distributed_noise` needs no
such trust.

Source: McMahan, Ramage, Talwar, Zhang, "Learning differentially private recurrent language models", ICLR 2018 (arXiv:1710.06963).
"""

from dataclasses import dataclass, replace

import torch

from labkit import validate
from labkit.dp.accounting.epsilon import dp_sgd_event, epsilon_spent, noise_multiplier_for
from labkit.dp.accounting.stated import of_noisy_sums
from labkit.federated.pipeline.step import Step, add_up, after, counts_at_most_one
from labkit.federated.pipeline.steps import Sum
from labkit.federated.strategies.strategy import Update

__all__ = ["UserLevelDP", "RELATION", "shortened"]

RELATION = "add or remove one user, with all their records"
SLACK = 1 + 1e-9  # a rate that is computed twice may differ in its last digit


def shortened(change, max_grad_norm):
    """A change of shape (P,), scaled down to Euclidean length `max_grad_norm` if it is longer; and whether it was not longer.

    What is not finite counts as a change of 0 that was too long: nothing else would bound it.
    """
    length = float(torch.linalg.vector_norm(change))
    if not length < float("inf"):
        return torch.zeros_like(change), False
    return (change, True) if length <= max_grad_norm else (change * (max_grad_norm / length), False)


@dataclass(frozen=True)
class UserLevelDP(Step):
    """Clip at each user, noise on the sum, a fixed divisor: a step of the update pipeline, and its own account.

    max_grad_norm:     longest change that a user may send (Euclidean, over all parameters), > 0.
    noise_multiplier:  standard deviation of the noise on the sum, in units of `max_grad_norm`, > 0.
    sample_rate:       probability with which a user joins a round, above 0 and at most 1.
    rounds:            most rounds that may be run; all are accounted for.
    divisor:           what the noisy sum is divided by: a public number such as the expected cohort, never the actual one,
                       which would tell whether somebody joined.
    delta:             None, or where to write the epsilon spent so far into each round's metrics.
    Every user takes part in each round (`sampling="fixed"` with all of them), or joins by a coin (`sampling="poisson"`). Steps
    that come before it are free; after it only such as never lengthen or reweigh a change. Noise and coins come from the
    operating system where the run has no `seed`; a seed is for repeating an experiment, and whoever knows it can subtract the noise.
    A user counts by weight 1, or by less with `Weight(at_most=...)` before this step; never by more.
    """

    max_grad_norm: float
    noise_multiplier: float
    sample_rate: float
    rounds: int
    divisor: float
    delta: float | None = None

    sums = private = sets_weight = bounds_weight = True

    def __post_init__(self):
        validate.positive(max_grad_norm=self.max_grad_norm)
        validate.positive(noise_multiplier=self.noise_multiplier)
        validate.fraction(sample_rate=self.sample_rate)
        validate.integer(rounds=self.rounds, at_least=1)
        validate.positive(divisor=self.divisor)
        if self.delta is not None:
            validate.probability(delta=self.delta)

    @classmethod
    def for_budget(cls, *, epsilon: float, delta: float, users, cohort, rounds: int, max_grad_norm: float, accountant: str = "pld", **more):
        """The plan with the least noise that stays within (epsilon, delta) after `rounds` rounds.

        users:   how many there are, a public number; delta must be below 1 / users.
        cohort:  expected number per round, at most users; each joins with probability cohort / users.
        more:    further fields of a plan.
        Raises ValueError for an argument out of its range.
        """
        users = validate.integer(users=users, at_least=1)
        cohort, rounds = validate.positive(cohort=cohort), validate.integer(rounds=rounds, at_least=1)
        if cohort > users:
            raise ValueError(f"cohort must be at most users ({users}), got {cohort!r}")
        if validate.probability(delta=delta) >= 1 / users:
            raise ValueError(f"delta must be below 1 / {users}, one over the number of users, got {delta!r}")
        noise = noise_multiplier_for(epsilon=epsilon, delta=delta, sample_rate=cohort / users, steps=rounds, accountant=accountant)
        return cls(**{"max_grad_norm": max_grad_norm, "noise_multiplier": noise, "sample_rate": cohort / users, "rounds": rounds,
                      "divisor": cohort, **more})

    @property
    def event(self):
        """What running all rounds spends, as a dp_accounting event (a price for `labkit.dp.Budget`)."""
        return dp_sgd_event(noise_multiplier=self.noise_multiplier, sample_rate=self.sample_rate, steps=self.rounds)

    def epsilon(self, delta: float, rounds: int | None = None, accountant: str = "pld"):
        """The epsilon at `delta` of this many rounds (all if None; 1 for a single one), for neighbours by `RELATION`."""
        rounds = self.rounds if rounds is None else validate.integer(rounds=rounds, at_least=1, at_most=self.rounds)
        return epsilon_spent(noise_multiplier=self.noise_multiplier, sample_rate=self.sample_rate, steps=rounds, delta=delta,
                             accountant=accountant)

    def statement(self, *, users, reused, tuning, batches="poisson", delta=None, **more):
        """What may be said in public about all rounds, to a user: `labkit.dp.accounting.stated.of_noisy_sums`. `simulate` checks the samples."""
        return of_noisy_sums(event=self.event, noise_multiplier=self.noise_multiplier, sample_rate=self.sample_rate, steps=self.rounds,
                             max_grad_norm=self.max_grad_norm, relation=RELATION, delta=self.delta if delta is None else delta,
                             records=users, unit="user", batches=batches, reused=reused, tuning=tuning,
                             **{"released": "the model after every round", **more})

    @property
    def published_sigma(self):
        """Standard deviation of the noise on each parameter of the published average change."""
        return self.noise_multiplier * self.max_grad_norm / self.divisor

    def check(self, setting):
        if setting.rounds > self.rounds:
            raise ValueError(f"rounds must be at most {self.rounds}, which is what the plan accounts for, got {setting.rounds}")
        joins = setting.cohort / setting.clients
        if joins > self.sample_rate * SLACK:
            raise ValueError(f"cohort must be at most {self.sample_rate:g} of the {setting.clients} clients, the plan's sample_rate, "
                             f"got {setting.cohort}")
        if setting.sampling != "poisson" and setting.cohort < setting.clients:
            raise ValueError(f"sampling must be 'poisson', which the account assumes, got {setting.sampling!r}: in a cohort of "
                             f"exactly {setting.cohort} of {setting.clients}, one user more pushes another out, and moves the sum twice")
        if tuple(setting.strategy.sends) != ("change",):
            raise ValueError(f"strategy must send a change and nothing else, got {type(setting.strategy).__name__}, which sends "
                             f"{', '.join(setting.strategy.sends)}: what is not clipped is not protected")
        if not counts_at_most_one(setting, self):
            raise ValueError("weight must be bounded: use weight='equal' in the strategy, or Weight(at_most=...) before this step, "
                             "got 'examples', with which a user of a thousand records moves the sum a thousand times as far")
        for each in after(setting, self):
            if not each.never_lengthens:
                raise ValueError(f"pipeline must have nothing after {type(self).__name__} that can lengthen or reweigh a clipped change, "
                                 f"got {type(each).__name__}: put it before. (Clip, Sum and SecureSum may follow)")
            if each.hides and setting.sampling == "poisson" and not isinstance(each, Sum):
                raise ValueError(f"sampling must be 'fixed' with {type(each).__name__} after {type(self).__name__}, got 'poisson': it opens "
                                 "no sum of a single client, so that one user would decide whether there is a sum")

    def on_client(self, update, received, memory, turn):
        change, _ = shortened(update.message["change"], self.max_grad_norm)
        return replace(update, message={"change": change}, weight=min(float(update.weight), 1.0)), memory

    def on_server(self, updates, memory, turn):
        total = self._sum(updates, turn)  # also of an empty cohort: its silence would tell that nobody joined
        change = noisy(total.message["change"], self.noise_multiplier * self.max_grad_norm, turn.rng)
        self._tell(turn)
        return [replace(total, message={"change": change}, weight=self.divisor)], memory

    def _sum(self, updates, turn, **nothing):
        """The sum of weight x message over the updates; zeros for none. `nothing`: further entries, for that case."""
        if updates:
            return updates[0] if updates[0].client is None else add_up(updates)
        return Update(None, 0, 0, {"change": torch.zeros_like(turn.parameters), **nothing}, 0.0)

    def _tell(self, turn):
        if self.delta is not None:
            turn.metrics["epsilon"] = self.epsilon(self.delta, rounds=turn.number)


def noisy(total, sigma, rng):
    """The tensor plus independent Gaussian noise of this standard deviation on every entry."""
    return total + torch.from_numpy(rng.normal(0, sigma, tuple(total.shape))).to(total)
