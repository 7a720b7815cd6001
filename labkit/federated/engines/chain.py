"""Gradients of simple networks written out by hand, for one client or for many side by side.

A chain of linear layers and elementwise functions needs no general machinery: one batched product per layer on the way up, two
on the way down. The last of them adds straight into the parameters, so that a gradient is never stored. For small models that
halves the time of a step; for large ones it saves a pass over memory.
"""

import torch
from torch import nn

__all__ = ["Chain", "is_chain"]

FROM_OUTPUT = {  # the slope before a function, from that behind it and the function's value
    nn.ReLU: lambda slope, out: torch.ops.aten.threshold_backward(slope, out, 0),  # zero where nothing came through
    nn.Tanh: lambda slope, out: slope * (1 - out * out),
    nn.Sigmoid: lambda slope, out: slope * (out * (1 - out)),
    nn.Identity: lambda slope, out: slope,
}
ELEMENTWISE = (*FROM_OUTPUT, nn.GELU, nn.SiLU, nn.ELU, nn.Softplus, nn.LeakyReLU)


def is_chain(model, inputs=None):
    """True for a Sequential of trainable linear layers and elementwise functions that fits the records of `inputs`."""
    if not (type(model) is nn.Sequential and all(each.requires_grad for each in model.parameters()) and len(set(model)) == len(model)
            and all(type(layer) in (nn.Linear, nn.Flatten, *ELEMENTWISE) and _is_plain(layer) for layer in model)):
        return False
    if len({id(each) for layer in model for each in layer.parameters()}) < sum(len(list(layer.parameters())) for layer in model):
        return False  # two layers share a weight
    if any(type(layer) is nn.Flatten and (layer.start_dim, layer.end_dim) != (1, -1) for layer in model):
        return False
    flat = inputs is None or inputs.dim() == 2
    for layer in model:
        if type(layer) is nn.Linear and not flat:
            return False
        flat |= type(layer) is nn.Flatten
    return True


def _is_plain(layer):
    """Without hooks or parameters of other names, as weight_norm adds them."""
    hooks = layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks
    return not hooks and set(layer._parameters) <= {"weight", "bias"}


class Chain:
    """The layers of a model that `is_chain`, with a loss."""

    def __init__(self, model, loss):
        self.layers, self.loss = list(model), loss
        parameters = list(model.parameters())
        self.shapes, self.lengths = [each.shape for each in parameters], [each.numel() for each in parameters]

    def views(self, vectors):
        """Per linear layer its weight (clients, out, in) and bias (clients, 1, out) or None, as views of (clients, P)."""
        pieces = iter(piece.unflatten(1, shape) for piece, shape in zip(vectors.split(self.lengths, 1), self.shapes))
        return [(next(pieces), next(pieces).unsqueeze(1) if layer.bias is not None else None)
                for layer in self.layers if type(layer) is nn.Linear]

    def copies(self, vector, clients):
        """As `views`, of `clients` copies of one vector; each layer in memory of its own, where adding to it is twice as fast."""
        return [tuple(each if each is None else each.expand(clients, -1, -1).clone(memory_format=torch.contiguous_format)
                      for each in layer) for layer in self.views(vector[None])]

    @staticmethod
    def vectors(layers):
        """The parameters of all clients, (clients, P), from what `copies` gave."""
        return torch.cat([each.flatten(1) for layer in layers for each in layer if each is not None], 1)

    def add_gradient(self, own, into, x, y, weights, *, keep, scale):
        """into = keep x into + scale x gradient of each client's weighted loss; keep is 0 or 1.

        own:     `views` of the parameters at which the gradient is taken.
        into:    `views` of where it goes: the same (keep 1, scale minus the learning rate) is a step of SGD.
        x, y:    batches, (clients, batch, ...).
        weights: of the records in the loss, (clients, batch, 1) or a number.
        """
        passed, layers = [], iter(own)
        for layer in self.layers:
            before = x
            if type(layer) is nn.Linear:
                weight, bias = next(layers)
                x = torch.baddbmm(bias, x, weight.transpose(1, 2)) if bias is not None else x @ weight.transpose(1, 2)
            else:
                x = x.flatten(2) if type(layer) is nn.Flatten else layer(x)
            passed.append((before, x))
        with torch.no_grad():
            slope = self._slope(x, y, weights)
            self._down(own, into, passed, slope, keep, scale)

    def _down(self, own, into, passed, slope, keep, scale):
        """From the slope of the loss at the outputs to all parameters, last layer first."""
        left = len(own)
        for layer, (before, after) in zip(reversed(self.layers), reversed(passed)):
            if type(layer) is nn.Linear:
                left -= 1
                below = slope @ own[left][0] if left else None  # before the step changes the weights
                weight, bias = into[left]
                weight.baddbmm_(slope.transpose(1, 2), before, beta=keep, alpha=scale)
                if bias is not None:
                    total = slope.sum(1, keepdim=True)
                    bias.add_(total, alpha=scale) if keep else bias.copy_(total * scale)  # 0 times an old NaN would be NaN
                if not left:
                    return
                slope = below
            elif type(layer) is nn.Flatten:
                slope = slope.reshape(before.shape)
            elif type(layer) in FROM_OUTPUT:
                slope = FROM_OUTPUT[type(layer)](slope, after)
            else:
                with torch.enable_grad():
                    leaf = before.detach().requires_grad_()
                    slope = torch.autograd.grad(layer(leaf), leaf, slope)[0]

    def _slope(self, outputs, y, weights):
        """The gradient of the weighted loss with respect to the outputs, (clients, batch, outputs)."""
        if self.loss is nn.functional.cross_entropy:
            slope = outputs.softmax(-1)
            slope.scatter_(-1, y.unsqueeze(-1), -1.0, reduce="add")
            return slope.mul_(weights)
        with torch.enable_grad():
            leaf = outputs.detach().requires_grad_()
            losses = self.loss(leaf.flatten(0, 1), y.flatten(0, 1), reduction="none").reshape(*outputs.shape[:2], -1)
            return torch.autograd.grad((losses.mean(-1, keepdim=True) * weights).sum(), leaf)[0]
