"""autoPET: FDG-PET-CT-Lesions as NIfTI files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lnstation_training.public_data.given_tables import read_table
from lnstation_training.public_data.image_parts import case_of, masks_of
from lnstation_training.public_data.recipe import (
    Facts,
    Found,
    Label,
    LeftOut,
    License,
    PatientParts,
    PatientSource,
    Search,
    SiteAccess,
)
from LNStationLib.imaging.dicom_files import files_under
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress

_PET, _LESIONS, _CTS = "SUV.nii.gz", "SEG.nii.gz", ("CT.nii.gz", "CTres.nii.gz")
"""Of a study's folder. Of the CTs the first that is there: the scanner's before the one on the PET's grid."""
_PAIR = re.compile(r"(fdg|psma)_([0-9a-f]+)_(.+)_0001\.nii\.gz", re.IGNORECASE)
"""The PET of the later editions, which nnU-Net takes: ``imagesTr/fdg_PATIENT_STUDY_0001.nii.gz``; 0000 is the CT."""
_DATE = re.compile(r"(\d\d)-(\d\d)-(\d{4})-")
"""At the start of a study's name: month, day, year."""
_TABLE, _OF_PATIENT, _OF_STUDY = "fdg_metadata.csv", "subjectid", "filelocation"
_CANCERS = ("lung", "melanoma", "lymphoma")
"""Words in diagnoses."""

_FACTS = Facts(
    name="autopet",
    title="autoPET (FDG-PET-CT-Lesions as NIfTI)",
    patients="900 (1014 studies): 501 studies with melanoma, lymphoma or lung cancer, 513 without lesions",
    size="not checked",
    holds="of each study SUV.nii.gz, CTres.nii.gz, SEG.nii.gz, and CT.nii.gz in some editions; those of autoPET III "
    "and IV have PET, CT and lesions as nnU-Net takes them, and PET/CTs of PSMA among them",
    labels=(Label("all malignant lesions that take up FDG; which are nodes is not said", "lesions", "all"),),
    license=License(
        "not checked",
        "https://fdat.uni-tuebingen.de/records/wf9fy-txq84",
        "as on that page; IDC has the data as CC BY 4.0",
    ),
    access=SiteAccess("https://fdat.uni-tuebingen.de/records/wf9fy-txq84", "the archive of NIfTI files"),
    cite=("10.7937/gkr0-xv29",),
    converted="CT (else the one on the PET's grid), PET in SUV and lesions of one study a patient, the earliest; the "
    "cancer, where fdg_metadata.csv says one; nothing of PSMA",
    checked="Patients: the description in IDC version 25. Files and folders: the page of the address, and code that "
    "reads the archive; those for nnU-Net: the description of 10.57754/FDAT.6gjsg-zcg93. Columns of fdg_metadata.csv "
    "(Subject ID, File Location, diagnosis): code that reads them.",
)


@dataclass(frozen=True)
class Autopet:
    """autoPET, from the folder that its archive was unpacked into."""

    facts: Facts = _FACTS
    takes_labels: str = ""

    def find(self, search: Search, progress: Progress) -> Found:
        """As of every recipe."""
        found, cancers = Found([]), _cancers(search.folder)
        studies = sorted(_studies(search.folder, found), key=lambda one: (one.patient, _when(one.name), one.name))
        if not studies:
            raise InputError(
                f"{search.folder} does not hold autoPET: no file is called {_PET} or imagesTr/fdg_..._0001.nii.gz "
                "there. Give the folder that its archive was unpacked into."
            )
        for study in studies:
            _add(found, study, cancers)
        return found

    def read(self, source: PatientSource, warn: Warn) -> PatientParts:
        """As of every recipe."""
        lesions = partial(masks_of, source.one("lesions"), "lesions")
        lung = self.facts.cancer or ("lung" if source.cells.get("cancer") == "lung" else None)
        return PatientParts(case_of(source, lung), lesions=lesions, cells=source.cells)


@dataclass(frozen=True)
class _Study:
    """A study that may be there in part: the files it should have, by role."""

    patient: str
    name: str
    files: Mapping[str, Path]

    @property
    def lacking(self) -> str:
        """Names of the files that are not there."""
        return " and no ".join(path.name for path in self.files.values() if not path.exists())


def _studies(folder: Path, found: Found) -> Iterator[_Study]:
    """Studies of either form; patients with PET of another tracer are left out."""
    others = set[str]()
    for path in files_under(folder):
        pair = _PAIR.fullmatch(path.name)
        if path.name == _PET:
            yield _of_folder(path.parent)
        elif pair is not None and pair[1].lower() == "fdg":
            yield _of_pair(path, f"PETCT_{pair[2]}", pair[3])
        elif pair is not None:
            others.add(f"PSMA_{pair[2]}")
    found.left_out.extend(LeftOut(name, "patient", "its PET is of PSMA, not of FDG.") for name in sorted(others))


def _of_folder(study: Path) -> _Study:
    ct = next((study / name for name in _CTS if (study / name).exists()), study / _CTS[-1])
    return _Study(study.parent.name, study.name, {"ct": ct, "pet": study / _PET, "lesions": study / _LESIONS})


def _of_pair(pet: Path, patient: str, name: str) -> _Study:
    case = pet.name.removesuffix("_0001.nii.gz")
    labels = pet.parent.with_name(pet.parent.name.replace("images", "labels"))
    files = {"ct": pet.with_name(f"{case}_0000.nii.gz"), "pet": pet, "lesions": labels / f"{case}.nii.gz"}
    return _Study(patient, name, files)


def _when(name: str) -> tuple[str, ...]:
    """Year, month and day of a study's name; those without come last."""
    date = _DATE.match(name)
    return (date[3], date[1], date[2]) if date else ("9999",)


def _add(found: Found, study: _Study, cancers: Mapping[str, str]) -> None:
    if any(one.patient == study.patient for one in found.patients):
        why = "another study of this patient was taken: one a patient."
        found.left_out.append(LeftOut(study.patient, "study", why))
    elif study.lacking:
        why = f"its study {study.name} has no {study.lacking}: unpack it again."
        found.left_out.append(LeftOut(study.patient, "patient", why))
    else:
        files = {role: (path,) for role, path in study.files.items()}
        cancer = cancers.get(f"{study.patient}/{study.name}", "")
        cells = {"cancer": cancer} if cancer else {}
        found.patients.append(PatientSource(study.patient, files, cells, identifiers={"study": study.name}))


def _cancers(folder: Path) -> dict[str, str]:
    """The cancer of a study, by patient and study; none where the table is not there or says "negative"."""
    found = dict[str, str]()
    for table in sorted(path for path in files_under(folder) if path.name == _TABLE):
        for row in read_table(table):
            diagnosis, place = row.get("diagnosis", "").lower(), row.get(_OF_STUDY, "").split("/")
            cancer = next((word for word in _CANCERS if word in diagnosis), "")
            if cancer and row.get(_OF_PATIENT) in place[:-1]:
                found["/".join(place[place.index(row[_OF_PATIENT]) :][:2])] = cancer
    return found


AUTOPET = Autopet()
