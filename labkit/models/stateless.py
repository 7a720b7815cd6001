"""Calling a torch module with other parameters than its own, so that it is afterwards as it was."""

import copy

import torch

__all__ = ["stateless", "with_parameters"]


def stateless(model):
    """A function (parameters, *inputs) -> outputs of the module under these parameters.

    parameters: {name: tensor} by the names of `model.named_parameters()`; a parameter left out is the module's own.
    A parameter that stands in several places is the same in all of them. After a call parameters and buffers are those from
    before, whatever the module assigned meanwhile. (torch.func.functional_call alone, in torch 2.13, leaves the call's parameters
    in a layer that the module holds twice, and what is assigned to a buffer stays.)
    """
    names = {id(each): name for name, each in model.named_parameters()}
    layers = list(model.named_modules())
    places = {f"{at}.{own}".lstrip("."): names[id(each)] for at, layer in layers for own, each in layer._parameters.items() if each is not None}

    def call(parameters, *inputs):
        given = {place: parameters[name] for place, name in places.items() if name in parameters}
        buffers = {f"{at}.{own}".lstrip("."): each for at, layer in layers for own, each in layer._buffers.items() if each is not None}
        return torch.func.functional_call(model, given | buffers, inputs, tie_weights=False)

    return call


def with_parameters(model, parameters):
    """A copy of the module with these parameters, {name: tensor}, and nothing else that another copy may have kept of its inputs."""
    fresh = copy.deepcopy(model)
    own = dict(fresh.named_parameters())
    with torch.no_grad():
        for name, each in parameters.items():
            own[name].copy_(each)
            own[name].grad = None
    return fresh
