"""The core works without the extras: it imports, and labs 00 to 04 complete and say what is missing."""

import re
import subprocess
import sys

import pytest

from labkit.lab.build import BUILT, SOURCE

BLOCKED = ["torch", "opacus", "tenseal", "opendp", "jupyterlab", "flwr", "transformers", "private_set_intersection", "spacy",
           "flint", "OpenSSL"]
BLOCK = f"""
import importlib.metadata, os, sys
BLOCKED = {BLOCKED!r}
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
version = importlib.metadata.version
def version_of(name):
    if name in BLOCKED:
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)
importlib.metadata.version = version_of
"""
RUN = BLOCK + """
os.environ["MPLBACKEND"] = "Agg"
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from labkit.lab.build import read_source
from pathlib import Path
names = {"__name__": "__main__", "display": display}
for number, cell in enumerate(read_source(Path(sys.argv[1])).cells):
    if cell.cell_type == "code":
        try:
            exec(compile(cell.source, f"cell {number}", "exec"), names)
        except Exception:
            if "raises-exception" not in cell.metadata.get("tags", []):
                raise
"""
CORE = ["labkit", "labkit.dp", "labkit.federated", "labkit.encrypted", "labkit.security", "labkit.anonymity", "labkit.datasets",
        "labkit.encrypted.sharing.sums", "labkit.encrypted.paillier", "labkit.security.vault", "labkit.shamir",
        "labkit.quantum", "labkit.lattice.reduction", "labkit.lattice.hardness", "labkit.security.handshakes", "labkit.security.witnesses"]
SAYS = {"00": "torch is missing", "03": "OpenDP is not installed"}


def run(code, *arguments, **options):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, **options)


def test_the_block_blocks():
    done = run(BLOCK + "import torch")
    assert done.returncode and "No module named 'torch'" in done.stderr


def test_the_core_imports_and_works():
    done = run(BLOCK + f"import {', '.join(CORE)}\n"
               "from labkit.dp import Budget, epsilon_of, geometric, dp_sgd_event\n"
               "from labkit.encrypted import sharing\n"
               "assert geometric(3, sensitivity=1, epsilon=9) is not None\n"
               "assert sharing.reconstruct(sharing.share(42, 3)) == 42\n"
               "print(round(epsilon_of(dp_sgd_event(noise_multiplier=1, sample_rate=0.1, steps=10), delta=1e-5), 1))")
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.fullmatch(r"\d\.\d", done.stdout.strip())


@pytest.mark.parametrize("lab", ["00", "01", "02", "03", "04"])
def test_labs_complete_and_say_what_is_missing(lab):
    (source,) = SOURCE.glob(f"{lab}-*.py")
    done = run(RUN, str(source), cwd=BUILT)
    assert done.returncode == 0, done.stderr[-2000:]
    assert SAYS.get(lab, "") in done.stdout
