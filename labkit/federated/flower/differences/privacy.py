"""Flower's privacy wrappers, beside the papers they cite and beside ours."""

# ruff: noqa: NPY002 -- Flower draws from numpy's common generator

import logging
import math
import warnings

import numpy as np
import torch

from labkit.dp.mechanisms.calibration import gaussian_delta, gaussian_sigma
from labkit.federated.flower.differences.drive import (
    FAILED,
    SILENT,
    Answer,
    Difference,
    after_rounds,
    ours_after,
)
from labkit.federated.flower.in_process import as_a_task
from labkit.federated.flower.messages import Array, ArrayRecord, Context, Message, MessageType, RecordDict
from labkit.federated.pipeline.step import Pipeline, Setting
from labkit.federated.privacy.adaptive_clipping import AdaptiveUserLevelDP
from labkit.federated.privacy.user_level import UserLevelDP
from labkit.federated.strategies.strategy import FedAvg, Update

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from flwr.clientapp.mod import LocalDpMod
    from flwr.serverapp import strategy as flower

__all__ = ["privacy_rows"]

MANY = 20_000  # entries of a model whose noise is measured: its standard deviation is then known to 0.5 %
CLIPPING, ADAPTIVE = "McMahan and others, ICLR 2018", "Andrew and others, NeurIPS 2021"


def privacy_rows():
    """One `Difference` a row: (wrapper, what is measured) with the paper's number, Flower's and ours."""
    state = np.random.get_state()
    try:
        np.random.seed(
            1
        )  # the wrappers draw from numpy's common generator: so the figures are the same each time
        with as_a_task(level=logging.CRITICAL):
            return [*_adaptive(), *_noise_per_reply(), *_clipping(), _a_failure(), _known_noise(), _local()]
    finally:
        np.random.set_state(state)


def _average(sampled):
    return flower.FedAvg(fraction_evaluate=0.0, min_train_nodes=sampled, min_available_nodes=sampled)


def _fixed(sampled, *, noise=0.0, norm=1.0):
    return flower.DifferentialPrivacyServerSideFixedClipping(
        _average(sampled), noise_multiplier=noise, clipping_norm=norm, num_sampled_clients=sampled
    )


def _adaptive_wrapper(sampled, norm, **more):
    return flower.DifferentialPrivacyServerSideAdaptiveClipping(
        _average(sampled),
        num_sampled_clients=sampled,
        initial_clipping_norm=norm,
        target_clipped_quantile=0.5,
        clip_norm_lr=0.2,
        **{"noise_multiplier": 0.0, **more},
    )


LENGTHS = [1.0, 2.0, 3.0, 4.0, 5.0]  # of five clients' changes; their median is 3


def _adaptive():
    for rounds in (1, 50):
        paper = 10.0
        for _ in range(rounds):
            paper *= math.exp(-0.2 * (sum(each <= paper for each in LENGTHS) / 5 - 0.5))
        wrapper = _adaptive_wrapper(5, 10.0)
        after_rounds(wrapper, {"w": [0.0]}, [_moves(each) for each in LENGTHS], rounds=rounds)
        yield Difference(
            "DifferentialPrivacyServerSideAdaptiveClipping",
            f"norm 10, changes of length 1 to 5: the norm after {rounds} round{'s' * (rounds > 1)}",
            paper,
            wrapper.clipping_norm,
            _our_norm(10.0, rounds),
            "ours; with Flower, fixed clipping",
            ADAPTIVE,
        )
    clients, z, count = 40, 1.0, 2.0
    wrapper = _adaptive_wrapper(clients, 1.0, noise_multiplier=z, clipped_count_stddev=count)
    far = np.full(MANY, 10.0)
    got = after_rounds(wrapper, {"w": np.zeros(MANY)}, [Answer({"w": far})] * clients)
    for_changes = (z**-2 - (2 * count) ** -2) ** -0.5
    yield Difference(
        "DifferentialPrivacyServerSideAdaptiveClipping",
        "all changes are cut to 1: sigma of the noise on their sum",
        for_changes,
        float(got["w"].std()) * clients,
        _our_adaptive_sigma(clients, z, count),
        "as above: it belongs to the next round's norm",
        ADAPTIVE,
    )


def _moves(length):
    return lambda got: Answer({"w": got["w"] + length})


def _our_norm(norm, rounds):
    step = AdaptiveUserLevelDP(
        max_grad_norm=norm, noise_multiplier=1e-9, count_noise=1e-9, sample_rate=1.0, rounds=rounds, divisor=5
    )
    steps = Pipeline(Setting(FedAvg(weight="equal"), 5, 5, "fixed", rounds, 1, (step,)), 0)
    start = torch.zeros(1, dtype=torch.float64)
    for number in range(1, rounds + 1):
        told = steps.configure(number, start)
        sent = [
            steps.client(Update(client, 1, 1, {"change": start + length}), 1.0, told, number, start)[0]
            for client, length in enumerate(LENGTHS)
        ]
        steps.server(sent, number, start)
    return steps.memory[0]["max_grad_norm"]


def _our_adaptive_sigma(clients, z, count):
    step = AdaptiveUserLevelDP(
        max_grad_norm=1.0, noise_multiplier=z, count_noise=count, sample_rate=1.0, rounds=1, divisor=clients
    )
    changes = [np.full(MANY, 10.0)] * clients
    return (
        float(ours_after(FedAvg(weight="equal"), np.zeros(MANY), changes, pipeline=[step], seed=1).std())
        * clients
    )


def _noise_per_reply():
    """Noise over what one client can move the published model: in the paper the noise multiplier, here 1."""
    for what, examples, answering in (
        ("10 asked, 2 answer", [1] * 2, 2),
        ("10 answer, one with 91 % of the records", [91, *[1] * 9], 10),
    ):

        def answers(size, first, answering=answering, examples=examples):
            sent = [
                Answer(
                    {"w": np.full(size, (first if client == 0 else 1.0) / math.sqrt(size))}, examples[client]
                )
                for client in range(answering)
            ]
            return [*sent, *[SILENT] * (10 - answering)]

        one, other = (after_rounds(_fixed(10), {"w": [0.0]}, answers(1, first))["w"] for first in (1.0, -1.0))
        moved = abs(float(one[0] - other[0])) / 2  # by a change of length 1
        noise = after_rounds(_fixed(10, noise=1.0), {"w": np.zeros(MANY)}, answers(MANY, 1.0))["w"].std()
        yield Difference(
            "DifferentialPrivacyServerSideFixedClipping",
            f"{what}: noise over what one client moves",
            1.0,
            float(noise) / moved,
            _our_noise_per_user(examples),
            "with accountant=..., which refuses this",
            CLIPPING,
        )


def _our_noise_per_user(examples):
    step = UserLevelDP(max_grad_norm=1.0, noise_multiplier=1.0, sample_rate=1.0, rounds=1, divisor=10)
    strategy = FedAvg(weight="equal" if len(set(examples)) == 1 else "examples")
    changes = [np.full(MANY, 1 / math.sqrt(MANY)) for _ in examples]
    got = ours_after(
        strategy, np.zeros(MANY), changes, examples=examples, clients=10, pipeline=[step], seed=1
    )
    return got if isinstance(got, str) else float(got.std()) * 10  # one user moves it by 1 / divisor


def _clipping():
    name, step = (
        "DifferentialPrivacyServerSideFixedClipping",
        UserLevelDP(max_grad_norm=1.0, noise_multiplier=1e-9, sample_rate=1.0, rounds=1, divisor=2),
    )
    got = after_rounds(_fixed(2), {"w": [0.0], "scale": 0.0}, [Answer({"w": [0.0], "scale": 100.0})] * 2)
    ours = ours_after(FedAvg(weight="equal"), [0.0, 0.0], [[0.0, 100.0]] * 2, pipeline=[step])
    yield Difference(
        name,
        "norm 1; a parameter without dimensions (shape ()) moves by 100: by how much it is published",
        1.0,
        float(got["scale"]),
        float(ours[1]),
        "give every parameter a shape, (1,) say",
        CLIPPING,
    )
    got = after_rounds(_fixed(2), {"w": [0.0]}, [Answer({"w": [0.0]}), Answer({"w": [1.0]})])
    ours = ours_after(FedAvg(weight="equal"), [0.0], [[0.0], [1.0]], pipeline=[step])
    yield Difference(
        name,
        "one client's model has not changed, the other's by 1: the mean",
        0.5,
        got if isinstance(got, str) else float(got["w"][0]),
        float(ours[0]),
        "let clients add 1e-12",
        CLIPPING,
    )
    got = after_rounds(_fixed(2), {"a": [0.0], "b": [50.0]}, [Answer({"b": [50.0], "a": [0.0]})] * 2)
    yield Difference(
        name,
        "nobody's model changes, all name b before a: then a is",
        0.0,
        got if isinstance(got, str) else float(got["a"][0]),
        "none",
        "send arrays in the order received",
        "arrays have names",
    )


def _a_failure():
    got = after_rounds(_fixed(10), {"w": [0.0]}, [*[Answer({"w": [1.0]})] * 9, FAILED])
    step = UserLevelDP(max_grad_norm=1.0, noise_multiplier=1e-9, sample_rate=1.0, rounds=1, divisor=10)
    ours = ours_after(FedAvg(weight="equal"), [0.0], [[1.0]] * 9, clients=10, pipeline=[step])
    return Difference(
        "DifferentialPrivacyServerSideFixedClipping",
        "nine clients move by 1, the tenth fails: the model moves by",
        0.9,
        float(got["w"][0]),
        float(ours[0]),
        "ours: any client could stop all learning",
        CLIPPING,
    )


def _known_noise():
    """Who knows what np.random.seed was given, by a training script for repeatability, say, subtracts it."""
    np.random.seed(0)
    got = (
        after_rounds(_fixed(2, noise=1.0), {"w": np.zeros(MANY)}, [Answer({"w": np.full(MANY, 1e-3)})] * 2)[
            "w"
        ]
        - 1e-3
    )
    np.random.seed(0)
    guessed = np.random.normal(0, 0.5, MANY)
    step = UserLevelDP(max_grad_norm=1.0, noise_multiplier=1.0, sample_rate=1.0, rounds=1, divisor=2)
    ours = (
        ours_after(FedAvg(weight="equal"), np.zeros(MANY), [np.full(MANY, 1e-3)] * 2, pipeline=[step]) - 1e-3
    )
    return Difference(
        "all wrappers and LocalDpMod",
        "the script has called np.random.seed(0): share of the noise that a guess finds",
        0.0,
        float(np.isclose(got, guessed, atol=1e-6).mean()),
        float(np.isclose(ours, guessed, atol=1e-6).mean()),
        "never seed numpy in a server app",
        "noise is secret",
    )


def _local():
    """The classic formula is proved for epsilon below 1. What it keeps at epsilon 10, by the exact curve."""
    epsilon, delta = 10.0, 1e-5
    mod = LocalDpMod(clipping_norm=1.0, sensitivity=1.0, epsilon=epsilon, delta=delta)
    sent = RecordDict({"arrays": ArrayRecord({"w": Array(np.zeros(9))})})

    def trained(message, _):
        return Message(RecordDict({"arrays": ArrayRecord({"w": Array(np.full(9, 1e-12))})}), reply_to=message)

    message = Message(sent, 1, MessageType.TRAIN)
    message.metadata.__dict__["_message_id"] = "1"
    np.random.seed(0)
    got = mod(message, Context(1, 1, {}, RecordDict(), {}), trained).content["arrays"]["w"].numpy()
    np.random.seed(0)
    sigma = float(np.median(got / np.random.normal(0, 1, 9)))  # the same draws, so that sigma is exact
    exact = gaussian_sigma(epsilon=epsilon, delta=delta, sensitivity=1.0)
    return Difference(
        "LocalDpMod",
        "epsilon 10, delta 1e-5: the delta that its noise keeps, in units of 1e-5",
        1.0,
        gaussian_delta(sigma=sigma, epsilon=epsilon, sensitivity=1.0) / delta,
        gaussian_delta(sigma=exact, epsilon=epsilon, sensitivity=1.0) / delta,
        "epsilon below 1, and sensitivity twice clipping_norm",
        "Dwork, Roth 2014; Balle, Wang 2018",
    )
