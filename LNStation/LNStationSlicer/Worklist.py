"""The worklist: studies of Slicer's DICOM database and cases of the scene, the next one, and cases for the night."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import slicer

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.CaseSources import proposeSources
from LNStationSlicer.case.DicomStudies import DicomStudy, ctStudies, modalityOf, studyOf
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Turns import Delay
from LNStationSlicer.worker.JobQueue import JobQueue
from LNStationSlicer.worker.Jobs import AssessJob, Job
from LNStationSlicer.worker.WorkerErrors import WorkerError

State = Literal["new", "queued", "running", "failed", "opened", "assessed", "called", "signed", "exported"]
DONE: tuple[State, ...] = ("signed", "exported")
"""States that the way to the next case passes by."""
_CANNOT_WAIT: tuple[State, ...] = ("queued", "running", "assessed", "called", "signed")


class CasesToWorkOn(Protocol):
    """What is asked of the logic."""

    queue: JobQueue
    updated: Signal

    @property
    def case(self) -> CaseScene | None: ...  # noqa: D102
    def cases(self) -> list[CaseScene]: ...  # noqa: D102
    def caseFor(self, ctNode: Any) -> CaseScene: ...  # noqa: D102
    def selectCase(self, case: CaseScene | None) -> None: ...  # noqa: D102
    def assess(self) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class WorklistRow:
    """A study of the database, a case of the scene, or both.

    Attributes:
        key: Study Instance UID, or the case's key where it came from no study.
        called: How many of its stations the reader at work has called, of how many that are shown.
        problem: Why it could not be assessed.
    """

    key: str
    title: str
    date: str
    state: State
    reader: str = ""
    called: tuple[int, int] = (0, 0)
    problem: str = ""


def loadSeries(uids: Sequence[str]) -> list[str]:
    """Load series from the DICOM database as Slicer's DICOM module does; ids of the nodes."""
    from DICOMLib import DICOMUtils

    return list(DICOMUtils.loadSeriesByUID(list(uids)))


class Worklist:
    """What is to be read, and the cases that the worker assesses while nobody is there.

    Attributes:
        load: Loads series by their UIDs.
    """

    def __init__(self, logic: CasesToWorkOn, load: Callable[[Sequence[str]], Sequence[str]] = loadSeries) -> None:
        self.load = load
        self._logic = logic
        self._waiting: list[str] = []
        self._running: str | None = None
        self._problems: dict[str, str] = {}
        # Not from within the slot that told of the end.
        self._turn = Delay(0, self._assessNext)
        logic.queue.ended.connect(self._onEnded)

    @property
    def isUnattended(self) -> bool:
        """True while cases are assessed one after another: no message may wait for an answer."""
        return self._running is not None or bool(self._waiting)

    def rows(self) -> list[WorklistRow]:
        """Studies of the database, the latest first, then cases of the scene that came from none."""
        studies, cases = ctStudies(_database()), {self._keyOf(case): case for case in self._logic.cases()}
        rows = [
            self._row(study.uid, study.patient, study.date, cases.pop(study.uid, None), study) for study in studies
        ]
        return [*rows, *(self._row(key, case.name, "", case) for key, case in cases.items())]

    def open(self, key: str) -> None:
        """Put a case under review, loaded from the database where it is not in the scene.

        Raises:
            RuntimeError: Nothing could be loaded.
        """
        case = next((case for case in self._logic.cases() if self._keyOf(case) == key), None)
        self._logic.selectCase(case if case is not None else self._loaded(key))

    def openNext(self) -> bool:
        """Go to the next row that is not done, around the end; False where there is none."""
        rows = self.rows()
        keys, current = [row.key for row in rows], self._logic.case
        start = keys.index(self._keyOf(current)) if current is not None and self._keyOf(current) in keys else -1
        around = [rows[(start + step) % len(rows)] for step in range(1, len(rows) + 1)]
        found = next((row for row in around if row.state not in DONE and keys.index(row.key) != start), None)
        if found is not None:
            self.open(found.key)
        return found is not None

    def assessUnattended(self, keys: Sequence[str] | None = None) -> int:
        """Assess cases one after another, loaded one after another; all that are not assessed yet where None.

        Returns:
            How many.
        """
        states = {row.key: row.state for row in self.rows()}
        wanted = [key for key in (keys or states) if states.get(key) not in (None, *_CANNOT_WAIT)]
        wanted = [key for key in wanted if keys or states[key] not in DONE]
        self._waiting += wanted
        self._problems = {key: text for key, text in self._problems.items() if key not in wanted}
        self._turn.start()
        self._logic.updated.emit()
        return len(wanted)

    def stop(self) -> None:
        """The case that is being assessed is the last."""
        self._waiting = []
        self._turn.stop()
        self._logic.updated.emit()

    def _assessNext(self) -> None:
        if self._running is not None or not self._waiting:
            return
        self._running = self._waiting.pop(0)
        try:
            self.open(self._running)
            self._logic.assess()
        except Exception as error:  # one study that cannot be read does not keep the others waiting all night
            logging.exception("LNStation: a study of the worklist could not be assessed")
            self._finished(str(error))

    def _onEnded(self, job: Job, error: WorkerError | None) -> None:
        if self._running is not None and isinstance(job, AssessJob) and self._keyOf(job.case) == self._running:
            self._finished(error.message if error is not None else "")

    def _finished(self, problem: str) -> None:
        if self._running is not None and problem:
            self._problems[self._running] = problem
        self._running = None
        self._turn.start()
        self._logic.updated.emit()

    def _loaded(self, key: str) -> CaseScene:
        database = _database()
        study = next((study for study in ctStudies(database) if study.uid == key), None)
        if study is None:
            raise RuntimeError("The study is no longer in Slicer's DICOM database.")
        nodes = [slicer.mrmlScene.GetNodeByID(one) for one in self.load(study.series)]
        volumes = [node for node in nodes if node is not None and node.IsA("vtkMRMLScalarVolumeNode")]
        found = {modalityOf(node, database): node for node in volumes}
        if "CT" not in found:
            raise RuntimeError("The CT of this study could not be loaded.")
        case = self._logic.caseFor(found["CT"])
        case.setPetNode(found.get("PT"))
        proposeSources(case)
        return case

    def _keyOf(self, case: CaseScene) -> str:
        return studyOf(case, _database()) or case.key

    def _row(
        self, key: str, title: str, date: str, case: CaseScene | None, study: DicomStudy | None = None
    ) -> WorklistRow:
        problem = self._problems.get(key, "")
        waits: dict[bool, State] = {key in self._waiting: "queued", key == self._running: "running"}
        state = waits.get(True) or ("failed" if problem else None)
        if case is None:
            state = state or ("exported" if study is not None and study.isExported else "new")
            return WorklistRow(key, title, date, state, problem=problem)
        review, shown = case.review(), _shown(case)
        called = (len(set(review.calls()) & set(shown)), len(shown))
        return WorklistRow(key, title, date, state or _stateOf(case, called), review.reader, called, problem)


def _stateOf(case: CaseScene, called: tuple[int, int]) -> State:
    if not case.isAssessed:
        return "opened"
    if case.review().signed():
        return "signed"
    return "called" if called[0] else "assessed"


def _shown(case: CaseScene) -> list[str]:
    assessment = case.assessment()
    return [one["station"] for one in assessment["stations"] if one["volume_ml"]] if assessment else []


def _database() -> Any:
    """Slicer's; None where it has none, or it is closed."""
    database = getattr(slicer, "dicomDatabase", None)
    return database if database is not None and getattr(database, "isOpen", True) else None
