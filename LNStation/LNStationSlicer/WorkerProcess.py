"""The worker's process: started, fed, read and ended through QProcess; what its lines mean is WorkerClient's."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path

import qt

from LNStationSlicer.Installation import Command

N_LAST_LINES = 30
_EXIT_WAIT_MS = 800


class PrivateFolder:
    """A folder that only this user can read, removed with its content at the latest when Slicer ends."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="LNStation-"))
        self.remove = weakref.finalize(self, shutil.rmtree, str(self.path), True)


class WorkerProcess:
    """One process. Callbacks: ``onOutput(bytes)``, ``onEnded(exitText)``, ``onFailedToStart(reason)``."""

    def __init__(
        self,
        command: Command,
        onOutput: Callable[[bytes], None],
        onEnded: Callable[[str], None],
        onFailedToStart: Callable[[str], None],
    ) -> None:
        self._onOutput = onOutput
        self._onEnded = onEnded
        self._onFailedToStart = onFailedToStart
        self._lines: deque[str] = deque(maxlen=N_LAST_LINES)
        self._partial = b""
        self._process = qt.QProcess()
        self._process.readyReadStandardOutput.connect(self._readOutput)
        self._process.readyReadStandardError.connect(self._readErrors)
        self._process.finished.connect(self._ended)
        self._process.errorOccurred.connect(self._failed)
        self._process.setEnvironment([f"{key}={value}" for key, value in command.environment.items()])
        self._process.start(command.program, list(command.arguments))

    @property
    def pid(self) -> int:
        """Process id; 0 where it does not run."""
        return int(self._process.processId())

    def isRunning(self) -> bool:
        """True from the start on until the process has ended."""
        return self._process.state() != qt.QProcess.NotRunning

    def write(self, line: bytes) -> None:
        """Queue bytes for its standard input; never blocks."""
        self._process.write(line)

    def lastLines(self) -> str:
        """The last lines of its standard error."""
        return "\n".join(self._lines)

    def kill(self) -> None:
        """End it now; ``onEnded`` follows."""
        self._killAll()

    def abort(self) -> None:
        """End it now, without any callback and without waiting."""
        self._disconnect()
        process = self._process
        # Holds the object until the process has ended: its destructor would wait for that.
        process.finished.connect(lambda: process.deleteLater())
        self._killAll()

    def stop(self) -> None:
        """End it for good, politely first; no callback follows. Waits for less than two seconds."""
        self._disconnect()
        if self.isRunning():
            self._process.closeWriteChannel()
            if not self._process.waitForFinished(_EXIT_WAIT_MS):
                self._process.kill()
                self._process.waitForFinished(_EXIT_WAIT_MS)
        self._process.deleteLater()

    def _killAll(self) -> None:
        # Behind PythonSlicer, a launcher, the kill reaches the launcher alone; the worker ends with its input.
        self._process.closeWriteChannel()
        self._process.kill()

    def _disconnect(self) -> None:
        self._process.readyReadStandardOutput.disconnect(self._readOutput)
        self._process.readyReadStandardError.disconnect(self._readErrors)
        self._process.finished.disconnect(self._ended)
        self._process.errorOccurred.disconnect(self._failed)

    def _readOutput(self) -> None:
        self._onOutput(_bytes(self._process.readAllStandardOutput()))

    def _readErrors(self) -> None:
        *lines, self._partial = (self._partial + _bytes(self._process.readAllStandardError())).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                self._lines.append(text)
                logging.debug("LNStation worker: %s", text)

    def _ended(self) -> None:
        self._readErrors()
        code = int(self._process.exitCode())
        crashed = self._process.exitStatus() != qt.QProcess.NormalExit
        self._onEnded(f"signal {code}" if crashed and os.name == "posix" else f"exit code {code}")

    def _failed(self) -> None:
        if self._process.error() == qt.QProcess.FailedToStart:
            self._onFailedToStart(str(self._process.errorString()))


def _bytes(array: object) -> bytes:
    return bytes(array.data())  # type: ignore[attr-defined]
