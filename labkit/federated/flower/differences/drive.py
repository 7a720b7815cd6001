"""Run one of Flower's own strategies, in this process, on clients whose answers are given; and ours, too."""

import logging
from dataclasses import dataclass, field

import numpy as np
import torch

from labkit.federated.flower.in_process import InProcessGrid, as_a_task
from labkit.federated.flower.messages import Array, ArrayRecord, Error, Message, MetricRecord, RecordDict
from labkit.federated.pipeline.step import Pipeline, Setting, seed_of
from labkit.federated.strategies.strategy import Update, weight_of

__all__ = [
    "Difference",
    "Answer",
    "FAILED",
    "SILENT",
    "after_rounds",
    "ours_after",
    "flowers_number",
    "our_number",
    "table",
]

FAILED, SILENT = "failed", "silent"  # a client that answers with an error, and one that does not answer


@dataclass(frozen=True)
class Difference:
    """One row: in this example, what the paper says, what Flower does, what we do."""

    part: str  # the strategy or wrapper, as Flower names it
    example: str  # what is measured, and in which example
    paper: object  # a number, or a word where the outcome is none ("refused", an exception's name)
    flower: object
    ours: object  # "none" where we have no such thing
    advice: str  # what to use
    source: str  # the paper

    @property
    def same(self):
        """Whether Flower does what the paper says, to one in a thousand."""
        return _alike(self.paper, self.flower)

    @property
    def ours_same(self):
        """Whether ours does the same, to 3 % (noise is measured), has no such thing, or refuses."""
        nearly_none = self.paper == 0 and not isinstance(self.ours, str) and abs(self.ours) < 1e-3  # a share found by luck
        return self.ours in ("none", "refused") or nearly_none or _alike(self.paper, self.ours, rtol=0.03)


def table(rows):
    """The rows as a table in Markdown, those that differ with a cross; numbers to three digits."""
    lines = ["| | Flower's | in this example | paper | Flower | ours | so |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        name = f"{row.part.replace('DifferentialPrivacy', '…')}<br>*{row.source}*"
        told = " | ".join(_shown(each) for each in (row.paper, row.flower, row.ours))
        lines.append(f"| {'✓' if row.same else '✗'} | {name} | {row.example} | {told} | {row.advice} |")
    return "\n".join(lines)


def _shown(value):
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{round(value, 12):.3g}"


def _alike(one, other, rtol=1e-3):
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return bool(np.isclose(one, other, rtol=rtol, atol=1e-9))


@dataclass(frozen=True)
class Answer:
    """What a client answers: its new arrays by name, in the order it names them, and numbers beside them."""

    arrays: dict
    examples: int = 1
    loss: float = 1.0
    more: dict = field(default_factory=dict)


class _Grid(InProcessGrid):
    def send_and_receive(self, messages, *, timeout=None):
        return [each for each in super().send_and_receive(messages, timeout=timeout) if each is not None]


def after_rounds(strategy, start, answers, *, rounds=1):
    """The arrays after some rounds of a Flower strategy, by name; or the name of the exception that it
    raised.

    start:    arrays by name.
    answers:  one a client, the same in every round: an `Answer`, FAILED, SILENT, or a function of the arrays
              received.
    """

    def client(message, context):
        answer = answers[context.node_config["partition-id"]]
        if callable(answer):
            answer = answer({name: each.numpy() for name, each in message.content["arrays"].items()})
        if answer == SILENT:
            return None
        if answer == FAILED:
            return Message(Error(code=0, reason="made up"), reply_to=message)
        numbers = MetricRecord({"num-examples": answer.examples, "train_loss": answer.loss, **answer.more})
        return Message(RecordDict({"arrays": _record(answer.arrays), "metrics": numbers}), reply_to=message)

    try:
        with as_a_task(level=logging.CRITICAL):
            result = strategy.start(
                grid=_Grid(client, len(answers), {}), initial_arrays=_record(start), num_rounds=rounds
            )
    except Exception as error:  # that it raises is what the row is about
        return type(error).__name__
    return {name: each.numpy() for name, each in (result.arrays or _record(start)).items()}


def _record(arrays):
    return ArrayRecord({name: Array(np.array(each)) for name, each in arrays.items()})


def ours_after(
    strategy, start, changes, *, examples=None, losses=None, pipeline=(), rounds=1, clients=None, seed=None
):
    """The parameters, shape (P,), after some rounds of a labkit strategy on given changes; or "refused" with
    ValueError.

    start: shape (P,); changes: one a client that answers, shape (P,) each. clients: how many were asked, if
           more.
    """
    parameters = torch.as_tensor(np.asarray(start, dtype=np.float64))
    examples = examples or [1] * len(changes)
    memory = strategy.start(parameters, examples)
    clients = clients or len(changes)
    try:
        steps = Pipeline(
            Setting(strategy, clients, clients, "fixed", rounds, len(parameters), tuple(pipeline)),
            seed_of(seed, pipeline),
        )
    except ValueError:
        return "refused"
    for number in range(1, rounds + 1):
        told, updates = steps.configure(number, parameters), []
        for client, change in enumerate(changes):
            local = parameters + torch.as_tensor(np.asarray(change, dtype=np.float64))
            extra = {"loss": (losses or [1.0] * len(changes))[client]} if strategy.needs_loss else {}
            reply, _ = strategy.reply(
                local,
                strategy.configure(parameters, memory),
                strategy.start_client(parameters),
                steps=1,
                learning_rate=1.0,
                **extra,
            )
            update = Update(client, examples[client], 1, reply)
            if pipeline:
                update, _ = steps.client(update, weight_of(update, strategy.weight), told, number, parameters)
            updates.append(update)
        updates, _ = steps.server(updates, number, parameters)
        parameters, memory = strategy.aggregate(parameters, updates, memory)
    return parameters.numpy()


def flowers_number(strategy, values, *, start=0.0, examples=None, losses=None, rounds=1):
    """The model's one number after Flower's strategy has had these numbers from its clients."""
    examples, losses = examples or [1] * len(values), losses or [1.0] * len(values)
    got = after_rounds(
        strategy,
        {"w": [start]},
        [Answer({"w": [value]}, n, loss) for value, n, loss in zip(values, examples, losses)],
        rounds=rounds,
    )
    return got if isinstance(got, str) else float(got["w"][0])


def our_number(strategy, changes, **more):
    """The model's one number after a labkit strategy has had these changes of 0 from its clients."""
    return float(ours_after(strategy, [0.0], [[each] for each in changes], **more)[0])
