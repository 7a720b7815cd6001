"""Steps between a client and the server: weigh, clip, compress, add noise, add up in secret.

    simulate(model, clients, FedAvg(), ..., pipeline=[Clip(max_grad_norm=1.0), TopK(fraction=0.1)])

An update goes through the steps in order before it leaves its client, and through the same steps in *reverse* order at the
server, as a letter is unpacked the other way round. A step is settings only. What it has to remember is handed in and handed
back, so the same steps serve the simulator and a real engine.

What a server holds is a list of updates. A step that adds them up leaves one update in the list, with client None, the sum of
the weighted messages, and the sum of the weights as its weight; at the end `Pipeline.server` divides. A rule that must compare
single updates (a median, say) is refused beside such a step before any work.
"""

import secrets
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from labkit import validate
from labkit.federated.strategies.strategy import Strategy, Update

__all__ = ["Step", "Setting", "Turn", "Pipeline", "add_up", "message_bytes", "seed_of", "counts_at_most_one"]


@dataclass(frozen=True)
class Setting:
    """What a step may know of the run before it begins."""

    strategy: Strategy
    clients: int  # in the population
    cohort: int  # asked per round; with Poisson sampling the expected number
    sampling: str  # "fixed" or "poisson"
    rounds: int
    parameters: int  # length P of a change
    steps: tuple  # the pipeline


@dataclass
class Turn:
    """One call of a hook: where we are, the randomness for it, and where to write what it cost and measured."""

    setting: Setting
    number: int  # the round, from 1
    client: int | None  # None at the server
    parameters: torch.Tensor  # the server's model at the beginning of the round, shape (P,)
    seeds: tuple
    metrics: dict = field(default_factory=dict)  # at the server: numbers that go into `Round.metrics`
    bytes_up: int = 0  # at the server: what a protocol sent beyond the updates, all clients together
    bytes_down: int = 0

    @cached_property
    def rng(self):
        """A numpy Generator of this round, client and step alone: the order in which clients run changes nothing."""
        return np.random.default_rng(self.seeds)


class Step:
    """The interface, doing nothing. `memory` is a dict, `received` the tensors that `configure` sent."""

    additive = True  # False: what its clients send cannot be added up (positions, codes with a scale of their own)
    sums = False  # True: the server goes on with the sum of the updates only
    hides = False  # True: the server never even sees a single update; such a step comes last
    needs_single_updates = False  # True: its `on_server` compares updates with one another
    private = False  # True: what it draws protects somebody, so that a seed which others know voids it
    bounds_weight = False  # True: after it a client counts at most 1. False: it leaves the weight alone, or lifts the bound
    sets_weight = False  # True: it says anew how much a client counts
    never_lengthens = False  # True: it makes no client's weight x change longer, so that it may come after a private clip

    def check(self, setting):
        """Raise ValueError, before any work, when this step makes no sense in that setting."""

    def start(self, setting):
        """The server's memory before round 1."""
        return {}

    def start_client(self, setting):
        """A client's memory before the first round it takes part in."""
        return {}

    def configure(self, memory, turn):
        """Tensors that each client of the cohort receives for this step; their bytes are counted."""
        return {}

    def on_client(self, update, received, memory, turn):
        """The update as it leaves the client, and the client's memory. Never change tensors in place."""
        return update, memory

    def on_server(self, updates, memory, turn):
        """The updates (perhaps none) as the next step, or the strategy, gets them, and the server's memory."""
        return updates, memory


def add_up(updates, *, weighted=True):
    """One `Update` for all: the sum of weight x message over updates, and the sum of the weights.

    Raises ValueError for no updates and for messages that differ in their entries or shapes.
    """
    if not updates:
        raise ValueError("updates must hold at least one Update, got none")
    kinds = {tuple((name, tuple(each.shape)) for name, each in sorted(update.message.items())) for update in updates}
    if len(kinds) > 1:
        raise ValueError(f"updates must all have the same entries and shapes, got {' and '.join(map(str, sorted(kinds)))}")
    weights = [float(each.weight) if weighted else 1.0 for each in updates]
    message = {}
    for name in updates[0].message:
        stacked = torch.stack([each.message[name] for each in updates])
        message[name] = torch.tensordot(torch.tensor(weights).to(stacked), stacked, 1)
    return Update(None, sum(each.examples for each in updates), max(each.steps for each in updates), message, sum(weights))


def seed_of(seed, steps):
    """The number from which a run draws: `seed`, or for None the operating system's where a step is private, otherwise 0."""
    if seed is not None:
        return validate.integer(seed=seed, at_least=0)
    return secrets.randbits(127) if any(getattr(each, "private", False) for each in steps) else 0


def counts_at_most_one(setting, step):
    """Whether the strategy and the steps before `step` see to it that a client counts at most 1."""
    bounded = getattr(setting.strategy, "weight", "equal") == "equal"
    for each in before(setting, step):
        bounded = each.bounds_weight or (bounded and not each.sets_weight)
    return bounded


def before(setting, step):
    """The steps before `step` itself, not before one that equals it."""
    return setting.steps[:_place(setting, step)]


def after(setting, step):
    """The steps after `step` itself."""
    return setting.steps[_place(setting, step) + 1:]


def _place(setting, step):
    return next(place for place, each in enumerate(setting.steps) if each is step)


def message_bytes(message):
    """Bytes of the tensors of a message, without any transport's headers."""
    return sum(each.numel() * each.element_size() for each in message.values() if isinstance(each, torch.Tensor))


class Pipeline:
    """The steps of one run with what they remember; one object plays the server and all clients of a simulation."""

    def __init__(self, setting, seed):
        self.setting, self.steps, self.seed = setting, setting.steps, seed
        check(setting)
        self.memory = [each.start(setting) for each in self.steps]
        self.memories = {}  # of clients, by number

    def _turn(self, number, client, parameters, position):
        who = 0 if client is None else client + 1
        return Turn(self.setting, number, client, parameters, (self.seed, number, who, position + 1))

    def configure(self, number, parameters):
        """What each client receives: a dict of tensors per step."""
        return [step.configure(memory, self._turn(number, None, parameters, position))
                for position, (step, memory) in enumerate(zip(self.steps, self.memory))]

    def client(self, update, weight, received, number, parameters):
        """The update as it leaves its client, where it counts by `weight`; and the client's new memory, for `remember`."""
        update = replace(update, weight=weight)
        memories = self.memories.get(update.client) or [each.start_client(self.setting) for each in self.steps]
        after = []
        for position, step in enumerate(self.steps):
            turn = self._turn(number, update.client, parameters, position)
            update, memory = step.on_client(update, received[position], memories[position], turn)
            after.append(memory)
        return update, after

    def remember(self, client, memories):
        """Keep a client's memory for its next round."""
        if any(memories):
            self.memories[client] = memories

    def server(self, updates, number, parameters):
        """What the strategy aggregates, and the turns of the steps (metrics, bytes), in the pipeline's order."""
        turns = [None] * len(self.steps)
        for position in reversed(range(len(self.steps))):
            turn = turns[position] = self._turn(number, None, parameters, position)
            updates, self.memory[position] = self.steps[position].on_server(updates, self.memory[position], turn)
        return [_mean(each) if each.client is None else each for each in updates], turns


def _mean(update):
    return replace(update, message={name: each / update.weight for name, each in update.message.items()}, weight=1.0)


def check(setting):
    """Refuse, in words, what does not go together."""
    steps, strategy = setting.steps, setting.strategy
    for position, step in enumerate(steps):
        if not isinstance(step, Step):
            raise ValueError(f"pipeline[{position}] must be a Step such as Clip(max_grad_norm=1.0), got {step!r}")
    for position, step in enumerate(steps):
        name = type(step).__name__
        if step.hides and position < len(steps) - 1:
            raise ValueError(f"pipeline must end with {name}: {type(steps[-1]).__name__} after it would work on an update "
                             "that is already hidden")
        if step.sums or step.hides:
            needy = [each for each in (strategy, *steps[:position]) if each.needs_single_updates]
            if needy:
                raise ValueError(f"{type(needy[0]).__name__} must see single updates, and after {name} the server has only "
                                 "their sum: leave one of the two out")
        if step.sums or step.hides:
            coded = [each for each in steps[:position] if not each.additive]
            if coded:
                raise ValueError(f"{name} adds up what the clients send, and what {type(coded[0]).__name__} makes of an update "
                                 "cannot be added: leave one of the two out")
    strategy.check(setting.cohort)
    for step in steps:
        step.check(setting)
