"""Boxes and coordinates of image parts, so that work stays within the few voxels that matter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy.ndimage import find_objects

from LNStationLib import anatomy
from LNStationLib.imaging.arrays import array_view
from LNStationLib.support.types import BoolArray, FloatArray

Box = tuple[slice, slice, slice]
"""Slices along z, y, x of an image's array."""


def spacing_zyx(image: sitk.Image) -> tuple[float, float, float]:
    """Voxel size in mm along the array axes ``(z, y, x)`` of ``image``."""
    x, y, z = image.GetSpacing()
    return float(z), float(y), float(x)


def bounding_box(mask: BoolArray) -> Box | None:
    """Smallest box that holds ``mask`` ``[z, y, x]``; ``None`` where the mask is empty."""
    # Rows and columns are looked for in one plane: a fifth of the time of three passes over the array.
    plane = np.asarray(mask.any(axis=0))
    box = []
    for used in (mask.any(axis=(1, 2)), plane.any(axis=1), plane.any(axis=0)):
        hit = np.flatnonzero(used)
        if not hit.size:
            return None
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return box[0], box[1], box[2]


def box_around(mask: BoolArray, margin_mm: float, spacing_mm: tuple[float, float, float]) -> Box | None:
    """Smallest box that holds ``mask`` and a margin, within the array; ``None`` where the mask is empty.

    Args:
        mask: ``[z, y, x]``.
        margin_mm: Margin on each side in mm.
        spacing_mm: Voxel size ``(z, y, x)`` in mm.
    """
    box = bounding_box(mask)
    if box is None:
        return None
    z, y, x = (
        slice(max(0, part.start - margin), min(size, part.stop + margin))
        for part, size, margin in zip(box, mask.shape, (int(np.ceil(margin_mm / s)) for s in spacing_mm), strict=True)
    )
    return z, y, x


def station_boxes(stations: sitk.Image) -> dict[str, Box]:
    """Smallest box of every station that has voxels, by name in table order.

    Args:
        stations: uint8 label map, values of the station table.
    """
    found = find_objects(array_view(stations))
    boxes = {row.name: found[row.label_value - 1] for row in anatomy.stations() if row.label_value <= len(found)}
    return {name: box for name, box in boxes.items() if box is not None}


def bounding_region(boxes: Iterable[Box]) -> Box | None:
    """Smallest box that holds all boxes; ``None`` where there are none."""
    every = list(boxes)
    if not every:
        return None
    low = [min(box[axis].start for box in every) for axis in range(3)]
    high = [max(box[axis].stop for box in every) for axis in range(3)]
    return slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])


def grown(box: Box, voxels: int, shape: tuple[int, ...]) -> Box:
    """A box with a margin, within an array of ``shape``."""
    z, y, x = (
        slice(max(0, part.start - voxels), min(n, part.stop + voxels)) for part, n in zip(box, shape, strict=True)
    )
    return z, y, x


def within(box: Box, outer: Box) -> Box:
    """``box`` as slices of the array that ``outer`` cuts out; it must lie inside."""
    z, y, x = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(box, outer, strict=True))
    return z, y, x


def inside_of(outer: Box, part: Box) -> Box:
    """A box of the array that ``outer`` cuts out, as a box of the whole array."""
    z, y, x = (slice(a.start + b.start, a.start + b.stop) for a, b in zip(outer, part, strict=True))
    return z, y, x


def crop(image: sitk.Image, box: Box) -> sitk.Image:
    """Cut a box out of an image; the part stays where it is in space."""
    size = [int(part.stop - part.start) for part in reversed(box)]
    return sitk.RegionOfInterest(image, size, [int(part.start) for part in reversed(box)])


def paste(values: npt.NDArray[Any], box: Box, reference: sitk.Image) -> sitk.Image:
    """Put an array back into an otherwise zero uint16 image on the grid of ``reference``."""
    full = np.zeros(tuple(reversed(reference.GetSize())), np.uint16)
    full[box] = values
    return like(full, reference)


def like(values: npt.NDArray[Any], reference: sitk.Image) -> sitk.Image:
    """Wrap an array ``[z, y, x]`` as an image on the grid of ``reference``."""
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(reference)
    return image


def axes(image: sitk.Image) -> FloatArray:
    """Matrix ``(3, 3)`` whose columns are the steps in LPS mm along the array axes z, y, x."""
    direction = np.array(image.GetDirection()).reshape(3, 3)
    return np.asarray((direction * np.array(image.GetSpacing()))[:, ::-1])


def points_mm(image: sitk.Image, indices: npt.NDArray[Any]) -> FloatArray:
    """LPS points ``(n, 3)`` in mm as x, y, z of (fractional) array indices ``(n, 3)`` as z, y, x."""
    return np.asarray(np.array(image.GetOrigin()) + indices @ axes(image).T)


def indices_of(image: sitk.Image, points: FloatArray) -> FloatArray:
    """Fractional array indices ``(n, 3)`` as z, y, x of LPS points ``(n, 3)`` in mm as x, y, z."""
    return np.asarray((points - np.array(image.GetOrigin())) @ np.linalg.inv(axes(image)).T)


def covers(image: sitk.Image, indices: FloatArray) -> BoolArray:
    """Which fractional array indices ``(n, 3)`` lie within the image's voxels."""
    shape = np.array(image.GetSize())[::-1]
    tolerance = 1e-3
    return np.asarray(((indices >= -0.5 - tolerance) & (indices <= shape - 0.5 + tolerance)).all(axis=1))
