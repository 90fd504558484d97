"""What leaves Slicer: the report, and DICOM objects. Nothing in the scene changes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import slicer

from LNStationLib.support.errors import InputError
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.PatientIdentity import patientIdentity, reportName
from LNStationSlicer.exchange.PetExchange import DicomDatabase, instanceUids
from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.Jobs import Job, Pieces
from LNStationSlicer.worker.WorkerClient import WorkerClient

_INSTANCES_AT_ONCE = 50
"""Looked up in some ten milliseconds."""


class ReportJob(Job):
    """The report, with the reader's review."""

    method = "report"

    def __init__(
        self, case: CaseScene, folder: Path, formats: Sequence[str], identifiers: bool, language: str
    ) -> None:
        super().__init__(case)
        self.files: list[Path] = []
        self.params.update(folder=str(folder), formats=list(formats), identifiers=identifiers, language=language)

    def build(self, folder: Path) -> Pieces:
        """The review as it is when the worker's turn comes; the patient only where the user wants identifiers."""
        yield lambda: self.params.update(review=self.case.review().asReview())
        yield self._name

    def _name(self) -> None:
        identity = patientIdentity(self.case, getattr(slicer, "dicomDatabase", None))
        if self.params["identifiers"]:
            self.params.update(case_name=self.case.name, patient=identity)
        else:
            self.params.update(case_name=reportName(self.case, identity))

    def receive(self, result: dict[str, Any], client: WorkerClient) -> Pieces:
        """Nothing in the scene changes."""
        self.files = [Path(name) for name in result["files"]]
        return iter(())


class TextJob(Job):
    """The report as plain text, with the reader's review."""

    method = "report_text"
    isQuiet = True

    def __init__(self, case: CaseScene, language: str) -> None:
        super().__init__(case)
        self.text = ""
        self.params.update(language=language)

    def build(self, folder: Path) -> Pieces:
        """The review as it is when the worker's turn comes."""
        yield lambda: self.params.update(review=self.case.review().asReview())

    def receive(self, result: dict[str, Any], client: WorkerClient) -> Pieces:
        """Nothing in the scene changes."""
        self.text = result["text"]
        return iter(())


class DicomJob(Job):
    """The assessment as DICOM objects in the study of the CT, with the reader's review.

    Args:
        case: The case.
        folder: A new one, for the files.
        database: Knows the files of the series that the CT came from.
        report: A PDF to go beside them; None without.
    """

    method = "export_dicom"

    def __init__(self, case: CaseScene, folder: Path, database: DicomDatabase, report: Path | None = None) -> None:
        super().__init__(case)
        self.folder = folder
        self.files: list[Path] = []
        self.warnings: list[str] = []
        self._database = database
        self._ctFiles: list[str] = []
        self.params.update(folder=str(folder), ct_files=self._ctFiles, report=str(report) if report else None)

    def build(self, folder: Path) -> Pieces:
        """The review as it is when the worker's turn comes; files by pieces, for each is a look into the database."""
        yield lambda: self.params.update(review=self.case.review().asReview())
        uids = instanceUids(self.case.ctNode())
        for start in range(0, len(uids), _INSTANCES_AT_ONCE):
            yield partial(self._findFiles, uids[start : start + _INSTANCES_AT_ONCE])
        if not uids:
            self._findFiles([""])

    def _findFiles(self, uids: Sequence[str]) -> None:
        names = [self._database.fileForInstance(uid) if uid else "" for uid in uids]
        if not all(name and Path(name).is_file() for name in names):
            raise InputError(_("Files of the CT are no longer in Slicer's DICOM database: import the series again."))
        self._ctFiles += names

    def receive(self, result: dict[str, Any], client: WorkerClient) -> Pieces:
        """Nothing in the scene changes."""
        self.files = [Path(name) for name in result["files"]]
        self.warnings = list(result["warnings"])
        return iter(())
