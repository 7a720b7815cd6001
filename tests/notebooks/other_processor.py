"""Play another processor: the libraries are told, by their own variables, to leave out what only some processors have.

The stored notebooks were made with everything that their author's processor offers. The tests run them with as little
as a processor may have, so what depends on it in the last digits is found here and not on a reader's machine. A reader
with either kind of processor then finds the stored outputs. LABKIT_PROCESSOR=native runs the labs as the machine is.
"""

import contextlib
import os
import platform

import numpy as np

ARCHITECTURES = {"x86_64": "Nehalem", "AMD64": "Nehalem", "aarch64": "ARMV8"}  # OpenBLAS' names of the plainest


def variables():
    """What to add to an environment, as {name: value}; empty where the user wants the machine as it is.

    numpy refuses names of features that this machine's build or processor lacks, hence the question to numpy.
    """
    wanted = os.environ.get("LABKIT_PROCESSOR", "plain")
    if wanted not in ("plain", "native"):
        raise ValueError(f"LABKIT_PROCESSOR must be plain or native, got {wanted!r}")
    if wanted == "native":
        return {}
    extensions = np.show_config(mode="dicts").get("SIMD Extensions", {})
    found = {"NPY_DISABLE_CPU_FEATURES": " ".join(extensions.get("found", [])), "ATEN_CPU_CAPABILITY": "default",
             "OPENBLAS_CORETYPE": ARCHITECTURES.get(platform.machine(), "")}
    if platform.machine() in ("x86_64", "AMD64"):  # the C library's logarithm, and PyTorch's two matrix libraries
        found |= {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
                  "ONEDNN_MAX_CPU_ISA": "AVX2"}
    return {name: value for name, value in found.items() if value}


@contextlib.contextmanager
def played():
    """Processes that start within this context have the other processor; this one keeps its own."""
    added = variables()
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
