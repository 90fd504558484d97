"""Segmentations of enhanced CTs: each frame of the segmentation refers to the frame that it was drawn on.

highdicom takes a single enhanced file, with its frames in their order there, and no volume of several files (a
concatenation, DICOM PS3.3, C.7.6.16.2.2.4). So it is given a single image for each slice, as of a classic series, and
its references to them are then replaced by those to frames.
"""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.seg import Segmentation
from pydicom.dataset import Dataset
from pydicom.uid import UID, CTImageStorage

from LNStationLib.export.dicom.identity import uid_of
from LNStationLib.export.dicom.source import SourceSeries, image_reference


def single_images(source: SourceSeries) -> Sequence[Dataset]:
    """The slices of a series; where some are frames, single images that stand in for all of them."""
    if not source.frames:
        return source.slices
    return [_stand_in(one, z) for z, one in enumerate(source.slices)]


def refer_to_frames(made: Segmentation, source: SourceSeries) -> Segmentation:
    """Put references to a series in place of those to its stand-ins.

    Args:
        made: From :func:`single_images` of the series; changed.
        source: The series.

    Returns:
        The segmentation, itself where nothing stood in for slices.
    """
    if not source.frames:
        return made
    slice_of = {_stand_in_uid(z): z for z in range(len(source.slices))}
    used = [slice_of[item.ReferencedSOPInstanceUID] for item in made.SourceImageSequence]
    images = {str(source.slices[z].SOPInstanceUID): image_reference(source.slices[z]) for z in used}
    made.SourceImageSequence = list(images.values())
    made.ReferencedSeriesSequence[0].ReferencedInstanceSequence = list(images.values())
    for group in made.PerFrameFunctionalGroupsSequence:
        for item in group.DerivationImageSequence[0].SourceImageSequence:
            # highdicom shares the item of a slice among all segments.
            if item.ReferencedSOPInstanceUID in slice_of:
                item.update(source.reference(slice_of[item.ReferencedSOPInstanceUID]))
    # highdicom keeps a table of the references that it wrote.
    return Segmentation.from_dataset(made, copy=False)


def _stand_in(one: Dataset, z: int) -> Dataset:
    image = Dataset()
    image.update(one)
    # As new elements: those of the slice are shared.
    image.add_new("SOPClassUID", "UI", CTImageStorage)
    image.add_new("SOPInstanceUID", "UI", _stand_in_uid(z))
    return image


def _stand_in_uid(z: int) -> UID:
    return uid_of("stands in for a frame", str(z))
