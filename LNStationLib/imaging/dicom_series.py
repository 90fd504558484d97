"""A folder of DICOM files to one volume: which series, in which order, on which grid.

Geometry comes from the headers here, not from GDCM: ITK's series reader averages uneven slice distances, ignores
tilted gantries and orders files by rules of its own. GDCM only decodes the pixels.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from LNStationLib.errors import GeometryError, InputError
from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.checks import orthonormal_direction
from LNStationLib.imaging.reading import READABLE, Warn, quiet_itk

logger = logging.getLogger(__name__)

MIN_SLICES = 10
_POSITION_TOLERANCE = 0.1
"""Slice distances may stray from their median by this share, which is rounding in the header; more is a gap."""

_TILT_TOLERANCE = 1e-3
_SAME_PLACE_MM = 1e-3


@dataclass(frozen=True)
class DicomSeries:
    """The slices of one series with one orientation and size, unordered.

    Attributes:
        files: One file a slice.
        headers: Their headers without pixels, in the same order.
    """

    files: tuple[Path, ...]
    headers: tuple[Dataset, ...]

    @property
    def modality(self) -> str:
        """DICOM modality, ``"CT"`` or ``"PT"`` among others."""
        return dcm.text(self.headers[0], "Modality").upper()

    @property
    def label(self) -> str:
        """Number, modality, description and number of slices, for messages; nothing of the patient."""
        header = self.headers[0]
        number = dcm.text(header, "SeriesNumber") or "?"
        description = dcm.text(header, "SeriesDescription") or "without description"
        return f"series {number} {self.modality or '?'} '{description}' ({len(self.files)} slices)"


@dataclass(frozen=True)
class DicomVolume:
    """A series as a volume.

    Attributes:
        image: float32, rescaled by each slice's own slope and intercept, LPS mm.
        headers: Slice headers from the first slice of the image to the last.
    """

    image: sitk.Image
    headers: tuple[Dataset, ...]


def read_series(folder: Path, modality: str, name: str, warn: Warn) -> DicomVolume:
    """Read the one series of a modality in a folder and its subfolders.

    Args:
        folder: Where the DICOM files lie.
        modality: ``"CT"`` or ``"PT"``.
        name: How messages call it.
        warn: Told where the folder holds other series too.

    Raises:
        InputError: No such series, several, a missing attribute, or pixels that cannot be decoded.
        GeometryError: Missing slices, uneven distances, or a tilted gantry.
    """
    return _volume(choose_series(find_series(folder), modality, name, warn), name)


def read_series_files(files: Sequence[Path], modality: str, name: str, warn: Warn) -> DicomVolume:
    """Read the one series of a modality among given files; see :func:`read_series`."""
    return _volume(choose_series(group_series(files), modality, name, warn), name)


def _volume(series: DicomSeries, name: str) -> DicomVolume:
    order, geometry = series_geometry(series.headers, name)
    files = [series.files[i] for i in order]
    image = _pixels(files, name)
    origin, spacing, direction = geometry
    image.SetOrigin(origin.tolist())
    image.SetSpacing(spacing.tolist())
    image.SetDirection(direction.ravel().tolist())
    return DicomVolume(image, tuple(series.headers[i] for i in order))


def find_series(folder: Path) -> list[DicomSeries]:
    """All image series under ``folder``; slices of another orientation or size make a series of their own."""
    return group_series(_files(folder))


def group_series(files: Sequence[Path]) -> list[DicomSeries]:
    """All image series among ``files``; what is no DICOM image is left out."""
    groups: dict[tuple[object, ...], dict[str, tuple[Path, Dataset]]] = {}
    for path in files:
        header = _header(path)
        if header is not None:
            # Copies of one slice are one slice.
            groups.setdefault(_group(header), {}).setdefault(dcm.text(header, "SOPInstanceUID"), (path, header))
    found = [
        DicomSeries(tuple(path for path, _ in slices.values()), tuple(header for _, header in slices.values()))
        for slices in groups.values()
    ]
    return sorted(found, key=lambda series: (dcm.number(series.headers[0], "SeriesNumber") or 0, -len(series.files)))


def choose_series(found: Sequence[DicomSeries], modality: str, name: str, warn: Warn) -> DicomSeries:
    """The one series of the modality with enough slices.

    Raises:
        InputError: There is none, or more than one; the message lists what there is.
    """
    if not found:
        raise InputError(f"{name}: the folder holds no DICOM images; give {READABLE}.")
    wanted = [series for series in found if series.modality == modality]
    usable = [series for series in wanted if _is_usable(series)]
    listed = "; ".join(series.label for series in found[:12])
    if not usable:
        _refuse_multiframe(wanted, name)
        raise InputError(
            f"{name}: no {modality} series of at least {MIN_SLICES} slices in the folder, which holds {listed}."
        )
    if len(usable) > 1:
        raise InputError(
            f"{name}: the folder holds several {modality} series "
            f"({'; '.join(series.label for series in usable[:12])}); "
            "give a folder with the wanted one only."
        )
    others = [series for series in found if series is not usable[0] and not _is_localizer(series)]
    if others:
        warn(f"{name}: the folder holds {len(found)} series; {usable[0].label} was taken.")
    return usable[0]


def series_geometry(
    headers: Sequence[Dataset], name: str
) -> tuple[list[int], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Order of the slices and the grid they make (DICOM PS3.3 C.7.6.2).

    Returns:
        Indices of ``headers`` along the slice normal, and origin, spacing ``(i, j, k)`` and 3 x 3 direction, LPS mm.

    Raises:
        InputError: A geometry attribute is missing, or several images share a place.
        GeometryError: Slices are missing or uneven, or the gantry was tilted.
    """
    cosines = np.array(dcm.numbers(headers[0], "ImageOrientationPatient", 6, name)).reshape(2, 3)
    row_mm, column_mm = dcm.numbers(headers[0], "PixelSpacing", 2, name)
    if not (row_mm > 0 and column_mm > 0 and np.linalg.norm(cosines, axis=1).min() > 0):
        raise GeometryError(f"{name}: zero or negative pixel spacing; export the series again with its true spacing.")
    along_row, along_column = cosines / np.linalg.norm(cosines, axis=1, keepdims=True)
    normal = np.cross(along_row, along_column)
    direction = orthonormal_direction(np.stack([along_row, along_column, normal], axis=1), name)
    positions = np.array([dcm.numbers(header, "ImagePositionPatient", 3, name) for header in headers])
    order = np.argsort(positions @ direction[:, 2], kind="stable")
    spacing = _slice_spacing(positions[order], direction, name)
    # Pixel Spacing is (between rows, between columns): the first steps along the column, image axis j.
    return order.tolist(), (positions[order[0]], np.array([column_mm, row_mm, spacing]), direction)


def _slice_spacing(positions: np.ndarray, direction: np.ndarray, name: str) -> float:
    depth = positions @ direction[:, 2]
    steps = np.diff(depth)
    if steps.min() < _SAME_PLACE_MM:
        raise InputError(
            f"{name}: several images at one place ({positions[int(steps.argmin())][2]:.1f} mm), as of several time "
            "points "
            "or reconstructions; give one volume only."
        )
    step = float(np.median(steps))
    worst = int(np.abs(steps - step).argmax())
    if abs(steps[worst] - step) > _POSITION_TOLERANCE * step:
        raise GeometryError(_gap_message(name, positions[worst], positions[worst + 1], float(steps[worst]), step))
    along = positions[-1] - positions[0]
    sideways = along - (along @ direction[:, 2]) * direction[:, 2]
    if np.linalg.norm(sideways) > max(_TILT_TOLERANCE * (depth[-1] - depth[0]), 0.1):
        tilt = np.degrees(np.arctan2(np.linalg.norm(sideways), depth[-1] - depth[0]))
        raise GeometryError(
            f"{name}: sheared by a gantry tilt of {tilt:.1f} degrees; resample it to right-angled axes first, for "
            "instance "
            "with dcm2niix."
        )
    return float((depth[-1] - depth[0]) / (len(depth) - 1))


def _gap_message(name: str, below: np.ndarray, above: np.ndarray, gap: float, step: float) -> str:
    where = " and ".join("(" + ", ".join(f"{value:.1f}" for value in point) + ")" for point in (below, above))
    if gap > 1.5 * step:
        missing = round(gap / step) - 1
        return (
            f"{name}: {missing} slice{'s are' if missing > 1 else ' is'} missing between the positions {where} mm; "
            "copy the whole series again."
        )
    return (
        f"{name}: uneven slice distances, {gap:.2f} mm between the positions {where} mm and {step:.2f} mm elsewhere; "
        "give a series with even slices."
    )


def _files(folder: Path) -> list[Path]:
    return sorted(
        Path(root) / file for root, _, files in os.walk(folder) for file in files if not file.startswith(".")
    )


def _header(path: Path) -> Dataset | None:
    """Header of a DICOM image file; ``None`` for any other file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, OSError, EOFError, ValueError, KeyError, AttributeError, NotImplementedError):
        return None
    is_image = dcm.number(header, "Rows") and dcm.number(header, "Columns") and dcm.text(header, "SeriesInstanceUID")
    return header if is_image else None


def _group(header: Dataset) -> tuple[object, ...]:
    cosines = header.get("ImageOrientationPatient") or ()
    return (
        dcm.text(header, "SeriesInstanceUID"),
        dcm.text(header, "Modality"),
        int(header.Rows),
        int(header.Columns),
        tuple(round(float(value), 3) for value in cosines),
        dcm.text(header, "PixelSpacing"),
    )


def _is_localizer(series: DicomSeries) -> bool:
    kinds = Counter(
        "LOCALIZER" in [str(word).upper() for word in header.get("ImageType") or ()] for header in series.headers
    )
    return kinds[True] > kinds[False]


def _is_usable(series: DicomSeries) -> bool:
    return len(series.files) >= MIN_SLICES and not _is_localizer(series) and not _is_multiframe(series)


def _is_multiframe(series: DicomSeries) -> bool:
    return (dcm.number(series.headers[0], "NumberOfFrames") or 1) > 1


def _refuse_multiframe(found: Sequence[DicomSeries], name: str) -> None:
    for series in filter(_is_multiframe, found):
        raise InputError(
            f"{name}: {series.label} is enhanced multi-frame DICOM, which is not read; "
            "convert it to NIfTI first, for instance with dcm2niix."
        )


def _pixels(files: Sequence[Path], name: str) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileNames([str(path) for path in files])
    # Slope and intercept differ from slice to slice in PET; a float image takes each slice's own.
    reader.SetOutputPixelType(sitk.sitkFloat32)
    try:
        with quiet_itk():
            image = reader.Execute()
    except RuntimeError as error:
        logger.debug("%s: %s", name, error)
        raise InputError(
            f"{name}: the pixels of a slice cannot be decoded; copy or export the series again."
        ) from error
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"{name}: color images, not a CT or PET; give the original series.")
    return image
