"""From what a user gives (command line or case folder) to a checked ``Case``."""

from __future__ import annotations

import dataclasses
import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Unpack, cast

import SimpleITK as sitk

from LNStationLib.case.case import Case, CaseFacts
from LNStationLib.case.case_file import request_from_folder
from LNStationLib.case.lesion_masks import load_nodes, load_tumor
from LNStationLib.case.organ_masks import OrganMasks, load_organs
from LNStationLib.case.request import CaseRequest, RequestOverrides
from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.checks import check_overlap, warn_if_partial
from LNStationLib.imaging.ct import hounsfield_image
from LNStationLib.imaging.dicom_series import DicomVolume, read_series
from LNStationLib.imaging.pet import suv_from_dicom, suv_from_file
from LNStationLib.imaging.reading import Warn, image_stem, read_image
from LNStationLib.imaging.thorax_check import check_thorax
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, silent

__all__ = ["CaseRequest", "RequestOverrides", "load_case", "load_case_folder"]

logger = logging.getLogger(__name__)

_MAX_ID = 64
_UNTELLING_NAMES = {"ct", "image", "volume", "dicom"}


@dataclass(frozen=True)
class _Loaded:
    """An image and, where it came from DICOM, its series."""

    image: sitk.Image
    series: DicomVolume | None


def load_case_folder(folder: Path, progress: Progress = silent, **overrides: Unpack[RequestOverrides]) -> Case:
    """Read and check the case in a folder, with or without ``case.json``.

    Args:
        folder: The case folder; see ``docs/case_format.md``.
        progress: Told the running step.
        **overrides: Fields of ``CaseRequest`` that replace the folder's; ``None`` leaves the folder's.

    Raises:
        InputError: The input cannot be used; the message says why and what to do.
        GeometryError: A grid is unusable, or images do not overlap.
    """
    request = request_from_folder(folder)
    given = {name: value for name, value in overrides.items() if value is not None}
    return load_case(dataclasses.replace(request, **given), progress)  # type: ignore[arg-type]


def load_case(request: CaseRequest, progress: Progress = silent) -> Case:
    """Read and check everything a request names.

    Args:
        request: Paths and facts.
        progress: Told the running step.

    Returns:
        The case; what was odd but could be worked with is in its ``warnings``.

    Raises:
        InputError: The input cannot be used; the message says why and what to do.
        GeometryError: A grid is unusable, or images do not overlap.
    """
    warnings: list[str] = []
    progress("reading the CT", 0.0)
    ct = _load_ct(request.ct, warnings.append)
    progress("reading the PET", 0.4)
    pet = None if request.pet is None else _load_pet(request, ct, warnings.append)
    progress("reading the masks", 0.6)
    organs = OrganMasks() if request.organs is None else load_organs(request.organs, ct.image, warnings.append)
    nodes = None if request.nodes is None else load_nodes(request.nodes, ct.image, warnings.append)
    tumor = None if request.tumor is None else load_tumor(request.tumor, ct.image, warnings.append)
    progress("reading done", 1.0)
    return Case(
        case_id=_case_id(request),
        ct=ct.image,
        pet=pet,
        organ_masks=organs.masks,
        organ_origins=organs.origins,
        nodes=nodes,
        tumor=tumor,
        facts=_facts(request, ct.series),
        synthetic=request.synthetic,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _load_ct(path: Path, warn: Warn) -> _Loaded:
    name = _name("CT", path)
    loaded = _load_image(path, "CT", name, warn)
    ct = hounsfield_image(loaded.image, name, warn)
    check_thorax(ct, name, warn)
    # Of the series only the headers are needed from here on; its image in floating point is as large as two CTs.
    return _Loaded(ct, None if loaded.series is None else replace(loaded.series, image=ct))


def _load_pet(request: CaseRequest, ct: _Loaded, warn: Warn) -> sitk.Image:
    path = cast(Path, request.pet)
    name = _name("PET", path)
    loaded = _load_image(path, "PT", name, warn)
    if loaded.series is None:
        pet = suv_from_file(loaded.image, request.pet_units, request.pet_dose, name, warn)
    else:
        _check_same_patient(ct.series, loaded.series, name, warn)
        if request.pet_units is not None:
            warn(f"{name}: the declared units were not used, the DICOM headers say them.")
        pet = suv_from_dicom(loaded.series, name, warn, request.pet_dose)
    check_overlap(pet, ct.image, name)
    warn_if_partial(pet, ct.image, name, warn)
    return pet


def _load_image(path: Path, modality: str, name: str, warn: Warn) -> _Loaded:
    if not path.is_dir():
        return _Loaded(read_image(path, name, warn), None)
    series = read_series(path, modality, name, warn)
    return _Loaded(series.image, series)


def _check_same_patient(ct: DicomVolume | None, pet: DicomVolume, name: str, warn: Warn) -> None:
    """Refuse CT and PET whose headers name different patients, and warn where they share no frame of reference."""
    if ct is None:
        return
    if _differs(ct, pet, "PatientID"):
        raise InputError(f"{name}: its DICOM headers name another patient than the CT's; give images of one patient.")
    if _differs(ct, pet, "FrameOfReferenceUID"):
        warn(
            f"{name}: CT and PET have different DICOM frames of reference, so they may not be aligned; check the "
            "overlay."
        )


def _differs(first: DicomVolume, second: DicomVolume, keyword: str) -> bool:
    a, b = dcm.text(first.headers[0], keyword), dcm.text(second.headers[0], keyword)
    return bool(a) and bool(b) and a != b


def _facts(request: CaseRequest, series: DicomVolume | None) -> CaseFacts:
    """What is known of the patient: as requested, else sex and age from the CT's header; never a name or number."""
    header = None if series is None else series.headers[0]
    sex, age = request.sex, request.age_years
    if header is not None:
        text = dcm.text(header, "PatientSex").upper()
        sex = sex or (cast(Literal["F", "M", "O"], text) if text in ("F", "M", "O") else None)
        age = dcm.age_years(header) if age is None else age
    return CaseFacts(
        cancer=request.cancer,
        tumor_side=request.tumor_side,
        tumor_site=request.tumor_site,
        sex=sex,
        age_years=age,
        study_date=dcm.study_date(header) if header is not None and request.keep_study_date else None,
    )


def _name(role: str, path: Path) -> str:
    """How messages call an image. A DICOM folder is often named after the patient, so it is left out."""
    return role if path.is_dir() else f"{role} {path.name}"


def _case_id(request: CaseRequest) -> str:
    path = request.ct.resolve()
    stem = path.name if path.is_dir() else image_stem(path)
    text = request.case_id or (path.parent.name if stem.lower() in _UNTELLING_NAMES else stem)
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:_MAX_ID] or "case"
