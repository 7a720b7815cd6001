"""A model's trainable parameters as one flat vector, which is what travels between clients and server."""

import copy

import torch

__all__ = ["trainable", "vector_of", "load_vector", "copy_of"]


def trainable(model):
    """The parameters that training may change, in the model's order. Frozen ones are never sent.

    Raises ValueError for no trainable parameter; for parameters that are not all in float32 or all in float64, since in
    half precision the engines drift apart and a small average change is lost in rounding; and for a model with buffers
    (such as the running averages of batch normalisation): averaging does not say what to do with them. GroupNorm and
    LayerNorm have none.
    """
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    buffers = [name for name, _ in model.named_buffers()]
    if buffers:
        raise ValueError(f"model must have no buffers (use GroupNorm, not BatchNorm), got {', '.join(buffers[:3])}")
    found = [each for each in model.parameters() if each.requires_grad]
    if not found:
        raise ValueError("model must have at least one parameter with requires_grad")
    kinds = {each.dtype for each in found}
    if len(kinds) > 1 or not kinds <= {torch.float32, torch.float64}:
        named = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
        name, odd = next((pair for pair in named if pair[1].dtype not in (torch.float32, torch.float64)), named[-1])
        raise ValueError(f"model must have all its parameters in float32, or all in float64, got {name!r} in "
                         f"{str(odd.dtype).removeprefix('torch.')}")
    return found


def copy_of(model):
    """An independent copy of the model. Raises ValueError, naming the layer, for one that cannot be copied."""
    try:
        return copy.deepcopy(model)
    except (RuntimeError, TypeError) as error:
        for name, layer in model.named_modules():
            if not list(layer.children()):
                try:
                    copy.deepcopy(layer)
                except (RuntimeError, TypeError):
                    raise ValueError(f"model must be one that can be copied, got layer {name!r} ({type(layer).__name__}) with a tensor "
                                     "computed beforehand, as the old weight_norm leaves it: use torch.nn.utils.parametrizations") from error
        raise ValueError(f"model must be one that can be copied, but: {error}") from error


def vector_of(model):
    """The trainable parameters of `model`, copied into one vector of shape (P,)."""
    return torch.cat([each.detach().reshape(-1) for each in trainable(model)])


def load_vector(model, vector):
    """Write a vector of shape (P,) into the trainable parameters of `model`; returns the model.

    Raises ValueError when the vector does not have exactly P entries.
    """
    parameters = trainable(model)
    wanted = sum(each.numel() for each in parameters)
    if not isinstance(vector, torch.Tensor) or vector.shape != (wanted,):
        raise ValueError(f"vector must be a tensor of shape ({wanted},) for this model, "
                         f"got {tuple(vector.shape) if isinstance(vector, torch.Tensor) else vector!r}")
    with torch.no_grad():
        for each, piece in zip(parameters, vector.split([each.numel() for each in parameters])):
            each.copy_(piece.view_as(each))
    return model
