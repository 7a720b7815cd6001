"""The vault against the bare AES-256-GCM that it is made of: both sides in one run.

    python tests/benchmarks/vault_against_bare_aes.py [MiB]

Three comparisons, each the best of several rounds, sides alternating so that a busy machine hurts both alike:

    seal      chunked encryption in memory              against one AESGCM.encrypt call on the whole
    store     Vault.put, forced to the disk              against one call, written and forced to the disk
    fetch     Vault.get                                  against reading the file and one AESGCM.decrypt call

A ratio of 1 means as fast as the library; 0.7 is the least that is promised at large files.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from labkit.security.stream import seal
from labkit.security.vault import Vault

LEAST = 0.7
NONCE = bytes(12)


def bare_store(path, data, cipher):
    with open(path, "wb") as file:
        file.write(cipher.encrypt(NONCE, data, b""))
        file.flush()
        os.fsync(file.fileno())


def compare(mebibytes=64, rounds=5):
    """{name: (bare seconds, ours in seconds)}, the best of `rounds` each."""
    data, key = os.urandom(mebibytes * 2**20), AESGCM.generate_key(256)
    cipher = AESGCM(key)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        vault = Vault.create(folder / "vault", "benchmark", work_factor=10)
        path = folder / "bare"
        pairs = {"seal": (lambda: cipher.encrypt(NONCE, data, b""), lambda: list(seal(data, key))),
                 "store": (lambda: bare_store(path, data, cipher), lambda: vault.put("file", data)),
                 "fetch": (lambda: cipher.decrypt(NONCE, path.read_bytes(), b""), lambda: vault.get("file"))}
        best = {name: [float("inf"), float("inf")] for name in pairs}
        for _ in range(rounds):
            for name, sides in pairs.items():
                for side, run in enumerate(sides):
                    began = time.perf_counter()
                    run()
                    best[name][side] = min(best[name][side], time.perf_counter() - began)
        assert vault.get("file") == data
    return best


def main():
    mebibytes = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    failed = False
    print(f"{mebibytes} MiB       bare MB/s   vault MB/s   ratio")
    for name, (bare, ours) in compare(mebibytes).items():
        megabytes = mebibytes * 2**20 / 1e6
        print(f"{name:10} {megabytes / bare:12.0f} {megabytes / ours:12.0f} {bare / ours:7.2f}")
        failed |= bare / ours < LEAST
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
