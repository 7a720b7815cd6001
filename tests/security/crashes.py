"""Writers that are killed, or that meet a second writer: is anything lost that was acknowledged?

    python -m tests.security.crashes 500          # so many runs, about a third of each kind

A run is one of three: a vault and a ledger whose writer dies of kill -9 after a random number of acknowledgements; two writers
at once, who open, put, append and sweep and go on after each refusal; two writers of whom one is killed. Afterwards the folder
is opened by a fresh object, and every acknowledged entry has to be there with its content.

Killing a process loses what the process held, not what the operating system holds: a power cut is not tested here.
"""

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from labkit.security import Ledger, LedgerError, Vault, VaultError

KINDS = ("killed", "two writers", "two writers, one killed")


def _content(name):
    return name.encode() * 300


def _write(folder, who, say, rounds, chance):
    """Open, write, say what was acknowledged; begin again after a refusal."""
    vault = ledger = None
    for number in range(rounds):
        name = f"{who}-{number}"
        try:
            vault = vault or Vault.open(folder / "vault", "x", anchor=folder / "anchor")
            if chance.random() < 0.1:
                vault.sweep()
            vault.put(name, _content(name))
            say(f"put {name}")
        except VaultError:
            vault = None
            say("refused vault")
        try:
            ledger = ledger or Ledger(folder / "ledger")
            ledger.append(name)
            say(f"append {name}")
        except LedgerError:
            ledger = None
            say("refused ledger")


def _start(folder, who, seed, rounds):
    """A writer in a process of its own: (process id, the pipe it talks into)."""
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return process, os.fdopen(reader, "rb")
    try:
        _write(folder, who, lambda line: os.write(writer, line.encode() + b"\n"), rounds, random.Random(seed))
    finally:
        os._exit(0)


def run(kind, seed):
    """One run: a Counter of acknowledged, lost and refused writes, and of how the run went."""
    chance, seen = random.Random(seed), Counter(runs=1)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        Vault.create(folder / "vault", "x", anchor=folder / "anchor", work_factor=10)
        writers = [_start(folder, who, seed * 2 + at, 40 if kind == "killed" else 12)
                   for at, who in enumerate("AB"[: 1 if kind == "killed" else 2])]
        said = []
        if "killed" in kind:
            process, pipe = writers[0]
            said += [pipe.readline() for _ in range(chance.randrange(1, 12))]
            time.sleep(chance.uniform(0, 0.006))
            os.kill(process, signal.SIGKILL)
        for process, pipe in writers:
            said += pipe.read().splitlines()
            _, status = os.waitpid(process, 0)
            seen["killed in the middle"] += os.WIFSIGNALED(status)
            pipe.close()
        said = [line.decode().split() for line in said]
        vault = Vault.open(folder / "vault", "x", anchor=folder / "anchor")
        entries = list(Ledger(folder / "ledger"))
        for what, name in said:
            seen[{"put": "acknowledged by the vault", "append": "acknowledged by the ledger"}.get(what, "refused")] += 1
            seen["lost"] += what == "put" and (name not in vault.names or vault.get(name) != _content(name))
            seen["lost"] += what == "append" and name not in entries
        for name in vault.names:  # also what came through without having been acknowledged is whole
            assert vault.get(name) == _content(name)
        vault.put("afterwards", b"fine"), Ledger(folder / "ledger").append("afterwards"), vault.sweep()
        seen["lost"] += vault.get("afterwards") != b"fine"
    return seen


def runs(count, first=0):
    """So many runs of the three kinds in turn: {kind: Counter}."""
    found = {kind: Counter() for kind in KINDS}
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        found[kind] += run(kind, first + number)
    return found


if __name__ == "__main__":
    for kind, seen in runs(int(sys.argv[1]) if len(sys.argv) > 1 else 500).items():
        print(f"{kind:26}", {"lost": 0} | dict(seen))
