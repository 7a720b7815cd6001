"""The few small models that the labs train. Importing this loads torch."""

from labkit.models.small import mlp, softmax_regression

__all__ = ["mlp", "softmax_regression"]
