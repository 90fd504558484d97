"""Patients in a folder of DICOM files: one study each, with the CT that its labels were drawn on.

A patient who was scanned twice is taken once, so that nobody is in two parts of a fold.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from lnstation_training.public_data.recipe import Facts, Found, LeftOut, PatientSource, Search
from LNStationLib.batch.studies.index import studies_of, update_index
from LNStationLib.batch.studies.rules import Candidates, candidates, pet_rank
from LNStationLib.batch.studies.series import SeriesFacts, series_of
from LNStationLib.batch.words import choice_words
from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.dicom_files import dicom_header
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress

_INDEX_FILE = "dicom-index.sqlite"
_ANOTHER_STUDY = "another study of this patient was taken: one a patient, so that nobody is in two parts of a fold."


@dataclass(frozen=True)
class Wanted:
    """Which patients and series of a folder are of use.

    Attributes:
        patients: Pattern that Patient IDs match whole.
        like: How such an ID looks, for messages.
        labels: Modalities of what was drawn, the first that a study has; ``None`` where there is nothing to draw.
        described: Pattern in the Series Description of what was drawn; others were made by programs.
        with_pet: The PET of the study is taken, and studies with one are preferred to those without.
        pet_first: A PET counts more than labels where no study has both.
        needs: ``"labels"`` or ``"pet"``, without which a study is of no use.
    """

    patients: str
    like: str
    labels: tuple[str, ...] = ()
    described: str = ""
    with_pet: bool = False
    pet_first: bool = False
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """A study, and whose it is."""

    root: Path
    uid: str
    patient: str
    date: str
    series: tuple[SeriesFacts, ...]

    def paths(self, series: SeriesFacts) -> tuple[Path, ...]:
        """The files of a series."""
        return tuple(self.root / name for name in series.files)

    def drawn(self, wanted: Wanted) -> list[SeriesFacts]:
        """The series of labels, of the first modality that there is."""
        fitting = [one for one in self.series if re.search(wanted.described, one.facts["description"])]
        kinds = [[one for one in fitting if one.modality == modality] for modality in wanted.labels]
        return next((kind for kind in kinds if kind), [])

    def has_pet(self) -> bool:
        """Whether a series is a PET."""
        return any(one.modality == "PT" for one in self.series)


def dicom_patients(search: Search, facts: Facts, wanted: Wanted, progress: Progress) -> Found:
    """The patients in a folder of DICOM files, each by the study that serves best.

    Raises:
        InputError: None of them belongs to the data set.
    """
    by_patient: dict[str, list[Study]] = defaultdict(list)
    left_out = []
    for study in _studies(search, progress):
        if re.fullmatch(wanted.patients, study.patient):
            by_patient[study.patient].append(study)
        else:
            left_out.append(LeftOut("", "study", f"its Patient ID is none of {facts.title} ({wanted.like})."))
    if not by_patient:
        raise InputError(
            f"{search.folder} holds no patient of {facts.title}: no DICOM file there has a Patient ID such as "
            f"{wanted.like}. Give the folder that was downloaded."
        )
    patients = []
    for patient, studies in sorted(by_patient.items()):
        taken, others = _taken(patient, studies, wanted)
        patients += taken
        left_out += others
    return Found(patients, left_out)


def referenced_series(header: Dataset) -> set[str]:
    """Series Instance UIDs of the images that a Segmentation, Structure Set or Structured Report was drawn on."""
    found = {dcm.text(one, "SeriesInstanceUID") for one in _items(header, "ReferencedSeriesSequence")}
    for frame in _items(header, "ReferencedFrameOfReferenceSequence"):
        for study in _items(frame, "RTReferencedStudySequence"):
            found |= {dcm.text(one, "SeriesInstanceUID") for one in _items(study, "RTReferencedSeriesSequence")}
    for study in _items(header, "CurrentRequestedProcedureEvidenceSequence"):
        found |= {dcm.text(one, "SeriesInstanceUID") for one in _items(study, "ReferencedSeriesSequence")}
    return found - {""}


def _items(header: Dataset, keyword: str) -> Sequence[Any]:
    return dcm.value(header, keyword) or ()


def _studies(search: Search, progress: Progress) -> Iterator[Study]:
    database = search.scratch / _INDEX_FILE
    update_index(search.folder, database, search.workers, progress)
    for uid, files in studies_of(database):
        header = dicom_header(search.folder / files[0].path)
        if header is not None:
            patient, date = dcm.text(header, "PatientID"), dcm.text(header, "StudyDate")
            yield Study(search.folder, uid, patient, date, tuple(series_of(files)))


def _taken(patient: str, studies: Sequence[Study], wanted: Wanted) -> tuple[list[PatientSource], list[LeftOut]]:
    """The first study that serves, best first; reasons for the others."""
    found: list[PatientSource] = []
    reasons = []
    for study in sorted(studies, key=lambda one: _order(one, wanted)):
        if found:
            reasons.append(LeftOut(patient, "study", _ANOTHER_STUDY))
            continue
        try:
            found.append(_source(study, wanted))
        except InputError as error:
            reasons.append(LeftOut(patient, "study", str(error)))
    if not found:
        reasons = [LeftOut(one.patient, "patient", one.why) for one in reasons[:1]] + reasons[1:]
    return found, reasons


def _order(study: Study, wanted: Wanted) -> tuple[bool, bool, str, str]:
    without_pet = wanted.with_pet and not study.has_pet()
    without_labels = not study.drawn(wanted)
    first, second = (without_pet, without_labels) if wanted.pet_first else (without_labels, without_pet)
    return first, second, study.date, study.uid


def _source(study: Study, wanted: Wanted) -> PatientSource:
    """The study as a patient.

    Raises:
        InputError: It lacks what is needed.
    """
    drawn = [(path, _drawn_on(path)) for series in study.drawn(wanted) for path in study.paths(series)]
    if "labels" in wanted.needs and not drawn:
        raise InputError(f"it has no labels ({' or '.join(wanted.labels)}): download them too.")
    found = candidates(study.series)
    ct = _ct(study, found, [uids for _, uids in drawn])
    pets = sorted(found.pets, key=lambda one: pet_rank(one, ct)) if wanted.with_pet else []
    if "pet" in wanted.needs and not pets:
        raise InputError("it has no PET that could be taken.")
    taken = {ct.uid, *(one.uid for one in pets[:1])}
    labels = tuple(path for path, uids in drawn if not uids or uids & taken)
    files = {"ct": study.paths(ct), "pet": study.paths(pets[0]) if pets else (), "labels": labels}
    uids = {"study": study.uid, "ct": ct.uid, **({"pet": pets[0].uid} if pets else {})}
    return PatientSource(study.patient, files, identifiers=uids)


def _drawn_on(path: Path) -> set[str]:
    header = dicom_header(path)
    return set() if header is None else referenced_series(header)


def _ct(study: Study, found: Candidates, drawn_on: Sequence[set[str]]) -> SeriesFacts:
    """The most fitting CT that something was drawn on; of all CTs where that is not said, or was the PET.

    Raises:
        InputError: There is none.
    """
    there = {one.uid: one.modality for one in study.series}
    named = set().union(*drawn_on)
    if named and not named & set(there):
        raise InputError("its labels were drawn on a series that is not there: download that too.")
    cts = {uid for uid in named if there.get(uid) == "CT"}
    fitting = [one for one in found.cts if not cts or one.uid in cts]
    if fitting:
        return fitting[0]
    refused = [choice_words(one) for one in found.refused if one.modality == "CT"]
    raise InputError(f"it has no CT that could be taken{f' ({refused[0]})' if refused else ''}.")
