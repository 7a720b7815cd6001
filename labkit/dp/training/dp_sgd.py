"""DP-SGD: train any small torch model so that no single record shows in it.

A `Plan` holds every number that matters for privacy. The same object is run and accounted, so that the guarantee and the
code cannot drift apart:

    plan = Plan.for_budget(epsilon=1, delta=1e-4, records=1437, batch_size=256, steps=200, max_grad_norm=1, learning_rate=4)
    trained = train_private(model, X, y, plan=plan, delta=1e-4)
    trained.model, trained.epsilon

Source: Abadi, Chu, Goodfellow, McMahan, Mironov, Talwar, Zhang, "Deep Learning with Differential Privacy", CCS 2016.
"""

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.func import grad, vmap

from labkit import validate
from labkit.dp.accounting.epsilon import (
    RELATION,
    accountant_used,
    dp_sgd_event,
    epsilon_spent,
    noise_multiplier_for,
)
from labkit.dp.accounting.stated import of_noisy_sums
from labkit.dp.training.inputs import checked
from labkit.models.stateless import stateless, with_parameters
from labkit.statement import NotStated
from labkit.threads import torch_threads

GRADIENT_FLOATS = 4_000_000  # most numbers held at once as per-example gradients: 16 MB, whatever the batch


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train, and thereby what it spends. All of it is fixed before the data are looked at.

    sample_rate:       probability that a record joins a batch, in (0, 1].
    batch_size:        the expected batch size, > 0: what the noisy sum is divided by. A public constant: dividing by the
                       size that came out, or by one computed from the private number of records, would reveal it.
    steps:             noisy gradients released, >= 1.
    noise_multiplier:  standard deviation of the noise over max_grad_norm, > 0.
    max_grad_norm:     the L2 norm that each example's gradient is clipped to, > 0.
    learning_rate:     > 0.
    momentum:          in [0, 1).
    Raises ValueError for a field out of its range. `dataclasses.replace(plan, steps=100)` makes a changed copy.
    """

    sample_rate: float
    batch_size: float
    steps: int
    noise_multiplier: float
    max_grad_norm: float
    learning_rate: float
    momentum: float = 0.0

    def __post_init__(self):
        validate.fraction(sample_rate=self.sample_rate)
        validate.positive(batch_size=self.batch_size)
        validate.integer(steps=self.steps, at_least=1)
        validate.positive(noise_multiplier=self.noise_multiplier)
        validate.positive(max_grad_norm=self.max_grad_norm)
        validate.positive(learning_rate=self.learning_rate)
        if validate.non_negative(momentum=self.momentum) >= 1:
            raise ValueError(f"momentum must be at least 0 and below 1, got {self.momentum!r}")

    @classmethod
    def for_budget(cls, *, epsilon: float, delta: float, records, batch_size: int, steps: int,
                   max_grad_norm: float, learning_rate: float, momentum: float = 0.0,
                   accountant: str = "pld"):
        """The plan with the least noise that stays within (epsilon, delta).

        records:  the number of records as the public may know it; it only sets the sample rate, batch_size / records.
        """
        records = validate.integer(records=records, at_least=1)
        if validate.positive(batch_size=batch_size) > records:
            raise ValueError(f"batch_size must be at most records ({records}), got {batch_size!r}")
        rate = batch_size / records
        noise = noise_multiplier_for(epsilon=epsilon, delta=delta, sample_rate=rate, steps=steps, accountant=accountant)
        return cls(sample_rate=rate, batch_size=batch_size, steps=steps, noise_multiplier=noise, max_grad_norm=max_grad_norm,
                   learning_rate=learning_rate, momentum=momentum)

    @property
    def event(self):
        """What running the plan spends, as a dp_accounting event (a price for `labkit.dp.Budget`)."""
        return dp_sgd_event(noise_multiplier=self.noise_multiplier, sample_rate=self.sample_rate, steps=self.steps)

    def epsilon(self, delta: float, accountant: str = "pld"):
        """What running the plan spends, as an epsilon at `delta`."""
        return epsilon_spent(noise_multiplier=self.noise_multiplier, sample_rate=self.sample_rate, steps=self.steps,
                             delta=delta, accountant=accountant)

    def statement(self, *, delta, unit, batches, reused, tuning, records=None, relation=RELATION, **more):
        """What may be said in public about a model trained by this plan: `labkit.dp.accounting.stated.of_noisy_sums`.

        records: None for batch_size / sample_rate. relation: what one example of the training is.
        Raises `labkit.statement.NotStated` where an assumption is not met.
        """
        records = round(self.batch_size / self.sample_rate) if records is None else records
        return of_noisy_sums(event=self.event, noise_multiplier=self.noise_multiplier, sample_rate=self.sample_rate, steps=self.steps,
                             max_grad_norm=self.max_grad_norm, relation=relation, delta=delta, records=records, unit=unit,
                             batches=batches, reused=reused, tuning=tuning, **more)


@dataclass(frozen=True)
class Trained:
    """A model and what it spent. `epsilon` is infinity for a model trained without privacy, which has no `plan`."""

    model: torch.nn.Module
    epsilon: float
    delta: float
    accountant: str | None
    relation: str
    plan: Plan | None = None

    def statement(self, *, unit, reused, tuning, **more):
        """What may be said in public about this model; its batches were Poisson samples. As `Plan.statement`."""
        if self.plan is None:
            raise NotStated("this model was trained without privacy: there is nothing to promise")
        return self.plan.statement(delta=self.delta, unit=unit, batches="poisson", reused=reused, tuning=tuning, relation=self.relation,
                                   **{"accountant": self.accountant, **more})

    def __repr__(self):
        if self.epsilon == math.inf:
            return f"<{type(self.model).__name__}, trained without privacy: epsilon is infinite>"
        return (f"<{type(self.model).__name__}, trained with epsilon {self.epsilon:.4g} at delta {self.delta:g} "
                f"({self.accountant}; {self.relation})>")


def train_private(model, X, y, *, plan, delta: float, accountant: str = "pld", loss=None, rng: np.random.Generator | None = None, progress=None):
    """Train a copy of `model` by DP-SGD.

    model:       a torch module without layers that mix examples (BatchNorm is refused). Parameters that do not require a
                 gradient stay as they are. The module given is not changed. What a layer keeps of its inputs is not returned.
    X, y:        the private records: arrays, tensors or tables of n >= 0 examples and n targets. With cross-entropy the targets are
                 0 ... classes - 1, of any type. An example with a missing or infinite number, or with another label, adds nothing:
                 an error would tell that it is there. Only labels that do not fit the model for the most part are refused.
    plan:        a Plan; it is run as it stands.
    delta:       for the statement of what was spent; far below 1 over the number of records, which the plan's batch_size and
                 sample_rate tell. From there on it is refused.
    accountant:  "pld" or "rdp".
    loss:        loss(outputs, targets) of a batch of one, a scalar; cross-entropy if None.
    rng:         numpy Generator for batches and noise; None seeds a fresh one from the operating system. Either is a good
                 statistical generator, not a cryptographic one. Its 32-bit normals end at 8.2 standard deviations: the mass
                 beyond, 2e-16 for each number released, is to be counted with delta.
    progress:    called as progress(steps_done, steps) after each step.
    Returns Trained, its model in eval mode. Raises ValueError before any work for arguments that do not fit.
    """
    _check_run(plan, loss, rng, progress)
    X, y = checked(model, X, y, loss, private=True)
    records = plan.batch_size / plan.sample_rate
    if validate.probability(delta=delta) >= 1 / records:
        raise ValueError(f"delta must be below 1 / {records:.0f}, one over the number of records, got {delta!r}")
    epsilon, accountant = plan.epsilon(delta, accountant), accountant_used(
        noise_multiplier=plan.noise_multiplier, sample_rate=plan.sample_rate, steps=plan.steps, delta=delta, accountant=accountant)
    trained = _train(model, X, y, plan, loss, rng, progress, private=True)
    return Trained(trained, epsilon, delta, accountant, RELATION, plan)


def train_without_privacy(model, X, y, *, plan, loss=None, rng: np.random.Generator | None = None, progress=None):
    """The twin of `train_private` for comparison: the same steps and batches, no clipping and no noise.

    Returns Trained with epsilon = infinity: what this model reveals has no bound.
    """
    _check_run(plan, loss, rng, progress)
    X, y = checked(model, X, y, loss, private=False)
    trained = _train(model, X, y, plan, loss, rng, progress, private=False)
    return Trained(trained, math.inf, 0.0, None, RELATION)


def _check_run(plan, loss, rng, progress):
    if not isinstance(plan, Plan):
        raise ValueError(f"plan must be a labkit.dp.training.dp_sgd.Plan, got {plan!r}")
    for name, function in [("loss", loss), ("progress", progress)]:
        if function is not None and not callable(function):
            raise ValueError(f"{name} must be a function or None, got {function!r}")
    validate.generator(rng=rng)


def _train(model, X, y, plan, loss, rng, progress, private):
    rng, given = np.random.default_rng() if rng is None else rng, model
    model = copy.deepcopy(model).train()
    parameters = {name: each for name, each in model.named_parameters() if each.requires_grad}
    velocity = {name: torch.zeros_like(each) for name, each in parameters.items()}
    loss_of_one = _loss_of_one(model, loss or torch.nn.functional.cross_entropy)
    gradients_of, gradient_of_sum = _per_example(loss_of_one), _of_sum(loss_of_one)
    with torch_threads(1), torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.spawn(1)[0].integers(2**31)))  # for dropout inside the model
        for step in range(plan.steps):
            batch = torch.from_numpy(poisson_sample(rng, len(X), plan.sample_rate))
            if private:
                total = clipped_sum(gradients_of, parameters, X[batch], y[batch], plan.max_grad_norm)
                # Also on an empty batch: its silence would tell that nobody was drawn.
                add_noise(total, plan.noise_multiplier * plan.max_grad_norm, rng)
            else:
                total = gradient_of_sum(parameters, X[batch], y[batch])
            for name, each in parameters.items():
                velocity[name].mul_(plan.momentum).add_(total[name] / plan.batch_size)
                each.sub_(velocity[name], alpha=plan.learning_rate)
            if progress is not None:
                progress(step + 1, plan.steps)
    # A layer may have kept what it saw, records among it: that stays here. Buffers cannot have (`stateless`, vmap).
    published = with_parameters(given, parameters).eval()
    for own, trained in zip(published.buffers(), model.buffers(), strict=True):  # such as a spectral norm's
        own.copy_(trained)
    return published


def poisson_sample(rng, n, rate):
    """Which of n records join a batch: each by its own coin, which is the sampling that the accountants assume.

    Drawing first how many heads there are, then who has them, is the same distribution without tossing n coins.
    """
    return rng.choice(n, size=rng.binomial(n, rate), replace=False, shuffle=False)


def per_example_gradients(model, loss):
    """A function (parameters, X, y) -> {name: gradients of shape (examples, *parameter shape)}."""
    return _per_example(_loss_of_one(model, loss))


def _loss_of_one(model, loss):
    call = stateless(model)
    return lambda parameters, x, target: loss(call(parameters, x[None]), target[None])


def _per_example(loss_of_one):
    return vmap(grad(loss_of_one), in_dims=(None, 0, 0), randomness="different")


def _of_sum(loss_of_one):
    losses = vmap(loss_of_one, in_dims=(None, 0, 0), randomness="different")
    return grad(lambda parameters, X, y: losses(parameters, X, y).sum())


def clipped_sum(gradients_of, parameters, X, y, max_grad_norm):
    """The sum over examples of their gradients, each scaled down to L2 norm `max_grad_norm` over all parameters together.

    Examples are taken a few at a time, so that memory does not grow with the batch. A gradient that is not finite counts
    as zero: it could not be bounded otherwise, and one NaN would show in the model that its example was there.
    """
    total = {name: torch.zeros_like(each) for name, each in parameters.items()}
    chunk = max(1, GRADIENT_FLOATS // sum(each.numel() for each in parameters.values()))
    for start in range(0, len(X), chunk):
        gradients = gradients_of(parameters, X[start:start + chunk], y[start:start + chunk])
        squares = sum(each.flatten(1).square().sum(1) for each in gradients.values())
        finite = squares.isfinite()
        scale = torch.where(finite, (max_grad_norm / squares.sqrt()).clamp(max=1), 0)
        for name, each in gradients.items():
            each = each if finite.all() else each.nan_to_num(0, 0, 0)
            total[name] += torch.tensordot(scale, each, dims=1)
    return total


def add_noise(total, sigma, rng):
    """Add independent Gaussian noise of this standard deviation to every coordinate, in place."""
    for each in total.values():
        each.add_(torch.from_numpy(rng.standard_normal(each.shape, dtype=np.float32)).to(each), alpha=sigma)
