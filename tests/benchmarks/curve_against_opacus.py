"""How much faster, per model, the stacked curve is than training with Opacus.

    python -m tests.benchmarks.curve_against_opacus

One Opacus model x 200 steps against 100 stacked models x 200 steps, on the same records with the same batch size, noise and
clipping, in turns on one thread. Seconds are of processor time, which waiting for a busy machine does not lengthen; the
median of five rounds counts. Every model has noise of its own. Exits with 1 when the ratio is below 60.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch loads

import sys
import time
import warnings

import numpy as np
import torch
from torch import nn

from labkit import datasets
from labkit.dp.training.curve import stacked_accuracy, train_stacked, unit_rows
from labkit.dp.training.dp_sgd import Plan

EPSILONS, SEEDS, DELTA, BATCH, STEPS, ROUNDS = [0.3, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8], 10, 1e-4, 256, 200, 5
AT_LEAST = 60


def stacked(rows, y, plans, seed):
    """All models; returns their accuracies, (epsilons, seeds)."""
    return train_stacked(rows, y, 10, plans, np.random.default_rng(seed).spawn(SEEDS))


def with_opacus(rows, y, plan, seed):
    """One model, trained as Opacus' documentation says; returns its weights."""
    from opacus import PrivacyEngine

    torch.manual_seed(seed)
    model = nn.Linear(rows.shape[1], 10, bias=False)
    nn.init.zeros_(model.weight)
    optimiser = torch.optim.SGD(model.parameters(), lr=plan.learning_rate)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.from_numpy(rows), torch.from_numpy(y)), batch_size=BATCH)
    private, optimiser, loader = PrivacyEngine(accountant="rdp").make_private(
        module=model, optimizer=optimiser, data_loader=loader, noise_multiplier=plan.noise_multiplier, max_grad_norm=plan.max_grad_norm)
    done = 0
    while done < STEPS:
        for x, target in loader:
            optimiser.zero_grad()
            nn.functional.cross_entropy(private(x), target).backward()
            optimiser.step()
            done += 1
            if done == STEPS:
                break
    return model.weight.detach()


def timed(function, *arguments):
    began = time.process_time()
    result = function(*arguments)
    return time.process_time() - began, result


def main():
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    train, test = datasets.digits().split(test_size=0.2, seed=0)
    rows, test_rows = unit_rows(train.X), unit_rows(test.X)
    plans = [Plan.for_budget(epsilon=each, delta=DELTA, records=len(train), batch_size=BATCH, steps=STEPS, max_grad_norm=1.0,
                             learning_rate=4.0) for each in EPSILONS]
    one = plans[EPSILONS.index(1)]
    with_opacus(rows, train.y, one, 0), stacked(rows, train.y, plans, 0)  # first-use costs of both sides
    ours, theirs, our_accuracy, their_accuracy = [], [], [], []
    for seed in range(ROUNDS):
        seconds, weights = timed(with_opacus, rows, train.y, one, seed)
        theirs.append(seconds)
        their_accuracy.append(stacked_accuracy(weights[None, None], test_rows, test.y).item())
        seconds, weights = timed(stacked, rows, train.y, plans, seed)
        ours.append(seconds)
        our_accuracy.append(stacked_accuracy(weights, test_rows, test.y)[EPSILONS.index(1)].mean())
    models = len(EPSILONS) * SEEDS
    ratios = [b / (a / models) for a, b in zip(ours, theirs)]
    ratio = np.median(ratios)
    print(f"Opacus: 1 model x {STEPS} steps in {np.median(theirs):.2f} s (accuracy at epsilon 1: {np.mean(their_accuracy):.3f})")
    print(f"labkit: {models} models x {STEPS} steps in {np.median(ours):.2f} s (accuracy at epsilon 1: {np.mean(our_accuracy):.3f})")
    print(f"ratio per model: {ratio:.0f} (at least {AT_LEAST} wanted); by round: " + ", ".join(f"{each:.0f}" for each in ratios))
    return 0 if ratio >= AT_LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
