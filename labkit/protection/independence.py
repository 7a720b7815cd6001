"""Does each record have a gradient of its own? Replay one batch before training, change records, and look at the others.

DP-SGD clips what each record adds to a step. That bounds what a record can do only if it acts through its own gradient alone: a layer
that looks across the batch, a loss that divides by something of the whole batch, or a layer whose single gradients the library
computes wrongly all void the stated epsilon, and nothing in the training tells. `check_independence` refuses such models:

    * a record's gradient must stay what it is when the others are exchanged, and when one of them is left out;
    * what Opacus clips by must be that gradient;
    * a forward pass must neither change weights nor keep anything of the records in a buffer;
    * every trained weight must be reached by some record's gradient: the others would be trained on noise alone.

It looks at a handful of records and rows like them, in training mode. A model that only mixes records now and then passes.
Source: after the grey-box audits of Cebere, Erb, Desfontaines, Bellet, Fitzsimons, "Privacy in Theory, Bugs in Practice", PoPETs 2026.
"""

import copy
import warnings

import numpy as np
import torch
from torch import nn

COUNT = 4  # records in the batch that is replayed
POOL = 64  # records from which those that take their places are made
KEPT = 1024  # numbers of each weight's gradient that are compared, besides its length
SAME = 1e-5  # of a gradient's length: rounding stays far below, in single precision
RIGHT = 1e-3  # of a gradient's length, for what Opacus clips by


def check_loss(loss, classes, mode):
    """Raise ValueError unless `loss` is the mean over a batch of what it says of each record alone, for this many classes."""
    if not isinstance(loss, nn.Module) or getattr(loss, "reduction", None) != "mean":
        raise ValueError(f"loss must be None or a loss module of torch with reduction='mean', got {loss!r}")
    outputs = torch.randn(classes + 2, classes, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(classes + 2) % classes
    alone = torch.stack([loss(outputs[[row]], targets[[row]]) for row in range(len(outputs))])
    if not torch.allclose(loss(outputs, targets), alone.mean(), rtol=1e-4):
        raise ValueError(f"loss must be the mean of one loss for each record, got {loss!r}, which divides by something of the whole "
                         "batch (class weights do: torch divides by their sum), so that each record moves the others' gradients; "
                         "weight single losses and divide by a constant instead")
    single = copy.copy(loss)
    single.reduction = "none"
    if mode == "ghost" and not torch.allclose(single(outputs, targets), alone, rtol=1e-4):
        raise ValueError(f"loss must give each record's own loss with reduction='none', got {loss!r}")


def check_independence(model, X, y, *, loss, mode, seed=0):
    """Raise ValueError, with the reason in words, when records of `model` meet in a step, or Opacus does not see their gradients.

    model:  torch module; a copy is looked at. X, y: tensors of n >= 1 records and their labels; a few of them are used.
    loss:   a torch loss module with reduction "mean".
    mode:   "hooks" or "ghost", how Opacus will clip.
    """
    model = copy.deepcopy(model).train()
    for part in model.modules():
        if isinstance(part, nn.modules.dropout._DropoutNd):
            part.eval()  # its masks depend on the size of a batch
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        wake(model)
        rows = _rows(y)
        x, other, targets = X[rows], _like(X, model)[: len(rows)], y[rows]
        check_loss(loss, _classes(model, x, y), mode)
        own = _gradients(model, x, targets, loss, range(COUNT), seed)
        half = COUNT // 2
        exchanged = [(torch.cat([x[:half], other[half:]]), range(half)), (torch.cat([other[:half], x[half:]]), range(half, COUNT))]
        if _is_deterministic(model, x):
            exchanged.append((x[:-1], range(COUNT - 1)))
        for batch, kept in exchanged:
            again = _gradients(model, batch, targets[: len(batch)], loss, kept, seed)
            for record in kept:
                _refuse_change(model, own[record], again[record])
        _refuse_unreached(model, own)
        _refuse_broken_attention(model)
        _refuse_wrong(model, x, targets, own, loss, mode, seed)


def wake(model):
    """Give constant trainable weights, such as a head that starts at zero, small random values: behind zeros all gradients vanish."""
    with torch.no_grad():
        for each in model.parameters():
            if each.requires_grad and each.is_floating_point() and (each == each.flatten()[0]).all():
                each.add_(torch.randn_like(each), alpha=0.05)


def _classes(model, x, y):
    """How many classes the model tells apart; ValueError when its answer to a batch is not (records, classes)."""
    try:
        with torch.no_grad():
            shape = tuple(model(x).shape)
    except (RuntimeError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"X must be what the model takes, got {type(error).__name__} for {len(x)} records: "
                         f"{(str(error) or 'no reason given').splitlines()[0]}") from None
    if len(shape) != 2 or shape[0] != len(x):
        raise ValueError(f"model must answer {len(x)} records with shape ({len(x)}, classes), got {shape}")
    if y.max() >= shape[1]:
        raise ValueError(f"y must hold whole numbers from 0 to {shape[1] - 1}, as the model has {shape[1]} classes")
    return shape[1]


def _rows(y):
    """COUNT rows, of different labels as far as there are any."""
    first = torch.from_numpy(np.unique(y.numpy(), return_index=True)[1])
    return torch.cat([first, torch.arange(len(y))]).repeat(COUNT)[:COUNT]


def _like(X, model):
    """Up to POOL rows unlike those of X: from numbers of the same place in other records and, unless they may be ids, noise."""
    pool = X[:: max(1, len(X) // POOL)][:POOL]
    pool = pool.repeat(COUNT, *[1] * (pool.ndim - 1)) if len(pool) < COUNT else pool
    order = torch.rand(pool.shape).argsort(dim=0)
    mixed = pool.gather(0, order)
    ids = (pool == pool.round()).all() and (len(pool.unique()) > 1 or any(isinstance(each, nn.Embedding) for each in model.modules()))
    return mixed if ids else 2 * mixed + torch.randn_like(pool) * (pool.std() or 1.0)


def _gradients(model, x, targets, loss, records, seed):
    """{record: what is kept of its gradient in this batch}; ValueError when the forward pass leaves traces."""
    weights = {name: (each, each._version) for name, each in model.named_parameters()}
    buffers = {name: each.clone() for name, each in model.named_buffers()}
    torch.manual_seed(seed)
    outputs = model(x)
    changed = next((name for name, (each, version) in weights.items() if each._version != version), None)
    if changed is not None:
        raise ValueError(f"model must not change its weights in the forward pass, got {changed!r} changed (an Embedding with max_norm "
                         "does that): what the records do there is neither clipped nor noised")
    kept = next((name for name, each in model.named_buffers() if not torch.equal(each, buffers[name])), None)
    if kept is not None:
        raise ValueError(f"model must not keep anything of the records, got a buffer {kept!r} that each forward pass changes (batch "
                         "normalisation does that, frozen too): it would leave without noise")
    trained = [each for each in model.parameters() if each.requires_grad]
    return {record: _kept(torch.autograd.grad(loss(outputs[record : record + 1], targets[record : record + 1]), trained,
                                              retain_graph=True, allow_unused=True)) for record in records}


def _kept(gradient):
    """For each weight: None, or the length of its gradient followed by some of its numbers."""
    return [None if each is None else torch.cat([each.norm()[None], each.flatten()[:: max(1, each.numel() // KEPT)]])
            for each in gradient]


def _length(kept):
    return float(sum(each[0] ** 2 for each in kept if each is not None)) ** 0.5


def _is_deterministic(model, x):
    with torch.no_grad():
        answers = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            answers.append(model(x))
    return torch.equal(*answers)


def _names(model):
    return [name for name, each in model.named_parameters() if each.requires_grad]


def _refuse_unreached(model, own):
    for place, name in enumerate(_names(model)):
        if all(each[place] is None or each[place][0] == 0 for each in own.values()):
            raise ValueError(f"model must have trainable weights that the records reach, got {name!r}, where no record has a gradient: "
                             "it would be trained on noise alone; freeze it with requires_grad_(False)")


def _refuse_change(model, own, again):
    length = max(_length(own), 1e-7)
    for name, a, b in zip(_names(model), own, again):
        if a is not None and b is not None and not (a - b).abs().max() <= SAME * length:
            raise ValueError("model must treat each record by itself, got one in which a record's gradient changes with the others in the "
                             f"batch, at {name!r}: clipping single gradients then bounds nothing. Does something look across the batch "
                             "(a mean over it, batch normalisation, attention with batch and time exchanged)?")


def _refuse_broken_attention(model):
    """Opacus' attention with batch first, against the same layer with time first."""
    from opacus.layers import DPMultiheadAttention

    for name, part in model.named_modules():
        if isinstance(part, DPMultiheadAttention) and part.batch_first:
            right = copy.deepcopy(part).eval()
            batch = torch.randn(2, 3, part.embed_dim), torch.randn(2, 3, part.kdim), torch.randn(2, 3, part.vdim)
            with torch.no_grad():
                answer = right(*batch)[0]
                right.batch_first = False
                expected = right(*(each.transpose(0, 1) for each in batch))[0].transpose(0, 1)
            if not torch.allclose(answer, expected, atol=1e-4):
                raise ValueError(f"model must have layers that compute what they say, got {name!r}: this version of Opacus' attention "
                                 "with batch_first=True exchanges time and heads (its issue 774), so that tokens see what comes after "
                                 "them; use batch_first=False inside, or attention of linear layers as in labkit.models.blocks")


def _refuse_wrong(model, x, targets, own, loss, mode, seed):
    from opacus.grad_sample import GradSampleModule, GradSampleModuleFastGradientClipping

    trained = [each for each in model.parameters() if each.requires_grad]
    padding = {id(part.weight): part.padding_idx for part in model.modules()
               if isinstance(part, nn.Embedding) and part.padding_idx is not None}
    wrap = GradSampleModule if mode == "hooks" else GradSampleModuleFastGradientClipping
    try:
        wrapped = wrap(model, loss_reduction="mean")
        torch.manual_seed(seed)
        loss(wrapped(x), targets).backward()
        found = torch.stack([_lengths(each, mode, padding.get(id(each))) for each in trained])  # (weights, records)
        longer = torch.tensor([mode == "ghost" and id(each) in padding for each in trained])
    except (NotImplementedError, RuntimeError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"model must be one that Opacus can train, got {type(error).__name__} in {mode} mode: "
                         f"{str(error).splitlines()[0] if str(error) else 'no reason given'}") from None
    for record, kept in own.items():
        true, length = torch.stack([torch.zeros(()) if each is None else each[0] for each in kept]), max(_length(kept), 1e-7)
        apart = found[:, record] - true
        apart = torch.where(longer, apart.clamp(max=0), apart).abs()  # ghost mode counts a padding row that it does not train
        worst = int(apart.argmax())
        if not apart[worst] <= RIGHT * length:
            raise ValueError(f"model must have layers whose single gradients Opacus computes rightly in {mode} mode, got "
                             f"{_names(model)[worst]!r}: a record's gradient is {float(true[worst]):.3g} long there, and is clipped as if it "
                             f"were {float(found[worst, record]):.3g} (convolutions that pad with anything but zeros do that)")


def _lengths(weight, mode, padding):
    """The lengths that Opacus found for each record's gradient of one weight."""
    if mode == "ghost":
        return weight._norm_sample.detach()
    sample = weight.grad_sample.detach()
    if padding is not None:  # hooks train that row too, which torch does not: each record its own all the same
        sample = sample.clone()
        sample[:, padding] = 0
    return sample.flatten(1).norm(dim=1)
