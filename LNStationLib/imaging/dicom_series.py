"""A folder of DICOM files to one volume: which series, in which order, on which grid.

Geometry comes from the headers here, not from GDCM: ITK's series reader averages uneven slice spacing, ignores
tilted gantries and orders files by rules of its own. GDCM only decodes the pixels.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset

from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.dicom_files import files_under
from LNStationLib.imaging.dicom_frames import single_files
from LNStationLib.imaging.dicom_geometry import ROUNDING_MM, Stack, at, slice_spacing, stack_of
from LNStationLib.imaging.dicom_grouping import DicomSeries, group_series
from LNStationLib.imaging.dicom_syntax import check_all_pixels_there, check_syntax, not_decoded
from LNStationLib.imaging.discretion import no_values_told
from LNStationLib.imaging.reading import READABLE, Warn, quiet_itk
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason

logger = logging.getLogger(__name__)

MIN_SLICES = 10
"""Fewer are a localizer or a fragment: 10 slices of 5 mm cover 5 cm."""
_MAX_LISTED = 12
"""Series named in a message."""

_DISTINGUISHING_ATTRIBUTES = (
    "ConvolutionKernel",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "NominalPercentageOfCardiacPhase",
    "TriggerTime",
    "AcquisitionNumber",
    "ImageType",
    "AcquisitionTime",
)
"""Attributes by which images at the same position usually differ, the most telling first."""


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
        warn: Told where the folder holds other series too, or slices twice.

    Raises:
        InputError: No such series, several, a missing attribute, or pixels that cannot be decoded.
        GeometryError: Missing slices, uneven distances, or a tilted gantry.
    """
    return read_series_files(files_under(folder), modality, name, warn)


@no_values_told()
def read_series_files(files: Sequence[Path], modality: str, name: str, warn: Warn) -> DicomVolume:
    """Read the one series of a modality among given files; see :func:`read_series`."""
    return _volume(choose_series(group_series(files), modality, name, warn), name, warn)


def read_series_grid(folder: Path, modality: str, name: str, warn: Warn) -> DicomVolume:
    """Where the one series of a modality lies: as :func:`read_series`, but its pixels stay 0 and are not decoded."""
    return series_grid(files_under(folder), modality, name, warn)


@no_values_told()
def series_grid(files: Sequence[Path], modality: str, name: str, warn: Warn) -> DicomVolume:
    """As :func:`read_series_grid`, of the one series of a modality among given files."""
    series = choose_series(group_series(files), modality, name, warn)
    ordered, stack = _ordered(series, name, warn)
    columns, rows = (int(ordered.headers[0][keyword].value) for keyword in ("Columns", "Rows"))
    image = sitk.Image([columns, rows, len(ordered.headers)], sitk.sitkUInt8)
    return _placed(image, ordered, stack, name)


def find_series(folder: Path) -> list[DicomSeries]:
    """All image series under ``folder``; slices of another size or plane make a series of their own."""
    return group_series(files_under(folder))


def choose_series(found: Sequence[DicomSeries], modality: str, name: str, warn: Warn) -> DicomSeries:
    """The one series of the modality with enough slices.

    Raises:
        InputError: There is none, or more than one; the message lists what there is.
    """
    if not found:
        raise InputError(f"{name}: the folder holds no DICOM images; give {READABLE}.")
    wanted = [series for series in found if series.modality == modality and not series.is_localizer]
    usable = [series for series in wanted if _is_usable(series)]
    _check_one_patient(usable, found, name)
    # Screenshots do not say where they lie; alone, they are refused by the attribute that they lack.
    usable = [series for series in usable if series.is_placed] or usable
    if not usable:
        raise InputError(f"{name}: {_why_none(found, wanted, modality)}")
    if len(usable) > 1:
        raise InputError(
            f"{name}: the folder holds several {modality} series ({_listed(usable)}); "
            "give a folder with the wanted one only."
        )
    _warn_of_others(found, usable[0], name, warn)
    return usable[0]


def _check_one_patient(usable: Sequence[DicomSeries], found: Sequence[DicomSeries], name: str) -> None:
    """Refuse a study whose headers name several patients: nobody can say whose images these are."""
    studies = {dcm.text(series.headers[0], "StudyInstanceUID") for series in usable} - {""}
    patients: dict[str, set[str]] = {study: set() for study in studies}
    for header in (header for series in found for header in series.headers):
        study, patient = dcm.text(header, "StudyInstanceUID"), dcm.text(header, "PatientID")
        if study in patients and patient:
            patients[study].add(patient)
    if any(len(names) > 1 for names in patients.values()):
        raise InputError(
            f"{name}: the headers of one study name several patients (Patient ID (0010,0020)); correct them in the "
            "archive and export the study again."
        )


def _is_usable(series: DicomSeries) -> bool:
    return series.places >= MIN_SLICES and not series.is_multiframe and not series.is_color


def _listed(found: Sequence[DicomSeries]) -> str:
    more = f"; and {len(found) - _MAX_LISTED} more" if len(found) > _MAX_LISTED else ""
    return "; ".join(series.label for series in found[:_MAX_LISTED]) + more


def _why_none(found: Sequence[DicomSeries], wanted: Sequence[DicomSeries], modality: str) -> str:
    """Why no series is usable, and what to do; the nearest cause."""
    for series in wanted:
        if series.is_multiframe:
            return (
                f"{series.label} is a multi-frame file that does not say where each of its frames lies; convert it "
                "to NIfTI first, for instance with dcm2niix."
            )
    uids = {series.uid for series in wanted}
    if MIN_SLICES <= len(uids) == len(wanted) == sum(len(series.files) for series in wanted):
        return (
            f"each of the {len(wanted)} {modality} files has a Series Instance UID (0020,000E) of its own, so "
            "nothing says which belong together; export the series again with one UID for all its slices."
        )
    slices = Counter[str]()
    for series in wanted:
        slices[series.uid] += len(series.files)
    if any(slices[series.uid] >= MIN_SLICES > len(series.files) for series in wanted):
        return (
            f"the slices of a series differ in size, pixel spacing or orientation and make no {modality} volume of "
            f"at least {MIN_SLICES} slices ({_listed(wanted)}); give a series of parallel slices of one size."
        )
    return f"no {modality} series of at least {MIN_SLICES} slices in the folder, which holds {_listed(found)}."


def _warn_of_others(found: Sequence[DicomSeries], taken: DicomSeries, name: str, warn: Warn) -> None:
    others = [series for series in found if series is not taken and not series.is_localizer]
    if others:
        warn(Reason("several_series", {"image": name, "n_series": len(others) + 1, "taken": taken.label}))
    strays = sum(len(series.files) for series in others if series.uid == taken.uid)
    if strays:
        warn(Reason("stray_images", {"image": name, "n_images": strays}))


def _volume(series: DicomSeries, name: str, warn: Warn) -> DicomVolume:
    ordered, stack = _ordered(series, name, warn)
    return _placed(_pixels(ordered, name), ordered, stack, name)


def _ordered(series: DicomSeries, name: str, warn: Warn) -> tuple[DicomSeries, Stack]:
    """The slices along their normal, one at each place, and where they lie in that order."""
    series, stack = _one_image_per_position(series, name, warn)
    order = stack.order
    return _chosen(series, order), Stack(stack.direction, stack.pixel_mm, stack.positions[order])


def _placed(image: sitk.Image, ordered: DicomSeries, stack: Stack, name: str) -> DicomVolume:
    image.SetOrigin(stack.positions[0].tolist())
    image.SetSpacing([*stack.pixel_mm, slice_spacing(stack, name)])
    image.SetDirection(stack.direction.ravel().tolist())
    return DicomVolume(image, ordered.headers)


def _one_image_per_position(series: DicomSeries, name: str, warn: Warn) -> tuple[DicomSeries, Stack]:
    """Drop images equal voxel by voxel to another at the same position, as an archive that sent them twice has them.

    Raises:
        InputError: Different images lie at the same position.
    """
    stack = stack_of(series.headers, name)
    kept = [_first_of_copies(indices, series, stack, name) for indices in stack.places]
    repeated = len(series.files) - len(kept)
    if not repeated:
        return series, stack
    warn(Reason("duplicate_images", {"image": name, "n_images": repeated}))
    return _chosen(series, kept), Stack(stack.direction, stack.pixel_mm, stack.positions[kept])


def _first_of_copies(indices: np.ndarray, series: DicomSeries, stack: Stack, name: str) -> int:
    """The first of the images at the same position, all of which must be the same."""
    first = int(indices[0])
    for other in map(int, indices[1:]):
        moved = np.abs(stack.positions[other] - stack.positions[first]).max() > ROUNDING_MM
        if moved or not _same_pixels(series, first, other, name):
            headers = [series.headers[i] for i in indices]
            raise InputError(
                f"{name}: several images at the same position {at(stack.positions[first])}, {_difference(headers)}; "
                "give one volume only."
            )
    return first


def _same_pixels(series: DicomSeries, first: int, second: int, name: str) -> bool:
    one, other = (_pixels(_chosen(series, [index]), name) for index in (first, second))
    return bool(np.array_equal(array_view(one), array_view(other)))


def _chosen(series: DicomSeries, indices: Iterable[int]) -> DicomSeries:
    """Some slices of a series, in the order of their indices."""
    chosen = list(indices)
    return DicomSeries(tuple(series.files[i] for i in chosen), tuple(series.headers[i] for i in chosen))


def _difference(headers: Sequence[Dataset]) -> str:
    """How images at the same position differ, as far as their headers say."""
    for keyword in _DISTINGUISHING_ATTRIBUTES:
        texts = sorted({dcm.text(header, keyword) for header in headers} - {""})
        if len(texts) > 1:
            return f"which differ in {dcm.attribute(keyword)}: {', '.join(texts)}"
    return "as of several time points or reconstructions"


def _pixels(series: DicomSeries, name: str) -> sitk.Image:
    """Values of slices in their order, each rescaled and decoded in its own way, as float32.

    Raises:
        InputError: The pixels cannot be decoded, end early, or are colors.
    """
    check_syntax(series.headers, name)
    with single_files(series.files, series.headers, name) as files:
        return _decoded(files, series.headers, name)


def _decoded(files: Sequence[Path], headers: Sequence[Dataset], name: str) -> sitk.Image:
    for path, header in zip(files, headers, strict=True):
        check_all_pixels_there(path, header, name)
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
        raise not_decoded(headers, name) from error
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"{name}: color images, not a CT or PET; give the original series.")
    return image
