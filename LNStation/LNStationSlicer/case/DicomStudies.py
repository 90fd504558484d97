"""The studies of Slicer's DICOM database that hold a chest's CT: who, when, and which series to load. No Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.exchange.PetExchange import instanceUids

OWN_SERIES = "LNStation"
"""How the descriptions of the series begin that the module exports."""
_STUDY_UID, _MODALITY, _FRAMES = "0020,000D", "0008,0060", "0028,0008"
_FEW_FILES = 10
"""Series of more hold a slice in each: to ask for frames the database opens a file, once."""


class StudyDatabase(Protocol):
    """What is asked of ``slicer.dicomDatabase``."""

    def patients(self) -> Iterable[str]: ...  # noqa: D102
    def studiesForPatient(self, patient: str) -> Iterable[str]: ...  # noqa: D102
    def seriesForStudy(self, study: str) -> Iterable[str]: ...  # noqa: D102
    def instancesForSeries(self, series: str) -> Iterable[str]: ...  # noqa: D102
    def fieldForPatient(self, field: str, patient: str) -> str: ...  # noqa: D102
    def fieldForStudy(self, field: str, study: str) -> str: ...  # noqa: D102
    def fieldForSeries(self, field: str, series: str) -> str: ...  # noqa: D102
    def instanceValue(self, uid: str, tag: str) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class DicomStudy:
    """A study with a CT.

    Attributes:
        uid: Study Instance UID.
        patient: Name, or ID where there is no name.
        date: ISO, as far as it is known.
        ct: UID of the CT series with the most slices.
        pet: That of the PET; None without one.
        isExported: The study holds objects that the module wrote.
    """

    uid: str
    patient: str
    date: str
    ct: str
    pet: str | None
    isExported: bool

    @property
    def series(self) -> list[str]:
        """What is loaded to review it."""
        return [self.ct, *([self.pet] if self.pet else [])]


def ctStudies(database: StudyDatabase | None) -> list[DicomStudy]:
    """All studies with a CT, the latest first."""
    if database is None:
        return []
    found = [
        study
        for patient in database.patients()
        for uid in database.studiesForPatient(patient)
        if (study := _study(database, patient, uid)) is not None
    ]
    return sorted(found, key=lambda study: study.date, reverse=True)


def studyOf(case: CaseScene, database: StudyDatabase | None) -> str:
    """The study that a case's CT was loaded from; empty where it came from elsewhere."""
    uids = instanceUids(case.ctNode())
    return (database.instanceValue(uids[0], _STUDY_UID) or "") if database is not None and uids else ""


def modalityOf(volumeNode: object, database: StudyDatabase) -> str:
    """CT, PT, ...; empty where it is not known."""
    uids = instanceUids(volumeNode)
    return (database.instanceValue(uids[0], _MODALITY) or "") if uids else ""


def _study(database: StudyDatabase, patient: str, uid: str) -> DicomStudy | None:
    series = list(database.seriesForStudy(uid))
    own = [one for one in series if _description(database, one).startswith(OWN_SERIES)]
    ct = _largest(database, [one for one in series if one not in own], "CT")
    if ct is None:
        return None
    name = (database.fieldForPatient("PatientsName", patient) or "").replace("^", " ").strip()
    date = database.fieldForStudy("StudyDate", uid) or ""
    return DicomStudy(
        uid=uid,
        patient=name or database.fieldForPatient("PatientID", patient) or "",
        date=date if "-" in date or len(date) != 8 else f"{date[:4]}-{date[4:6]}-{date[6:]}",
        ct=ct,
        pet=_largest(database, series, "PT"),
        isExported=bool(own),
    )


def _description(database: StudyDatabase, series: str) -> str:
    return database.fieldForSeries("SeriesDescription", series) or ""


def _largest(database: StudyDatabase, series: Iterable[str], modality: str) -> str | None:
    """The series of a modality with the most slices: scouts and reformations of some slices have fewer."""
    fitting = [one for one in series if database.fieldForSeries("Modality", one) == modality]
    return max(fitting, key=lambda one: _slices(database, one), default=None)


def _slices(database: StudyDatabase, series: str) -> int:
    """Slices of a series; an enhanced file has several."""
    uids = list(database.instancesForSeries(series))
    if len(uids) > _FEW_FILES:
        return len(uids)
    frames = ((database.instanceValue(uid, _FRAMES) or "").strip() for uid in uids)
    return sum(int(count) if count.isdigit() else 1 for count in frames)
