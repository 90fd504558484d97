"""The CT series that results are placed on: its study, its patient, and which image each slice is."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pydicom.valuerep import DA, TM

from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.checks import same_grid
from LNStationLib.imaging.dicom_frames import frame_number
from LNStationLib.imaging.dicom_series import DicomVolume, read_series_grid
from LNStationLib.imaging.discretion import no_values_told
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import GeometryError, InputError

UTF_8 = "ISO_IR 192"
"""Every object is written in UTF-8: the reasons of calls hold characters that older sets lack."""

_STUDY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Patient and study, as every object of the study says them (DICOM PS3.3, C.7.1.1 and C.7.2.1)."""
_ALSO_OF_STUDY = ("IssuerOfPatientID", "StudyDescription", "PatientAge", "PatientSize", "PatientWeight")
_IMAGE = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality", "FrameOfReferenceUID", "Rows", "Columns")
_SEXES = ("F", "M", "O")
_IDENTIFIER = r"[0-9.]{1,64}"
"""Less strict than the standard (DICOM PS3.5, 9.1): references repeat what a scanner wrote, a leading zero too."""
_DECIMALS = 10
"""Of direction cosines: a decimal string holds 16 characters."""


@dataclass(frozen=True)
class SourceSeries:
    """A CT series.

    Attributes:
        slices: Patient, study, frame of reference, identity and place of each image, in the order of the CT's array
            along z; nothing else of their headers, and no pixels.
        grid: An image on the series' grid; its voxels mean nothing.
        frames: Where slices are frames of enhanced files: number of each within its file, from 1, or ``None`` for
            one that is a file of its own. Empty where all are.
    """

    slices: tuple[Dataset, ...]
    grid: sitk.Image
    frames: tuple[int | None, ...] = ()

    @property
    def study(self) -> Dataset:
        """A header that says patient and study."""
        return self.slices[0]

    @property
    def frame_of_reference(self) -> str:
        """Frame of Reference UID."""
        return str(self.slices[0].FrameOfReferenceUID)

    @property
    def images(self) -> tuple[Dataset, ...]:
        """A header for each file: of an enhanced one that of one of its slices."""
        return tuple({str(one.SOPInstanceUID): one for one in self.slices}.values())

    def reference(self, z: int) -> Dataset:
        """How an object refers to a slice: to its file, and within an enhanced one to its frame."""
        item = image_reference(self.slices[z])
        if self.frames and self.frames[z] is not None:
            item.ReferencedFrameNumber = self.frames[z]
        return item

    def holding(self, labels: sitk.Image, what: str) -> SourceSeries:
        """The series with its slices in the order of a label map: programs count them from either end.

        Raises:
            GeometryError: The label map is not on the series' grid: it was made from other images.
        """
        for series in (self, self._reversed()):
            if same_grid(labels, series.grid):
                return series
        raise GeometryError(
            f"the {what} are not on the grid of the CT series: give the series that was assessed, the same "
            "reconstruction and all of its slices."
        )

    def _reversed(self) -> SourceSeries:
        grid = sitk.Image(self.grid.GetSize(), sitk.sitkUInt8)
        last = self.grid.GetSize()[2] - 1
        grid.SetOrigin(self.grid.TransformIndexToPhysicalPoint([0, 0, last]))
        grid.SetSpacing(self.grid.GetSpacing())
        direction = self.grid.GetDirection()
        grid.SetDirection([-value if i % 3 == 2 else value for i, value in enumerate(direction)])
        return SourceSeries(self.slices[::-1], grid, self.frames[::-1])


def read_source(folder: Path, warn: Warn) -> SourceSeries:
    """The one CT series in a folder.

    Raises:
        InputError: There is none, or several, or its headers do not say what an object that refers to them must say.
        GeometryError: Its slices make no volume.
    """
    return source_of(read_series_grid(folder, "CT", "CT", warn))


@no_values_told()
def source_of(series: DicomVolume) -> SourceSeries:
    """The source series of a CT that was read from DICOM.

    Raises:
        InputError: An image has no identity of its own, or the series no frame of reference.
    """
    frames = tuple(frame_number(header) for header in series.headers)
    _check_identified(series.headers, frames)
    slices = tuple(_slice(header, series.image) for header in series.headers)
    return SourceSeries(slices, series.image, frames if any(frames) else ())


def image_reference(image: Dataset) -> Dataset:
    """An item that refers to an image as a whole."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    return item


def _check_identified(headers: Sequence[Dataset], frames: Sequence[int | None]) -> None:
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPClassUID", "SOPInstanceUID"):
        if not all(_says_one(header, keyword) for header in headers):
            raise InputError(
                f"CT: {dcm.attribute(keyword)} is missing or damaged in its headers, so that no object can refer to "
                "its images; export the series from the archive again."
            )
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
        if len({dcm.text(header, keyword) for header in headers}) > 1:
            raise InputError(
                f"CT: its images differ in {dcm.attribute(keyword)}, so that no object can refer to all of them; "
                "export the series from the archive again."
            )
    uids = [dcm.text(header, "SOPInstanceUID") for header in headers]
    if len({(uid, frame or 1) for uid, frame in zip(uids, frames, strict=True)}) < len(headers):
        raise InputError(
            "CT: several of its images have the same SOP Instance UID (0008,0018), so that no object can refer to "
            "one of them; export the series from the archive again."
        )


def _says_one(header: Dataset, keyword: str) -> bool:
    """Whether an identifier is there, and not several in its place; of a kind of image, whether it is known."""
    said = dcm.value(header, keyword)
    if not isinstance(said, str) or re.fullmatch(_IDENTIFIER, said) is None:
        return False
    return keyword != "SOPClassUID" or UID(said).type == "SOP Class"


def _slice(header: Dataset, grid: sitk.Image) -> Dataset:
    kept = study_header(header)
    for keyword in _IMAGE:
        setattr(kept, keyword, header.get(keyword))
    kept.ImagePositionPatient = header.ImagePositionPatient
    place(kept, grid)
    return kept


def place(header: Dataset, grid: sitk.Image) -> None:
    """Write axes and voxel size of a grid into the header of a slice, the same for all: headers carry noise."""
    direction, (column_mm, row_mm, step_mm) = grid.GetDirection(), grid.GetSpacing()
    header.ImageOrientationPatient = [round(direction[i], _DECIMALS) for i in (0, 3, 6, 1, 4, 7)]
    header.PixelSpacing = [round(row_mm, _DECIMALS), round(column_mm, _DECIMALS)]
    header.SliceThickness = round(step_mm, _DECIMALS)


def study_header(header: Dataset) -> Dataset:
    """Patient and study of a header in UTF-8; what the standard would not allow there is left empty."""
    kept = Dataset()
    kept.SpecificCharacterSet = UTF_8
    for keyword in _STUDY:
        setattr(kept, keyword, dcm.text(header, keyword))
    for keyword in _ALSO_OF_STUDY:
        if dcm.text(header, keyword):
            setattr(kept, keyword, dcm.text(header, keyword))
    kept.PatientSex = kept.PatientSex if kept.PatientSex in _SEXES else ""
    for keyword, kind in (("PatientBirthDate", DA), ("StudyDate", DA), ("StudyTime", TM)):
        setattr(kept, keyword, kept.get(keyword) if _is_valid(kept.get(keyword), kind) else "")
    return kept


def _is_valid(value: str, kind: type[DA] | type[TM]) -> bool:
    try:
        with warnings.catch_warnings():
            # The warning would quote what may identify a patient.
            warnings.simplefilter("ignore")
            return bool(value) and kind(value) is not None
    except ValueError:
        return False
