"""The loop of the worker: one thread reads and answers at once what it can, one thread works."""

from __future__ import annotations

import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from queue import SimpleQueue
from typing import Any

from LNStationLib import __version__
from LNStationLib.support.errors import CancelledError
from LNStationLib.support.progress import Progress
from LNStationLib.worker import messages
from LNStationLib.worker.failures import failure_of, log_defect
from LNStationLib.worker.messages import Call, ErrorCode, Failure, LineSplitter, LineTooLong, MessageError, RequestId

_log = logging.getLogger(__name__)

Method = Callable[[dict[str, Any], Progress], Any]
"""Takes the parameters and a progress callback; returns the result."""

METHODS = (
    "hello",
    "devices",
    "models",
    "methods",
    "columns",
    "load_case",
    "assess",
    "reassess",
    "restore_case",
    "stage",
    "report",
    "report_text",
    "register_prior",
    "export_dicom",
    "sample",
    "release_case",
    "shutdown",
)
_PROGRESS_EVERY_S = 0.1
"""Ten times a second looks smooth and keeps the pipe free."""
_GRACE_S = 5.0
"""How long a running request may take to notice that it is cancelled when the worker ends."""


class _State(Enum):
    WAITING = 1
    RUNNING = 2
    DONE = 3


@dataclass
class _Job:
    call: Call
    request_id: RequestId
    cancelled: threading.Event = field(default_factory=threading.Event)
    state: _State = _State.WAITING


class Server:
    """Answer requests.

    Args:
        send: Writes one line to the client; called from both threads, one at a time.
        load_methods: Imports what the methods need and returns them by name; called once, on the working thread.
        grace_s: How long a running request may take to end when the worker ends.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        load_methods: Callable[[], Mapping[str, Method]],
        grace_s: float = _GRACE_S,
    ) -> None:
        self._write = send
        self._load_methods = load_methods
        self._grace_s = grace_s
        self._methods: Mapping[str, Method] | None = None
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._jobs: dict[RequestId, _Job] = {}
        self._lock = threading.RLock()
        self._worker = threading.Thread(target=self._work, name="worker", daemon=True)

    def serve(self, chunks: Iterable[bytes]) -> bool:
        """Read until the input ends or the client asks to shut down.

        Args:
            chunks: What arrives, in pieces of any size.

        Returns:
            Whether the running request ended in time; if not, the process should end without waiting for it.
        """
        self._worker.start()
        splitter, asked_by = LineSplitter(), None
        for chunk in chunks:
            for line in splitter.feed(chunk):
                asked_by = self._take(line)
                if asked_by is not None:
                    break
            if asked_by is not None:
                break
        self._cancel_all()
        self._queue.put(None)
        self._worker.join(self._grace_s)
        if asked_by is not None:
            self._send(messages.result(asked_by, {}))
        return not self._worker.is_alive()

    def _take(self, line: bytes | LineTooLong) -> RequestId | None:
        """Act on one line; the id of a request to shut down, if it is one."""
        if isinstance(line, LineTooLong):
            text = f"A line is longer than {messages.MAX_LINE_BYTES} bytes."
            self._fail(None, Failure(ErrorCode.INVALID_REQUEST, text))
            return None
        try:
            message = messages.parse(line)
        except MessageError as problem:
            self._fail(problem.request_id, Failure(problem.code, str(problem)))
            return None
        if not isinstance(message, Call):
            _log.warning("an answer arrived, but nothing was asked")
            return None
        if message.request_id is None:
            self._notified(message)
            return None
        return self._requested(message, message.request_id)

    def _notified(self, call: Call) -> None:
        if call.method == "cancel":
            self._cancel(call.params.get("id"))
        else:
            _log.warning("unknown notification")

    def _requested(self, call: Call, request_id: RequestId) -> RequestId | None:
        if call.method == "cancel":
            self._cancel(call.params.get("id"))
            self._send(messages.result(request_id, {}))
        elif call.method not in METHODS:
            text = f"There is no method '{call.method[:40]}'."
            self._fail(request_id, Failure(ErrorCode.METHOD_NOT_FOUND, text))
        elif call.method == "shutdown":
            return request_id
        elif call.method == "hello":
            self._hello(request_id)
        else:
            self._enqueue(_Job(call, request_id))
        return None

    def _hello(self, request_id: RequestId) -> None:
        about = {
            "protocol": messages.PROTOCOL,
            "version": __version__,
            "python": platform.python_version(),
            "pid": os.getpid(),
            "methods": list(METHODS),
        }
        self._send(messages.result(request_id, about))
        # Once someone is there, what the first case needs is imported while the person still chooses images.
        self._queue.put(_Job(Call("warm up"), "", state=_State.DONE))

    def _enqueue(self, job: _Job) -> None:
        with self._lock:
            if job.request_id in self._jobs:
                text = "The id is that of a request which has not been answered yet."
                self._fail(job.request_id, Failure(ErrorCode.INVALID_REQUEST, text))
                return
            self._jobs[job.request_id] = job
        self._queue.put(job)

    def _cancel(self, request_id: Any) -> None:
        """Cancel a request; one that waits is answered at once, one that is done or unknown stays as it is."""
        with self._lock:
            job = self._jobs.get(request_id) if isinstance(request_id, str | int) else None
            if job is None:
                return
            job.cancelled.set()
            if job.state is _State.WAITING:
                self._finish(job)
                self._fail(job.request_id, failure_of(CancelledError()))

    def _cancel_all(self) -> None:
        with self._lock:
            for request_id in list(self._jobs):
                self._cancel(request_id)

    def _finish(self, job: _Job) -> None:
        job.state = _State.DONE
        self._jobs.pop(job.request_id, None)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            with self._lock:
                waiting = job.state is _State.WAITING
                if waiting:
                    job.state = _State.RUNNING
            if waiting:
                self._run(job)
            elif job.call.method == "warm up":
                self._warm_up()

    def _warm_up(self) -> None:
        try:
            self._ready()
        except Exception as error:
            # Not fatal here: the first request that needs the methods fails with the reason.
            log_defect(error, "warm up", {})

    def _ready(self) -> Mapping[str, Method]:
        if self._methods is None:
            self._methods = self._load_methods()
        return self._methods

    def _run(self, job: _Job) -> None:
        try:
            value = self._ready()[job.call.method](job.call.params, self._progress(job))
            line = messages.result(job.request_id, value)
        except BaseException as error:
            failure = failure_of(error)
            if failure.code == ErrorCode.INTERNAL_ERROR:
                log_defect(error, job.call.method, job.call.params)
            line = messages.error(job.request_id, failure.code, failure.message, failure.data)
        with self._lock:
            self._finish(job)
            self._send(line)

    def _progress(self, job: _Job) -> Progress:
        """Raise if the request was cancelled; notify the client at most ten times a second per step."""
        last_step, last_time = "", 0.0

        def report(step: str, fraction: float) -> None:
            nonlocal last_step, last_time
            if job.cancelled.is_set():
                raise CancelledError
            now = time.monotonic()
            if step == last_step and now - last_time < _PROGRESS_EVERY_S:
                return
            last_step, last_time = step, now
            params = {"id": job.request_id, "step": step, "fraction": round(min(max(fraction, 0.0), 1.0), 4)}
            self._send(messages.notification("progress", params))

        return report

    def _fail(self, request_id: RequestId | None, failure: Failure) -> None:
        self._send(messages.error(request_id, failure.code, failure.message, failure.data))

    def _send(self, line: bytes) -> None:
        with self._lock:
            self._write(line)
