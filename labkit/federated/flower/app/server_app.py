"""What runs at the coordinator, who holds no records."""

import numpy as np

from labkit.federated import vector_of
from labkit.federated.flower import server_app

from .task import STRATEGY, evaluate, model


def save(trained, context):
    """Keep the trained parameters where the run's configuration says."""
    if context.run_config["save-to"]:
        np.save(context.run_config["save-to"], vector_of(trained).numpy())


app = server_app(model, STRATEGY, clients=3, evaluate=evaluate, on_end=save)
