"""Stations and nodes as an RT Structure Set: closed planar contours in the patient's coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage

from LNStationLib.export.dicom.concepts import coded
from LNStationLib.export.dicom.identity import Identity, finish, series, started
from LNStationLib.export.dicom.segments import Structure
from LNStationLib.export.dicom.source import SourceSeries
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, label_boxes
from LNStationLib.imaging.contours import mask_contours
from LNStationLib.support.types import BoolArray, FloatArray

_CONTOUR_DATA = Tag(0x3006, 0x0050)
_DESCRIPTION_CHARACTERS = 64
_STUDY_COMPONENT = "1.2.840.10008.3.1.2.3.1"
"""Detached Study Management, the SOP class that Referenced Study Sequence has carried since before it was retired."""


@dataclass(frozen=True)
class Outlined:
    """A structure and its voxels.

    Attributes:
        structure: As DICOM names it.
        box: Smallest box of the CT's array that holds it.
        mask: Its voxels in the box, ``[z, y, x]``.
    """

    structure: Structure
    box: Box
    mask: BoolArray


def outlined(labels: sitk.Image, structures: Sequence[Structure]) -> list[Outlined]:
    """The structures that mark a voxel of a label map."""
    values = array_view(labels)
    boxes = label_boxes(values)
    return [
        Outlined(structure, boxes[structure.value], values[boxes[structure.value]] == structure.value)
        for structure in structures
        if structure.value in boxes
    ]


def structure_set(
    structures: Sequence[Outlined], source: SourceSeries, identity: Identity, number: int, description: str
) -> FileDataset:
    """Contours of structures on the slices of the CT.

    Args:
        structures: Stations and nodes.
        source: The CT.
        identity: Of the export.
        number: Of its series.
        description: Of its series.
    """
    # Implicit: a contour of some thousand points is longer than an explicit decimal string may be.
    names = series(identity, "structures", number)
    made = started(source, RTStructureSetStorage, "RTSTRUCT", names, ImplicitVRLittleEndian)
    made.OperatorsName = ""
    made.StructureSetLabel = "LNStation"
    made.StructureSetName = description
    made.StructureSetDate, made.StructureSetTime = f"{identity.made:%Y%m%d}", f"{identity.made:%H%M%S}"
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = source.frame_of_reference, ""
    made.ReferencedFrameOfReferenceSequence = DicomSequence([_frame_of_reference(source)])
    numbered = list(enumerate(structures, start=1))
    frame = source.frame_of_reference
    made.StructureSetROISequence = DicomSequence([_region(i, one.structure, frame) for i, one in numbered])
    made.ROIContourSequence = DicomSequence([_contours(i, one, source) for i, one in numbered])
    made.RTROIObservationsSequence = DicomSequence([_observation(i, one.structure) for i, one in numbered])
    made.ApprovalStatus = "UNAPPROVED"
    finish(made, identity, description)
    # Structure sets have no content date (DICOM PS3.3, A.19).
    del made.ContentDate, made.ContentTime
    return made


def _frame_of_reference(source: SourceSeries) -> Dataset:
    series_item = Dataset()
    series_item.SeriesInstanceUID = source.study.SeriesInstanceUID
    series_item.ContourImageSequence = DicomSequence(map(source.reference, range(len(source.slices))))
    study = Dataset()
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = _STUDY_COMPONENT, source.study.StudyInstanceUID
    study.RTReferencedSeriesSequence = DicomSequence([series_item])
    frame = Dataset()
    frame.FrameOfReferenceUID = source.frame_of_reference
    frame.RTReferencedStudySequence = DicomSequence([study])
    return frame


def _region(number: int, structure: Structure, frame_of_reference: str) -> Dataset:
    item = Dataset()
    item.ROINumber, item.ROIName = number, structure.label
    item.ReferencedFrameOfReferenceUID = frame_of_reference
    item.ROIGenerationAlgorithm = structure.algorithm_type
    item.ROIGenerationDescription = structure.algorithm.name[:_DESCRIPTION_CHARACTERS]
    return item


def _observation(number: int, structure: Structure) -> Dataset:
    item = Dataset()
    item.ObservationNumber = item.ReferencedROINumber = number
    item.RTROIIdentificationCodeSequence = DicomSequence([coded(structure.code)])
    # Empty: whether a node is a target is the radiation oncologist's to say.
    item.RTROIInterpretedType, item.ROIInterpreter = "", ""
    return item


def _contours(number: int, one: Outlined, source: SourceSeries) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber, item.ROIDisplayColor = number, list(one.structure.color)
    item.ContourSequence = DicomSequence(_contour(z, ring, source) for z, ring in _rings(one))
    return item


def _rings(one: Outlined) -> Iterator[tuple[int, FloatArray]]:
    """Slice and polygon ``(column, row)`` of every contour."""
    first_z, first_y, first_x = (part.start for part in one.box)
    for offset, mask in enumerate(one.mask):
        for ring in mask_contours(mask):
            yield first_z + offset, ring + np.array([first_x, first_y])


def _contour(z: int, ring: FloatArray, source: SourceSeries) -> Dataset:
    item = Dataset()
    item.ContourImageSequence = DicomSequence([source.reference(z)])
    item.ContourGeometricType, item.NumberOfContourPoints = "CLOSED_PLANAR", len(ring)
    points = np.char.mod("%.3f", _points_mm(z, ring, source.grid)).ravel()
    data = "\\".join(points).encode("ascii")
    data += b" " * (len(data) % 2)
    # Raw: as decimal strings one by one, the points of a case take longer than all else.
    item[_CONTOUR_DATA] = RawDataElement(_CONTOUR_DATA, "DS", len(data), data, 0, True, True)
    return item


def _points_mm(z: int, ring: FloatArray, grid: sitk.Image) -> FloatArray:
    """LPS points ``(n, 3)`` of a polygon ``(column, row)`` of a slice."""
    index = np.column_stack([ring, np.full(len(ring), float(z))]) * grid.GetSpacing()
    return np.asarray(index @ np.array(grid.GetDirection()).reshape(3, 3).T + grid.GetOrigin())
