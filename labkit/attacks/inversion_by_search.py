"""Reading a record out of a gradient by search: which input would have given this gradient?

Needs no linear layer at the input. Start from snow, compare the gradient it gives with the one that was sent, and change
the picture until they agree ("deep leakage from gradients": Zhu, Liu, Han, NeurIPS 2019; the label is read first, as
in Zhao, Mopuri, Bilen, "iDLG", 2020). Works where the network is smooth: with ReLU, second derivatives vanish.
"""

import torch

from labkit import validate
from labkit.attacks.inversion import gradients
from labkit.threads import torch_threads


def small_cnn(*, spread=0.3, generator=None):
    """A convolutional network for 28 x 28 grey pixels (given as 784) and ten classes, with sigmoids; 8,510 parameters.

    spread: initial weights are uniform in -spread ... spread: wide, as in the source, so that every weight matters.
    """
    from torch import nn

    spread = validate.positive(spread=spread)
    model = nn.Sequential(nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.Sigmoid(),
                          nn.Conv2d(8, 12, 5, stride=2, padding=2), nn.Sigmoid(), nn.Flatten(), nn.Linear(588, 10))
    with torch.no_grad():
        for each in model.parameters():
            each.uniform_(-spread, spread, generator=generator)
    return model


def search_record(model, gradient, labels, shape, *, evaluations=300, seed=0, watch=None):
    """The inputs whose gradient is nearest to `gradient`, found by L-BFGS from uniform snow.

    model:       the network that the gradient is of.
    gradient:    list of tensors, as from `inversion.gradients`; noise and all.
    labels:      the labels, 1-D (for one record `inversion.read_label` finds it).
    shape:       of one input, such as (784,).
    evaluations: how many gradients to compute at most.
    watch:       called with each picture tried (an array) where given.
    Returns (array of shape (records, *shape), cut to 0 ... 1; the squared distance of the gradients in the end).
    """
    evaluations = validate.integer(evaluations=evaluations, at_least=1)
    seed = validate.integer(seed=seed, at_least=0)
    labels = torch.as_tensor(validate.array(labels=labels, ndim=1))
    parameters = [each for each in model.parameters() if each.requires_grad]
    target = [torch.as_tensor(each).detach() for each in gradient]
    if [each.shape for each in target] != [each.shape for each in parameters]:
        raise ValueError(f"gradient must have the shapes of the model's {len(parameters)} parameters, got "
                         f"{[tuple(each.shape) for each in target]}")
    if not all(torch.isfinite(each).all() for each in target):
        raise ValueError("gradient must be finite, got NaN or infinity in it")
    picture = torch.rand((len(labels), *shape), generator=torch.Generator().manual_seed(seed)).requires_grad_()
    search = torch.optim.LBFGS([picture], max_iter=evaluations, max_eval=evaluations, history_size=50,
                               line_search_fn="strong_wolfe", tolerance_grad=0, tolerance_change=0)

    def distance():
        search.zero_grad()
        found = gradients(model, picture, labels, create_graph=True)
        far = sum(((each - other) ** 2).sum() for each, other in zip(found, target))
        far.backward()
        if watch is not None:
            watch(picture.detach().clamp(0, 1).numpy().copy())
        return far

    with torch_threads(1):
        search.step(distance)
        far = float(distance().detach())
    return picture.detach().clamp(0, 1).numpy(), far
