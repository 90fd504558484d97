"""Stations that somebody drew, as a label map on the CT's own grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from LNStationLib.anatomy.station_names import station_named
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import like
from LNStationLib.imaging.dicom_structures import CtReference, drawn_structures
from LNStationLib.imaging.masks import mask_on, on_ct_space
from LNStationLib.imaging.reading import Warn, image_stem, read_image
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import BoolArray


def drawn_stations(files: Sequence[Path], ct: CtReference, warn: Warn) -> sitk.Image:
    """Stations of DICOM Segmentations and Structure Sets, by the names of their structures.

    Raises:
        InputError: No structure is named after a station, or a file cannot be used.
    """

    def masks() -> Iterator[tuple[int, BoolArray]]:
        for file in files:
            drawn = drawn_structures(file, "stations", ct, warn)
            for structure in drawn.structures:
                row = station_named(structure.label)
                if row is not None:
                    yield row.label_value, mask_on(drawn.read([structure]), ct.image)

    return _painted(masks(), ct, "structure")


def mask_stations(files: Sequence[Path], ct: CtReference, warn: Warn) -> sitk.Image:
    """Stations of mask files, each named after its station.

    Raises:
        InputError: No file is named after a station, or one cannot be used.
    """

    def masks() -> Iterator[tuple[int, BoolArray]]:
        for file in files:
            row = station_named(image_stem(file))
            if row is not None:
                name = f"station {file.name}"
                yield row.label_value, mask_on(on_ct_space(read_image(file, name, warn), ct.image, name), ct.image)

    return _painted(masks(), ct, "file")


def _painted(masks: Iterator[tuple[int, BoolArray]], ct: CtReference, what: str) -> sitk.Image:
    labels = np.zeros(array_view(ct.image).shape, np.uint8)
    for value, inside in masks:
        labels[inside & (labels == 0)] = value
    if not labels.any():
        raise InputError(f"stations: no {what} is named after a station, such as 4R, or all are empty.")
    return like(labels, ct.image)
