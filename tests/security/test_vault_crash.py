"""kill -9 in the middle of 200 writes: nothing that was acknowledged is lost, and the vault opens.

Killing a process loses what the process held, not what the operating system holds: this tests the order of the steps.
That the content is forced to the disk before the rename, which only a power cut would test, is checked by the order of
the calls in test_atomic.py.
"""

import random
import subprocess
import sys
import time

import pytest

from labkit.security.atomic import UNFINISHED
from labkit.security.vault import Vault

WRITES = 200
WRITER = """
import sys
from labkit.security.vault import Vault
folder, anchor, start = sys.argv[1], sys.argv[2], int(sys.argv[3])
vault = Vault.open(folder, "x", anchor=anchor)
for number in range(start, start + 200):
    vault.put(f"file {number % 10}", str(number).encode() * 500)
    print(number, flush=True)   # the acknowledgement
"""


def run_and_kill(tmp_path, start, acknowledgements, delay):
    """The number of the last acknowledged write, of a writer killed a moment after so many acknowledgements."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "vault"), str(tmp_path / "anchor"), str(start)],
                              stdout=subprocess.PIPE, text=True)
    try:
        for _ in range(acknowledgements):
            line = writer.stdout.readline()
            assert line, "the writer stopped by itself"
        time.sleep(delay)
    finally:
        writer.kill()
    rest = writer.stdout.read().split()
    assert writer.wait(30) != 0
    return int(rest[-1] if rest else line)


@pytest.mark.parametrize("seed", range(4))
def test_kill_9_in_the_middle_of_200_writes(tmp_path, seed):
    chance = random.Random(seed)
    Vault.create(tmp_path / "vault", "x", anchor=tmp_path / "anchor", work_factor=10)
    start = 0
    for _ in range(2):
        last = run_and_kill(tmp_path, start, chance.randrange(1, WRITES // 2), chance.uniform(0, 0.01))
        assert start <= last < start + WRITES - 1, "it was not killed in the middle"
        vault = Vault.open(tmp_path / "vault", "x", anchor=tmp_path / "anchor")
        for number in range(max(start, last - 9), last + 1):
            kept = [number, last + 1] if number == last - 9 else [number]  # the write under way may have come through
            assert vault.get(f"file {number % 10}") in [str(each).encode() * 500 for each in kept]
        assert vault.sweep() <= 3  # at most an object written and not yet used, one replaced, one unfinished
        assert not [each for each in vault.folder.rglob("*") if each.name.endswith(UNFINISHED)]
        start = last + 2
        assert vault.put("after the crash", b"fine") and vault.get("after the crash") == b"fine"
