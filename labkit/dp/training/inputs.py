"""What DP-SGD trains on: records as tensors, and a refusal, before any work, of what cannot be trained on privately.

What is refused is a kind of model or of table, never a record: see `labkit.dp.mechanisms.records`. Whether a model fits a table is
tried on an example of zeros.
"""

import copy

import numpy as np
import torch
from torch.func import grad, vmap
from torch.nn.modules.batchnorm import _NormBase

from labkit import validate
from labkit.dp.mechanisms.records import labels_of
from labkit.models.stateless import stateless

IGNORED = -100  # cross-entropy's own mark: such an example has no loss


def examples(**argument):
    """Records as a numpy array of numbers, n of them, n >= 0: from an array, tensor, list or table with columns of numbers."""
    ((name, given),) = argument.items()
    values = given
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = (values.float() if values.dtype in (torch.bfloat16, torch.float16) else values).numpy()
    try:
        if hasattr(values, "columns") and hasattr(values, "to_numpy"):  # a table, whose columns may have types of their own
            values = values.to_numpy(dtype=np.float64, na_value=np.nan)
        values = np.asarray(values)
        if values.dtype.kind == "O":
            values = np.array([[np.nan if each is None else float(each) for each in row] for row in values], np.float64)
    except (TypeError, ValueError):
        values = np.empty(0, "U1")
    if values.dtype.kind not in "biuf" or values.ndim == 0:
        raise ValueError(f"{name} must be an array or table of numbers, one row for each record, got {given!r:.80}")
    return np.ascontiguousarray(values)


def checked(model, X, y, loss, *, private):
    """The records as tensors on the model's device. Raises ValueError for what cannot be trained on, privately or at all.

    loss:     None for cross-entropy, whose labels are then checked.
    private:  whether a record that cannot be used must pass in silence (True), or is refused.
    """
    trainable = _parameters(model)
    X, like = examples(X=X), trainable[0]
    outputs, as_number = _dry_run(model, X, like)
    X = torch.tensor(X, dtype=like.dtype if as_number else torch.int64, device=like.device)
    if loss is None and len(outputs) == 1:
        y = labels_of(outputs[0], y=y)
        unusable, y = y < 0, torch.tensor(np.where(y < 0, IGNORED, y), device=like.device)
    else:
        y = examples(y=y)
        unusable = ~np.isfinite(y.reshape(len(y), -1)).all(axis=1) if y.size else np.zeros(len(y), bool)
        y = torch.tensor(y if y.dtype.kind == "f" else y.astype(np.int64), device=like.device)
        y = y.to(like.dtype) if y.is_floating_point() else y
    validate.same_length(X=X, y=y)
    _try_a_gradient(model, loss, X, y)
    if not private:
        if not len(X) or not X.isfinite().all():
            raise ValueError("X must be a non-empty array of finite numbers, got one that is not")
        if unusable.any():
            raise ValueError(f"y must fit the model for each record, got {int(unusable.sum())} that do not")
    return X, y


def _parameters(model):
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"model must be a torch.nn.Module, got {model!r}")
    for name, layer in model.named_modules():
        if isinstance(layer, _NormBase) and (layer.track_running_stats or "BatchNorm" in type(layer).__name__):
            raise ValueError(f"model must not mix examples, got {type(layer).__name__} at {name or 'its top'!r}: it computes "
                             "statistics over the batch, so no example has a gradient of its own to clip. "
                             "GroupNorm or LayerNorm do the same job inside one example")
        if isinstance(layer, torch.nn.RNNBase):
            raise ValueError(f"model must give a gradient for each example, got {type(layer).__name__} at {name or 'its top'!r}: torch "
                             "computes it for whole batches only. A loop over torch.nn.Linear layers does the same job")
    if any(torch.nn.parameter.is_lazy(each) for each in model.parameters()):
        raise ValueError("model must know the shapes of its parameters, got a lazy layer: call the model once on an example")
    trainable = [each for each in model.parameters() if each.requires_grad]
    if not trainable:
        raise ValueError(f"model must have a parameter that requires a gradient, got none in {type(model).__name__}")
    return trainable


def _dry_run(model, X, like):
    """The shape of the model's output for one example, and whether it takes real numbers (True) or whole ones (False)."""
    model = copy.deepcopy(model).eval()
    parameters, call = {name: each.detach() for name, each in model.named_parameters()}, stateless(model)
    told = None
    for dtype in ([like.dtype] if X.dtype.kind == "f" else [torch.int64, like.dtype]):
        zeros = torch.zeros((1, *X.shape[1:]), dtype=dtype, device=like.device)
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                output = vmap(lambda x: call(parameters, x[None])[0], randomness="different")(zeros)
            return tuple(output.shape[1:]), dtype is not torch.int64
        except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError) as error:
            told = error
    raise ValueError(f"X must hold examples that the model takes, got rows of shape {tuple(X.shape[1:])} of {X.dtype}: "
                     f"{type(told).__name__}: {str(told).splitlines()[0]:.160}")


def _try_a_gradient(model, loss, X, y):
    """ValueError where training would fail: a gradient each for two examples of zeros, and for three.

    They are made up, so that the answer tells nothing of the records.
    """
    loss = loss or torch.nn.functional.cross_entropy
    model = copy.deepcopy(model).train()
    parameters, call = {name: each.detach() for name, each in model.named_parameters() if each.requires_grad}, stateless(model)
    gradients = vmap(grad(lambda own, x, target: loss(call(own, x[None]), target[None])), in_dims=(None, 0, 0), randomness="different")
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            for count in (2, 3):  # a layer that keeps a batch may fail on one of another size
                zeros = (torch.zeros((count, *each.shape[1:]), dtype=each.dtype, device=each.device) for each in (X, y))
                gradients(parameters, *zeros)
    except Exception as error:  # layers of all kinds raise errors of all kinds
        raise ValueError("model and loss must give each example a gradient of its own, and keep nothing of the batch, but: "
                         f"{type(error).__name__}: {str(error).splitlines()[0]:.160}") from None
