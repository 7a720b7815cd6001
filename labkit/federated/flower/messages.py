"""What the other modules need of Flower, imported without its telemetry and its warnings."""

import logging
import os
import warnings

# flwr reads it when it loads; a value that the user chose wins.
os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
with warnings.catch_warnings():
    # flwr's generated messages are one version older than protobuf, which says so at length.
    warnings.simplefilter("ignore")
    from flwr.app import (
        Array,
        ArrayRecord,
        ConfigRecord,
        Context,
        Error,
        Message,
        MessageType,
        MetricRecord,
        RecordDict,
    )
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid, ServerApp
    from flwr.serverapp.strategy import Strategy as FlowerStrategy
    from flwr.supercore.task_identity import TaskIdentity

import torch

from labkit.federated.pipeline.step import Setting
from labkit.federated.strategies.strategy import Strategy

__all__ = [
    "Array",
    "ArrayRecord",
    "ConfigRecord",
    "Context",
    "Error",
    "Message",
    "MessageType",
    "MetricRecord",
    "RecordDict",
    "ClientApp",
    "Grid",
    "ServerApp",
    "FlowerStrategy",
    "TaskIdentity",
    "log",
    "tensors",
    "setting",
    "checked",
]

log = logging.getLogger("flwr").log  # where a run's own messages go, and so ours


def tensors(record):
    """The tensors of an ArrayRecord, by name."""
    return dict(record.to_torch_state_dict())


def setting(strategy, clients, rounds, parameters, pipeline):
    """What a pipeline's steps may know of a run on Flower: all clients take part in every round."""
    return Setting(strategy, clients, clients, "fixed", rounds, len(parameters), tuple(pipeline))


def checked(*, model, strategy):
    """Raise ValueError unless `model` makes models and `strategy` is one of labkit's."""
    if not callable(model) or isinstance(model, torch.nn.Module):
        raise ValueError(f"model must be a function that makes the model, got {type(model).__name__}")
    if not isinstance(strategy, Strategy):
        raise ValueError(f"strategy must be a labkit Strategy such as FedAvg(), got {strategy!r}")
