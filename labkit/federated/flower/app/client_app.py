"""What runs at each clinic."""

from labkit.federated.flower import client_app

from .task import STRATEGY, WORK, model, records

app = client_app(model, records, STRATEGY, **WORK)
