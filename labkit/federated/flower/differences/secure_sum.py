"""Flower's SecAgg+, beside the papers and beside ours."""

import importlib
import logging
import warnings

import numpy as np

from labkit.federated.flower.differences.drive import Difference, ours_after
from labkit.federated.flower.in_process import as_a_task
from labkit.federated.pipeline.steps import Weight
from labkit.federated.secure_aggregation import masks
from labkit.federated.secure_aggregation.step import SecureSum
from labkit.federated.strategies.strategy import FedAvg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    client = importlib.import_module(
        "flwr.client.mod.secure_aggregation.secaggplus_mod"
    )  # the package hides it by a function
    from flwr.common.secure_aggregation import ndarrays_arithmetic as arithmetic
    from flwr.common.secure_aggregation import secaggplus_utils as utils
    from flwr.common.secure_aggregation.quantization import dequantize
    from flwr.compat.common.parameter import bytes_to_ndarray, ndarrays_to_parameters

__all__ = ["secure_sum_rows"]

PAPER = "Bell and others, CCS 2020"
CLIP, LEVELS, MODULUS, MOST = 8.0, 2**22, 2**32, 1000.0  # the defaults of SecAggPlusWorkflow


def secure_sum_rows():
    """One `Difference` a row: what is measured, with the paper's outcome, Flower's and ours."""
    values, examples = [3.0, 1.0], [6000, 2000]
    yield Difference(
        "SecAggPlusWorkflow",
        "3 from 6,000 records, 1 from 2,000: the mean it opens, all at their defaults",
        2.5,
        _flowers_mean(values, examples),
        float(
            ours_after(
                FedAvg(),
                [0.0],
                [[each] for each in values],
                examples=examples,
                pipeline=[Weight(at_most=6000), SecureSum(largest=CLIP)],
                seed=1,
            )[0]
        ),
        "max_weight: at least the most records that a client holds",
        PAPER,
    )
    key, other = bytes(range(32)), bytes([4, 5, 6, 7, 0, 1, 2, 3, *range(8, 32)])
    same = (
        utils.pseudo_rand_gen(key, MODULUS, [(50,)])[0] == utils.pseudo_rand_gen(other, MODULUS, [(50,)])[0]
    )
    yield Difference(
        "SecAggPlusWorkflow",
        "two keys of 256 bits with one exclusive-or of their words: their masks are",
        "different",
        "equal" if same.all() else "different",
        "equal" if (masks.expand(key, 50, 32) == masks.expand(other, 50, 32)).all() else "different",
        "not against whoever can count to 2^32 (lab 08)",
        PAPER,
    )


def _flowers_mean(values, examples):
    """What Flower's client sends for its second stage, unmasked and decoded as its server does."""
    sums = None
    for value, count in zip(values, examples):
        state = client.SecAggPlusState()
        state.nid, state.threshold, state.rd_seed, state.ss2_dict = 1, 1, bytes(32), {}
        state.clipping_range, state.target_range, state.mod_range, state.max_weight = (
            CLIP,
            LEVELS,
            MODULUS,
            MOST,
        )
        with as_a_task(level=logging.CRITICAL):
            sent = client._collect_masked_vectors(
                state,
                {client.Key.CIPHERTEXT_LIST: [], client.Key.SOURCE_LIST: []},
                count,
                ndarrays_to_parameters([np.array([value])]),
            )
        vectors = [bytes_to_ndarray(each) for each in sent[client.Key.MASKED_PARAMETERS]]
        mask = utils.pseudo_rand_gen(bytes(32), MODULUS, [each.shape for each in vectors])
        vectors = arithmetic.parameters_mod(arithmetic.parameters_subtraction(vectors, mask), MODULUS)
        sums = vectors if sums is None else arithmetic.parameters_addition(sums, vectors)
    total, vectors = arithmetic.factor_extract(sums)
    opened = dequantize(vectors, CLIP, LEVELS)[0] - (len(values) - 1) * CLIP
    return float(opened[0] * LEVELS / total)
