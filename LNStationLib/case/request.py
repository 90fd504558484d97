"""What a user asks for: the paths and facts of one case, as the command line or ``case.json`` gives them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

from LNStationLib.case.case import Cancer
from LNStationLib.imaging.suv import PetDose, PetUnits
from LNStationLib.support.types import Side


@dataclass(frozen=True)
class CaseRequest:
    """Paths and facts of one case, unread and unchecked.

    Attributes:
        ct: Image file or DICOM folder.
        pet: Image file or DICOM folder.
        pet_units: What the values of a PET that is no DICOM series are; DICOM says so itself.
        pet_tracer: Tracer of a PET whose headers do not say it, in any words; DICOM that says it goes first.
        pet_dose: What SUV needs beside Bq/ml and DICOM headers do not give.
        organs: Folder of masks, or a label map with names.
        nodes: Mask, instance map, or folder of masks.
        tumor: Mask.
        cancer: Primary cancer.
        tumor_side: The patient's side of a lung tumor.
        tumor_site: Free words.
        case_id: Name for the report; by default that of the folder or file.
        sex: As in DICOM (0010,0040); by default from the DICOM header.
        age_years: By default from the DICOM header.
        synthetic: The case was made by the phantom.
        keep_study_date: Let the study date of a DICOM header into the case.
    """

    ct: Path
    pet: Path | None = None
    pet_units: PetUnits | None = None
    pet_tracer: str | None = None
    pet_dose: PetDose | None = None
    organs: Path | None = None
    nodes: Path | None = None
    tumor: Path | None = None
    cancer: Cancer | None = None
    tumor_side: Side | None = None
    tumor_site: str | None = None
    case_id: str | None = None
    sex: Literal["F", "M", "O"] | None = None
    age_years: int | None = None
    synthetic: bool = False
    keep_study_date: bool = False


class RequestOverrides(TypedDict, total=False):
    """Fields of a request that take the place of those of a case folder; ``None`` leaves the folder's."""

    ct: Path | None
    pet: Path | None
    pet_units: PetUnits | None
    pet_tracer: str | None
    pet_dose: PetDose | None
    organs: Path | None
    nodes: Path | None
    tumor: Path | None
    cancer: Cancer | None
    tumor_side: Side | None
    tumor_site: str | None
    case_id: str | None
    sex: Literal["F", "M", "O"] | None
    age_years: int | None
    synthetic: bool | None
    keep_study_date: bool | None
