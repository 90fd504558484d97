"""A lock on a file that the system releases when its holder ends, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def exclusive_lock(path: Path) -> Iterator[int | None]:
    """Hold a lock file within the block; never wait for another holder.

    The lock is the system's, on the open file: a process that is killed lets go of it, and a lock file that was left
    behind locks nothing.

    Args:
        path: The lock file; made where it is missing, and left there.

    Yields:
        ``None`` where the lock is held now; else the number of the process that holds it, 0 where it is not known.

    Raises:
        OSError: The file cannot be opened, or its file system has no locks.
    """
    with path.open("a+", encoding="ascii") as file:
        if not _locked(file):
            file.seek(0)
            holder = file.read(32).strip()
            yield int(holder) if holder.isdigit() else 0
            return
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield None


@contextmanager
def folder_to_itself(folder: Path) -> Iterator[None]:
    """Wait until no other process has the folder within such a block; for some renames, never for long work.

    Where a system or a file system has no locks on folders (Windows, some network drives), nothing is waited for.
    """
    descriptor = None
    with suppress(OSError, ImportError):
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(file: IO[str]) -> bool:
    """Whether the file could be locked by this process."""
    try:
        if sys.platform == "win32":
            import msvcrt

            # Far behind the number in the file, which stays readable: Windows forbids to read what is locked.
            file.seek(1 << 20)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
