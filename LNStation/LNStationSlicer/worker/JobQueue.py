"""Runs jobs one after another: tells the worker about the case where it must, asks, takes the result in."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from LNStationLib.support.errors import InputError
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Steps import Steps
from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.CaseUpload import CaseUpload, inputFingerprint
from LNStationSlicer.worker.Jobs import Job, jobTitle
from LNStationSlicer.worker.WorkerClient import WorkerClient
from LNStationSlicer.worker.WorkerErrors import WorkerError
from LNStationSlicer.worker.WorkerErrors import cancelled as _cancelled

# Parts of the progress bar: until the worker knows the case, until it has answered, until the scene has the result.
_LOADED, _ANSWERED = 0.08, 0.96


class JobQueue:
    """The jobs of all cases of the scene.

    Attributes:
        changed: Emitted when a job starts or ends.
        progress: Emitted with a job, its step in words and the fraction done in [0, 1].
        ended: Emitted with a job and its error (None where it succeeded).
    """

    def __init__(self, client: WorkerClient) -> None:
        self.changed = Signal()
        self.progress = Signal()
        self.ended = Signal()
        self._client = client
        self._waiting: deque[Job] = deque()
        self._active: Job | None = None
        self._steps: Steps | None = None
        self._requestId: int | None = None
        self._result: dict[str, Any] | None = None  # while it goes into the scene
        self._upload: CaseUpload | None = None
        self._known: dict[str, tuple[int, Any]] = {}
        self._fingerprint: Any = None

    @property
    def active(self) -> Job | None:
        """The running job."""
        return self._active

    def jobs(self) -> list[Job]:
        """The running job and those that wait."""
        return [*([self._active] if self._active else []), *self._waiting]

    def runningStations(self, case: CaseScene) -> set[str]:
        """Stations of a case that are being assessed, or wait for it."""
        return {name for job in self.jobs() if job.case == case for name in job.stations}

    def add(self, job: Job) -> None:
        """Run a job as soon as those before it have ended."""
        self._waiting.append(job)
        self._startNext()

    def cancel(self) -> None:
        """Cancel the running job and drop those that wait; too late once its result goes into the scene."""
        waiting, self._waiting = list(self._waiting), deque()
        for job in waiting:
            self.ended.emit(job, _cancelled())
        if self._active is None or self._result is not None:
            return
        if self._requestId is not None:
            self.progress.emit(self._active, _("Cancelling"), 0.0)
            self._client.cancel(self._requestId)
        else:
            self._fail(_cancelled())

    def abandon(self, case: CaseScene | None = None) -> None:
        """Forget the jobs of a case (None: all) silently; for a scene that closes."""
        self._waiting = deque(job for job in self._waiting if case is not None and job.case != case)
        active = self._active
        if active is None or (case is not None and active.case != case):
            return
        if self._requestId is not None:
            self._client.abandon(self._requestId)
        self._client.discard(*active.inputs())
        self._clear()
        self.changed.emit()
        self._startNext()

    def release(self, key: str) -> None:
        """Let the worker forget a case."""
        if self._known.pop(key, (None,))[0] == self._client.generation:
            self._client.notify("release_case", {"case": key})

    # One job, step by step

    @property
    def _job(self) -> Job:
        """The running job, for what is done only while one runs."""
        assert self._active is not None
        return self._active

    def _startNext(self) -> None:
        if self._active is not None or not self._waiting:
            return
        self._active = self._waiting.popleft()
        self.changed.emit()
        self._report(jobTitle(self._active), 0.0)
        if self._isKnown(self._active.case):
            self._build()
        else:
            self._load()

    def _isKnown(self, case: CaseScene) -> bool:
        state = (self._client.generation, inputFingerprint(case))
        return self._client.isRunning() and self._known.get(case.key) == state

    def _load(self) -> None:
        self._fingerprint = inputFingerprint(self._job.case)
        upload = self._upload = CaseUpload(self._job.case, self._client.folder)
        self._run(upload.steps(), partial(self._sendLoad, upload))

    def _sendLoad(self, upload: CaseUpload) -> None:
        self._report(_("Sending the images to the worker"), _LOADED / 2)
        self._request("load_case", upload.load, partial(self._loaded, upload))

    def _loaded(self, upload: CaseUpload, result: dict[str, Any]) -> None:
        for warning in result.get("warnings", []):
            logging.info("LNStation worker: %s", warning)
        self._discardUpload()
        case = self._job.case
        if case.isAlive() and self._job.needsReview and case.isAssessed:
            self._run(upload.restoreSteps(), partial(self._sendRestore, upload))
        else:
            self._nowKnown()

    def _sendRestore(self, upload: CaseUpload) -> None:
        self._request("restore_case", upload.restore, lambda result: self._nowKnown(), onError=self._notRestored)

    def _notRestored(self, error: WorkerError) -> None:
        """What begins from the images does not fail for it."""
        if error.kind != "input" or not self._job.canDoWithoutReview:
            self._fail(error)
            return
        logging.warning("LNStation: the reader's nodes could not be kept: %s", error.message)
        self._requestId = None
        self._nowKnown()

    def _nowKnown(self) -> None:
        self._discardUpload()
        self._upload = None
        # The state at the export: what changed since must be told again.
        self._known[self._job.case.key] = (self._client.generation, self._fingerprint)
        self._build()

    def _build(self) -> None:
        self._run(self._job.build(self._client.folder), self._sendJob)

    def _sendJob(self) -> None:
        job = self._job
        self._request(job.method, job.params, self._answered, self._progressed)

    def _answered(self, result: dict[str, Any]) -> None:
        self._result = result
        self._client.discard(*self._job.inputs())
        if not self._job.isQuiet:
            self._report(_("Loading the result into the scene"), _ANSWERED)
        self._run(self._job.receive(result, self._client), self._succeeded)

    def _succeeded(self) -> None:
        job = self._job
        self._clear()
        self.ended.emit(job, None)
        self.changed.emit()
        self._startNext()

    # Helpers

    def _run(self, pieces: Any, then: Callable[[], None]) -> None:
        self._steps = Steps(self._whileAlive(pieces), then, self._raised)
        self._steps.start()

    def _whileAlive(self, pieces: Any) -> Any:
        """Nothing is read from or written to a case that has left its scene."""
        for piece in pieces:
            if not self._job.case.isAlive():
                raise InputError(_("The case was removed from the scene."))
            yield piece

    def _request(
        self,
        method: str,
        params: dict[str, Any],
        onResult: Callable[[Any], None],
        onProgress: Callable[[str, float], None] | None = None,
        onError: Callable[[WorkerError], None] | None = None,
    ) -> None:
        def answered(result: Any) -> None:
            self._requestId = None
            onResult(result)

        self._requestId = self._client.request(method, params, answered, onError or self._fail, onProgress)

    def _progressed(self, step: str, fraction: float) -> None:
        self._report(step, _LOADED + (_ANSWERED - _LOADED) * fraction)

    def _report(self, step: str, fraction: float) -> None:
        self.progress.emit(self._job, step, fraction)

    def _raised(self, error: Exception) -> None:
        if isinstance(error, (InputError, OSError)):
            self._fail(WorkerError("input", str(error)))
            return
        logging.error("LNStation: %s failed", type(self._job).__name__, exc_info=error)
        self._fail(WorkerError("internal", _("Something went wrong: {error}").format(error=error)))

    def _fail(self, error: WorkerError) -> None:
        job = self._active
        if job is None:
            return
        if error.kind == "unknown_case":
            self._known.pop(job.case.key, None)
        self._client.discard(*job.inputs())
        self._discardUpload()
        self._clear()
        self.ended.emit(job, error)
        self.changed.emit()
        self._startNext()

    def _discardUpload(self) -> None:
        if self._upload is not None:
            self._client.discard(*self._upload.references())

    def _clear(self) -> None:
        if self._steps is not None:
            self._steps.stop()
        self._discardUpload()
        if self._result is not None:
            self._client.discardAll(self._result)
        self._active = self._steps = self._requestId = self._upload = self._result = None
