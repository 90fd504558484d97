"""Every moment at which Python changes a file, as a place to kill the process or to let the change fail.

Python tells its audit hooks of a change before it makes it. A hook stays for the life of a process, so this is for
processes that end soon.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.truncate")


def killed() -> None:
    """The process is gone, as by ``kill -9`` or a power failure."""
    os.kill(os.getpid(), signal.SIGKILL)


def no_space() -> None:
    """The disk is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read_only() -> None:
    """The folder cannot be written."""
    raise OSError(errno.EACCES, os.strerror(errno.EACCES))


class Changes:
    """Counts changes below a folder, and lets something happen at one of them.

    Attributes:
        seen: Changes so far.
    """

    def __init__(self, folder: Path, at: int | None = None, happens: Callable[[], None] = killed) -> None:
        self.seen = 0
        self._folder, self._at, self._happens = os.path.realpath(folder), at, happens
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_change(event, arguments):
            return
        self.seen += 1
        # A disk stays full, a folder stays read-only; taking away what is half written is still possible.
        if self._at is not None and self.seen >= self._at and event not in ("os.remove", "os.rmdir"):
            self._happens()

    def _is_change(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            path, mode, flags = arguments
            writes = any(c in mode for c in "wax+") if isinstance(mode, str) else bool((flags or 0) & _FLAGS)
            return writes and self._within(path)
        return event in _CHANGES and self._within(arguments[0])

    def _within(self, path: Any) -> bool:
        if isinstance(path, int):
            return False
        where = os.path.abspath(os.fsdecode(path))
        return where == self._folder or where.startswith(self._folder + os.sep)
