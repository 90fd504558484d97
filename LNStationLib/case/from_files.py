"""From the paths that a user gives (command line or case folder) to a checked ``Case``."""

from __future__ import annotations

import dataclasses
import hashlib
from functools import partial
from pathlib import Path
from typing import Unpack

from LNStationLib.case.case import Case, CaseFacts
from LNStationLib.case.case_file import request_from_folder
from LNStationLib.case.check import check_case
from LNStationLib.case.mask_files import lesion_files, organ_files
from LNStationLib.case.request import CaseRequest, RequestOverrides
from LNStationLib.case.unchecked import GivenImage, UncheckedCase
from LNStationLib.imaging.dicom_series import read_series
from LNStationLib.imaging.reading import Warn, image_stem, read_image
from LNStationLib.support.progress import Progress, silent

__all__ = ["CaseRequest", "RequestOverrides", "load_case", "load_case_folder"]

_GENERIC_NAMES = {"ct", "image", "volume", "dicom"}


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
    return check_case(_unchecked(request), progress)


def study_case_id(study_uid: str) -> str:
    """A name for the case of a DICOM study that does not say its identifier."""
    return f"study-{hashlib.sha256(study_uid.encode()).hexdigest()[:12]}"


def _unchecked(request: CaseRequest) -> UncheckedCase:
    return UncheckedCase(
        case_id=request.case_id or _name_by_path(request.ct),
        ct=partial(_read_image, request.ct, "CT", "CT"),
        pet=None if request.pet is None else partial(_read_image, request.pet, "PET", "PT"),
        pet_units=request.pet_units,
        pet_tracer=request.pet_tracer,
        pet_dose=request.pet_dose,
        organs=None if request.organs is None else partial(organ_files, request.organs),
        nodes=None if request.nodes is None else partial(lesion_files, request.nodes, "nodes"),
        tumor=None if request.tumor is None else partial(lesion_files, request.tumor, "tumor"),
        facts=CaseFacts(
            cancer=request.cancer,
            tumor_side=request.tumor_side,
            tumor_site=request.tumor_site,
            sex=request.sex,
            age_years=request.age_years,
        ),
        keep_study_date=request.keep_study_date,
        synthetic=request.synthetic,
    )


def _read_image(path: Path, role: str, modality: str, warn: Warn) -> GivenImage:
    """An image file, or the series of a DICOM folder, which is often named after the patient: no message names it."""
    if not path.is_dir():
        name = f"{role} {path.name}"
        return GivenImage(read_image(path, name, warn), name)
    series = read_series(path, modality, role, warn)
    return GivenImage(series.image, role, series)


def _name_by_path(ct: Path) -> str | None:
    """The name of a file, or of the folder around one that is called as all are; none of a DICOM folder."""
    path = ct.resolve()
    if path.is_dir():
        return None
    stem = image_stem(path)
    return path.parent.name if stem.lower() in _GENERIC_NAMES else stem
