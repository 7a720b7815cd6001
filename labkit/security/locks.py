"""One writer at a time: a lock that the operating system holds, and lets go of when the process that took it ends.

The lock lies on an open folder or file and not in a file of its own, so nothing is left behind by a crash and nothing has to
be tidied away. Two objects in one process exclude each other as two processes do. On a network drive the lock is only as good
as the drive's own.
"""

import os
import time
from contextlib import contextmanager
from pathlib import Path

from labkit.security.atomic import UNFINISHED

WAIT = 2.0  # seconds to wait for somebody who is writing


class Busy(Exception):
    """Somebody else holds the lock."""


@contextmanager
def locked(path, *, wait=0.0):
    """Hold the lock on an existing folder or file, for the length of a `with` block.

    wait: seconds to try for. Raises Busy when it is taken; OSError when `path` cannot be opened.
    """
    handle = _opened(Path(path))
    try:
        until = time.monotonic() + wait
        while not _taken(handle):
            if time.monotonic() >= until:
                raise Busy(f"another process is writing to {str(path)!r}")
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)  # and with it the lock


if os.name == "posix":
    import fcntl

    def _opened(path):
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def _taken(handle):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

else:  # Windows cannot open a folder: the lock lies on a file beside it
    import msvcrt

    def _opened(path):
        return os.open(path.with_name(f"{path.name}.lock{UNFINISHED}"), os.O_RDWR | os.O_CREAT)

    def _taken(handle):
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
