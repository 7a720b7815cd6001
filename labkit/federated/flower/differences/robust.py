"""Flower's rules against liars, beside the papers they cite and beside ours."""

import logging
import warnings

import numpy as np

from labkit.federated.flower.differences.drive import Difference, flowers_number, our_number
from labkit.federated.flower.in_process import as_a_task
from labkit.federated.flower.messages import Array, ArrayRecord
from labkit.federated.strategies.robust import Krum, krum_scores

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from flwr.serverapp import strategy as flower
    from flwr.serverapp.strategy import multikrum

__all__ = ["robust_rows", "bulyan_by_the_paper"]

ALL = {"fraction_evaluate": 0.0}  # nobody evaluates
KRUM = "Blanchard and others, NeurIPS 2017"


def robust_rows():
    """One `Difference` a row: (strategy, what is measured) with the paper's number, Flower's and ours."""
    with as_a_task(level=logging.CRITICAL):
        return [*_krum(), _bulyan()]


def _krum():
    """In float32, x^2 + y^2 - 2 x y near 1,000 is a multiple of 1/16: what lies closer counts as 0."""
    models = [np.array([value], dtype=np.float32) for value in (1000.0, 1000.01)]
    true = float(np.square(models[1].astype(np.float64) - models[0])[0])
    computed = multikrum.compute_distances([ArrayRecord({"w": Array(each)}) for each in models])
    changes = np.array([[0.0], models[1] - models[0], [100.0], [100.0]], dtype=np.float64)  # as we send them
    yield Difference(
        "Krum",
        "squared distance of two models with the parameters 1000 and 1000.01",
        true,
        float(computed[0, 1]),
        float(krum_scores(changes, malicious=0)[0] - 1e4),
        "ours: it compares changes, in float64",
        KRUM,
    )
    values, examples = [1.0, 1.1, 0.9, 1.05, 5.0], [1, 997, 1, 1, 1]
    yield Difference(
        "MultiKrum",
        "keeps 1, 1.05 and 1.1 of five; the client of 1.1 claims 997 records, the others 1",
        1.05,
        flowers_number(
            flower.MultiKrum(num_malicious_nodes=1, num_nodes_to_select=3, **ALL), values, examples=examples
        ),
        our_number(Krum(malicious=1, keep=3), values, examples=examples),
        "ours, or let clients report 1 as num-examples",
        KRUM,
    )


# However ties are broken, the paper's result is one.
BULYAN = [0.0, 3.0, 5.0, 7.0, 9.0, 13.0, 17.0, 20.0, 21.0, 24.0, 28.0]


def _bulyan():
    """The paper picks one by Krum, then again among the rest; Flower scores once and takes the best theta."""
    paper = bulyan_by_the_paper(BULYAN, malicious=2)
    return Difference(
        "Bulyan",
        f"clients send {', '.join(f'{each:g}' for each in BULYAN)}; two may lie",
        paper,
        flowers_number(flower.Bulyan(num_malicious_nodes=2, **ALL), BULYAN),
        "none",
        "FedTrimmedAvg or FedMedian",
        "El Mhamdi and others, ICML 2018",
    )


def bulyan_by_the_paper(values, *, malicious):
    """Bulyan of numbers: n - 2f picks by Krum, one by one; the mean of the n - 4f nearest their median."""
    left, picked = list(values), []
    while len(picked) < len(values) - 2 * malicious:
        near = max(1, len(left) - malicious - 2)
        scores = [
            sum(sorted((one - other) ** 2 for at, other in enumerate(left) if at != mine)[:near])
            for mine, one in enumerate(left)
        ]
        picked.append(left.pop(int(np.argmin(scores))))
    middle = float(np.median(picked))
    return float(np.mean(sorted(picked, key=lambda each: abs(each - middle))[: len(picked) - 2 * malicious]))
