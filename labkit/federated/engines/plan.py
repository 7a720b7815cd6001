"""Who works in a round, and how much: cohorts, drop-outs, stragglers, batches. Everything follows from the seed."""

import numbers
from dataclasses import dataclass

import numpy as np

from labkit import validate
from labkit.federated.engines.batches import batches

__all__ = ["WorkPlan", "plan_of"]


@dataclass(frozen=True)
class WorkPlan:
    """The settings of the clients' work, checked."""

    learning_rate: float
    clients: int
    cohort: int
    sampling: str
    local_steps: int | None
    local_epochs: int | None
    batch_size: int | None
    drop_out: float
    stragglers: float
    seed: int

    def cast(self, number):
        """Who is asked in this round, who of them answers, and what share of its work each of those does (0 to 1]."""
        rng = np.random.default_rng([self.seed, number])
        if self.sampling == "fixed":
            cohort = np.sort(rng.choice(self.clients, self.cohort, replace=False))
        else:
            cohort = np.flatnonzero(rng.random(self.clients) < self.cohort / self.clients)
        working = cohort[rng.random(len(cohort)) >= self.drop_out]
        shares = np.ones(len(working))
        if self.stragglers:
            slow = rng.random(len(working)) < self.stragglers
            shares[slow] = 1 - rng.random(slow.sum())
        return cohort.tolist(), working.tolist(), shares

    def batches(self, examples, number, client, share=1.0):
        """The client's batches in this round: at least one."""
        found = batches(examples, batch_size=self.batch_size, local_steps=self.local_steps, local_epochs=self.local_epochs,
                        seed=self.seed, round_number=number, client=client)
        return found[:max(1, int(share * len(found)))]


def plan_of(*, clients, learning_rate, cohort, sampling, local_steps, local_epochs, batch_size, drop_out, stragglers, seed):
    """The checked `Plan` of `simulate`'s arguments; raises ValueError, naming the argument."""
    if local_steps is not None and local_epochs is not None:
        raise ValueError(f"local_steps and local_epochs exclude one another, got {local_steps!r} and {local_epochs!r}")
    if local_steps is not None:
        local_steps = validate.integer(local_steps=local_steps, at_least=1)
    else:
        local_epochs = 1 if local_epochs is None else validate.integer(local_epochs=local_epochs, at_least=1)
    cohort = clients if cohort is None else validate.integer(cohort=cohort, at_least=1, at_most=clients)
    if isinstance(drop_out, bool) or not isinstance(drop_out, numbers.Real) or not 0 <= drop_out < 1:
        raise ValueError(f"drop_out must be a probability from 0 to below 1, got {drop_out!r}")
    if isinstance(stragglers, bool) or not isinstance(stragglers, numbers.Real) or not 0 <= stragglers <= 1:
        raise ValueError(f"stragglers must be a probability from 0 to 1, got {stragglers!r}")
    return WorkPlan(validate.positive(learning_rate=learning_rate), clients, cohort, validate.one_of(sampling=sampling, options=["fixed", "poisson"]),
                local_steps, local_epochs, None if batch_size is None else validate.integer(batch_size=batch_size, at_least=1),
                float(drop_out), float(stragglers), validate.integer(seed=seed, at_least=0))
