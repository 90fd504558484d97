"""From images in memory, as the worker receives them, to a checked ``Case``: the checks of the case loader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.case.case import Case, CaseFacts
from LNStationLib.case.lesion_masks import inside_ct, node_numbers
from LNStationLib.case.organ_masks import warn_swapped
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.checks import check_overlap, warn_if_partial, with_geometry_of
from LNStationLib.imaging.ct import hounsfield_image
from LNStationLib.imaging.dicom_series import read_series_files
from LNStationLib.imaging.masks import binary_mask, foreground, on_ct_space, united
from LNStationLib.imaging.pet import checked_suv, suv_from_dicom
from LNStationLib.imaging.reading import Warn
from LNStationLib.imaging.thorax_check import check_thorax
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, silent

_MAX_ID = 64


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
        tumor: Mask.
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
    warnings: list[str] = []
    warn = warnings.append
    progress("checking the CT", 0.0)
    ct = hounsfield_image(images.ct, "CT", warn)
    check_thorax(ct, "CT", warn)
    progress("checking the PET", 0.4)
    pet = _pet(images, ct, warn)
    progress("checking the masks", 0.6)
    organs = _organs(images.organs, ct, warn)
    nodes = None if images.nodes is None else _nodes(images.nodes, ct, warn)
    tumor = None if images.tumor is None else _tumor(images.tumor, ct, warn)
    progress("case checked", 1.0)
    return Case(
        case_id=re.sub(r"[^A-Za-z0-9._-]+", "_", images.case_id).strip("._-")[:_MAX_ID] or "case",
        ct=ct,
        pet=pet,
        organ_masks=organs,
        organ_origins=dict.fromkeys(organs, "segmentation of the scene"),
        nodes=nodes,
        tumor=tumor,
        facts=images.facts,
        synthetic=images.synthetic,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _pet(images: CaseImages, ct: sitk.Image, warn: Warn) -> sitk.Image | None:
    if images.pet_files:
        pet = suv_from_dicom(read_series_files(images.pet_files, "PT", "PET", warn), "PET", warn)
    elif images.pet is None:
        return None
    elif images.pet_unit != "SUVbw":
        raise InputError(
            "PET: its values are not known to be SUV by body weight; load it from DICOM, or convert it to SUVbw (for "
            "instance with the PET DICOM extension) and set its unit to SUVbw."
        )
    else:
        pet = checked_suv(images.pet, "PET", warn)
    check_overlap(pet, ct, "PET")
    warn_if_partial(pet, ct, "PET", warn)
    return pet


def _organs(given: Mapping[str, sitk.Image], ct: sitk.Image, warn: Warn) -> dict[str, sitk.Image]:
    parts: dict[str, list[sitk.Image]] = {}
    for name, image in given.items():
        entry = anatomy.find_organ(name)
        if entry is None:
            raise InputError(f"there is no organ '{name}' in the organ table: match the segment to another organ.")
        mask = binary_mask(image, ct, f"organ {entry.name}", warn)
        if mask is not None:
            parts.setdefault(entry.name, []).append(mask)
    masks = {name: united(found, ct) for name, found in parts.items()}
    warn_swapped(masks, warn)
    return masks


def _nodes(image: sitk.Image, ct: sitk.Image, warn: Warn) -> sitk.Image | None:
    volume = on_ct_space(image, ct, "nodes")
    numbers = node_numbers(array_view(volume), "nodes", warn)
    return None if numbers is None else inside_ct(with_geometry_of(numbers, volume), ct, warn)


def _tumor(image: sitk.Image, ct: sitk.Image, warn: Warn) -> sitk.Image | None:
    volume = on_ct_space(image, ct, "tumor")
    inside = foreground(array_view(volume), "tumor", warn)
    return None if inside is None else inside_ct(with_geometry_of(inside.astype("uint8"), volume), ct, warn, "tumor")
