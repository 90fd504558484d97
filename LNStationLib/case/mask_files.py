"""Mask files and label maps of a case, as they came: which structures they hold is said, nothing is checked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import SimpleITK as sitk

from LNStationLib.case.drawn_masks import drawn_lesions, drawn_organs
from LNStationLib.case.unchecked import GivenLabels, GivenMask
from LNStationLib.imaging.dicom_structures import CtReference, drawn_files
from LNStationLib.imaging.label_names import label_names, segment_labels
from LNStationLib.imaging.reading import IMAGE_SUFFIXES, Warn, image_files, image_stem, read_image
from LNStationLib.support.errors import InputError
from LNStationLib.support.paths import is_there
from LNStationLib.support.reason import Reason


def organ_files(path: Path, ct: CtReference, warn: Warn) -> Iterator[GivenMask | GivenLabels]:
    """The organ masks in a folder, the one label map, or the segments and regions of DICOM objects.

    Args:
        path: Folder of mask files, each named after its organ, a label map whose values have names (see
            ``label_names``), or a DICOM Segmentation or RT Structure Set, or a folder of those.
        ct: What they were drawn on.
        warn: Told what was odd about a file.

    Raises:
        InputError: There is nothing to read, a file cannot be read, or a label map has no names.
    """
    drawn = _drawn(path, "organs")
    if drawn:
        yield from (mask for file in drawn for mask in drawn_organs(file, ct, warn))
        return
    files = _files(path, "organs")
    if not path.is_dir():
        name = f"organs {path.name}"
        image = read_image(path, name, warn)
        yield GivenLabels(image, label_names(path, image, name), name, path.name)
        return
    # Masks of one program share what is odd about their headers; a hundred warnings would hide the others.
    warn_of_header = _first_only(warn)
    for file in files:
        if file.name.lower().endswith((".nrrd", ".nhdr")):
            yield _organ_nrrd(file, warn)
        else:
            yield _organ_mask(file, partial(read_image, file, _mask_name(file), warn_of_header))


def lesion_files(path: Path, what: str, ct: CtReference, warn: Warn) -> Iterator[GivenMask | GivenLabels]:
    """The masks of nodes or of the tumor: a file, or all of a folder in the order of their names.

    Args:
        path: A mask, a map with one value a node, a Slicer segmentation, a DICOM Segmentation or RT Structure Set, or
            a folder of such files.
        what: ``"nodes"`` or ``"tumor"``, for messages.
        ct: What they were drawn on.
        warn: Told what was odd about a file.

    Raises:
        InputError: There is nothing to read, or a file cannot be read.
    """
    drawn = _drawn(path, what)
    if drawn:
        yield from (drawn_lesions(file, what, ct, warn) for file in drawn)
        return
    for file in _files(path, what):
        name = f"{what} {file.name}"
        image = read_image(file, name, warn)
        yield _segmentation(image, name, file) or GivenMask(what, name, file.name, partial(_itself, image))


def _drawn(path: Path, what: str) -> list[Path]:
    """DICOM objects where a user gave them: the file, or a folder without image files."""
    if not is_there(path):
        raise InputError(f"{what}: there is no file or folder {path}; check the path.")
    return [] if path.is_dir() and image_files(path) else drawn_files(path)


def _files(path: Path, what: str) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = image_files(path)
    if not files:
        raise InputError(
            f"{what}: the folder {path} holds no mask files ({', '.join(IMAGE_SUFFIXES)}) and no DICOM objects."
        )
    return files


def _first_only(warn: Warn) -> Warn:
    told: list[Reason] = []

    def once(warning: Reason) -> None:
        if not told:
            warn(warning)
        told.append(warning)

    return once


def _organ_nrrd(file: Path, warn: Warn) -> GivenMask | GivenLabels:
    """A NRRD file may be a Slicer segmentation with several organs; with one, the file's name counts."""
    image = read_image(file, _mask_name(file), warn)
    return _segmentation(image, f"organs {file.name}", file) or _organ_mask(file, partial(_itself, image))


def _organ_mask(file: Path, read: partial[sitk.Image]) -> GivenMask:
    return GivenMask(image_stem(file), _mask_name(file), file.name, read)


def _mask_name(file: Path) -> str:
    return f"organ mask {file.name}"


def _segmentation(image: sitk.Image, name: str, file: Path) -> GivenLabels | None:
    """The segments of a Slicer segmentation of several; ``None`` where the image is none."""
    segments = segment_labels(image)
    return GivenLabels(image, segments, name, file.name) if len(segments) > 1 else None


def _itself(image: sitk.Image) -> sitk.Image:
    return image
