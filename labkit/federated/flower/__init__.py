"""The same experiment between real processes, on Flower: the same model, client update and strategy;
messages; TLS.

A `labkit` strategy says what is sent, what a client minimises and how it is combined. `server_app` and
`client_app` hang it into Flower's ServerApp and ClientApp; the records never leave the client's process. With
the same seed the result is that of `labkit.federated.simulate`, up to rounding.

    app = client_app(model, records, FedAvg(), learning_rate=0.5)          # runs at each SuperNode
    app = server_app(model, FedAvg(), clients=3, rounds=5)                 # runs at the SuperLink

A pipeline of steps (clipping, noise, compression) travels along: give both apps the same one. Noise then
comes from the operating system, at the server and at each client. A common `seed` is for comparing with the
simulator.

`run_in_process` runs both in one process, for a lab and to debug. `python -m labkit.federated.flower` runs
them as what they are meant for: a SuperLink and three SuperNodes over TLS, on this machine. Needs the extra
`labkit[flower]`; written for Flower 1.41.

Names load their module when first used, so that importing this package costs nothing.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
