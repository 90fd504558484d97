"""autoPET: FDG-PET-CT-Lesions as NIfTI files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

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
"""Of the CTs the first that is there: that of the scanner before the one that was brought to the PET's grid."""

_FACTS = Facts(
    name="autopet",
    title="autoPET (FDG-PET-CT-Lesions as NIfTI)",
    patients="900 (1014 studies): 501 studies with melanoma, lymphoma or lung cancer, 513 without lesions",
    size="not checked",
    holds="of each study SUV.nii.gz, CT.nii.gz, CTres.nii.gz, SEG.nii.gz",
    labels=(Label("all malignant lesions that take up FDG; which are nodes is not said", "lesions", "all"),),
    license=License(
        "not checked",
        "https://fdat.uni-tuebingen.de/records/wf9fy-txq84",
        "as on that page; IDC has the data as CC BY 4.0",
    ),
    access=SiteAccess("https://fdat.uni-tuebingen.de/records/wf9fy-txq84", "the archive of NIfTI files"),
    cite=("10.7937/gkr0-xv29",),
    converted="CT (else CTres), PET in SUV and lesions of one study a patient, the first by its folder's name",
    checked="Patients: the description in IDC version 25. Files and folders: the page of the address.",
)


@dataclass(frozen=True)
class Autopet:
    """autoPET, from the folder that its archive was unpacked into."""

    facts: Facts = _FACTS
    takes_labels: str = ""

    def find(self, search: Search, progress: Progress) -> Found:
        """As of every recipe."""
        studies = sorted(path.parent for path in files_under(search.folder) if path.name == _PET)
        if not studies:
            raise InputError(
                f"{search.folder} does not hold autoPET: no file is called {_PET} there. Give the folder that its "
                "archive was unpacked into."
            )
        found = Found([])
        for study in studies:
            _add(found, study)
        return found

    def read(self, source: PatientSource, warn: Warn) -> PatientParts:
        """As of every recipe."""
        lesions = partial(masks_of, source.one("lesions"), "lesions")
        return PatientParts(case_of(source, self.facts.cancer), lesions=lesions)


def _add(found: Found, study: Path) -> None:
    patient = study.parent.name
    ct = next((study / name for name in _CTS if (study / name).exists()), None)
    if any(one.patient == patient for one in found.patients):
        found.left_out.append(LeftOut(patient, "study", "another study of this patient was taken: one a patient."))
    elif ct is None or not (study / _LESIONS).exists():
        lacking = _LESIONS if ct else f"{_CTS[0]} and no {_CTS[1]}"
        found.left_out.append(
            LeftOut(patient, "patient", f"its study {study.name} has no {lacking}: unpack it again.")
        )
    else:
        files = {"ct": (ct,), "pet": (study / _PET,), "lesions": (study / _LESIONS,)}
        found.patients.append(PatientSource(patient, files, identifiers={"study": study.name}))


AUTOPET = Autopet()
