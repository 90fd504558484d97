"""Structures drawn by others: DICOM Segmentation and RT Structure Set files as masks with their names and codes."""

from __future__ import annotations

import logging
import sqlite3
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from LNStationLib.anatomy.coded import side_with_code
from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.dicom_contours import contour_image
from LNStationLib.imaging.dicom_files import HEAD_BYTES, files_under, is_dicom
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import Side

logger = logging.getLogger(__name__)

_LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"
"""Newer than pydicom's table."""
_SEGMENTATIONS = (SegmentationStorage, _LABEL_MAP_SEGMENTATION)
_DRAWN = (*_SEGMENTATIONS, RTStructureSetStorage)
_OFF_LATTICE = 0.05
"""Part of a voxel by which grids may differ through rounding of their headers."""
_DAMAGED = (*dcm.DAMAGED, RuntimeError, sqlite3.Error)
"""What damaged bytes raise; highdicom keeps the frames of a segmentation in SQLite."""
_INSIDE = 0.5
"""Of a fractional segment: at and above it a voxel is more likely inside than outside."""


@dataclass(frozen=True)
class CtReference:
    """What structures are drawn on.

    Attributes:
        image: The CT.
        header: Of its first slice; ``None`` where it is not a DICOM series.
    """

    image: sitk.Image
    header: Dataset | None = None


@dataclass(frozen=True)
class DrawnStructure:
    """A segment, or a region of a structure set.

    Attributes:
        number: By which its file counts it.
        label: As a person or program named it.
        code: Value and scheme of what it is; empty where it is not said.
        side: Of the patient, where the code comes with one.
    """

    number: int
    label: str
    code: tuple[str, str] = ("", "")
    side: Side | None = None


@dataclass(frozen=True)
class DrawnStructures:
    """What one file holds.

    Attributes:
        name: How messages call the file.
        structures: In its order; empty ones of a structure set are left out.
        read: Gives some of them as one uint16 image, each by its place among those asked for, from 1; where they
            overlap the first stays.
    """

    name: str
    structures: tuple[DrawnStructure, ...]
    read: Callable[[Sequence[DrawnStructure]], sitk.Image]


def drawn_files(path: Path) -> list[Path]:
    """DICOM Segmentation and RT Structure Set files: the file itself, or those in a folder and its subfolders."""
    return [file for file in ([path] if path.is_file() else files_under(path)) if _kind(file) in _DRAWN]


def drawn_structures(path: Path, what: str, ct: CtReference, warn: Warn) -> DrawnStructures:
    """Open a Segmentation or RT Structure Set that was drawn on a CT.

    Args:
        path: One of :func:`drawn_files`.
        what: ``"organs"``, ``"nodes"`` or ``"tumor"``, for messages.
        ct: What it must have been drawn on.
        warn: Told where that cannot be checked, and of regions that are empty.

    Raises:
        InputError: It cannot be read, belongs to another patient, or has open contours.
        GeometryError: It lies in another frame of reference than the CT.
    """
    name = f"{what} {path.name}"
    made = _read(path, name)
    _check_belongs(made, ct, name, warn)
    try:
        return (_segmentation if made.SOPClassUID in _SEGMENTATIONS else _structure_set)(path, made, name, ct, warn)
    except _DAMAGED as error:
        if isinstance(error, InputError):
            raise
        logger.debug("%s: %s", name, error)
        raise InputError(f"{name}: damaged or incomplete DICOM file; export it again.") from error


def _kind(path: Path) -> str:
    with path.open("rb") as file:
        if not is_dicom(file.read(HEAD_BYTES)):
            return ""
    try:
        return dcm.text(
            dcmread(path, specific_tags=["SOPClassUID"], stop_before_pixels=True, force=True), "SOPClassUID"
        )
    except dcm.DAMAGED:
        return ""


def _read(path: Path, name: str) -> Dataset:
    try:
        return dcmread(path, force=True)
    except dcm.DAMAGED as error:
        raise InputError(f"{name}: damaged DICOM file; export it again.") from error


def _check_belongs(made: Dataset, ct: CtReference, name: str, warn: Warn) -> None:
    frames = _frames_of_reference(made)
    if ct.header is None:
        warn(Reason("ct_without_frame_of_reference", {"image": name}))
        return
    patients = {dcm.text(made, "PatientID"), dcm.text(ct.header, "PatientID")} - {""}
    if len(patients) > 1:
        raise InputError(f"{name}: its header names another patient than the CT's; give what was drawn on this CT.")
    frame = dcm.text(ct.header, "FrameOfReferenceUID")
    if frame and frames and frame not in frames:
        raise GeometryError(
            f"{name}: it lies in another frame of reference than the CT, so it was drawn on other images; give what "
            "was drawn on this CT, or resample it after registration."
        )


def _frames_of_reference(made: Dataset) -> set[str]:
    regions = made.get("StructureSetROISequence") or ()
    named = {dcm.text(region, "ReferencedFrameOfReferenceUID") for region in regions} - {""}
    return named or {dcm.text(made, "FrameOfReferenceUID")} - {""}


# Segmentation


def _segmentation(path: Path, made: Dataset, name: str, ct: CtReference, warn: Warn) -> DrawnStructures:
    from highdicom.seg import Segmentation

    segmentation = Segmentation.from_dataset(made, copy=False)
    structures = tuple(_segment(segment) for segment in made.SegmentSequence)

    def read(wanted: Sequence[DrawnStructure]) -> sitk.Image:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                labels = _labels(segmentation, [structure.number for structure in wanted])
                return on_lattice(labels, ct.image)
        except _DAMAGED as error:
            logger.debug("%s: %s", name, error)
            raise InputError(
                f"{name}: its frames make no regular volume, or are damaged; export it again."
            ) from error

    return DrawnStructures(name, structures, read)


def _segment(segment: Dataset) -> DrawnStructure:
    kind = (segment.get("SegmentedPropertyTypeCodeSequence") or [Dataset()])[0]
    side = (kind.get("SegmentedPropertyTypeModifierCodeSequence") or [Dataset()])[0]
    return _structure(int(segment.SegmentNumber), dcm.text(segment, "SegmentLabel"), kind, side)


def _structure(number: int, label: str, kind: Dataset, side: Dataset) -> DrawnStructure:
    code = dcm.text(kind, "CodeValue"), dcm.text(kind, "CodingSchemeDesignator")
    return DrawnStructure(number, label, code, side_with_code(dcm.text(side, "CodeValue")))


def _labels(segmentation: object, numbers: list[int]) -> sitk.Image:
    """Segments as one label map, with an empty slice at both ends: one slice alone would be no volume."""
    labels: np.ndarray | None = None
    affine = np.eye(4)
    # Backwards, so that where segments overlap the first is written last.
    for value, number in reversed(list(enumerate(numbers, start=1))):
        volume = segmentation.get_volume(segment_numbers=[number], combine_segments=False)  # type: ignore[attr-defined]
        inside = volume.array[..., 0] >= (_INSIDE if volume.array.dtype.kind == "f" else 1)
        labels = np.zeros(inside.shape, np.uint16) if labels is None else labels
        labels[inside] = value
        affine = np.asarray(volume.affine)
    if labels is None:
        raise ValueError("no segment was asked for")
    return _image(np.pad(labels, ((1, 1), (0, 0), (0, 0))), affine)


def _image(labels: np.ndarray, affine: np.ndarray) -> sitk.Image:
    """An image of an array ``[slice, row, column]`` whose second slice lies where the affine matrix begins."""
    image = sitk.GetImageFromArray(labels)
    steps = affine[:3, [2, 1, 0]]
    spacing = np.linalg.norm(steps, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((steps / spacing).ravel().tolist())
    image.SetOrigin((affine[:3, 3] - affine[:3, 0]).tolist())
    return image


def on_lattice(labels: sitk.Image, ct: sitk.Image) -> sitk.Image:
    """Labels on the CT's own grid where their voxels are some of the CT's, in any order of axes; else as they are."""
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    points = [labels.TransformIndexToPhysicalPoint(corner.tolist()) for corner in corners]
    index = np.array([ct.TransformPhysicalPointToContinuousIndex(point) for point in points])
    offset, steps = index[0] - np.rint(index[0]), index[1:] - index[0]
    far = max(labels.GetSize())
    if np.abs(offset).max() > _OFF_LATTICE or np.abs(np.abs(steps).max(axis=1) - 1).max() * far > _OFF_LATTICE:
        return labels
    moved = sitk.Resample(labels, ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0, labels.GetPixelID())
    # What lies outside the CT must not vanish without a word.
    return moved if np.count_nonzero(array_view(moved)) == np.count_nonzero(array_view(labels)) else labels


# Structure set


def _structure_set(path: Path, made: Dataset, name: str, ct: CtReference, warn: Warn) -> DrawnStructures:
    contours = {
        int(drawn.ReferencedROINumber): drawn.get("ContourSequence") or () for drawn in made.ROIContourSequence
    }
    codes = {int(one.ReferencedROINumber): one for one in made.get("RTROIObservationsSequence") or ()}
    structures = []
    for region in made.StructureSetROISequence:
        number, label = int(region.ROINumber), dcm.text(region, "ROIName")
        if all(dcm.text(contour, "ContourGeometricType") == "POINT" for contour in contours.get(number, ())):
            warn(Reason("no_contours", {"image": name, "label": label}))
            continue
        kind = (codes.get(number, Dataset()).get("RTROIIdentificationCodeSequence") or [Dataset()])[0]
        structures.append(_structure(number, label, kind, Dataset()))

    def read(wanted: Sequence[DrawnStructure]) -> sitk.Image:
        drawn = [(one.label, contours[one.number]) for one in wanted]
        return on_lattice(contour_image(drawn, ct.image, name), ct.image)

    return DrawnStructures(name, tuple(structures), read)
