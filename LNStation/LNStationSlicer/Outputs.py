"""What leaves Slicer of the case under review: the report, its text, DICOM objects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import slicer

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.worker.JobQueue import JobQueue
from LNStationSlicer.worker.Jobs import Job
from LNStationSlicer.worker.OutputJobs import DicomJob, ReportJob, TextJob


class CaseToWrite(Protocol):
    """What is asked of the logic."""

    queue: JobQueue

    def requireCase(self) -> CaseScene: ...  # noqa: D102
    def flushEdits(self) -> None: ...  # noqa: D102


class Outputs:
    """Asks the worker for outputs; each goes into a new folder, so that nothing is overwritten.

    Attributes:
        reportWritten: Emitted with the files of a report.
        textWritten: Emitted with a report as plain text.
        dicomWritten: Emitted with the job that wrote DICOM objects.
    """

    def __init__(self, logic: CaseToWrite) -> None:
        self.reportWritten = Signal()
        self.textWritten = Signal()
        self.dicomWritten = Signal()
        self._logic = logic

    def writeReport(self, folder: Path, formats: Sequence[str], identifiers: bool, language: str) -> None:
        """Write a report with the reader's review into a new folder inside ``folder``."""
        self._logic.flushEdits()
        target = folder / f"LNStation-{_stamp()}"
        self._logic.queue.add(ReportJob(self._logic.requireCase(), target, formats, identifiers, language))

    def writeText(self, language: str) -> None:
        """Have the report as plain text."""
        self._logic.flushEdits()
        self._logic.queue.add(TextJob(self._logic.requireCase(), language))

    def exportDicom(self, folder: Path, report: Path | None = None) -> None:
        """Write the case as DICOM objects into a new folder inside ``folder``; a CT of DICOM files it must have."""
        self._logic.flushEdits()
        target = folder / f"LNStation-DICOM-{_stamp()}"
        self._logic.queue.add(DicomJob(self._logic.requireCase(), target, slicer.dicomDatabase, report))

    def onSucceeded(self, job: Job) -> None:
        """Tell of an output."""
        if isinstance(job, ReportJob):
            self.reportWritten.emit(job.files)
        elif isinstance(job, TextJob):
            self.textWritten.emit(job.text)
        elif isinstance(job, DicomJob):
            self.dicomWritten.emit(job)


def _stamp() -> str:
    """The time for the name of a folder."""
    return datetime.now().strftime("%Y%m%d-%H%M%S")
