"""A model's modes: some layers (dropout, say) behave differently while training, and must not while measured."""

from contextlib import contextmanager

__all__ = ["evaluating", "without_in_place"]


@contextmanager
def evaluating(model):
    """Inside the block the torch module is in evaluation mode; afterwards every layer is in the mode it was in."""
    before = [(layer, layer.training) for layer in model.modules()]
    model.eval()
    try:
        yield model
    finally:
        for layer, training in before:
            layer.training = training


def without_in_place(model):
    """Make activations of the torch module that overwrite their input (inplace=True) write elsewhere; returns the module.

    The outputs are the same. It keeps a first layer from overwriting the records.
    """
    for layer in model.modules():
        if getattr(layer, "inplace", False) is True:
            layer.inplace = False
    return model
