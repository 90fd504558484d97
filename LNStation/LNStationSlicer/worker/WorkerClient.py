"""Speaks JSON-RPC 2.0 with the worker: requests with callbacks, progress, cancel, time-outs, restart.

Nothing here blocks, save ``stop``. A request made while no worker runs starts one. Requests are answered in their
order, so only the oldest one's clock runs: what waits behind a long assessment is not late.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from LNStationLib.worker import messages
from LNStationLib.worker.volume_files import VolumeGeometry, read_slabs, read_volume
from LNStationSlicer.install.Installation import DependencyError
from LNStationSlicer.support.Command import Command
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Turns import Delay, Turns
from LNStationSlicer.worker import WorkerErrors
from LNStationSlicer.worker.WorkerErrors import WorkerError
from LNStationSlicer.worker.WorkerProcess import PrivateFolder, WorkerProcess

# Seconds without an answer or a progress notification after which the worker counts as hung.
SILENCE_S = {"hello": 60.0, "devices": 90.0, "stage": 60.0, "cancel": 8.0}
DEFAULT_SILENCE_S = 300.0
_TICK_MS = 250


@dataclass
class Pending:
    """A request that waits for its answer. ``onResult`` None: the answer is no longer wanted."""

    requestId: int
    method: str
    onResult: Callable[[Any], None] | None
    onError: Callable[[WorkerError], None] | None
    onProgress: Callable[[str, float], None] | None
    lastSign: float = field(default_factory=time.monotonic)
    cancelled: bool = False


class WorkerClient:
    """The worker as the rest of the module sees it.

    Args:
        commandFor: Gives the command for a private folder; raises ``DependencyError`` where there is no worker
            to start.
        silenceS: Other time-outs than ``SILENCE_S``, by method.

    Attributes:
        generation: Counts the processes started; what a worker was told is gone where this number is another.
        started: Emitted after a process was started.
    """

    def __init__(self, commandFor: Callable[[Path], Command], silenceS: dict[str, float] | None = None) -> None:
        self.generation = 0
        self.started = Signal()
        self._commandFor = commandFor
        self._silenceS = {**SILENCE_S, **(silenceS or {})}
        self._folder: PrivateFolder | None = None
        self._process: WorkerProcess | None = None
        self._splitter = messages.LineSplitter()
        self._pending: dict[messages.RequestId | None, Pending] = {}
        self._lastId = 0
        self._clock = Delay(_TICK_MS, self._checkClock)
        self._turns = Turns()

    @property
    def folder(self) -> Path:
        """The private folder through which images travel, made when first asked for."""
        if self._folder is None:
            self._folder = PrivateFolder()
        return self._folder.path

    def isRunning(self) -> bool:
        """True where there is a process."""
        return self._process is not None and self._process.isRunning()

    @property
    def pid(self) -> int:
        """Process id of the worker; 0 where none runs."""
        return self._process.pid if self._process is not None else 0

    @property
    def nPending(self) -> int:
        """Number of requests without an answer."""
        return len(self._pending)

    def request(
        self,
        method: str,
        params: dict[str, Any],
        onResult: Callable[[Any], None],
        onError: Callable[[WorkerError], None],
        onProgress: Callable[[str, float], None] | None = None,
    ) -> int:
        """Send a request; start the worker where none runs.

        Exactly one of ``onResult`` and ``onError`` is called, later, never from within this call.

        Returns:
            The request's id, for ``cancel`` and ``abandon``.
        """
        if not self.isRunning():
            self._start()
        return self._send(method, params, Pending(self._nextId(), method, onResult, onError, onProgress))

    def cancel(self, requestId: int) -> None:
        """Ask the worker to give a request up; its ``onError`` follows with kind ``"cancelled"``.

        A worker that does not answer soon is killed. Unknown and answered ids are ignored.
        """
        pending = self._pending.get(requestId)
        if pending is None or pending.cancelled:
            return
        pending.cancelled = True
        pending.lastSign = time.monotonic()
        self._write(messages.notification("cancel", {"id": requestId}))

    def abandon(self, requestId: int) -> None:
        """Cancel without any callback; files of a late result are deleted."""
        pending = self._pending.get(requestId)
        if pending is not None:
            pending.onResult = pending.onError = pending.onProgress = None
            self.cancel(requestId)

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Send a request whose answer is not needed, if a worker runs; never starts one."""
        if self.isRunning():
            self._send(method, params, Pending(self._nextId(), method, None, None, None))

    def takeVolume(self, reference: dict[str, Any]) -> tuple[Any, VolumeGeometry]:
        """Read a volume that the worker wrote, and delete its file."""
        try:
            return read_volume(self.folder, reference)
        finally:
            self._discard(reference)

    def takeSlabs(self, reference: dict[str, Any]) -> Generator[None, None, tuple[Any, VolumeGeometry]]:
        """As ``takeVolume``, a few megabytes each time the next is asked for."""
        try:
            return (yield from read_slabs(self.folder, reference))
        finally:
            self._discard(reference)

    def discard(self, *references: dict[str, Any] | None) -> None:
        """Delete the files of volumes, read or not."""
        for reference in references:
            self._discard(reference)

    def discardAll(self, value: Any) -> None:
        """Delete the file of every volume in a result."""
        if isinstance(value, dict):
            if "path" in value and "dtype" in value:
                self._discard(value)
            else:
                for entry in value.values():
                    self.discardAll(entry)
        elif isinstance(value, list):
            for entry in value:
                self.discardAll(entry)

    def kill(self) -> None:
        """End the process at once; open requests fail as after any death."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """End the worker and remove the private folder; no callback follows. For cleanup: waits up to two seconds."""
        self._clock.stop()
        self._turns.clear()
        self._pending.clear()
        if self._process is not None:
            self._process.stop()
            self._process = None
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    # Starting

    def _start(self) -> None:
        self._splitter = messages.LineSplitter()
        self._process = None  # its end was told
        try:
            command = self._commandFor(self.folder)
        except (DependencyError, OSError) as error:
            logging.info("LNStation: no worker: %s", error)
            self._turns.call(self._failAll, WorkerErrors.notStarted(str(error)))
            return
        self.generation += 1
        self._process = WorkerProcess(command, self._received, self._ended, self._failedToStart)
        self._send("hello", {}, Pending(self._nextId(), "hello", self._greeted, self._notGreeted, None))
        self.started.emit()

    def _greeted(self, answer: Any) -> None:
        if answer.get("protocol") != messages.PROTOCOL:
            logging.error("LNStation worker speaks protocol %s, not %s", answer.get("protocol"), messages.PROTOCOL)
            reason = "it belongs to another version of LNStation; repair it in the advanced settings"
            self._failAll(WorkerErrors.notStarted(reason))
            self.kill()

    @staticmethod
    def _notGreeted(error: WorkerError) -> None:
        logging.warning("LNStation worker did not greet: %s", error.message)

    # Sending

    def _nextId(self) -> int:
        self._lastId += 1
        return self._lastId

    def _send(self, method: str, params: dict[str, Any], pending: Pending) -> int:
        self._pending[pending.requestId] = pending
        self._write(messages.request(pending.requestId, method, params))
        self._clock.start()
        return pending.requestId

    def _write(self, line: bytes) -> None:
        if self._process is not None:
            self._process.write(line)

    # Receiving

    def _received(self, data: bytes) -> None:
        for line in self._splitter.feed(data):
            if isinstance(line, messages.LineTooLong):
                logging.warning("LNStation worker wrote a line that is too long")
                continue
            try:
                self._dispatch(messages.parse(line))
            except (messages.MessageError, TypeError) as error:
                logging.warning("LNStation worker wrote a line that is no message: %s", error)

    def _dispatch(self, message: messages.Call | messages.Answer) -> None:
        if isinstance(message, messages.Answer):
            self._answered(message)
        elif message.method == "progress":
            self._progressed(message.params)
        elif message.method == "log":
            logging.info("LNStation worker: %s", message.params.get("message"))

    def _progressed(self, params: dict[str, Any]) -> None:
        pending = self._pending.get(params.get("id", 0))
        if pending is not None and not pending.cancelled:
            pending.lastSign = time.monotonic()
            if pending.onProgress is not None:
                pending.onProgress(str(params.get("step", "")), float(params.get("fraction", 0.0)))

    def _answered(self, answer: messages.Answer) -> None:
        pending = self._pending.pop(answer.request_id, None)
        self._restartClock()
        if pending is None:
            self.discardAll(answer.result)
        elif answer.failure is not None:
            if pending.onError is not None:
                pending.onError(WorkerErrors.answered(answer.failure, self._lastLines()))
        elif pending.onResult is None or pending.cancelled:
            self.discardAll(answer.result)
            if pending.onError is not None:
                pending.onError(WorkerErrors.cancelled())
        else:
            pending.onResult(answer.result)

    # Unexpected ends

    def _ended(self, exitText: str) -> None:
        self._failAll(WorkerErrors.died(exitText, self._lastLines()))

    def _failedToStart(self, reason: str) -> None:
        self._failAll(WorkerErrors.notStarted(reason))

    def _failAll(self, error: WorkerError) -> None:
        pendings = list(self._pending.values())
        self._pending.clear()
        self._clock.stop()
        for pending in pendings:
            if pending.onError is not None:
                pending.onError(WorkerErrors.cancelled() if pending.cancelled else error)

    def _checkClock(self) -> None:
        head = next(iter(self._pending.values()), None)
        if head is None:
            return
        self._clock.start()
        late = [pending for pending in (head, *self._cancelled()) if self._isLate(pending)]
        if late:
            error = WorkerErrors.timedOut(late[0].method, self._limit(late[0]), self._lastLines())
            process, self._process = self._process, None
            if process is not None:
                process.abort()
            self._failAll(error)

    def _cancelled(self) -> Iterator[Pending]:
        return (pending for pending in self._pending.values() if pending.cancelled)

    def _isLate(self, pending: Pending) -> bool:
        return time.monotonic() - pending.lastSign > self._limit(pending)

    def _limit(self, pending: Pending) -> float:
        return self._silenceS.get("cancel" if pending.cancelled else pending.method, DEFAULT_SILENCE_S)

    def _restartClock(self) -> None:
        head = next(iter(self._pending.values()), None)
        if head is not None:
            head.lastSign = time.monotonic()

    def _lastLines(self) -> str:
        return self._process.lastLines() if self._process is not None else ""

    # Files

    def _discard(self, reference: dict[str, Any] | None) -> None:
        if reference and "path" in reference and self._folder is not None:
            path = (self._folder.path / str(reference["path"])).resolve()
            if path.parent == self._folder.path.resolve():
                path.unlink(missing_ok=True)
