"""From images in memory, as the worker receives them, to a checked ``Case``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.case.case import Case, CaseFacts
from LNStationLib.case.check import check_case
from LNStationLib.case.unchecked import GivenImage, GivenMask, UncheckedCase
from LNStationLib.imaging.dicom_series import read_series_files
from LNStationLib.imaging.dicom_structures import CtReference
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, silent

_ORIGIN = "segmentation of the scene"


@dataclass(frozen=True)
class CaseImages:
    """Images and facts of one case, unchecked.

    Attributes:
        case_id: Name for the report; never a patient's.
        ct: Hounsfield units.
        pet: SUVbw; or ``None``.
        pet_files: Files of a PET series in DICOM, whose headers give the SUV, in place of ``pet``.
        pet_unit: What the values of ``pet`` are, where that is known.
        organs: Name of the organ table, or an alias or a piece of an organ, to its mask; several of one organ are
            united.
        nodes: Mask, or one value a node.
        tumor: Mask; every value but 0 is tumor.
        facts: What is known of the patient.
        synthetic: The case was made by the phantom.
    """

    case_id: str
    ct: sitk.Image
    pet: sitk.Image | None = None
    pet_files: tuple[Path, ...] = ()
    pet_unit: str | None = None
    organs: Mapping[str, sitk.Image] = field(default_factory=dict)
    nodes: sitk.Image | None = None
    tumor: sitk.Image | None = None
    facts: CaseFacts = field(default_factory=CaseFacts)
    synthetic: bool = False


def case_from_images(images: CaseImages, progress: Progress = silent) -> Case:
    """Check images and make a case of them.

    Returns:
        The case; what was odd but could be worked with is in its ``warnings``.

    Raises:
        InputError: The input cannot be used; the message says why and what to do.
        GeometryError: A grid is unusable, or images do not overlap.
    """
    return check_case(_unchecked(images), progress)


def _unchecked(images: CaseImages) -> UncheckedCase:
    in_suv = images.pet is not None and not images.pet_files
    return UncheckedCase(
        case_id=images.case_id,
        ct=lambda warn: GivenImage(images.ct, "CT"),
        pet=partial(_pet, images) if images.pet_files or images.pet is not None else None,
        pet_units="suvbw" if in_suv else None,
        organs=(lambda ct, warn: _organs(images.organs)) if images.organs else None,
        nodes=None if images.nodes is None else partial(_lesion, images.nodes, "nodes"),
        tumor=None if images.tumor is None else partial(_lesion, images.tumor, "tumor"),
        facts=images.facts,
        synthetic=images.synthetic,
    )


def _pet(images: CaseImages, warn: Warn) -> GivenImage:
    if images.pet_files:
        series = read_series_files(images.pet_files, "PT", "PET", warn)
        return GivenImage(series.image, "PET", series)
    if images.pet is None or images.pet_unit != "SUVbw":
        raise InputError(
            "PET: its values are not known to be SUV by body weight; load it from DICOM, or convert it to SUVbw (for "
            "instance with the PET DICOM extension) and set its unit to SUVbw."
        )
    return GivenImage(images.pet, "PET")


def _organs(given: Mapping[str, sitk.Image]) -> Iterator[GivenMask]:
    for name, image in given.items():
        entry = anatomy.find_organ(name)
        if entry is None:
            raise InputError(f"there is no organ '{name}' in the organ table: match the segment to another organ.")
        yield _mask(image, entry.name, f"organ {entry.name}")


def _lesion(image: sitk.Image, what: str, ct: CtReference, warn: Warn) -> list[GivenMask]:
    return [_mask(image, what, what)]


def _mask(image: sitk.Image, structure: str, name: str) -> GivenMask:
    return GivenMask(structure, name, _ORIGIN, lambda: image)
