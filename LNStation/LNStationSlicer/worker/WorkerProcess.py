"""The worker's process: started, fed, read and ended; what its lines mean is WorkerClient's."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path

from LNStationSlicer.support.ChildProcess import ChildProcess
from LNStationSlicer.support.Command import Command

N_LAST_LINES = 30
_EXIT_WAIT_MS = 800


class PrivateFolder:
    """A folder that only this user can read, removed with its content at the latest when Slicer ends."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="LNStation-"))
        self.remove = weakref.finalize(self, shutil.rmtree, str(self.path), True)


class WorkerProcess:
    """One process. Callbacks: ``onOutput(bytes)``, ``onEnded(exitText)``, ``onFailedToStart(reason)``.

    They come from the event loop: whoever is called back may drop this object and start another.
    """

    def __init__(
        self,
        command: Command,
        onOutput: Callable[[bytes], None],
        onEnded: Callable[[str], None],
        onFailedToStart: Callable[[str], None],
    ) -> None:
        self._onEnded = onEnded
        self._lines: deque[str] = deque(maxlen=N_LAST_LINES)
        self._partial = b""
        self._process = ChildProcess(command, onOutput, self._ended, onFailedToStart, self._takeErrors)

    @property
    def pid(self) -> int:
        """Process id; 0 where it does not run."""
        return self._process.pid

    def isRunning(self) -> bool:
        """True from the start on until its end was told."""
        return self._process.isRunning()

    def write(self, line: bytes) -> None:
        """Write to its standard input; never blocks."""
        self._process.write(line)

    def lastLines(self) -> str:
        """The last lines of its standard error."""
        return "\n".join(self._lines)

    def kill(self) -> None:
        """End it now; ``onEnded`` follows."""
        self._process.kill()

    def abort(self) -> None:
        """End it now, without any callback and without waiting."""
        self._process.abort()

    def stop(self) -> None:
        """End it for good, politely first; no callback follows. Waits for less than two seconds."""
        self._process.stop(_EXIT_WAIT_MS, _EXIT_WAIT_MS)

    def _takeErrors(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                self._lines.append(text)
                logging.debug("LNStation worker: %s", text)

    def _ended(self, code: int, crashed: bool) -> None:
        self._takeErrors(b"\n")
        self._onEnded(f"signal {code}" if crashed and os.name == "posix" else f"exit code {code}")
