"""Flower's strategies, beside the papers they cite and beside ours."""

import logging
import warnings

import numpy as np

from labkit.federated.flower.differences.drive import (
    FAILED,
    Answer,
    Difference,
    after_rounds,
    flowers_number,
    our_number,
)
from labkit.federated.flower.in_process import as_a_task
from labkit.federated.flower.server import OnFlower
from labkit.federated.strategies.fairness import QFedAvg
from labkit.federated.strategies.robust import Median, TrimmedMean
from labkit.federated.strategies.server_optimisers import FedAdam, FedAvgM, FedYogi
from labkit.federated.strategies.strategy import FedAvg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from flwr.serverapp import strategy as flower

__all__ = ["strategy_rows"]

ALL = {"fraction_evaluate": 0.0}  # nobody evaluates
OPTIMISERS = "Reddi and others, ICLR 2021"


def strategy_rows():
    """One `Difference` a row: (strategy, what is measured) with the paper's number, Flower's and ours."""
    with as_a_task(level=logging.CRITICAL):
        return [
            *_averages(),
            _momentum(),
            *_optimisers(),
            *_fairness(),
            *_order(),
            _nobody(),
        ]


def _averages():
    values, examples = [0.0, 1.0, 2.0, 9.0, 100.0], [1, 1, 1, 1, 6]
    yield Difference(
        "FedAvg",
        "five clients send 0, 1, 2, 9, 100; the last has 6 records, the others 1",
        61.2,
        flowers_number(flower.FedAvg(**ALL), values, examples=examples),
        our_number(FedAvg(), values, examples=examples),
        "use it",
        "McMahan and others, AISTATS 2017",
    )
    yield Difference(
        "FedMedian",
        "the same",
        2.0,
        flowers_number(flower.FedMedian(**ALL), values, examples=examples),
        our_number(Median(), values, examples=examples),
        "use it",
        "Yin and others, ICML 2018",
    )
    yield Difference(
        "FedTrimmedAvg",
        "the same, one cut off at either end",
        4.0,
        flowers_number(flower.FedTrimmedAvg(beta=0.2, **ALL), values, examples=examples),
        our_number(TrimmedMean(trim=1), values, examples=examples),
        "use it",
        "Yin and others, ICML 2018",
    )


def _momentum():
    """Each client moves by 1 from where it is: velocity 1, then 1.9."""
    step = flower.FedAvgM(server_momentum=0.9, **ALL)
    moved = after_rounds(step, {"w": [0.0]}, [lambda got: Answer({"w": got["w"] + 1})] * 2, rounds=2)
    return Difference(
        "FedAvgM",
        "every change is 1, momentum 0.9; where the model is after two rounds",
        2.9,
        float(moved["w"][0]),
        our_number(FedAvgM(momentum=0.9), [1.0, 1.0], rounds=2),
        "use it",
        "Hsu, Qi, Brown 2019",
    )


def _optimisers():
    """The paper: m = (1 - b1) d; v from tau^2, the least it allows; step eta m / (sqrt(v) + tau)."""
    eta, tau, first, second = 0.1, 1e-3, 0.9, 0.99
    options = {"eta": eta, "tau": tau, **ALL}
    for size, advice in (
        (1.0, "use it, for changes far above tau"),
        (1e-3, "near tau a smaller eta, or a larger tau"),
    ):
        mean, square = (1 - first) * size, size**2
        adam = eta * mean / (np.sqrt(second * tau**2 + (1 - second) * square) + tau)
        yogi = eta * mean / (np.sqrt(tau**2 - (1 - second) * square * np.sign(tau**2 - square)) + tau)
        grad = eta * size / (np.sqrt(tau**2 + square) + tau)
        what = f"length of the first step, every change is {size:g}"
        if size == 1:
            yield Difference(
                "FedAdam",
                what,
                adam,
                flowers_number(flower.FedAdam(**options), [size] * 2),
                our_number(FedAdam(server_learning_rate=eta), [size] * 2),
                "use it; its early steps are shorter, so tune eta on it",
                OPTIMISERS,
            )
        yield Difference(
            "FedYogi",
            what,
            yogi,
            flowers_number(flower.FedYogi(beta_1=first, beta_2=second, **options), [size] * 2),
            our_number(FedYogi(server_learning_rate=eta), [size] * 2),
            advice,
            OPTIMISERS,
        )
        yield Difference(
            "FedAdagrad",
            what,
            grad,
            flowers_number(flower.FedAdagrad(**options), [size] * 2),
            "none",
            advice,
            OPTIMISERS,
        )


def _fairness():
    values, examples = [0.0, 1.0], [3, 1]
    yield Difference(
        "QFedAvg",
        "q = 0, which its documentation calls equivalent to FedAvg: 0 from 3 records, 1 from 1 record",
        0.25,
        flowers_number(flower.QFedAvg(client_learning_rate=1.0, q=0.0, **ALL), values, examples=examples),
        our_number(QFedAvg(q=0.0, weight="examples"), values, examples=examples),
        "ours, with weight='examples', if records are to count",
        "Li and others, ICLR 2020",
    )


def _order():
    """All clients send a = 1 and b = 2, one names b before a. By position a gets something of b."""
    start = {"a": [5.0], "b": [7.0]}
    answers = [Answer({"b": [2.0], "a": [1.0]}), *[Answer({"a": [1.0], "b": [2.0]})] * 2]
    made = {
        "FedAvg": flower.FedAvg(**ALL),
        "FedMedian": flower.FedMedian(**ALL),
        "FedTrimmedAvg": flower.FedTrimmedAvg(**ALL),
        "QFedAvg": flower.QFedAvg(client_learning_rate=1.0, q=0.0, **ALL),
        "Bulyan": flower.Bulyan(num_malicious_nodes=0, **ALL),
        "FedAvgM": flower.FedAvgM(server_learning_rate=0.5, **ALL),
    }
    for name, strategy in made.items():
        half = name == "FedAvgM"  # at a rate of 1 it comes out right in spite of the order
        got = _in_order(strategy, start, answers, 3.0 if half else 1.0)
        yield Difference(
            name,
            "a = 5, b = 7; all send a = 1, b = 2, one names b first; then a is" + ", at half the rate" * half,
            3.0 if half else 1.0,
            got,
            "none",
            "use it" if got == 1 else "send arrays in one order (a state_dict has one)",
            "arrays have names",
        )


def _in_order(strategy, start, answers, right):
    """The value of a farthest from the right one, with the other order first, second or last."""
    found = []
    for place in range(3):
        turned = answers[1 : 1 + place] + answers[:1] + answers[1 + place :]
        strategy.current_arrays = None
        got = after_rounds(_Sorted(strategy), start, turned)
        found.append(float(got["a"][0]))
    return max(found, key=lambda value: abs(value - right))


class _Sorted:
    """A strategy that sees the replies in the order of the nodes; Flower's own sample is in random order."""

    def __init__(self, strategy):
        self.strategy, real = strategy, strategy.aggregate_train
        strategy.aggregate_train = lambda number, replies: real(
            number, sorted(replies, key=lambda each: each.metadata.src_node_id)
        )

    def start(self, **arguments):
        return self.strategy.start(**arguments)


def _nobody():
    got = after_rounds(flower.FedAvg(**ALL), {"w": [5.0]}, [FAILED] * 3)
    ours = after_rounds(OnFlower(FedAvg(), clients=3, rounds=1), {"parameters": [5.0]}, [FAILED] * 3)
    return Difference(
        "FedAvg",
        "every client answers with an error: the run ends with",
        "an error",
        "an error" if isinstance(got, str) else "success, and the old model",
        "an error" if isinstance(ours, str) else "success, and the old model",
        "our server_app, or look whether there are metrics of every round",
        "no result is no success",
    )
