"""Label maps as DICOM Segmentation objects: one binary segment a station or node."""

from __future__ import annotations

from collections.abc import Sequence

import highdicom as hd
import numpy as np
import SimpleITK as sitk
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom.sr.codedict import codes
from pydicom.uid import UID

from LNStationLib import anatomy
from LNStationLib.export.dicom.concepts import ANATOMICAL_STRUCTURE, coded
from LNStationLib.export.dicom.frame_references import refer_to_frames, single_images
from LNStationLib.export.dicom.identity import Identity, equipment, finish, series
from LNStationLib.export.dicom.segments import Algorithm, Structure
from LNStationLib.export.dicom.source import SourceSeries
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import label_boxes
from LNStationLib.state.assessment import SideName
from LNStationLib.support.types import InstanceArray

_MAX_LABEL_CHARACTERS = 64
"""Of Segment Label and Series Description, value representation LO."""


def segmentation(
    labels: sitk.Image,
    structures: Sequence[Structure],
    source: SourceSeries,
    identity: Identity,
    name: str,
    number: int,
    description: str,
) -> tuple[Segmentation, dict[int, int]] | None:
    """A label map as a segmentation object.

    Args:
        labels: On the grid of the source series.
        structures: What its values mean; those that mark no voxel are left out.
        source: The CT.
        identity: Of the export.
        name: Of the object, for its identifiers.
        number: Of its series.
        description: Of its series.

    Returns:
        The object and, for each value of the label map, its segment number; ``None`` where nothing is marked.
    """
    values = array_view(labels)
    present = label_boxes(values)
    marked = [structure for structure in structures if structure.value in present]
    if not marked:
        return None
    numbers = {structure.value: index for index, structure in enumerate(marked, start=1)}
    slices = slice(
        min(present[value][0].start for value in numbers), max(present[value][0].stop for value in numbers)
    )
    made = Segmentation(
        source_images=single_images(source)[slices],
        pixel_array=_renumbered(values[slices], numbers),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(structure, numbers[structure.value]) for structure in marked],
        content_label="LNSTATION",
        content_description=description,
        content_creator_name="LNStation^",
        **series(identity, name, number),
        **equipment(),
    )
    _name_dimensions(made, identity.uid(name, "dimensions"))
    finish(made, identity, description)
    return refer_to_frames(made, source), numbers


def _name_dimensions(made: Segmentation, uid: UID) -> None:
    """The same name for the same content; highdicom draws one."""
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid


def _renumbered(values: np.ndarray, numbers: dict[int, int]) -> InstanceArray:
    """Label values as segment numbers; a value without a structure becomes background."""
    table = np.zeros(int(values.max()) + 1, np.uint16)
    table[list(numbers)] = list(numbers.values())
    return table[values]


def _description(structure: Structure, number: int) -> SegmentDescription:
    described = SegmentDescription(
        segment_number=number,
        segment_label=structure.label[:_MAX_LABEL_CHARACTERS],
        segmented_property_category=coded(ANATOMICAL_STRUCTURE),
        segmented_property_type=coded(structure.code),
        algorithm_type=SegmentAlgorithmTypeValues(structure.algorithm_type),
        algorithm_identification=_identified(structure.algorithm),
        tracking_uid=structure.tracking_uid,
        tracking_id=structure.label[:_MAX_LABEL_CHARACTERS],
        anatomic_regions=None if structure.region is None else [coded(structure.region)],
        display_color=hd.color.CIELabColor.from_rgb(*structure.color),
    )
    _add_side(described, structure.side)
    return described


def _identified(algorithm: Algorithm) -> hd.AlgorithmIdentificationSequence:
    family = codes.cid7162.ArtificialIntelligence if algorithm.learned else codes.cid7162.NeighborhoodAnalysis
    return hd.AlgorithmIdentificationSequence(
        name=algorithm.name[:_MAX_LABEL_CHARACTERS],
        family=family,
        version=algorithm.version[:_MAX_LABEL_CHARACTERS],
        source="LNStation",
        parameters=dict(algorithm.parameters) or None,
    )


def _add_side(described: SegmentDescription, side: SideName | None) -> None:
    """The side as a modifier of the type, or of the region that a node lies in."""
    if side is None:
        return
    modifier = [coded(anatomy.side_code(side))]
    if "AnatomicRegionSequence" in described:
        described.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = modifier
    else:
        described.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = modifier
