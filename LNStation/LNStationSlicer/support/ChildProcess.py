"""A child process that is read through ``QProcess`` and heard from the event loop alone."""

from __future__ import annotations

from collections.abc import Callable

import qt

from LNStationSlicer.support.Command import Command
from LNStationSlicer.support.Turns import Turns


class ChildProcess:
    """One process, started at once.

    The slots of the ``QProcess`` only note what they are told; the callbacks follow in later turns of the event loop,
    in the order of what happened (``Turns`` says why). So any callback may drop this object and, with it, its
    ``QProcess``.

    Args:
        command: What to run.
        onOutput: Called with bytes of its standard output.
        onEnded: Called last, with the exit code and whether it crashed.
        onFailedToStart: Called instead of ``onEnded``, with the reason, where there is no process.
        onErrors: Called with bytes of its standard error; None sends those to ``onOutput`` too.
    """

    def __init__(
        self,
        command: Command,
        onOutput: Callable[[bytes], None],
        onEnded: Callable[[int, bool], None],
        onFailedToStart: Callable[[str], None],
        onErrors: Callable[[bytes], None] | None = None,
    ) -> None:
        self._onOutput, self._onErrors = onOutput, onErrors
        self._onEnded, self._onFailedToStart = onEnded, onFailedToStart
        self._isOpen = True
        self._turns = Turns()
        self._process = qt.QProcess()
        if onErrors is None:
            self._process.setProcessChannelMode(qt.QProcess.MergedChannels)
        self._process.setEnvironment([f"{name}={value}" for name, value in command.environment.items()])
        self._process.readyReadStandardOutput.connect(self._readOutput)
        self._process.readyReadStandardError.connect(self._readErrors)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)
        self._process.start(command.program, list(command.arguments))

    @property
    def pid(self) -> int:
        """Process id; 0 where it does not run."""
        return int(self._process.processId())

    def isRunning(self) -> bool:
        """True from the start on until its end was told, or it was given up."""
        return self._isOpen

    def write(self, data: bytes) -> None:
        """Write to its standard input; never blocks. Nothing happens where it has ended."""
        if self._hasProcess():
            self._process.write(data)

    def kill(self) -> None:
        """End it now; ``onEnded`` follows."""
        # Behind PythonSlicer, a launcher, the kill reaches the launcher alone; what works there ends with its input.
        self._process.closeWriteChannel()
        self._process.kill()

    def abort(self) -> None:
        """End it now, without any callback and without waiting."""
        self._close()
        if self._hasProcess():
            self._holdUntilEnd()
            self.kill()

    def stop(self, endWaitMs: int, killWaitMs: int) -> None:
        """End it for good, without any callback: by closing its input, then by force.

        Args:
            endWaitMs: How long to wait for it after its input was closed.
            killWaitMs: How long to wait for it after it was killed.
        """
        self._close()
        if not self._hasProcess():
            return
        self._process.closeWriteChannel()
        if not self._process.waitForFinished(endWaitMs):
            self._process.kill()
            if not self._process.waitForFinished(killWaitMs):
                self._holdUntilEnd()

    def _hasProcess(self) -> bool:
        return self._process.state() != qt.QProcess.NotRunning

    def _holdUntilEnd(self) -> None:
        # The destructor of a QProcess waits for a process that still runs.
        process = self._process
        process.finished.connect(lambda: process.deleteLater())

    def _close(self) -> None:
        self._turns.clear()
        if self._isOpen:
            self._isOpen = False
            self._process.readyReadStandardOutput.disconnect(self._readOutput)
            self._process.readyReadStandardError.disconnect(self._readErrors)
            self._process.finished.disconnect(self._finished)
            self._process.errorOccurred.disconnect(self._failed)

    # Slots: they note, and do nothing else

    def _readOutput(self) -> None:
        self._turns.call(self._onOutput, _bytes(self._process.readAllStandardOutput()))

    def _readErrors(self) -> None:
        if self._onErrors is not None:
            self._turns.call(self._onErrors, _bytes(self._process.readAllStandardError()))

    def _finished(self) -> None:
        self._readOutput()
        self._readErrors()
        crashed = self._process.exitStatus() != qt.QProcess.NormalExit
        self._turns.call(self._tellEnd, self._onEnded, int(self._process.exitCode()), crashed)

    def _failed(self) -> None:
        if self._process.error() == qt.QProcess.FailedToStart:
            self._turns.call(self._tellEnd, self._onFailedToStart, str(self._process.errorString()))

    def _tellEnd(self, callback: Callable[..., None], *arguments: object) -> None:
        self._close()
        callback(*arguments)


def _bytes(array: object) -> bytes:
    return bytes(array.data())  # type: ignore[attr-defined]
