"""Replace a file so that a crash at any moment leaves the old one or the new one, never a mixture.

Write the new content beside the old, force it to the disk, rename it over the old, force the *folder* to the disk.
Without the first force the rename can reach the disk before the content (an empty file after a power cut); without
the second the rename itself may be lost, although the caller was told that all is well.

Source: Pillai et al., "All file systems are not created equal: on the complexity of crafting crash-consistent
applications", OSDI 2014.
"""

import os
import secrets
from pathlib import Path

UNFINISHED = ".unfinished"


def write_atomically(path, pieces):
    """Write bytes, or an iterable of bytes, to `path`; when this returns, they are on the disk.

    Returns the number of bytes written. The file is readable by its owner only. When `pieces` raises, or the process
    dies, the old file is untouched; a dead process may leave a file ending in ".unfinished".
    Raises ValueError when `pieces` is text or nothing that can be written.
    """
    path = Path(path)
    if isinstance(pieces, str) or not hasattr(pieces, "__iter__"):
        raise ValueError(f"pieces must be bytes or an iterable of bytes, got {type(pieces).__name__}")
    if isinstance(pieces, (bytes, bytearray, memoryview)):
        pieces = [pieces]
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
    written = 0
    try:
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb") as file:
            for piece in pieces:
                written += file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    force_folder(path.parent)
    return written


def make_folder(path):
    """Make a folder and the missing ones above it, readable by their owner only; when this returns, they are on the disk.

    Raises FileExistsError when it exists.
    """
    path = Path(path)
    if not path.parent.exists():
        make_folder(path.parent)
    path.mkdir(mode=0o700)
    force_folder(path.parent)  # a folder's name stands in the folder above, which has to reach the disk too


def force_folder(folder):
    """Force a folder's list of names to the disk (Windows has no such call, and needs none after a replace)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
