"""Boxes around tumors, drawn slice by slice: DICOM Structured Reports, or PASCAL VOC files named after slices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.dataset import Dataset

from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.dicom_series import DicomVolume
from LNStationLib.support.errors import InputError

Box = tuple[float, float, float, float]
"""First column, first row, last column, last row, in pixels of the slice."""
_MAX_XML_BYTES = 1_000_000
"""A file with a hundred boxes has a thirtieth of it."""
_MAX_DEPTH = 20
"""Of a report's tree; measurement reports have four levels."""


def boxes_of_reports(files: Iterable[Path]) -> dict[str, list[Box]]:
    """Boxes by the SOP Instance UID of the slice that they were drawn on.

    Every closed line of a report counts with the pixels from its least to its greatest coordinates (DICOM PS3.3,
    C.18.6: column first).

    Raises:
        InputError: A file is damaged.
    """
    found: dict[str, list[Box]] = defaultdict(list)
    for file in files:
        try:
            for uid, points in _drawn(dcmread(file, force=True)):
                low, high = points.min(axis=0), points.max(axis=0)
                found[uid].append((float(low[0]), float(low[1]), float(high[0]), float(high[1])))
        except dcm.DAMAGED as error:
            raise InputError(f"boxes {file.name}: damaged DICOM report; download it again.") from error
    return found


def boxes_of_voc(files: Iterable[Path]) -> dict[str, list[Box]]:
    """Boxes of PASCAL VOC files, each named after the SOP Instance UID of its slice.

    Raises:
        InputError: A file is no such XML; what defines entities of its own is not read at all.
    """
    return {file.stem: list(_voc_boxes(file)) for file in files}


def box_mask(boxes: Mapping[str, Sequence[Box]], ct: DicomVolume) -> sitk.Image:
    """Boxes filled on the slices of a CT.

    Returns:
        Binary uint8 on the CT's grid. Boxes of slices that the CT does not have are left out.

    Raises:
        InputError: None of the boxes lies on a slice of the CT.
    """
    columns, rows, slices = ct.image.GetSize()
    inside = np.zeros((slices, rows, columns), np.uint8)
    for k, header in enumerate(ct.headers):
        for left, top, right, bottom in boxes.get(dcm.text(header, "SOPInstanceUID"), ()):
            inside[k, _pixels(top, bottom, rows), _pixels(left, right, columns)] = 1
    if not inside.any():
        raise InputError("its boxes were drawn on other slices than those of its CT: download that series too.")
    mask = sitk.GetImageFromArray(inside)
    mask.CopyInformation(ct.image)
    return mask


def _pixels(first: float, last: float, size: int) -> slice:
    """Whole pixels from one coordinate to another, within the image."""
    start, stop = int(np.clip(np.floor(first), 0, size)), int(np.clip(np.ceil(last) + 1, 0, size))
    return slice(start, stop)


def _drawn(item: Dataset, depth: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    """Slice and points ``(n, 2)`` of every line in a report."""
    children: Sequence[Any] = dcm.value(item, "ContentSequence") or ()
    if dcm.text(item, "ValueType") == "SCOORD" and dcm.text(item, "GraphicType") == "POLYLINE":
        points = np.array(dcm.value(item, "GraphicData"), float).reshape(-1, 2)
        for child in children:
            for image in dcm.value(child, "ReferencedSOPSequence") or ():
                yield dcm.text(image, "ReferencedSOPInstanceUID"), points
    for child in children if depth < _MAX_DEPTH else ():
        yield from _drawn(child, depth + 1)


def _voc_boxes(file: Path) -> Iterator[Box]:
    content = file.read_bytes()[: _MAX_XML_BYTES + 1]
    try:
        if len(content) > _MAX_XML_BYTES or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise ValueError("too long, or with definitions of its own")
        for box in ElementTree.fromstring(content).iter("bndbox"):
            left, top, right, bottom = (float(box.findtext(name, "")) for name in ("xmin", "ymin", "xmax", "ymax"))
            yield left, top, right, bottom
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"boxes {file.name}: no PASCAL VOC file ({error}); download it again.") from error
