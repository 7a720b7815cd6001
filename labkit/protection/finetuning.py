"""Private fine-tuning of a pretrained encoder, through Opacus: the head, LoRA adapters, the last block, or all of its weights.

What frozen parts make of each text never changes, so it is computed once (`records_for`); where only the top is trained, that makes
a pass a matter of seconds. A `labkit.dp.training.dp_sgd.Plan` says how to train, and is what is accounted.

    model = classifier("LoRA", parts, seed=0)                   # parts: of `Encoder.parts`
    X = records_for("LoRA", ids, parts)                         # ids: of `Encoder.token_ids`
    tuned = fine_tune(model, X, y, plan=plan, delta=1e-4, seed=0)
    tuned.model, tuned.epsilon

Sources: Yu and others, "Differentially Private Fine-tuning of Language Models", ICLR 2022; Li, Tramer, Liang, Hashimoto, "Large
Language Models Can Be Strong Differentially Private Learners", ICLR 2022, for ghost clipping.
"""

import copy
import ctypes
import math
import secrets
import time
import warnings

import numpy as np
import torch
from torch import nn

from labkit import validate
from labkit.dp.accounting.epsilon import RELATION
from labkit.dp.training.dp_sgd import Plan, Trained, poisson_sample
from labkit.models.blocks import Classifier, EncoderBlock, pooled
from labkit.models.stateless import with_parameters
from labkit.protection.adapters import add_lora, assert_moved, snapshot, trainable
from labkit.protection.independence import check_independence
from labkit.threads import torch_threads

WAYS = ("head", "LoRA", "last block", "whole model")
ADAPTED = ("query", "value")  # what the LoRA paper adapts
MODES = ("hooks", "ghost")
LEAST_BATCH = 50  # expected: a batch that comes out empty, which Opacus cannot train on, is then rarer than e^-50


def classifier(way, parts, *, seed, rank=4, scale=8.0, classes=2):
    """A Classifier whose trainable part is the one that `way`, one of WAYS, names.

    parts: the encoder from the bottom up, Embeddings and then Blocks; what is needed of it is copied. Frozen parts below the trained
           one are left out: the model takes what comes out of them (see `records_for`).
    """
    validate.one_of(way=way, options=WAYS)
    kept = copy.deepcopy(_split(way, parts)[1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(validate.integer(seed=seed, at_least=0))
        for part in kept:
            add_lora(part, names=ADAPTED, rank=rank, alpha=2.0 * rank) if way == "LoRA" else part.requires_grad_(True)
            if isinstance(part, EncoderBlock) and way != "LoRA":
                part.key.bias.requires_grad_(False)  # shifts all of a token's scores alike, which the softmax takes out again
    return Classifier(kept, classes=classes, scale=scale)


def records_for(way, ids, parts):
    """What a classifier of this way is trained on: what the parts that it leaves out make of each text.

    ids: the texts' tokens, whole numbers (n, T). Returns them as they are for "whole model"; the states below the last block, float32
    (n, T, width), for "LoRA" and "last block"; and one row per text, (n, 1, width), for "head".
    """
    validate.one_of(way=way, options=WAYS)
    ids, parts = validate.array(ids=ids, ndim=2), list(parts)
    words, places = (getattr(parts[0], name).num_embeddings for name in ("words", "places"))
    strange = ids[(ids < 0) | (ids >= words) | (ids % 1 != 0)]
    if len(strange):
        raise ValueError(f"ids must be whole numbers from 0 to {words - 1}, got {strange[0]}")
    if ids.shape[1] > places:
        raise ValueError(f"ids must have at most {places} tokens a text, got {ids.shape[1]}")
    ids = torch.as_tensor(ids)
    below, _ = _split(way, parts)
    with torch_threads(1), torch.no_grad():
        found = torch.cat([nn.Sequential(*below)(some) for some in ids.split(256)])
        return pooled(found)[:, None] if way == "head" else found


def _split(way, parts):
    """The parts below the trained ones, which stay as they are; and those that the model gets."""
    parts = list(parts)
    first = {"head": len(parts), "whole model": 0}.get(way, len(parts) - 1)
    return parts[:first], parts[first:]


def fine_tune(model, X, y, *, plan, delta, seed=None, mode="ghost", together=128, loss=None, progress=None):
    """Train a copy of `model` by DP-SGD with Opacus.

    model:     a torch module that Opacus accepts and in which each record has a gradient of its own: that is tried before training
               (`labkit.protection.independence`). What does not require a gradient stays as it is.
    X, y:      the private records: float32 (n, ...) and labels (n,).
    plan:      a Plan with an expected batch, sample_rate * n, of at least 50. Batches are drawn at its rate, which is accounted.
    delta:     for the statement of what was spent; below 1 / n.
    seed:      whole number for batches and noise, to repeat an experiment; None takes it from the operating system. The generator is
               torch's: statistical, not cryptographic.
    mode:      "hooks" keeps every example's gradient until the batch is clipped; "ghost" computes only their norms, in one pass
               more. The result is the same up to rounding.
    together:  examples in memory at once, 1 or more; a batch is worked off in parts of this size.
    loss:      a loss module of torch with reduction "mean", such as nn.CrossEntropyLoss(label_smoothing=0.1); that without options
               if None. Class weights are refused: torch divides by their sum over the batch.
    progress:  called as progress(steps_done, steps).
    Returns Trained (model in eval mode, epsilon by the PLD accountant, delta). Raises ValueError before any work for arguments that
    do not fit, and for a model or loss in which records meet or which Opacus treats wrongly; RuntimeError when trainable weights did
    not move. (They moved does not mean that they learnt: under noise every weight moves.)
    """
    X, y = _checked(model, X, y, plan, seed, together)
    validate.one_of(mode=mode, options=MODES)
    if validate.probability(delta=delta) >= 1 / len(X):
        raise ValueError(f"delta must be below 1 / {len(X)}, one over the number of records, got {delta!r}")
    if plan.sample_rate * len(X) < LEAST_BATCH:
        raise ValueError(f"plan must have {LEAST_BATCH} or more examples in an expected batch, got a sample_rate of "
                         f"{plan.sample_rate!r} and {len(X)} records")
    loss = nn.CrossEntropyLoss() if loss is None else loss
    with torch_threads(1):
        check_independence(model, X, y, loss=loss, mode=mode)
    epsilon, given = plan.epsilon(delta), model
    model, before = copy.deepcopy(model).train(), snapshot(model)
    with torch_threads(1), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Secure RNG|Full backward hook|Optimal order")
        torch.manual_seed(secrets.randbits(63) if seed is None else seed)
        _with_opacus(model, X, y, plan, loss, mode, together, progress)
    assert_moved(before, model)
    # What a layer or Opacus kept of the records stays here, a frozen BatchNorm's means among it.
    return Trained(with_parameters(given, trainable(model)).eval(), epsilon, delta, "pld", RELATION)


def _with_opacus(model, X, y, plan, loss, mode, together, progress):
    from opacus import PrivacyEngine
    from opacus.data_loader import DPDataLoader
    from opacus.utils.batch_memory_manager import BatchMemoryManager

    # Opacus would draw at one over the number of batches that it counts, a whole number, whatever rate was accounted.
    loader = DPDataLoader(torch.utils.data.TensorDataset(X, y), sample_rate=plan.sample_rate)
    parts = PrivacyEngine().make_private(
        module=model, optimizer=_optimiser(model, plan), criterion=copy.copy(loss), data_loader=loader, poisson_sampling=False,
        noise_multiplier=plan.noise_multiplier, max_grad_norm=plan.max_grad_norm, grad_sample_mode=mode)
    wrapped, optimiser, loader = parts[0], parts[1], parts[-1]
    criterion = parts[2] if mode == "ghost" else loss
    optimiser.expected_batch_size = plan.batch_size  # a public constant; Opacus would take int(n * rate), which tells n
    steps = 0
    while steps < plan.steps:
        with BatchMemoryManager(data_loader=loader, max_physical_batch_size=together, optimizer=optimiser) as split:
            for x, target in split:
                optimiser.zero_grad()
                criterion(wrapped(x), target).backward()
                optimiser.step()
                if optimiser._is_last_step_skipped:  # part of a batch: no noise yet, and no step
                    continue
                steps += 1
                if progress is not None:
                    progress(steps, plan.steps)
                if steps == plan.steps:
                    break
    wrapped.remove_hooks()


def fine_tune_without_privacy(model, X, y, *, plan, seed, progress=None):
    """The twin of `fine_tune` for comparison: the same batches' law and steps, no clipping and no noise; epsilon is infinite."""
    X, y, given = *_checked(model, X, y, plan, seed, together=1), model
    model, before = copy.deepcopy(model).train(), snapshot(model)
    rng, optimiser = np.random.default_rng(seed), _optimiser(model, plan)
    with torch_threads(1):
        for step in range(plan.steps):
            batch = torch.from_numpy(poisson_sample(rng, len(X), plan.sample_rate))
            optimiser.zero_grad()
            (nn.functional.cross_entropy(model(X[batch]), y[batch], reduction="sum") / plan.batch_size).backward()
            optimiser.step()
            if progress is not None:
                progress(step + 1, plan.steps)
    assert_moved(before, model)
    return Trained(with_parameters(given, trainable(model)).eval(), math.inf, 0.0, None, RELATION)


def accuracy(model, X, y):
    """Share of the records (X, y) that the model labels rightly."""
    with torch_threads(1), torch.no_grad():
        guesses = torch.cat([model(part).argmax(1) for part in torch.as_tensor(X).split(256)])
    return float((guesses == torch.as_tensor(y)).double().mean())


def cost_of(work):
    """(result, seconds, megabytes) of calling `work`: processor time, and the most memory above what was held before.

    Megabytes are None where the system does not tell (it must be Linux).
    """
    held = _memory("VmRSS", reset=True)
    began = time.process_time()
    result = work()
    seconds, most = time.process_time() - began, _memory("VmHWM")
    return result, seconds, None if held is None or most is None else max(0.0, most - held)


def _memory(field, reset=False):
    try:
        if reset:
            ctypes.CDLL(None).malloc_trim(0)  # freed memory that the process still holds would be used first, and not seen
            with open("/proc/self/clear_refs", "w") as file:
                file.write("5")  # forget the peak so far
        with open("/proc/self/status") as file:
            return int(file.read().split(f"{field}:")[1].split()[0]) / 1024
    except (OSError, IndexError, AttributeError, TypeError):  # not Linux, or not its usual C library
        return None


def _optimiser(model, plan):
    return torch.optim.SGD(list(trainable(model).values()), lr=plan.learning_rate, momentum=plan.momentum)


def _checked(model, X, y, plan, seed, together):
    from opacus.validators import ModuleValidator

    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be a torch.nn.Module, got {model!r}")
    problems = ModuleValidator.validate(copy.deepcopy(model).train(), strict=False)
    if problems:
        raise ValueError(f"model must be one that Opacus can train, got {problems[0]}")
    if not trainable(model):
        raise ValueError(f"model must have a parameter that requires a gradient, got none in {type(model).__name__}")
    if not isinstance(plan, Plan):
        raise ValueError(f"plan must be a labkit.dp.training.dp_sgd.Plan, got {plan!r}")
    if seed is not None:
        validate.integer(seed=seed, at_least=0)
    validate.integer(together=together, at_least=1)
    X, y = validate.array(X=X), validate.array(y=y, ndim=1)
    validate.same_length(X=X, y=y)
    if y.dtype.kind not in "iu" or y.min() < 0:
        raise ValueError(f"y must hold whole numbers from 0, got {y!r}")
    return torch.as_tensor(X, dtype=torch.float32), torch.as_tensor(y.astype(np.int64))
