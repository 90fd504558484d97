"""A lock on a folder that the system gives back even where the process is killed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO


class FolderLock:
    """Held by at most one process; a second is refused, never kept waiting."""

    def __init__(self, path: Path) -> None:
        """Take nothing yet.

        Args:
            path: The lock's file; it is made where it is not there, and stays.
        """
        self._path = path
        self._handle: IO[str] | None = None

    @property
    def held(self) -> bool:
        """True while this object holds it."""
        return self._handle is not None

    def acquire(self) -> bool:
        """Take it; False where another holds it."""
        if self._handle is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = self._path.open("a", encoding="utf-8")
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        """Give it back; nothing happens where it is not held."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
