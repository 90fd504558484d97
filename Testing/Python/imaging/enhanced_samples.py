"""Enhanced CT files as scanners write them: frames in any order, functional groups shared or not, several parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from imaging.samples import dataset
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

_OF_SLICES = frozenset(
    {
        "SOPInstanceUID", "InstanceNumber", "ImageType", "ImagePositionPatient", "ImageOrientationPatient",
        "PixelSpacing", "SliceThickness", "RescaleSlope", "RescaleIntercept", "PixelData",
    }
)  # fmt: skip
"""Of the classic header what an enhanced one says in functional groups, or in other words."""


@dataclass(frozen=True)
class Layout:
    """How a file is laid out.

    Attributes:
        seed: Of the frames' order.
        descending: From the last slice to the first instead.
        per_frame: Plane orientation and pixel measures in the group of each frame, not shared.
        parts: Files of a concatenation; each but the first holds a single frame.
    """

    seed: int = 0
    descending: bool = False
    per_frame: bool = False
    parts: int = 1

    def order(self, count: int) -> Sequence[int]:
        """Slice of each frame."""
        if self.descending:
            return range(count - 1, -1, -1)
        return np.random.default_rng(self.seed).permutation(count).tolist()


def write_enhanced_ct(folder: Path, classic: Sequence[Path], layout: Layout) -> list[Path]:
    """Files with the slices of a classic series as frames; study, series and frame of reference stay the same."""
    folder.mkdir(parents=True, exist_ok=True)
    slices = [dcmread(file) for file in classic]
    slices.sort(key=lambda one: int(one.InstanceNumber))
    frames = [slices[k] for k in layout.order(len(slices))]
    concatenation, whole = generate_uid(), generate_uid()
    files = []
    # Every part but the first holds a single frame.
    bounds = [0, *(len(frames) - n for n in range(layout.parts - 1, 0, -1)), len(frames)]
    for part, (start, end) in enumerate(pairwise(bounds)):
        made = _enhanced(frames[start:end], layout, start)
        if layout.parts > 1:
            made.ConcatenationUID, made.SOPInstanceUIDOfConcatenationSource = concatenation, whole
            made.InConcatenationNumber, made.ConcatenationFrameOffsetNumber = part + 1, start
            made.InConcatenationTotalNumber = layout.parts
        files.append(folder / f"e{part}.dcm")
        made.save_as(files[-1], enforce_file_format=True)
    return files


def _enhanced(frames: Sequence[Dataset], layout: Layout, offset: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = EnhancedCTImageStorage, generate_uid()
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    for element in frames[0]:
        if element.keyword not in _OF_SLICES:
            made[element.tag] = element
    made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    made.ImageType, made.InstanceNumber = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], offset + 1
    made.NumberOfFrames = len(frames)
    shared, groups = Dataset(), [_group(one, offset + k) for k, one in enumerate(frames)]
    for one, group in zip(frames, groups, strict=True):
        _add_plane(group if layout.per_frame else shared, one)
    made.SharedFunctionalGroupsSequence = [shared]
    made.PerFrameFunctionalGroupsSequence = groups
    made.PixelData = b"".join(one.PixelData for one in frames)
    return made


def _group(one: Dataset, k: int) -> Dataset:
    group = Dataset()
    group.PlanePositionSequence = [dataset({"ImagePositionPatient": one.ImagePositionPatient})]
    group.FrameContentSequence = [dataset({"StackID": "1", "InStackPositionNumber": k + 1})]
    return group


def _add_plane(group: Dataset, one: Dataset) -> None:
    group.PlaneOrientationSequence = [dataset({"ImageOrientationPatient": one.ImageOrientationPatient})]
    group.PixelMeasuresSequence = [dataset({"PixelSpacing": one.PixelSpacing, "SliceThickness": one.SliceThickness})]
    rescaling = {"RescaleSlope": one.RescaleSlope, "RescaleIntercept": one.RescaleIntercept, "RescaleType": "HU"}
    group.PixelValueTransformationSequence = [dataset(rescaling)]
