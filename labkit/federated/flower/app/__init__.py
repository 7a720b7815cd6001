"""A Flower app that is ready to run: three clinics learn to read digits, each in a process of its own.

    from labkit.federated.flower.app import write_app
    write_app("clinics")          # then: flwr run clinics SUPERLINK

`python -m labkit.federated.flower` does that on this machine, with everything that it takes.

`task` says what is learned, `client_app` runs at each clinic, `server_app` at the coordinator.
"""

import shutil
from pathlib import Path

MODULES = ("task.py", "client_app.py", "server_app.py")
PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "clinics"
version = "1.0.0"
description = "Three clinics learn to read digits together"
license = "MIT"
dependencies = ["labkit[flower]"]

[tool.flwr.app]
publisher = "labkit"

[tool.flwr.app.components]
serverapp = "clinics.server_app:app"
clientapp = "clinics.client_app:app"

[tool.flwr.app.config]
num-rounds = 3
round-timeout = 600
connect-timeout = 120
save-to = ""
"""


def write_app(folder):
    """Write the app into a new or empty folder, as `flwr run` wants it; returns the folder as a Path.

    Raises ValueError for a folder that holds something already.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"folder must be new or empty, got {str(folder)!r}")
    package = folder / "clinics"
    package.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").write_text('"""Three clinics learn to read digits together."""\n')
    for name in MODULES:
        shutil.copy(Path(__file__).with_name(name), package / name)
    return folder
