"""What recipes of image files share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from lnstation_training.public_data.recipe import PatientSource
from LNStationLib.case.case import CaseFacts
from LNStationLib.case.mask_files import lesion_files
from LNStationLib.case.unchecked import GivenImage, GivenMask, GivenMasks, UncheckedCase
from LNStationLib.imaging.dicom_files import files_under
from LNStationLib.imaging.dicom_structures import CtReference
from LNStationLib.imaging.reading import IMAGE_SUFFIXES, Warn, read_image


def images_like(folder: Path, pattern: str) -> dict[str, Path]:
    """Image files in a folder and its subfolders whose path matches a pattern, by its first group.

    The path counts from the folder, with ``/`` and in small letters; of several with one group the first stays.
    """
    found: dict[str, Path] = {}
    for path in files_under(folder):
        match = re.search(pattern, path.relative_to(folder).as_posix().lower())
        if match and path.name.lower().endswith(IMAGE_SUFFIXES):
            found.setdefault(match[1], path)
    return found


def case_of(source: PatientSource, cancer: str | None) -> UncheckedCase:
    """A patient's CT, and PET in SUV where it has one, from image files."""
    pet = source.files.get("pet")
    return UncheckedCase(
        source.patient,
        partial(_image, source.one("ct"), "CT"),
        partial(_image, pet[0], "PET") if pet else None,
        pet_units="suvbw" if pet else None,
        facts=CaseFacts(cancer=cancer),  # type: ignore[arg-type]
    )


def masks_of(path: Path, what: str, ct: CtReference, warn: Warn) -> GivenMasks:
    """The masks of a file, for everything that takes masks of lesions."""
    return lesion_files(path, what, ct, warn)


def organs_of(files: Mapping[str, Path], ct: CtReference, warn: Warn) -> GivenMasks:
    """Masks of organs by name."""
    for organ, path in files.items():
        name = f"organ mask {path.name}"
        yield GivenMask(organ, name, path.name, partial(read_image, path, name, warn))


def _image(path: Path, role: str, warn: Warn) -> GivenImage:
    return GivenImage(read_image(path, role, warn), role)
