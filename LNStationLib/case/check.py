"""The one set of checks: an unchecked case, whatever the way it came in, to a ``Case``."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Literal, cast

import SimpleITK as sitk
from pydicom import Dataset

from LNStationLib.case.case import Case, CaseFacts
from LNStationLib.case.lesion_masks import checked_nodes, checked_tumor
from LNStationLib.case.organ_masks import OrganMasks, checked_organs
from LNStationLib.case.unchecked import GivenImage, UncheckedCase
from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.checks import check_overlap, warn_if_partial
from LNStationLib.imaging.ct import hounsfield_image
from LNStationLib.imaging.dicom_structures import CtReference
from LNStationLib.imaging.discretion import no_values_told
from LNStationLib.imaging.pet import suv_from_dicom, suv_from_file
from LNStationLib.imaging.reading import Warn
from LNStationLib.imaging.thorax_check import check_thorax
from LNStationLib.imaging.thorax_view import ThoraxView
from LNStationLib.imaging.tracer import FDG, said_of_tracer, tracer_of
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.reason import Reason, each_once

_MAX_ID_LENGTH = 64
"""A case's name becomes part of file names, of which common file systems allow 255 bytes with folder and ending."""


@no_values_told()
def check_case(unchecked: UncheckedCase, progress: Progress = silent) -> Case:
    """Read and check everything that came in.

    Args:
        unchecked: Images, masks and facts.
        progress: Told the running step.

    Returns:
        The case; what was odd but could be worked with is in its ``warnings``, each once.

    Raises:
        InputError: The input cannot be used; the message says why and what to do.
        GeometryError: A grid is unusable, or images do not overlap.
    """
    warnings: list[Reason] = []
    warn = warnings.append
    progress("reading the CT", 0.0)
    ct, header, thorax = _checked_ct(unchecked.ct(warn), warn)
    progress("reading the PET", 0.4)
    pet, tracer = (
        (None, None) if unchecked.pet is None else _checked_pet(unchecked.pet(warn), unchecked, ct, header, warn)
    )
    progress("reading the masks", 0.6)
    drawn_on = CtReference(ct, header)
    organs = OrganMasks() if unchecked.organs is None else checked_organs(unchecked.organs(drawn_on, warn), ct, warn)
    nodes = None if unchecked.nodes is None else checked_nodes(unchecked.nodes(drawn_on, warn), ct, warn)
    tumor = None if unchecked.tumor is None else checked_tumor(unchecked.tumor(drawn_on, warn), ct, warn)
    progress("reading done", 1.0)
    return Case(
        case_id=safe_name(unchecked.case_id or _name_by_series(header)),
        ct=ct,
        thorax=thorax,
        pet=pet,
        pet_tracer=tracer,
        organ_masks=organs.masks,
        organ_origins=organs.origins,
        nodes=nodes,
        tumor=tumor,
        facts=unchecked.facts if header is None else _completed(unchecked.facts, header, unchecked.keep_study_date),
        synthetic=unchecked.synthetic,
        warnings=tuple(each_once(warnings)),
    )


def _checked_ct(given: GivenImage, warn: Warn) -> tuple[sitk.Image, Dataset | None, ThoraxView]:
    """The CT, the header of its first slice where it came from DICOM, and what it shows of the chest."""
    ct = hounsfield_image(given.image, given.name, warn)
    thorax = check_thorax(ct, given.name, warn)
    return ct, None if given.series is None else given.series.headers[0], thorax


def _checked_pet(
    given: GivenImage, unchecked: UncheckedCase, ct: sitk.Image, ct_header: Dataset | None, warn: Warn
) -> tuple[sitk.Image, str | None]:
    """The PET in SUVbw, and its tracer as far as it is known."""
    name = given.name
    if given.series is None:
        pet = suv_from_file(given.image, unchecked.pet_units, unchecked.pet_dose, name, warn)
    else:
        if ct_header is not None:
            _check_same_patient(ct_header, given.series.headers[0], name, warn)
        if unchecked.pet_units is not None:
            warn(Reason("declared_units_not_used", {"image": name}))
        pet = suv_from_dicom(given.series, name, warn, unchecked.pet_dose)
    check_overlap(pet, ct, name)
    warn_if_partial(pet, ct, name, warn)
    return pet, _checked_tracer(given, unchecked.pet_tracer, warn)


def _checked_tracer(given: GivenImage, declared: str | None, warn: Warn) -> str | None:
    """The tracer by the headers, else as it was declared; a file without headers may leave it open."""
    said = "" if given.series is None else said_of_tracer(given.series.headers[0])
    tracer = tracer_of(said or declared or "")
    if tracer is None and given.series is not None:
        warn(Reason("tracer_not_said", {"image": given.name}))
    if tracer not in (FDG, None):
        warn(Reason("other_tracer", {"image": given.name, "tracer": tracer}))
    return tracer


def _check_same_patient(ct: Dataset, pet: Dataset, name: str, warn: Warn) -> None:
    """Refuse CT and PET whose headers name different patients, and warn where they share no frame of reference."""
    if _differs(ct, pet, "PatientID"):
        raise InputError(f"{name}: its DICOM headers name another patient than the CT's; give images of one patient.")
    if _differs(ct, pet, "FrameOfReferenceUID"):
        warn(Reason("frames_of_reference_differ", {"image": name}))


def _differs(first: Dataset, second: Dataset, keyword: str) -> bool:
    a, b = dcm.text(first, keyword), dcm.text(second, keyword)
    return bool(a) and bool(b) and a != b


def _completed(facts: CaseFacts, header: Dataset, keep_study_date: bool) -> CaseFacts:
    """Facts as given, else sex and age from the CT's header; never a name or number."""
    text = dcm.text(header, "PatientSex").upper()
    sex = cast(Literal["F", "M", "O"], text) if text in ("F", "M", "O") else None
    return replace(
        facts,
        sex=facts.sex or sex,
        age_years=dcm.age_years(header) if facts.age_years is None else facts.age_years,
        study_date=dcm.study_date(header) if keep_study_date else facts.study_date,
    )


def _name_by_series(header: Dataset | None) -> str:
    """A name that tells series apart and nobody who it is of: archives name DICOM folders after patients."""
    uid = "" if header is None else dcm.text(header, "SeriesInstanceUID")
    return f"series-{hashlib.sha256(uid.encode()).hexdigest()[:8]}" if uid else "case"


def safe_name(text: str) -> str:
    """A name for a case that can stand in file names: letters, digits, dot, hyphen and underscore."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:_MAX_ID_LENGTH] or "case"
