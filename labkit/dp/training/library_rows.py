"""What Opacus really does, measured on the installed version: places where a good guess is wrong.

Each row runs a few lines of Opacus and compares what it does with what one would expect. None is a secret, and most have a reason;
they are here because a run that meets one neither stops nor warns. `labkit.dp.accounting.library_rows` has the accountants' rows.

    for row in opacus_rows():
        row.expected, row.found, row.instead
"""

import io
import warnings

import torch
from torch import nn

from labkit.dp.accounting.library_rows import Row


def opacus_rows():
    """A list of Rows, each measured while you wait (about a second in all)."""
    import opacus

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        return [Row(f"Opacus {opacus.__version__}", *row()) for row in
                (_divisor, _rate, _validator, _frozen_normalisation, _weighted_loss, _padding_row, _attention, _convolution, _tied_layer,
                 _unfrozen, _schedule, _checkpoint, _two_backwards, _weighted_sampler)]


def _private(model, records=100, batch_size=25, noise_multiplier=1.0, mode="hooks", optimiser=None):
    """(wrapped model, optimiser, loss or None, loader, engine) of Opacus for made-up records."""
    from opacus import PrivacyEngine

    engine = PrivacyEngine()
    data = torch.utils.data.TensorDataset(torch.randn(records, 4), torch.arange(records) % 2)
    made = engine.make_private(
        module=model, optimizer=optimiser or torch.optim.SGD(model.parameters(), 0.1), noise_multiplier=noise_multiplier,
        max_grad_norm=1.0, data_loader=torch.utils.data.DataLoader(data, batch_size), grad_sample_mode=mode)
    return made[0], made[1], made[2] if mode == "ghost" else None, made[-1], engine


def _divisor():
    sizes = [_private(nn.Linear(4, 2), records, 100)[1].expected_batch_size for records in (400, 399)]
    return ("The sum of gradients is divided by a public number.", f"{sizes[0]} for 400 records, {sizes[1]} for 399", sizes[0] != sizes[1],
            "Set optimizer.expected_batch_size to a public constant.")


def _rate():
    loader = _private(nn.Linear(4, 2), records=930, batch_size=10)[3]
    return ("93 batches a pass are 93 batches.", f"{len(loader)} are drawn", len(loader) == 92, "Count steps, not passes.")


def _validator():
    from opacus.validators import ModuleValidator

    class Mixes(nn.Linear):
        def forward(self, x):
            return super().forward(x - x.mean(0))

    errors = ModuleValidator.validate(nn.Sequential(Mixes(4, 2)), strict=False)
    return ("The validator refuses a model that mixes the records of a batch.", f"{len(errors)} objections to one that subtracts their mean",
            not errors, "It looks at the types of layers. Replay a batch: finetuning.fine_tune does.")


def _frozen_normalisation():
    from opacus.validators import ModuleValidator

    layer = nn.BatchNorm1d(4).requires_grad_(False)
    model = nn.Sequential(layer, nn.Linear(4, 2)).train()
    errors = ModuleValidator.validate(model, strict=False)
    wrapped = _private(model, optimiser=torch.optim.SGD(model[1].parameters(), 0.1))[0]
    wrapped(3 + torch.randn(25, 4))
    moved = float(layer.running_mean.abs().max())
    return ("A frozen batch normalisation stays as it is.", f"{len(errors)} objections, and its running mean moved by {moved:.1f}",
            not errors and moved > 0.1, "Use GroupNorm or LayerNorm.")


def _weighted_loss():
    """The largest change of the clipped sum when one record leaves, in clip bounds; hooks, class weights 1 and 100."""
    from opacus.grad_sample import GradSampleModule

    criterion, sums = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 100.0])), []
    x, y = torch.ones(101, 1), torch.tensor([0] * 100 + [1])
    for count in (101, 100):
        model = GradSampleModule(nn.Linear(1, 2, bias=False))
        model._module.weight.data.zero_()
        criterion(model(x[:count]), y[:count]).backward()
        gradients = model._module.weight.grad_sample.flatten(1)
        sums.append((gradients * (0.5 / gradients.norm(dim=1)).clamp(max=1)[:, None]).sum(0))
    moved = float((sums[0] - sums[1]).norm() / 0.5)
    return ("One record moves the clipped sum by one clip bound at most.", f"class weights of 1 and 100: by {moved:.0f} bounds", moved > 2,
            "Weight single losses and divide by a constant.")


def _padding_row():
    reached = {}
    for mode in ("hooks", "ghost"):
        model = nn.Sequential(nn.Embedding(5, 3, padding_idx=0), nn.Flatten(), nn.Linear(6, 2))
        wrapped, optimiser, criterion, _, _ = _private(model, mode=mode, noise_multiplier=1e-9)
        before = model[0].weight[0].detach().clone()
        (criterion or nn.CrossEntropyLoss())(wrapped(torch.tensor([[0, 1], [0, 2]])), torch.tensor([0, 1])).backward()
        optimiser.step()
        reached[mode] = bool((model[0].weight[0] - before).abs().max() > 1e-6)
    return ("The padding row of an embedding is not trained.",
            "; ".join(f"{mode}: {'trained' if each else 'not trained'}" for mode, each in reached.items()),
            reached["hooks"] and not reached["ghost"], "Mask padding in the model.")


def _attention():
    from opacus.layers import DPMultiheadAttention

    theirs, torchs = DPMultiheadAttention(8, 2, batch_first=True).eval(), nn.MultiheadAttention(8, 2, batch_first=True).eval()
    theirs.load_state_dict(torchs.state_dict())
    x = torch.randn(3, 5, 8)
    with torch.no_grad():
        apart = float((theirs(x, x, x)[0] - torchs(x, x, x)[0]).abs().max())
    return ("DPMultiheadAttention(batch_first=True) answers as torch's does.", f"it is up to {apart:.1f} off, with two heads", apart > 0.01,
            "Use batch_first=False inside, or linear layers.")


def _convolution():
    from opacus.grad_sample import GradSampleModule

    model = GradSampleModule(nn.Conv2d(1, 3, 3, padding=1, padding_mode="circular"))
    model(torch.rand(1, 1, 6, 6)).pow(2).sum().backward()
    weight = model._module.weight
    off = float((weight.grad_sample[0] - weight.grad).norm() / weight.grad.norm())
    return ("The single gradient of a batch of one is its gradient.", f"a convolution with circular padding: {off:.0%} off", off > 0.05,
            "Pad with zeros, or by a layer of its own.")


def _tied_layer():
    from opacus.validators import ModuleValidator

    class Twice(nn.Linear):
        def forward(self, x):
            return super().forward(super().forward(x))

    layer = nn.Linear(4, 4)
    model = nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(4, 2))
    errors = ModuleValidator.validate(model, strict=False)
    wrapped, _, criterion, _, _ = _private(model, mode="ghost")
    try:
        criterion(wrapped(torch.randn(5, 4)), torch.arange(5) % 2).backward()
        happened = "and trained"
    except NotImplementedError:
        happened = "and NotImplementedError in the first step"
    return ("A layer used twice is refused by the validator or trained by ghost clipping.", f"{len(errors)} objections, {happened}",
            not errors and "Error" in happened, "Use hooks, which are right.")


def _unfrozen():
    model = nn.Sequential(nn.Linear(4, 4).requires_grad_(False), nn.Linear(4, 2))
    wrapped = _private(model, mode="ghost")[0]
    model[0].requires_grad_(True)
    counted = sum(each.numel() for each in wrapped.trainable_parameters)
    everything = sum(each.numel() for each in model.parameters())
    return ("A layer that is unfrozen later counts in the norm that is clipped.", f"ghost mode counts {counted} of {everything} weights",
            counted < everything, "Call make_private again.")


def _schedule():
    from opacus.schedulers import ExponentialGradClip

    wrapped, optimiser, _, _, _ = _private(nn.Linear(4, 2), mode="ghost")
    ExponentialGradClip(optimiser, gamma=0.1).step()
    return ("A schedule of the clip bound changes clipping and noise alike.",
            f"ghost mode: noise is scaled to {optimiser.max_grad_norm:g}, gradients are clipped at {wrapped.max_grad_norm:g}",
            optimiser.max_grad_norm < wrapped.max_grad_norm, "Keep the bound fixed under ghost clipping.")


def _checkpoint():
    kept = io.BytesIO()
    wrapped, optimiser, _, _, engine = _private(nn.Linear(4, 2), noise_multiplier=4.0)
    optimiser.state_dict()
    engine.save_checkpoint(path=kept, module=wrapped, optimizer=optimiser)
    kept.seek(0)
    wrapped, optimiser, _, _, engine = _private(nn.Linear(4, 2), noise_multiplier=0.5)
    engine.load_checkpoint(path=kept, module=wrapped, optimizer=optimiser)
    return ("Restoring a checkpoint restores the noise.", f"saved with 4, restored with {optimiser.noise_multiplier:g}",
            optimiser.noise_multiplier != 4.0, "Keep the plan beside the checkpoint, and pass it again.")


def _two_backwards():
    moved = {}
    for batches in ([0, 1], [1]):
        torch.manual_seed(0)
        model = nn.Linear(4, 2)
        wrapped, optimiser, criterion, _, _ = _private(model, mode="ghost", noise_multiplier=1e-9)
        x, y, before = torch.randn(2, 25, 4), torch.arange(25) % 2, model.weight.detach().clone()
        for batch in batches:
            criterion(wrapped(x[batch]), y).backward()
        optimiser.step()
        moved[len(batches)] = model.weight.detach() - before
    same = bool(torch.allclose(moved[2], moved[1], rtol=1e-3, atol=1e-6))
    return ("Two backward passes before a step count both batches.",
            f"ghost mode: the step is {'that of the last batch alone' if same else 'another'}", same, "One backward a step, or BatchMemoryManager.")


def _weighted_sampler():
    from opacus import PrivacyEngine

    torch.manual_seed(0)
    data = torch.utils.data.TensorDataset(torch.arange(100.0)[:, None].repeat(1, 4), torch.arange(100) % 2)
    weights = torch.tensor([50.0] + [1.0] * 99)
    model, engine = nn.Linear(4, 2), PrivacyEngine()
    wrapped, optimiser, loader = engine.make_private(
        module=model, optimizer=torch.optim.SGD(model.parameters(), 0.1), noise_multiplier=1.0, max_grad_norm=1.0, poisson_sampling=False,
        data_loader=torch.utils.data.DataLoader(data, 5, sampler=torch.utils.data.WeightedRandomSampler(weights, 100)))
    batches = 0
    for x, y in loader:
        batches += bool((x == 0).any())
        optimiser.zero_grad()
        nn.functional.cross_entropy(wrapped(x), y).backward()
        optimiser.step()
    _, accounted, steps = engine.accountant.history[0]
    return ("A weighted sampler is accounted by its weights.",
            f"a heavy record is in {batches} of {steps} batches; accounted at a rate of {accounted:.0%}", batches > 2 * accounted * steps,
            "Poisson sampling (it drops the weights); weight the losses.")
